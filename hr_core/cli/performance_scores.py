"""`hr-core performance lock|score|feedback|appeal|review|grades|rank|score-rules`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    print_json,
    reading,
    today_here,
    writing,
)
from hr_core.cli.performance_rules import bring_rules
from hr_core.cli.score_options import (
    MarkOption,
    PeriodOption,
    PersonArgument,
    ReasonOption,
    deed_now,
    marks,
    person_in,
    refused,
    score_text,
)

if TYPE_CHECKING:
    from hr_core.performance.results import LockedResult


def lock(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    people: Annotated[
        list[str] | None,
        typer.Argument(help="Employee numbers [default: all that are open].", show_default=False),
    ] = None,
    *,
    period: PeriodOption,
    scheme: Annotated[str, typer.Option("--scheme", help="Whose grades: workshop, general, …")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Make final scores and grades; they never change again. Exit 1 when somebody's cannot be made."""
    from hr_core.approvals.kinds import Kind
    from hr_core.performance.acting import period_of
    from hr_core.performance.exact_json import plain
    from hr_core.performance.team_scores import lock_many
    from hr_core.store.assessments import assessments_of_period
    from hr_core.store.score_results import newest_result

    when = period_of(period)
    with writing(context, db) as conn:
        deed = deed_now(conn, by, Kind.SCORE)
        if people:
            wanted = [person_in(conn, one, period) for one in people]
        else:
            opened = {one.person for one in assessments_of_period(conn, str(when))}
            wanted = [one for one in sorted(opened) if not newest_result(conn, [one], str(when))]
        made, failed = lock_many(conn, wanted, period, scheme, deed)
    if as_json:
        print_json({"locked": plain(made), "refused": refused(failed)})
    else:
        for one in made:
            print(_result_line(one))
        for person, why in failed:
            print(f"{person}  NOT LOCKED: {why}\n  remedy: {why.remedy}")
        if not (made or failed):
            print("Nothing waits for its lock.")
    return ExitCode.DEGRADED if failed else ExitCode.OK


