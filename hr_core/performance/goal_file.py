"""A file of goals, as TOML: those of units, and those proposed to people."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import InputFileError, NotFoundError
from hr_core.people.lookup import person_of_number
from hr_core.performance.goals import Goal, GoalKind, Group, Level
from hr_core.performance.periods import Period
from hr_core.performance.toml_file import read_toml

EXAMPLE = "docs/performance.md shows one"


class GoalRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As a person writes it; what it leaves out is the file's or the field's default."""

    code: str
    level: Level
    owner: str
    title: str
    kind: GoalKind
    target: Fraction
    period: str = ""
    parent: str | None = None
    title_zh: str = ""
    base: Fraction | None = None
    measure: str = ""
    weight: Fraction = Fraction(0)
    group: Group = Group.KPI
    trial: bool = False
    scored_by: str | None = None
    figure: str = ""
    figure_of: str = ""
    resources: str = ""


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    period: str
    goal: tuple[GoalRow, ...]
    since: date | None = None


class GoalFile(Struct, frozen=True, kw_only=True):
    """`groups`: the goals of each owner and period, in the file's order."""

    since: date | None
    groups: dict[tuple[Level, str, str], tuple[Goal, ...]]


def read_goal_file(conn: sa.Connection, path: Path) -> GoalFile:
    """People are named by their employee number. Raises InputFileError with the row."""
    file = read_toml(path, _File, remedy=EXAMPLE)
    groups: dict[tuple[Level, str, str], tuple[Goal, ...]] = {}
    for at, row in enumerate(file.goal):
        goal = _goal(conn, row, file.period, (str(path), f"goal[{at}]"))
        key = (goal.level, goal.owner, goal.period)
        groups[key] = (*groups.get(key, ()), goal)
    return GoalFile(since=file.since, groups=groups)


def _goal(conn: sa.Connection, row: GoalRow, period: str, where: tuple[str, str]) -> Goal:
    file, key = where
    period = row.period or period
    columns = {name: getattr(row, name) for name in row.__struct_fields__}
    try:
        first = Period.parse(period).first
        owner = row.owner
        if row.level is Level.PERSON:
            owner = person_of_number(conn, row.owner, first)
        figure_of = _subject(conn, row.figure_of, first)
    except (ValueError, NotFoundError) as exc:
        remedy = getattr(exc, "remedy", "write it like 2026-10, 2026-Q4 or 2026")
        raise InputFileError(str(exc), file=file, key=key, remedy=remedy) from exc
    return Goal(**columns | {"period": period, "owner": owner, "figure_of": figure_of})


def _subject(conn: sa.Connection, text: str, on: date) -> str:
    """With the key for the number of person:1007; unit:T1 and line:L1 as they are."""
    kind, _, code = text.partition(":")
    if not text or (kind in {"unit", "line"} and code):
        return text
    if kind == "person" and code:
        return f"person:{person_of_number(conn, code, on)}"
    raise ValueError(f"figure_of {text!r} is not like person:1007, unit:T1 or line:L1")
