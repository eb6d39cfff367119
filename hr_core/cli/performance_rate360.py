"""`hr-core performance rate360 invite|rate|close|show`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import ByOption, DbOption, JsonOption, print_json, reading, writing
from hr_core.cli.score_options import (
    PeriodOption,
    PersonArgument,
    deed_now,
    person_in,
    score_text,
)

if TYPE_CHECKING:
    from hr_core.performance.two_way import Shown360

app = typer.Typer(
    help="360-degree rating; who rated stays hidden from the rated person.", rich_markup_mode=None
)


class RelationName(StrEnum):
    SUPERIOR = "superior"
    PEER = "peer"
    JUNIOR = "junior"


@app.callback()
def _rate360() -> None: ...


@app.command("invite")
def invite(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    rater: Annotated[str, typer.Argument(help="Who shall rate.", show_default=False)],
    *,
    relation: Annotated[RelationName, typer.Option("--as", help="To the rated person.")],
    period: PeriodOption,
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Invite somebody to rate a person."""
    from hr_core.performance.rating_360 import invite as ask

    with writing(context, db) as conn:
        rated, other = person_in(conn, person, period), person_in(conn, rater, period)
        ask(conn, rated, period, other, relation.value, deed_now(conn, by))
    print(f"{rater} is invited")


@app.command("rate")
def rate(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    score: Annotated[str, typer.Argument(help="Like 85 or 85.5.", show_default=False)],
    *,
    period: PeriodOption,
    note: Annotated[str, typer.Option("--note", help="For HR alone.")] = "",
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Rate, as somebody who was invited; again until the round is closed."""
    from hr_core.performance.assessing import exact
    from hr_core.performance.rating_360 import rate as put

    with writing(context, db) as conn:
        put(conn, person_in(conn, person, period), period, exact(score), note, deed_now(conn, by))
    print("kept")


@app.command("close")
def close(
    context: typer.Context,
    person: PersonArgument,
    *,
    period: PeriodOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close the round: from now on the rated person sees the result."""
    from hr_core.performance.rating_360 import close_round

    with writing(context, db) as conn:
        found = close_round(conn, person_in(conn, person, period), period, deed_now(conn, by))
    _tell(found, as_json=as_json)


@app.command("show")
def show(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    *,
    period: PeriodOption,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Instead: whom the round waits for.")
    ] = False,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the result as the rated person sees it."""
    from hr_core.performance.rating_360 import round_of, shown_to_rated

    with reading(context, db) as conn:
        key = person_in(conn, person, period)
        if not waiting:
            _tell(shown_to_rated(conn, key, period), as_json=as_json)
            return
        found = round_of(conn, key, period, deed_now(conn, by))
    if as_json:
        print_json(found)
    else:
        state = "closed" if found.closed else "open"
        print(f"{state}, {found.answered} in, waits for {', '.join(found.waiting_for) or 'nobody'}")


def _tell(found: Shown360, *, as_json: bool) -> None:
    from hr_core.performance.exact_json import plain

    if as_json:
        print_json(plain(found))
        return
    if found.score is None:
        print(f"hidden: {found.raters} rated, at least {found.least_raters} keep it anonymous")
        return
    print(f"{score_text(found.score)} from {found.raters}")
    for relation, mean in found.by_relation.items():
        print(f"  {relation} {score_text(mean)}")
