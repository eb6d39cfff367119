"""People as a table: what `hr-core people export` writes and `hr-core import` reads back.

One row is one person. A cell with several values separates them by ";": ids on devices are
SERIAL:USER_ID, units CODE or CODE:manager, each with days behind it where it does not always hold:
"CQ1:1007 2026-01-01..2026-06-01". A column that is not there changes nothing of that kind.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from hr_core.errors import InputFileError
from hr_core.people.file import PersonRow, ReadFile, told
from hr_core.people.model import Badge, Days, Roster
from hr_core.people.records import EmployeeNumber, Employment, Kind, Membership, Role
from hr_core.spreadsheet import Cell, Row, harmless, read_rows
from hr_core.store.dated_rows import on_day
from hr_core.store.dated_rows import read_rows as read_table
from hr_core.store.organisation import memberships
from hr_core.store.people import load_roster
from hr_core.store.person_records import employee_numbers, employments

_MOST_ERRORS_SHOWN = 10
_DAYS = re.compile(r"(\d{4}-\d\d-\d\d)?\.\.(\d{4}-\d\d-\d\d)?")

# By the name in the file: what PersonRow calls it. The Chinese headings are read too.
COLUMNS = {
    "employee_number": "number",
    "name": "name",
    "from": "from",
    "shift": "shift",
    "base": "base",
    "hourly": "hourly",
    "kind": "kind",
    "employer": "employer",
    "zone": "zone",
    "device_users": "devices",
    "badges": "badges",
    "units": "units",
}
_CHINESE = {
    "工号": "employee_number",
    "姓名": "name",
    "开始日期": "from",
    "班次": "shift",
    "基本工资": "base",
    "小时工资": "hourly",
    "用工形式": "kind",
    "用工单位": "employer",
    "时区": "zone",
    "考勤机": "device_users",
    "卡号": "badges",
    "部门": "units",
}


def read_people_sheet(path: Path, stored: Roster | None) -> tuple[ReadFile, list[int]]:
    """As a people file, and the sheet's row of each person. Raises InputFileError with every row."""
    if stored is None:
        raise InputFileError(
            "a table of people needs a site and shifts that are there already",
            file=str(path),
            key="(file)",
            remedy="import a people file with [site] and [[shift]] first",
        )
    rows = read_rows(path)
    header = _header(path, rows)
    persons, numbers, faults = [], [], []
    for row in rows[1:]:
        try:
            persons.append(PersonRow.model_validate(_values(header, row)))
            numbers.append(row.number)
        except ValidationError as exc:
            faults += [_fault(row, error["loc"], told(error["msg"])) for error in exc.errors()]
        except ValueError as exc:
            faults.append((f"row {row.number}", str(exc)))
    _refuse(path, faults)
    roster = _roster(path, persons, numbers, stored, set(header.values()))
    records = {person.number: person.record() for person in persons}
    return ReadFile(roster=roster, scheme=None, records=records, units=()), numbers


def people_table(conn: sa.Connection, on: date) -> list[list[Cell]]:
    """The heading, then everybody who has an employee number on the day."""
    roster = load_roster(conn)
    table: list[list[Cell]] = [list(COLUMNS)]
    if roster is None:
        return table
    held = read_table(conn, employments, Employment, on_day(employments, on))
    own_last = sorted(held, key=lambda row: row.kind is Kind.EMPLOYEE)
    contracts = {row.person: row for row in own_last}
    units = _grouped(read_table(conn, memberships, Membership), lambda row: row.person)
    users = _grouped(roster.device_users, lambda row: row.number)
    badges = _grouped(roster.badges, lambda row: row.number)
    on_that_day = on_day(employee_numbers, on)
    numbers = read_table(conn, employee_numbers, EmployeeNumber, on_that_day)
    for number in {row.person: row for row in numbers}.values():
        person = roster.people[number.person]
        contract = contracts.get(number.person)
        hourly = None if contract is None else contract.hourly_fen
        no_base = person.base_fen == 0 and (hourly is not None or _is_external(contract))
        table.append(
            [
                number.employee_number,
                person.name,
                "" if number.valid_from is None else number.valid_from.isoformat(),
                person.shift,
                "" if no_base else _yuan(person.base_fen),
                "" if hourly is None else _yuan(hourly),
                "" if contract is None else contract.kind.value,
                "" if contract is None else contract.employer,
                person.zone,
                "; ".join(
                    _dated(f"{row.serial}:{row.user_id}", row.days)
                    for row in users.get(number.person, ())
                ),
                "; ".join(row.badge for row in badges.get(number.person, ())),
                "; ".join(
                    _dated(
                        f"{row.unit}:{row.role}" if row.role != Role.MEMBER else row.unit, row.days
                    )
                    for row in units.get(number.person, ())
                ),
            ]
        )
    return table


