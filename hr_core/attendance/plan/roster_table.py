"""Rosters as tables: a line for each assignment, or a line for each person with a column a day.

An assignment line: `person` or `team`, `plan` (a shift, "D|N", "D+E", "rest" or a rotation),
`first_day`, `last_day` (included; empty: open), and where wanted `offset`, `site`, `rules`, `days`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from hr_core.attendance.plan.roster import (
    Assignment,
    DayDuty,
    KindFrom,
    Rotation,
    Subject,
    SubjectKind,
)
from hr_core.attendance.plan.roster_check import RosterFault
from hr_core.attendance.plan.site_calendar import ANY_SITE
from hr_core.people.half_width import half_width

_COLUMNS = {
    "person": ("person", "number", "employee_number", "工号"),
    "team": ("team", "班组"),
    "name": ("name", "姓名"),  # for the eyes of whoever fills the file in
    "plan": ("plan", "shift", "rotation", "班次", "排班"),
    "first_day": ("first_day", "from", "开始日期"),
    "last_day": ("last_day", "to", "结束日期"),
    "offset": ("offset", "偏移"),
    "site": ("site", "厂区"),
    "rules": ("rules", "规则"),
    "days": ("days", "工作日"),
}
_COLUMN_OF = {alias: column for column, aliases in _COLUMNS.items() for alias in aliases}
_KINDS = {
    "calendar": KindFrom.CALENDAR,
    "日历": KindFrom.CALENDAR,
    "roster": KindFrom.ROSTER,
    "排班": KindFrom.ROSTER,
}
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
MAX_OFFSET = 10_000


class TableRow(NamedTuple):
    number: int
    cells: Sequence[str]


class Names(NamedTuple):
    """What a line may name: rotations by code, who has an employee number on a day, units, sites
    (that are units or have a calendar), rule sets.
    """

    rotations: Mapping[str, Rotation]
    person_on: Callable[[str, date], str | None]
    teams: frozenset[str]
    sites: frozenset[str]
    rules: frozenset[str]


class ReadTable(NamedTuple):
    assignments: list[Assignment]
    faults: list[RosterFault]


_Whose = tuple[str, str]  # the cells person and team, as written


class _BadCellError(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_table(rows: Sequence[TableRow], names: Names, origin: str) -> ReadTable:
    """`origin` is written before "row 7" in each assignment. Whoever has a faulty row gets no
    assignment at all: a roster with a row left out would show faults that are none.
    """
    if not rows:
        return ReadTable([], [RosterFault("row 1", "empty", "the file has no lines")])
    columns, days, faults = _header(rows[0])
    found: list[tuple[_Whose, Assignment]] = []
    faulty: set[_Whose] = set()
    for row in rows[1:] if not faults else ():
        cells = {
            column: row.cells[at] if at < len(row.cells) else "" for column, at in columns.items()
        }
        whose = cells.get("person", ""), cells.get("team", "")
        where = f"{origin} row {row.number}".strip()
        try:
            first = min(days.values()) if days else _first_day(cells["first_day"])
            subject = _subject(cells, names, first)
            if days:
                one_row = _by_day(row, days, subject, names, cells, where)
            else:
                one_row = [_by_span(cells, subject, first, names, where)]
            found += [(whose, one) for one in one_row]
        except _BadCellError as bad:
            faulty.add(whose)
            faults.append(RosterFault(f"row {row.number}", bad.reason, str(bad)))
    return ReadTable([one for whose, one in found if whose not in faulty], faults)


def parse_day(text: str) -> date:
    """From 2026-10-01, 2026/10/1, 2026.10.1 or 2026年10月1日. Raises ValueError."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a date like 2026-10-01")
    return date(int(match[1]), int(match[2]), int(match[3]))


def plannable(day: date) -> date:
    """Raises ValueError for a day around which nobody can count days."""
    if not 1900 <= day.year <= 9000:
        raise ValueError(f"{day} is no day to plan")
    return day


def _header(row: TableRow) -> tuple[dict[str, int], dict[int, date], list[RosterFault]]:
    """The columns' places, and the days of a table with a column a day."""
    columns: dict[str, int] = {}
    days: dict[int, date] = {}
    problems = []
    for at, title in enumerate(row.cells):
        column = _COLUMN_OF.get(title.strip().casefold())
        if column is not None:
            if column in columns:
                problems.append(f"column {title!r} stands twice")
            columns[column] = at
        elif _DATE.fullmatch(title.strip()):
            try:
                days[at] = plannable(parse_day(title))
            except ValueError as exc:
                problems.append(str(exc))
        elif title.strip():
            problems.append(f"column {title!r} is not known; known are {', '.join(_COLUMNS)}")
    problems += _missing_columns(columns, days)
    return columns, days, [RosterFault(f"row {row.number}", "header", text) for text in problems]


