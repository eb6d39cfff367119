"""`hr-core pay slip|journal|export`: what leaves the core as paper and files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    core,
    print_json,
    reading,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.pay.export_template import ExportTemplate
    from hr_core.pay.pay_export import Export

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
                "version": 1 if paid.reversal is None else paid.reversal.version,
                "changes": paid.changes,
                "lines": [words_of(line, lang.value) for line in paid.lines],
            }
        )
    else:
        print(slip_text(paid, lang.value), end="")


def journal(
    context: typer.Context, number: RunArgument, *, db: DbOption = None, as_json: JsonOption = False
) -> None:
    """Print the journal of a run: debit and credit by cost centre and kind of line."""
    from hr_core.pay.journal import centre_totals, journal_of_run
    from hr_core.pay.line_words import yuan_text

    with reading(context, db) as conn:
        found = journal_of_run(conn, number)
        anew = _put_anew(conn, number)
    totals = {"debit_fen": found.debit_fen, "credit_fen": found.credit_fen, "put_anew": anew}
    if as_json:
        print_json({"run": number, "month": found.month, "rows": found.rows, **totals})
        return
    print(f"run {number}, {found.month}")
    print(f"{'cost centre':<12} {'part':<14} {'kind':<36} {'debit':>16} {'credit':>16}")
    for row in found.rows:
        amounts = f"{yuan_text(row.debit_fen):>16} {yuan_text(row.credit_fen):>16}"
        print(f"{row.cost_centre or '-':<12} {row.part:<14} {row.kind:<36} {amounts}")
    for centre, (debit, credit) in centre_totals(found).items():
        amounts = f"{yuan_text(debit):>16} {yuan_text(credit):>16}"
        print(f"{centre or '-':<12} {'total':<51} {amounts}")
    _print_anew(anew)


def export(  # noqa: PLR0913 - the options of a command
    context: typer.Context,
    number: RunArgument,
    *,
    xlsx: Annotated[
        Path | None,
        typer.Option("--xlsx", help="Write the slip workbook with live formulas here."),
    ] = None,
    person: Annotated[
        str | None, typer.Option("--person", help="Of the workbook: this person's slip alone.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", help="bank, tax, ledger, or the path of your own template."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The template's file.")] = None,
    trial: Annotated[
        bool, typer.Option("--trial", help="Of a run that is not approved: stamps the file.")
    ] = False,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Write a run as the slip workbook (--xlsx), or as a file for bank, tax or ledger (--template).

    Exit 1 when somebody could not stand in the file: the list says who and why.
    """
    from hr_core.cli.gateways import operator
    from hr_core.pay.export_template import load_template

    who = by or operator()
    with core(context, db) as engine:
        if xlsx is not None and template is None and out is None and not trial:
            return _workbook(engine, (number, person), xlsx, who, as_json=as_json)
        if template is not None and out is not None and xlsx is None and person is None:
            wanted = (load_template(template), trial)
            _refuse_other_ending(wanted[0], out)
            return _by_template(engine, number, wanted, (out, who), as_json=as_json)
    raise typer.BadParameter(
        "give --xlsx FILE [--person NUMBER], or --template NAME --out FILE [--trial]"
    )


def _refuse_other_ending(template: ExportTemplate, out: Path) -> None:
    """A workbook named .csv opens as rubbish, and a CSV named .xlsx not at all."""
    from hr_core.errors import RefusedError

    ending = out.suffix.casefold()
    if ending in {".csv", ".xlsx"} and ending != f".{template.file}":
        raise RefusedError(
            f"template {template.name} writes {template.file}, and {out.name} says otherwise",
            remedy=f"name it {out.with_suffix(f'.{template.file}').name}",
        )


def _workbook(
    engine: sa.Engine, of: tuple[int, str | None], path: Path, by: str, *, as_json: bool
) -> int:
    from hr_core.pay.slip_workbook import slip_workbook
    from hr_core.people.lookup import person_of_slip
    from hr_core.store.results import run_by_number

    number, employee = of
    with engine.connect() as conn:
        run = run_by_number(conn, number)
        person = employee
        if employee is not None and run is not None:
            person = person_of_slip(conn, run, employee)
        made = slip_workbook(conn, number, person)
        anew = _put_anew(conn, number)
    told = {"file": path.name, "payslips": len(made.slips), "person": person or ""}
    _save(engine, (path, made.content), f"run {number}", by, told)
    if as_json:
        print_json({"run": number, **told, "file": str(path), "put_anew": anew})
    else:
        print(f"{path}: {len(made.slips)} payslips of run {number}")
        _print_anew(anew)
    return ExitCode.OK


def _by_template(
    engine: sa.Engine,
    number: int,
    wanted: tuple[ExportTemplate, bool],
    where: tuple[Path, str],
    *,
    as_json: bool,
) -> int:
    from hr_core.pay.pay_export import export_run

    template, trial = wanted
    path, by = where
    with engine.connect() as conn:
        made = export_run(conn, number, template, trial=trial)
        anew = _put_anew(conn, number)
    summed = template.total
    told = {
        "file": path.name,
        "template": made.template,
        "trial": made.trial,
        "rows": made.rows,
        "total_fen": made.total_fen,
        "left_out": [one.person for one in made.left_out],
        "sha256": made.sha256,
    }
    _save(engine, (path, made.content), f"run {number}", by, told)
    if as_json:
        more = {"file": str(path), "left_out": made.left_out, "put_anew": anew}
        print_json({"run": number, **told, **more})
    else:
        _print_export(made, path, summed)
        _print_anew(anew)
    return ExitCode.DEGRADED if made.left_out else ExitCode.OK


def _save(
    engine: sa.Engine, file: tuple[Path, bytes], subject: str, by: str, told: dict[str, object]
) -> None:
    """No file without its row in the audit log, no row without a file."""
    from hr_core.audit.log import append
    from hr_core.clock import SystemClock
    from hr_core.pay.export_file import save_private
    from hr_core.store import database

    with database.writing(engine) as conn:
        append(conn, SystemClock().now(), by, "pay.export", subject, None, told, "")
        save_private(*file)


def _put_anew(conn: sa.Connection, run: int) -> list[dict[str, object]]:
    """The run's slips that were reversed since."""
    from hr_core.pay.counted_lines import newest_versions

    return [
        {"person": one.person, "version": one.version, "difference_fen": one.difference_fen}
        for one in newest_versions(conn, [run]).values()
    ]


def _print_anew(anew: list[dict[str, object]]) -> None:
    if not anew:
        return
    told = ", ".join(f"{one['person']} (version {one['version']})" for one in anew)
    print(
        f"  {len(anew)} payslips were reversed since and have a newer version: {told}. This is what the "
        "run paid; the differences are lines of later runs: hr-core pay reversals"
    )


def _print_export(made: Export, path: Path, summed: str) -> None:
    from hr_core.money import format_fen

    stamp = ", TRIAL" if made.trial else ""
    total = f", {summed} {format_fen(made.total_fen)}" if summed else ""
    print(f"{path}: {made.rows} rows{total}{stamp}, sha256 {made.sha256}")
    for one in made.left_out:
        print(f"  not in the file: {one.what}, {format_fen(one.amount_fen)}: {one.why}")
    if made.left_out:
        print(f"  left out together: {format_fen(made.left_out_fen)}")
