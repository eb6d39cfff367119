"""`hr-core performance goals import|propose|tree|align|split|move`: who is to reach what."""

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
    writing,
)
from hr_core.cli.performance_acting import (
    NoteOption,
    PeriodOption,
    goal_deed,
    parse_number,
    parse_period,
)

if TYPE_CHECKING:
    from fractions import Fraction

    import sqlalchemy as sa

    from hr_core.performance.goal_book import GoalBook
    from hr_core.performance.goals import Goal
    from hr_core.performance.planning import Planned

app = typer.Typer(help="Goals from the company down to people.", rich_markup_mode=None)

FileArgument = Annotated[Path, typer.Argument(help="Goals (TOML).", show_default=False)]
CodeArgument = Annotated[str, typer.Argument(help="The goal's code.", show_default=False)]


@app.command("import")
def import_file(
    context: typer.Context,
    file: FileArgument,
    *,
    by: ByOption = None,
    note: NoteOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Store the goals of units and propose those of people. Exit 1 when it leaves goals without the
    one above them.
    """
    from hr_core.performance.goal_file import read_goal_file
    from hr_core.performance.planning import import_goals

    with writing(context, db) as conn:
        planned = import_goals(conn, read_goal_file(conn, file), goal_deed(conn, by, note))
    return _print_planned(planned, as_json=as_json)


@app.command("propose")
def propose(
    context: typer.Context,
    file: FileArgument,
    *,
    by: ByOption = None,
    note: NoteOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Propose goals to people: like import, of a file with nothing else in it."""
    from hr_core.errors import RefusedError
    from hr_core.performance.goal_file import read_goal_file
    from hr_core.performance.goals import Level
    from hr_core.performance.planning import import_goals

    with writing(context, db) as conn:
        read = read_goal_file(conn, file)
        if any(level is not Level.PERSON for level, _, _ in read.groups):
            raise RefusedError(
                f"{file} has goals of units", remedy="hr-core performance goals import stores them"
            )
        planned = import_goals(conn, read, goal_deed(conn, by, note))
    return _print_planned(planned, as_json=as_json)


@app.command("tree")
def tree(
    context: typer.Context,
    *,
    period: Annotated[str | None, typer.Option("--period", help="[default: all]")] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who serves which goal, from the company down."""
    from hr_core.performance.goal_book import GoalBook

    wanted = None if period is None else str(parse_period(period))
    with reading(context, db) as conn:
        book = GoalBook.load(conn)
    if as_json:
        print_json({"goals": [row for row in _rows(book) if wanted in {None, row["period"]}]})
        return
    for goal in book.goals():
        if wanted in {None, goal.period} and book.parent(goal) is None:
            _print_branch(book, goal, 0)
    if not any(wanted in {None, goal.period} for goal in book.goals()):
        print("no goals; bring them with hr-core performance goals import FILE")


@app.command("align")
def align(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> int:
    """List goals of people that reach no company goal. Exit 1 when there are some."""
    from hr_core.performance.goal_book import GoalBook
    from hr_core.performance.goals import Level

    with reading(context, db) as conn:
        book = GoalBook.load(conn)
    found = book.unaligned()
    people = sum(goal.level is Level.PERSON for goal in book.goals())
    if as_json:
        print_json({"goals_of_people": people, "unaligned": found})
    else:
        print(f"{people - len(found)} of {people} goals of people reach a company goal")
        for one in found:
            print(f"  {one.owner} {one.period}: {' < '.join(one.path)}: {one.why}")
    return ExitCode.DEGRADED if found else ExitCode.OK


@app.command("split")
def split(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    code: CodeArgument,
    *,
    period: PeriodOption,
    to: Annotated[
        list[str], typer.Option("--to", help="UNIT=PERCENT or person:NUMBER=PERCENT, repeatedly.")
    ],
    step: Annotated[str, typer.Option("--step", help="The smallest part.")] = "1",
    by: ByOption = None,
    note: NoteOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Share a count out by weights: the parts are the whole, to the last unit."""
    from hr_core.money import decimal_text
    from hr_core.performance.exact_json import plain
    from hr_core.performance.goal_book import GoalBook
    from hr_core.performance.planning import split_goal

    wanted = str(parse_period(period))
    smallest = parse_number(step, "--step")
    with writing(context, db) as conn:
        goal = GoalBook.load(conn).require_unit_goal(code, wanted)
        weights = _weights(conn, to, goal.period)
        parts = split_goal(conn, goal, weights, goal_deed(conn, by, note), step=smallest)
    if as_json:
        print_json({"total": str(goal.target), "parts": plain(parts)})
        return
    for one in parts:
        print(f"{one.code}  {one.level} {one.owner}  {decimal_text(one.target)} {one.measure}")


@app.command("move")
def move(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    code: CodeArgument,
    *,
    period: PeriodOption,
    to: Annotated[str, typer.Option("--to", help="The unit that takes it over.")],
    by: ByOption = None,
    note: NoteOption = "",
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a unit's goal to another unit; what lies below it stays below it."""
    from hr_core.performance.exact_json import plain
    from hr_core.performance.goal_book import GoalBook
    from hr_core.performance.planning import move_goal

    with writing(context, db) as conn:
        goal = GoalBook.load(conn).require_unit_goal(code, str(parse_period(period)))
        moved = move_goal(conn, goal, to, goal_deed(conn, by, note))
    if as_json:
        print_json(plain(moved))
    else:
        print(f"goal {code} of {goal.owner} is now one of {moved.owner}")


def _weights(conn: sa.Connection, to: list[str], period: str) -> dict[str, Fraction]:
    from hr_core.people.lookup import person_of_number

    on = parse_period(period).first
    weights: dict[str, Fraction] = {}
    for text in to:
        owner, _, percent = text.rpartition("=")
        if owner.startswith("person:"):
            owner = f"person:{person_of_number(conn, owner.removeprefix('person:'), on)}"
        if not owner or owner in weights:
            raise typer.BadParameter(f"{text!r} is not like UNIT=50, each once", param_hint="--to")
        weights[owner] = parse_number(percent, "--to")
    return weights


def _print_planned(planned: Planned, *, as_json: bool) -> int:
    if as_json:
        rows = [
            {"number": one.number, "owner": one.goals.owner, "version": one.goals.version}
            for one in planned.stored
        ]
        left = list(planned.left_behind)
        print_json({"stored": rows, "unchanged": planned.unchanged, "left_behind": left})
    else:
        for one in planned.stored:
            held = one.goals
            print(
                f"goals {one.number}: {held.level} {held.owner}, {held.period}, version "
                f"{held.version} from {held.since}"
            )
        print(f"{planned.unchanged} sets are as they were")
        for code in planned.left_behind:
            print(f"  goal {code} has lost the goal above it: hr-core performance goals align")
    return ExitCode.DEGRADED if planned.left_behind else ExitCode.OK


def _rows(book: GoalBook) -> list[dict[str, object]]:
    from hr_core.performance.exact_json import plain

    rows = []
    for goal in book.goals():
        held = book.set_of(goal.level, goal.owner, goal.period)
        row = plain(goal)
        assert isinstance(row, dict)  # noqa: S101 - of a struct
        if held is not None:
            row |= {"number": held.stored.number, "version": held.stored.goals.version}
            row |= {"state": held.state}
        rows.append(row)
    return rows


def _print_branch(book: GoalBook, goal: Goal, depth: int) -> None:
    from hr_core.money import decimal_text

    held = book.set_of(goal.level, goal.owner, goal.period)
    state = f"  [{held.stored.number} {held.state}]" if held and held.state else ""
    print(
        f"{'  ' * depth}{goal.code}  {goal.level} {goal.owner}  {goal.period}  {goal.title}: "
        f"{goal.kind.replace('_', ' ')} {decimal_text(goal.target)} {goal.measure}".rstrip()
        + state
    )
    for child in book.children(goal):
        _print_branch(book, child, depth + 1)