def _header(path: Path, rows: Sequence[Row]) -> dict[int, str]:
    """By position: what PersonRow calls the column."""
    names = rows[0].cells if rows else ()
    found: dict[int, str] = {}
    for position, name in enumerate(names):
        column = COLUMNS.get(_CHINESE.get(name, name.casefold()))
        if column is None or column in found.values():
            if not name and not any(_cell(row, position) for row in rows):
                continue
            what = "stands twice" if column else f"is no column; there are: {', '.join(COLUMNS)}"
            raise InputFileError(
                f"{name!r} {what}",
                file=str(path),
                key="row 1",
                remedy="correct the heading; hr-core people export writes a table to begin with",
            )
        found[position] = column
    missing = {"number", "name", "shift"} - set(found.values())
    if missing:
        lacking = ", ".join(name for name, column in COLUMNS.items() if column in missing)
        raise InputFileError(
            f"the heading lacks {lacking}",
            file=str(path),
            key="row 1",
            remedy="the first row names the columns: employee_number (工号), name (姓名), …",
        )
    return found


def _values(header: Mapping[int, str], row: Row) -> dict[str, Any]:
    """Raises ValueError for a cell that cannot be read."""
    values: dict[str, Any] = {}
    for position, column in header.items():
        text = _cell(row, position)
        parse = _PARSERS.get(column)
        if parse is not None:
            values[column] = parse(text)
        elif text:
            values[column] = text
    if values.get("from") is None:
        values.pop("from", None)
    beyond = [cell for at, cell in enumerate(row.cells) if at not in header and cell]
    if beyond:
        raise ValueError(f"{beyond[0]!r} stands under no heading")
    return values


def _cell(row: Row, position: int) -> str:
    text = row.cells[position] if position < len(row.cells) else ""
    # What an export put before a text that looks like a formula.
    return text[1:] if text.startswith("'") and harmless(text[1:]) != text[1:] else text


def _parse_day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"from: {text!r} is not a day like 2026-06-01") from exc


def _parse_users(text: str) -> list[dict[str, Any]]:
    rows = []
    for one, days in _several(text):
        serial, colon, user_id = one.rpartition(":")
        if not colon or not serial or not user_id:
            raise ValueError(f'device_users: {one!r} is not SERIAL:USER_ID (or "*:USER_ID")')
        rows.append({"serial": serial, "user_id": user_id} | days)
    return rows


def _parse_units(text: str) -> list[dict[str, Any]]:
    rows = []
    for one, days in _several(text):
        unit, _, role = one.partition(":")
        rows.append({"unit": unit} | ({"role": role} if role else {}) | days)
    return rows


def _parse_badges(text: str) -> list[str]:
    return [one.strip() for one in text.split(";") if one.strip()]


_PARSERS: dict[str, Callable[[str], Any]] = {
    "from": _parse_day,
    "devices": _parse_users,
    "units": _parse_units,
    "badges": _parse_badges,
}


def _several(text: str) -> list[tuple[str, dict[str, date]]]:
    found = []
    for part in text.split(";"):
        one, _, behind = part.strip().partition(" ")
        match = _DAYS.fullmatch(behind.strip()) if behind.strip() else None
        if behind.strip() and match is None:
            raise ValueError(f"{part.strip()!r}: days are written 2026-01-01..2026-06-01")
        bounds = zip(("from", "until"), match.groups() if match else (), strict=False)
        if one:
            found.append((one, {name: _bound(day) for name, day in bounds if day}))
    return found


def _bound(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"{text!r} is no day of the calendar") from exc


def _roster(
    path: Path,
    persons: Sequence[PersonRow],
    numbers: Sequence[int],
    stored: Roster,
    columns: set[str],
) -> Roster:
    zone = stored.zone
    people = {}
    for person, number in zip(persons, numbers, strict=True):
        if person.number in people:
            _refuse(path, [(f"row {number}", f"{person.number!r} stands twice")])
        origin = f"table {path.name}, row {number}"
        people[person.number] = person.value(zone=zone, origin=origin)
    return Roster(
        zone=zone,
        scheme="",
        shifts={},
        people=people,
        device_users=tuple(user for row in persons for user in row.device_users()),
        badges=tuple(
            Badge(badge=badge, number=row.number) for row in persons for badge in row.badges
        ),
        leaves_alone=frozenset({"devices", "badges"} - columns),
    )


def _fault(row: Row, location: tuple[int | str, ...], message: str) -> tuple[str, str]:
    where = ".".join(str(part) for part in location)
    return f"row {row.number}", f"{where}: {message}" if where else message


def _refuse(path: Path, faults: Sequence[tuple[str, str]]) -> None:
    if not faults:
        return
    first, what = faults[0]
    more = [f"{where}: {fault}" for where, fault in faults[1:_MOST_ERRORS_SHOWN]]
    if len(faults) > _MOST_ERRORS_SHOWN:
        more.append(f"and {len(faults) - _MOST_ERRORS_SHOWN} more")
    raise InputFileError(
        "; ".join([what, *more]),
        file=str(path),
        key=first,
        remedy="correct the rows and import again; nothing was stored",
    )


def _is_external(contract: Employment | None) -> bool:
    return contract is not None and contract.kind is Kind.EXTERNAL


def _grouped(rows: Sequence[Any], key: Callable[[Any], str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def _dated(text: str, days: Days) -> str:
    if days == Days():
        return text
    return f"{text} {days.first or ''}..{days.until or ''}"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