def _missing_columns(columns: dict[str, int], days: dict[int, date]) -> list[str]:
    problems = []
    if not {"person", "team"} & columns.keys():
        problems.append("there is no column person and no column team")
    spans = {"plan", "first_day"}
    if days and (spans | {"last_day", "offset"}) & columns.keys():
        problems.append("a table with a column a day has no plan, first_day, last_day or offset")
    if not days and not spans <= columns.keys():
        problems.append("the columns plan and first_day are needed, or a column for each day")
    ordered = list(days.values())
    if ordered and ordered != [ordered[0] + timedelta(days=n) for n in range(len(ordered))]:
        problems.append("the days of the columns do not follow one another")
    return problems


def _subject(cells: Mapping[str, str], names: Names, first: date) -> Subject:
    person, team = cells.get("person", ""), cells.get("team", "")
    if bool(person) == bool(team):
        raise _BadCellError("subject", "a line names either a person or a team")
    if team:
        if team not in names.teams:
            raise _BadCellError("unknown_team", f"there is no team {team!r}")
        return Subject(SubjectKind.TEAM, team)
    key = names.person_on(half_width(person), first)
    if key is None:
        raise _BadCellError("unknown_person", f"nobody has the number {person!r} on {first}")
    return Subject(SubjectKind.PERSON, key)


def _by_span(
    cells: Mapping[str, str], subject: Subject, first: date, names: Names, where: str
) -> Assignment:
    plan = cells["plan"]
    if not plan:
        raise _BadCellError("hole", "the plan is empty; write rest for days off")
    last = _day(cells.get("last_day", ""))
    rotation = plan if plan in names.rotations else None
    offset = cells.get("offset", "")
    if offset and rotation is None:
        raise _BadCellError("offset", f"an offset needs a rotation, {plan!r} is none")
    return Assignment(
        subject=subject,
        first=first,
        until=None if last is None else last + timedelta(days=1),
        rotation=rotation,
        offset=_offset(offset),
        duty=_duty(plan) if rotation is None else DayDuty(()),
        kind_from=_kind_from(cells.get("days", "")),
        site=_known(cells, "site", names.sites) or ANY_SITE,
        rules=_known(cells, "rules", names.rules) or None,
        origin=where,
    )


def _by_day(
    row: TableRow,
    days: Mapping[int, date],
    subject: Subject,
    names: Names,
    cells: Mapping[str, str],
    where: str,
) -> list[Assignment]:
    """Days in a row with the same cell are one assignment."""
    found: list[Assignment] = []
    for at, day in days.items():
        cell = row.cells[at] if at < len(row.cells) else ""
        if not cell:
            raise _BadCellError("hole", f"{day} is empty; write rest for a day off")
        if cell in names.rotations:
            raise _BadCellError("plan", f"{day}: {cell!r} is a rotation, not a day's shift")
        duty = _duty(cell)
        first = found.pop().first if found and found[-1].duty == duty else day
        found.append(
            Assignment(
                subject=subject,
                first=first,
                until=day + timedelta(days=1),
                duty=duty,
                kind_from=KindFrom.ROSTER,
                site=_known(cells, "site", names.sites) or ANY_SITE,
                rules=_known(cells, "rules", names.rules) or None,
                origin=where,
            )
        )
    return found


def _duty(text: str) -> DayDuty:
    duty = DayDuty.parse(text)
    if not all(duty.shifts) or len(set(duty.shifts)) != len(duty.shifts):
        raise _BadCellError("plan", f"{text!r} is not a plan like D, D|N, D+E or rest")
    return duty


def _first_day(text: str) -> date:
    first = _day(text)
    if first is None:
        raise _BadCellError("span", "first_day is empty")
    return first


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return plannable(parse_day(text))
    except ValueError as exc:
        raise _BadCellError("date", str(exc)) from exc


def _offset(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_OFFSET):
        raise _BadCellError("offset", f"{text!r} is no number of days from 0 to {MAX_OFFSET}")
    return int(text)


def _known(cells: Mapping[str, str], column: str, known: frozenset[str]) -> str:
    """The cell, or "" when it is empty."""
    text = cells.get(column, "")
    if text and text not in known:
        raise _BadCellError(
            f"unknown_{column}",
            f"{column} {text!r} is none of {', '.join(sorted(known)) or 'none'}",
        )
    return text


def _kind_from(text: str) -> KindFrom:
    if not text:
        return KindFrom.CALENDAR
    kind = _KINDS.get(text.casefold())
    if kind is None:
        raise _BadCellError("days", f"days is calendar or roster, not {text!r}")
    return kind