def score(
    context: typer.Context,
    person: PersonArgument,
    *,
    period: PeriodOption,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a locked score with all that it rests on, every version and the person's feedback."""
    from hr_core.errors import NotFoundError
    from hr_core.performance.acting import period_of
    from hr_core.performance.content import content_of
    from hr_core.performance.exact_json import plain
    from hr_core.performance.results import as_locked
    from hr_core.store.score_results import feedback_of, versions_of
    from hr_core.store.work_plan import keys_of

    when = str(period_of(period))
    with reading(context, db) as conn:
        rows = versions_of(conn, keys_of(conn, person_in(conn, person, period)), when)
        said = [one for row in rows for one in feedback_of(conn, row.number)]
    if not rows:
        raise NotFoundError(
            f"no score of {person} for {when} is locked",
            remedy="lock it: hr-core performance lock",
        )
    if as_json:
        found = [
            {"result": as_locked(row), "content": content_of(row.content), "reason": row.reason}
            for row in rows
        ]
        feedback = [{"at": at, "by": who, "text": text} for at, who, text in said]
        print_json({"versions": plain(found), "feedback": feedback})
        return
    for row in rows:
        content = content_of(row.content)
        print(_result_line(as_locked(row)) + (f"  ({row.reason})" if row.reason else ""))
        print(f"  {content.grading.reason}; rules {content.rules}; locked by {row.locked_by}")
        for part in content.posts:
            print(f"  {part.post or 'post'} {part.share_percent} %, rater {part.rater}")
            for one in part.indicators:
                parts = (
                    f"first {one.first or '-'}, self {one.own or '-'}, manager {one.manager or '-'}"
                )
                again = f", reviewed {one.reviewed}" if one.reviewed else ""
                print(f"    {one.code} {one.weight_percent} %: {parts}{again}")
    for at, who, text in said:
        print(f"  {at:%Y-%m-%d} {who} says: {text}")


def feedback(
    context: typer.Context,
    person: PersonArgument,
    text: Annotated[str, typer.Argument(help="What the person says.", show_default=False)],
    *,
    period: PeriodOption,
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Keep what the rated person says about the manager's rating; it changes no score."""
    from hr_core.errors import NotFoundError
    from hr_core.performance.acting import period_of
    from hr_core.performance.locking import give_feedback
    from hr_core.store.score_results import newest_result
    from hr_core.store.work_plan import keys_of

    with writing(context, db) as conn:
        key = person_in(conn, person, period)
        row = newest_result(conn, keys_of(conn, key), str(period_of(period)))
        if row is None:
            raise NotFoundError(
                f"no score of {person} for {period} is locked", remedy="wait for the lock"
            )
        give_feedback(conn, row.number, text, deed_now(conn, by))
    print(f"kept beside result {row.number}")


def appeal(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: Annotated[
        str | None,
        typer.Argument(help="Employee number [default: list open appeals].", show_default=False),
    ] = None,
    *,
    period: Annotated[str, typer.Option("--period", help="Like 2026-10.")] = "",
    reason: ReasonOption = "",
    about: Annotated[str, typer.Option("--about", help="score, goals or period.")] = "score",
    manager: Annotated[
        str, typer.Option("--manager", help="Of goals or a period: who must not answer.")
    ] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Appeal against a locked score, goals or a period; without a person list what is open."""
    from hr_core.performance.appealing import ask_review, open_appeals
    from hr_core.store.appeals import About

    if person is None:
        with reading(context, db) as conn:
            found = open_appeals(conn)
        if as_json:
            print_json({"appeals": found})
            return
        for one in found:
            print(f"{one.number}  {one.about}  {one.person}  {one.period}: {one.reason}")
        if not found:
            print("No appeal is open.")
        return
    try:
        subject = About(about)
    except ValueError as exc:
        raise typer.BadParameter(f"choose one of {', '.join(About)}", param_hint="--about") from exc
    if subject is not About.SCORE and not manager:
        raise typer.BadParameter("say who set it", param_hint="--manager")
    with writing(context, db) as conn:
        key = person_in(conn, person, period)
        other = person_in(conn, manager, period) if manager else ""
        deed = deed_now(conn, by)
        number = ask_review(conn, subject, key, period, reason, deed, manager=other)
    if as_json:
        print_json({"appeal": number})
    else:
        print(f"appeal {number} waits for a review by somebody else than the rater")


def review(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="The appeal.", show_default=False)],
    *,
    changed: Annotated[bool, typer.Option("--changed/--upheld", help="Whether something changes.")],
    mark: MarkOption = None,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer an appeal, as somebody who neither rated nor appealed; a changed score is a version."""
    from hr_core.approvals.kinds import Kind
    from hr_core.performance.appealing import review as answer
    from hr_core.performance.exact_json import plain
    from hr_core.store.appeals import Outcome

    outcome = Outcome.CHANGED if changed else Outcome.UPHELD
    with writing(context, db) as conn:
        made = answer(conn, number, outcome, marks(mark), reason, deed_now(conn, by, Kind.APPEAL))
    if as_json:
        print_json({"appeal": number, "outcome": outcome, "result": plain(made)})
    elif made is None:
        print(f"appeal {number} is {outcome}")
    else:
        print(f"appeal {number} is {outcome}: {_result_line(made)}")


def grades(
    context: typer.Context,
    *,
    period: PeriodOption,
    unit: Annotated[str, typer.Option("--unit", help="Only of this unit and those under it.")] = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a period's locked grades and how they spread, beside an even team's."""
    from hr_core.performance.acting import period_of
    from hr_core.performance.exact_json import plain
    from hr_core.performance.grading import spread
    from hr_core.performance.results import as_locked, results_of_period
    from hr_core.performance.score_rules import rules_on

    when = period_of(period)
    with reading(context, db) as conn:
        rows = [as_locked(row) for row in results_of_period(conn, when, unit)]
        found = spread((one.grade for one in rows), rules_on(conn, when.first))
    if as_json:
        print_json({"results": plain(rows), "spread": plain(found)})
        return
    for one in rows:
        print(_result_line(one))
    print(f"{found.graded} graded, {found.not_rated} not rated")
    for row in found.rows:
        even = (
            "" if row.even_percent is None else f"  (even team: {score_text(row.even_percent)} %)"
        )
        print(f"  {row.grade}  {row.count}  {float(row.percent):.1f} %{even}")


def rank(
    context: typer.Context,
    person: PersonArgument,
    *,
    period: PeriodOption,
    unit: Annotated[str, typer.Option("--unit", help="Among this unit's people.")] = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a person's own rank; nobody else is named."""
    from hr_core.performance.exact_json import plain
    from hr_core.performance.ranking import own_rank

    with reading(context, db) as conn:
        found = own_rank(conn, person_in(conn, person, period), period, unit)
    if as_json:
        print_json(plain(found))
    else:
        print(f"{person}: {found.rank} of {found.of} with {score_text(found.score)}")


def score_rules(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="Bring this file [default: show].", show_default=False)
    ] = None,
    *,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the house's own rules of scores (tolerance, grades, 360, talks …), for another person to
    approve; or show those in force.
    """
    from hr_core.performance.exact_json import plain
    from hr_core.performance.score_rules import rules_on

    if file is not None:
        bring_rules(context, "scores", file, by=by, db=db, as_json=as_json)
        return
    with reading(context, db) as conn:
        found = rules_on(conn, today_here(conn))
    if as_json:
        print_json(plain(found))
        return
    mix = found.combination
    print(f"{found.version} from {found.since}: {found.source}")
    print(
        f"  score: first {score_text(mix.first)} %, self {score_text(mix.own)} %, "
        f"manager {score_text(mix.manager)} %; a reason beyond {score_text(found.tolerance)} points"
    )
    for one in found.grade:
        print(f"  {one.code} from {score_text(one.from_score)}: x {score_text(one.coefficient)}")


def _result_line(one: LockedResult) -> str:
    return (
        f"{one.person}  {one.period}  v{one.version}  score {score_text(one.score)}  "
        f"grade {one.grade or 'not rated'}  coefficient {score_text(one.coefficient)}  "
        f"(result {one.number})"
    )
