"""`hr-core performance assess open|enter|excuse|reason|withdraw|show|list`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    print_json,
    reading,
    writing,
)
from hr_core.cli.score_options import (
    MarkOption,
    PeriodOption,
    PersonArgument,
    ReasonOption,
    deed_now,
    marks,
    pairs,
    person_in,
)

if TYPE_CHECKING:
    from hr_core.performance.assessing import AssessmentView, SideView

app = typer.Typer(
    help="Two-way assessment: both sides mark, neither sees the other's marks first.",
    rich_markup_mode=None,
)

NumberArgument = Annotated[int, typer.Argument(help="The assessment.", show_default=False)]


class SideName(StrEnum):
    SELF = "self"
    MANAGER = "manager"


SideOption = Annotated[SideName, typer.Option("--side", help="Which side.")]


@app.callback()
def _assess() -> None: ...


@app.command("open")
def open_(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    *,
    period: PeriodOption,
    rater: Annotated[str, typer.Option("--rater", help="The manager's employee number.")],
    weights: Annotated[
        list[str], typer.Option("--weight", help="INDICATOR=PERCENT, once for each; 100 in all.")
    ],
    firsts: Annotated[
        list[str] | None,
        typer.Option("--first", help="INDICATOR=SCORE that the data gave.", show_default=False),
    ] = None,
    post: Annotated[str, typer.Option("--post", help="Of several posts: which.")] = "",
    share: Annotated[str, typer.Option("--share", help="Percent of this post in the score.")] = (
        "100"
    ),
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open the assessment of a person without signed goals (with them: from-goals)."""
    from hr_core.performance.assessing import NewAssessment, exact, open_assessment
    from hr_core.store.assessments import Indicator

    given, first = pairs(weights, "--weight"), pairs(firsts, "--first")
    if unknown := first.keys() - given.keys():
        raise typer.BadParameter(
            f"{', '.join(sorted(unknown))} has no --weight", param_hint="--first"
        )
    indicators = tuple(
        Indicator(
            code=code,
            weight_percent=weight,
            first=str(exact(first[code])) if code in first else None,
        )
        for code, weight in given.items()
    )
    with writing(context, db) as conn:
        new = NewAssessment(
            person=person_in(conn, person, period),
            period=period,
            rater=person_in(conn, rater, period),
            indicators=indicators,
            post=post,
            share_percent=share,
        )
        number = open_assessment(conn, new, deed_now(conn, by))
    if as_json:
        print_json({"assessment": number})
    else:
        print(f"assessment {number} of {person} for {period} is open")


@app.command("enter")
def enter(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    number: NumberArgument,
    *,
    side: SideOption,
    mark: MarkOption = None,
    note: Annotated[str, typer.Option("--note", help="Words beside the marks.")] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Enter one side's marks, all at once; again as long as the other side is not in."""
    from hr_core.performance.assessing import enter_marks, view_of

    with writing(context, db) as conn:
        deed = deed_now(conn, by)
        enter_marks(conn, number, side.value, marks(mark), deed, note)
        view = view_of(conn, number, deed)
    return _tell(view, as_json=as_json)


@app.command("excuse")
def excuse(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    number: NumberArgument,
    *,
    side: SideOption,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Let an assessment go on without a side that cannot mark; the other one counts alone."""
    from hr_core.performance.assessing import excuse_side, view_of

    with writing(context, db) as conn:
        deed = deed_now(conn, by)
        excuse_side(conn, number, side.value, deed, reason)
        view = view_of(conn, number, deed)
    return _tell(view, as_json=as_json)


@app.command("withdraw")
def withdraw(
    context: typer.Context,
    number: NumberArgument,
    *,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Take an assessment back that was opened by mistake, or whose rater left; then open another."""
    from hr_core.performance.assessing import withdraw_assessment

    with writing(context, db) as conn:
        withdraw_assessment(conn, number, deed_now(conn, by), reason)
    print(f"assessment {number} is withdrawn")


@app.command("reason")
def reason_(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    number: NumberArgument,
    indicator: Annotated[str, typer.Argument(help="The indicator.", show_default=False)],
    *,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Say why the two sides lie apart on an indicator: without it nothing is locked."""
    from hr_core.performance.assessing import explain_deviation, view_of

    with writing(context, db) as conn:
        deed = deed_now(conn, by)
        explain_deviation(conn, number, indicator, reason, deed)
        view = view_of(conn, number, deed)
    return _tell(view, as_json=as_json)


@app.command("show")
def show(
    context: typer.Context,
    number: NumberArgument,
    *,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show what --by may see of an assessment. Exit 1 while something is missing."""
    from hr_core.performance.assessing import view_of

    with reading(context, db) as conn:
        view = view_of(conn, number, deed_now(conn, by))
    return _tell(view, as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    *,
    period: PeriodOption,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a period's assessments and which sides are in."""
    from hr_core.performance.acting import period_of
    from hr_core.store.assessments import assessments_of_period, sides_of

    with reading(context, db) as conn:
        found = assessments_of_period(conn, str(period_of(period)))
        rows = [
            {
                "assessment": one.number,
                "person": one.person,
                "post": one.post,
                "rater": one.rater,
                "in": sorted(sides_of(conn, one.number)),
            }
            for one in found
        ]
    if as_json:
        print_json({"assessments": rows})
        return
    for row in rows:
        inside = " and ".join(map(str, row["in"])) if isinstance(row["in"], list) else ""
        print(
            f"{row['assessment']}  {row['person']}  {row['post'] or '-'}  rater {row['rater']}  "
            f"in: {inside or 'nobody'}"
        )
    if not rows:
        print("No assessment is open for this period.")


def _tell(view: AssessmentView, *, as_json: bool) -> int:
    from hr_core.performance.exact_json import plain

    if as_json:
        print_json(plain(view))
    else:
        one = view.assessment
        print(f"assessment {one.number}  {one.person}  {one.period}  rater {one.rater}")
        for name, side in (("self", view.own), ("manager", view.manager)):
            print(f"  {name}: {_side(side)}")
        for code, why in view.reasons.items():
            print(f"  {code} differs: {why}")
        for code in view.to_explain:
            print(f"  {code} differs and nobody says why")
    return ExitCode.OK if view.both_in and not view.to_explain else ExitCode.DEGRADED


def _side(side: SideView) -> str:
    if not side.given:
        return "not in"
    if not side.visible:
        return "in, hidden until both are"
    if side.marks is None:
        return f"excused: {side.note}"
    return ", ".join(f"{code} {mark}" for code, mark in side.marks.items())
