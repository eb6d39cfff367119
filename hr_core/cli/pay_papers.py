"""`hr-core pay slip|journal|export`: what leaves the core as paper and files."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from hr_core.cli.options import DbOption, JsonOption, print_json, reading

RunArgument = Annotated[int, typer.Argument(help="Number of the run.", show_default=False)]


class SlipLanguage(StrEnum):
    ZH = "zh"
    EN = "en"


def slip(
    context: typer.Context,
    number: RunArgument,
    employee: Annotated[str, typer.Argument(help="Employee number.", show_default=False)],
    *,
    lang: Annotated[SlipLanguage, typer.Option("--lang", help="zh or en.")] = SlipLanguage.ZH,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a payslip for the person it pays: each line in a sentence, with days and rounding."""
    from hr_core.pay.line_words import words_of
    from hr_core.pay.slip_text import paid_slip, slip_text
    from hr_core.people.lookup import person_of_slip
    from hr_core.store.results import run_by_number

    with reading(context, db) as conn:
        run = run_by_number(conn, number)
        person = employee if run is None else person_of_slip(conn, run, employee)
        paid = paid_slip(conn, number, person)
    if as_json:
        print_json(
            {
                "run": number,
                "month": paid.run.month,
                "person": paid.slip.number,
                "name": paid.slip.name,
                "net_fen": paid.slip.total_fen,
                "changes": paid.changes,
                "lines": [words_of(line, lang.value) for line in paid.lines],
            }
        )
    else:
        print(slip_text(paid, lang.value), end="")
