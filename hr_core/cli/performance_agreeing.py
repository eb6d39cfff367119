"""`hr-core performance goals ask-change|answer|sign|send-back|waiting|show`: agreeing on goals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    JsonOption,
    print_json,
    reading,
    today_here,
    writing,
)
from hr_core.cli.performance_acting import NoteOption, goal_deed, owner_key

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.performance.goals import Goal
    from hr_core.performance.sign_off import State

NumberArgument = Annotated[
    int, typer.Argument(help="Number of the set of goals.", show_default=False)
]
GoalsOption = Annotated[
    Path | None, typer.Option("--goals", help="The goals that are wanted instead (TOML).")
]


def ask_change(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    number: NumberArgument,
    *,
    note: NoteOption,
    goals: GoalsOption = None,
    appeal: Annotated[
        bool, typer.Option("--appeal", help="To the level above the manager, before the period.")
    ] = False,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """As the employee: ask for another goal, weight or resources, before signing."""
    from hr_core.performance import agreeing

    with writing(context, db) as conn:
        wanted = _goals(conn, goals)
        deed = goal_deed(conn, by, note)
        state = agreeing.ask_change(conn, number, deed, wanted, appeal=appeal)
    _print_state(number, state, as_json=as_json)


def answer(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    number: NumberArgument,
    *,
    accept: Annotated[
        bool, typer.Option("--accept/--explain", help="Take it over, or say why not.")
    ],
    goals: GoalsOption = None,
    note: NoteOption = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """As the manager (or, of an appeal, the level above): accept what was asked for, or explain."""
    from hr_core.performance import agreeing

    with writing(context, db) as conn:
        deed = goal_deed(conn, by, note)
        if not accept:
            state = agreeing.explain(conn, number, deed)
            _print_state(number, state, as_json=as_json)
            return
        stored = agreeing.accept(conn, number, deed, _goals(conn, goals))
        state = agreeing.state_of(conn, stored.number)
    _print_state(stored.number, state, as_json=as_json)


def sign(
    context: typer.Context,
    number: NumberArgument,
    *,
    by: ByOption = None,
    note: NoteOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign: the employee, then the manager, then the level above."""
    from hr_core.performance import agreeing

    with writing(context, db) as conn:
        state = agreeing.sign_goals(conn, number, goal_deed(conn, by, note))
    _print_state(number, state, as_json=as_json)


def send_back(
    context: typer.Context,
    number: NumberArgument,
    *,
    note: NoteOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """As the manager or the level above: do not sign, and say why. A new version is proposed then."""
    from hr_core.performance import agreeing

    with writing(context, db) as conn:
        state = agreeing.send_back(conn, number, goal_deed(conn, by, note))
    _print_state(number, state, as_json=as_json)


def waiting(
    context: typer.Context,
    *,
    person: Annotated[
        str | None, typer.Option("--for", help="Employee number [default: everybody].")
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List goals that are not agreed yet and whose turn it is."""
    from hr_core.performance import agreeing

    with reading(context, db) as conn:
        today = today_here(conn)
        key = None if person is None else owner_key(conn, person, today)
        found = [one for one in agreeing.waiting(conn, today) if key is None or key in one.people]
    if as_json:
        print_json({"waiting": found})
        return
    for one in found:
        print(
            f"goals {one.number} of {one.person} for {one.period}, version {one.version}: "
            f"{one.state} since {one.since:%Y-%m-%d}; {', '.join(one.people) or 'nobody'} "
            f"({one.role}) may {' or '.join(one.acts)}"
        )
    if not found:
        print("no goals wait for anybody")


def show(
    context: typer.Context,
    number: NumberArgument,
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a set of goals with its hash and every step: who, when, before, after."""
    from hr_core.errors import NotFoundError
    from hr_core.money import decimal_text
    from hr_core.performance.exact_json import plain
    from hr_core.store.goals import set_by_number, steps_of

    with reading(context, db) as conn:
        stored = set_by_number(conn, number)
        steps = steps_of(conn, number)
    if stored is None:
        raise NotFoundError(f"there are no goals {number}", remedy="hr-core performance goals tree")
    held = stored.goals
    if as_json:
        rows = [row._asdict() for row in steps]
        print_json({"number": number, "digest": stored.digest, "set": plain(held), "steps": rows})
        return
    print(
        f"goals {number}: {held.level} {held.owner}, {held.period}, version {held.version} from "
        f"{held.since}, SHA-256 {stored.digest}"
    )
    for goal in held.goals:
        kind = goal.kind.replace("_", " ")
        trial = ", trial" if goal.trial else ""
        print(
            f"  {goal.group} {goal.code} ({goal.title}): {kind} {decimal_text(goal.target)} "
            f"{goal.measure}, weight {decimal_text(goal.weight)} %{trial}"
        )
    for row in steps:
        note = f": {row.note}" if row.note else ""
        print(
            f"  {row.at:%Y-%m-%d %H:%M}Z {row.person} ({row.role}) {row.act}: {row.before} -> "
            f"{row.after}{note}"
        )


def _goals(conn: sa.Connection, file: Path | None) -> tuple[Goal, ...]:
    from hr_core.performance.goal_file import read_goal_file

    if file is None:
        return ()
    return tuple(goal for goals in read_goal_file(conn, file).groups.values() for goal in goals)


def _print_state(number: int, state: State, *, as_json: bool) -> None:
    if as_json:
        print_json({"number": number, "state": state})
    else:
        print(f"goals {number}: {state}")
