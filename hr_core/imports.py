"""`hr-core import FILE`: a people file merged into the store in one transaction.

What the file names is added or replaced, what it does not name stays. The same file twice leaves
the same state. Any conflict refuses the whole file: nothing is stored.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import InputFileError
from hr_core.pay.scheme import BUILT_IN, built_in_scheme_text, parse_scheme
from hr_core.people.file import SchemeRow, read_file, read_people_file
from hr_core.people.model import Roster, overlapping
from hr_core.store.people import load_roster, save_roster, save_scheme


class Imported(Struct, frozen=True, kw_only=True):
    """What the file changed, in people; `unchanged` counts those it named without a difference."""

    file: str
    people_added: int
    people_changed: int
    people_unchanged: int
    shifts: int
    device_users: int
    stations: int
    scheme: str


def import_people(conn: sa.Connection, path: Path) -> Imported:
    """Raises InputFileError; the caller's transaction then rolls back."""
    read = read_people_file(path)
    before = load_roster(conn)
    scheme = _store_scheme(conn, path, read.scheme) if read.scheme else None
    merged = _merged(before, read.roster, scheme)
    _check_references(path, merged)
    _check_device_users(path, read.roster, merged)
    _check_badges(path, merged)
    save_roster(conn, merged)
    known = before.people if before else {}
    added = [number for number in read.roster.people if number not in known]
    changed = [
        number
        for number, person in read.roster.people.items()
        if number in known
        and msgspec.structs.replace(known[number], origin=person.origin) != person
    ]
    return Imported(
        file=str(path),
        people_added=len(added),
        people_changed=len(changed),
        people_unchanged=len(read.roster.people) - len(added) - len(changed),
        shifts=len(read.roster.shifts),
        device_users=len(read.roster.device_users),
        stations=len(read.roster.stations),
        scheme=merged.scheme,
    )


def _store_scheme(conn: sa.Connection, people_file: Path, row: SchemeRow) -> str:
    if row.file is not None:
        path = people_file.parent / row.file
        text = read_file(path)
        code = parse_scheme(text, file=str(path)).code
    else:
        code = row.code or ""
        built_in = built_in_scheme_text(code)
        if built_in is None:
            raise InputFileError(
                f"no scheme named {code!r} ships with hr-core",
                file=str(people_file),
                key="scheme.code",
                remedy=f"use one of {', '.join(BUILT_IN)}, or name a scheme file with scheme.file",
            )
        text = built_in
    save_scheme(conn, code, text)
    return code


def _merged(before: Roster | None, new: Roster, scheme: str | None) -> Roster:
    before = before or Roster(zone=new.zone, scheme="", shifts={}, people={})
    stations = {(row.source, row.tag): row for row in (*before.stations, *new.stations)}
    kept_users = [row for row in before.device_users if row.number not in new.people]
    kept_badges = [row for row in before.badges if row.number not in new.people]
    return Roster(
        zone=new.zone,
        scheme=before.scheme if scheme is None else scheme,
        shifts=before.shifts | new.shifts,
        people=before.people | new.people,
        device_users=tuple(dict.fromkeys((*kept_users, *new.device_users))),
        badges=tuple(dict.fromkeys((*kept_badges, *new.badges))),
        lines=before.lines | new.lines,
        stations=tuple(stations.values()),
    )


def _check_references(path: Path, roster: Roster) -> None:
    for person in roster.people.values():
        if person.shift not in roster.shifts:
            raise InputFileError(
                f"person {person.number} works shift {person.shift!r}, which is not defined",
                file=str(path),
                key="person.shift",
                remedy="add a [[shift]] with this code, or correct the person",
            )
    for station in roster.stations:
        if station.line not in roster.lines:
            raise InputFileError(
                f"station {station.source}/{station.tag} is on line {station.line!r}, "
                "which is not defined",
                file=str(path),
                key="station.line",
                remedy="add a [[line]] with this code, or correct the station",
            )


def _check_device_users(path: Path, new: Roster, merged: Roster) -> None:
    """One id means one person on a day: everything else would pay somebody for another's work."""
    found = overlapping(merged.device_users)
    if found is None:
        return
    one, other = found
    rows = list(new.people)
    index = max(rows.index(row.number) for row in found if row.number in new.people)
    whose = f"person {one.number}" if one.number == other.number else "one of the two"
    raise InputFileError(
        f"user id {one.user_id!r} on device {one.serial!r} would be both person {one.number} "
        f"({one.days.text()}) and person {other.number} ({other.days.text()})",
        file=str(path),
        key=f"person[{index}].devices",
        remedy=f"give it to {whose} on each day: devices = [{{ user_id = {one.user_id!r}, "
        "from = 2026-01-31, until = 2026-12-31 }]",
    )


def _check_badges(path: Path, roster: Roster) -> None:
    marked = [(f"badge {row.badge!r}", row.number) for row in roster.badges]
    numbers = [(f"badge {number!r}", number) for number in roster.people]
    _refuse_shared(path, "person.badges", marked + numbers)


def _refuse_shared(path: Path, key: str, ids: Iterable[tuple[str, str]]) -> None:
    owner: dict[str, str] = {}
    for what, number in ids:
        if owner.setdefault(what, number) != number:
            raise InputFileError(
                f"{what} would be both person {owner[what]} and person {number}",
                file=str(path),
                key=key,
                remedy="give it to one of the two",
            )
