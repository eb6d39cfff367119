"""`hr-core import FILE`: a people file merged into the store in one transaction.

What the file names is added or replaced, what it does not name stays. The same file twice leaves
the same state. Any conflict refuses the whole file: nothing is stored.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.live.changes import touch_import
from hr_core.audit import log
from hr_core.errors import InputFileError
from hr_core.pay.scheme import BUILT_IN, built_in_scheme_text, parse_scheme
from hr_core.pay.scheme_approval import propose_scheme
from hr_core.people.changes import Signature, begin
from hr_core.people.file import ReadFile, SchemeRow, read_file, read_people_file
from hr_core.people.keying import keyed, keys_of_numbers
from hr_core.people.model import ANY_DEVICE, Badge, Days, DeviceUser, Roster, overlapping
from hr_core.people.organisation_import import check_organisation, merged_organisation
from hr_core.people.sheet import read_people_sheet
from hr_core.performance.planning import refuse_closing
from hr_core.spreadsheet import SUFFIXES
from hr_core.store.organisation import load_organisation, save_organisation
from hr_core.store.people import load_roster, save_roster, save_scheme
from hr_core.store.person_records import all_numbers

_PERSON = re.compile(r"person\[(\d+)\]")

Row = TypeVar("Row", DeviceUser, Badge)
_MOST_SHOWN = 20


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
    scheme_approval: int | None = None  # under which a scheme file waits for a second person
    taken_away: tuple[str, ...] = ()  # ids and badges that the file names their person without


def import_people(
    conn: sa.Connection, path: Path, sign: Signature | None = None, *, drop_ids: bool = False
) -> Imported:
    """Raises InputFileError, also for a file that names people without ids or badges that they have,
    unless `drop_ids`; the caller's transaction then rolls back. What changed people, ids or the
    organisation stands in the audit log when somebody signs it.
    """
    begin(conn)
    before, organisation = load_roster(conn), load_organisation(conn)
    done = _import_file(conn, path, before, sign)
    if done.taken_away and not drop_ids:
        raise _would_drop(path, done.taken_away)
    changed = _facts(before) != _facts(load_roster(conn))
    if sign is not None and (changed or organisation != load_organisation(conn)):
        text = f"people file {path.name}"
        log.append(conn, sign.at, sign.by, "import.people", text, None, done, sign.reason)
    return done


def _would_drop(path: Path, gone: tuple[str, ...]) -> InputFileError:
    """Punches of an id that is nobody's are paid to nobody."""
    shown = list(gone[:_MOST_SHOWN])
    if len(gone) > len(shown):
        shown.append(f"and {len(gone) - len(shown)} more")
    return InputFileError(
        "names people without what they have, and would take it away:\n  " + "\n  ".join(shown),
        file=str(path),
        key="(ids)",
        remedy="write them into the file to keep them, or drop them: hr-core import FILE --drop-ids; nothing was stored",
    )


def _facts(roster: Roster | None) -> object:
    """Less the origins: the same facts from another file are no change."""
    if roster is None:
        return None
    people = {key: replace(person, origin="") for key, person in roster.people.items()}
    return people, set(roster.device_users), set(roster.badges), roster.shifts


def _import_file(
    conn: sa.Connection, path: Path, before: Roster | None, sign: Signature | None
) -> Imported:
    if path.suffix.casefold() not in SUFFIXES:
        return _import(conn, path, read_people_file(path), before, sign)
    read, rows = read_people_sheet(path, before)
    try:
        return _import(conn, path, read, before, sign)
    except InputFileError as refused:
        raise _by_row(refused, rows) from refused


def _by_row(refused: InputFileError, rows: list[int]) -> InputFileError:
    """Of a table: where a people file would say person[4]."""
    match = _PERSON.match(refused.key)
    if match is None:
        return refused
    return InputFileError(
        str(refused).removeprefix(f"{refused.file}: {refused.key}: "),
        file=refused.file,
        key=f"row {rows[int(match[1])]}",
        remedy=refused.remedy,
    )


def _import(
    conn: sa.Connection,
    path: Path,
    read: ReadFile,
    before: Roster | None,
    sign: Signature | None,
) -> Imported:
    scheme, approval = _store_scheme(conn, path, read.scheme, sign)
    keys = keys_of_numbers(conn, str(path), read)
    new = keyed(read.roster, keys)
    merged = _merged(before, new, scheme)
    _check_references(path, merged)
    _check_device_users(path, new, merged)
    _check_badges(path, merged, all_numbers(conn))
    save_roster(conn, merged)
    touch_import(conn, before, merged)
    _import_organisation(conn, path, read, keys)
    known = before.people if before else {}
    added = [number for number in new.people if number not in known]
    changed = [
        number
        for number, person in new.people.items()
        if number in known and replace(known[number], origin=person.origin) != person
    ]
    gone = _taken_away(before, merged, {key: number for number, key in keys.items()})
    return Imported(
        file=str(path),
        people_added=len(added),
        people_changed=len(changed),
        people_unchanged=len(read.roster.people) - len(added) - len(changed),
        shifts=len(read.roster.shifts),
        device_users=len(read.roster.device_users),
        stations=len(read.roster.stations),
        scheme=merged.scheme,
        scheme_approval=approval,
        taken_away=gone,
    )


def _taken_away(before: Roster | None, merged: Roster, numbers: dict[str, str]) -> tuple[str, ...]:
    """A person whom a file names without its ids loses them, and its punches with them."""
    if before is None:
        return ()
    held = {(one.serial, one.user_id, one.number) for one in merged.device_users}
    ids = [one for one in before.device_users if (one.serial, one.user_id, one.number) not in held]
    cards = {(one.badge, one.number) for one in merged.badges}
    badges = [one for one in before.badges if (one.badge, one.number) not in cards]
    return (
        *(
            f"user id {one.user_id} on "
            f"{'every device' if one.serial == ANY_DEVICE else one.serial} of {numbers.get(one.number, one.number)}"
            for one in ids
        ),
        *(f"badge {one.badge} of {numbers.get(one.number, one.number)}" for one in badges),
    )


def _import_organisation(
    conn: sa.Connection, path: Path, read: ReadFile, keys: dict[str, str]
) -> None:
    places = {
        keys[number]: tuple(replace(one, person=keys[number]) for one in record.units)
        for number, record in read.records.items()
        if record.units is not None
    }
    if read.units or places:
        organisation = merged_organisation(load_organisation(conn), read.units, places)
        check_organisation(str(path), read.units, organisation)
        refuse_closing(conn, load_organisation(conn), organisation)
        save_organisation(conn, organisation)


def _store_scheme(
    conn: sa.Connection, people_file: Path, row: SchemeRow | None, sign: Signature | None
) -> tuple[str | None, int | None]:
    """The code to pay by from now on, and the number under which a scheme file waits."""
    if row is None:
        return None, None
    if row.file is not None:
        path = people_file.parent / row.file
        text = read_file(path)
        approval = propose_scheme(conn, path, text, sign)
        code = parse_scheme(text, file=str(path)).code
        return (code, None) if approval is None else (None, approval)
    code = row.code or ""
    text = built_in_scheme_text(code) or ""
    if not text:
        raise InputFileError(
            f"no scheme named {code!r} ships with hr-core",
            file=str(people_file),
            key="scheme.code",
            remedy=f"use one of {', '.join(BUILT_IN)}, or name a scheme file with scheme.file",
        )
    save_scheme(conn, code, text)
    return code, None


def _merged(before: Roster | None, new: Roster, scheme: str | None) -> Roster:
    before = before or Roster(zone=new.zone, scheme="", shifts={}, people={})
    stations = {(row.source, row.tag): row for row in (*before.stations, *new.stations)}
    kept_users = _kept(before.device_users, new, "devices")
    kept_badges = _kept(before.badges, new, "badges")
    return Roster(
        zone=new.zone,
        scheme=before.scheme if scheme is None else scheme,
        shifts=before.shifts | new.shifts,
        people=before.people | new.people,
        device_users=_joined(kept_users, new.device_users),
        badges=_joined(kept_badges, new.badges),
        lines=before.lines | new.lines,
        stations=tuple(stations.values()),
    )


def _kept(rows: Iterable[Row], new: Roster, kind: str) -> list[Row]:
    """What the file does not replace: rows of people whom it does not name, or of no file."""
    if kind in new.leaves_alone:
        return list(rows)
    return [row for row in rows if row.entered or row.number not in new.people]


def _joined(kept: list[Row], new: Iterable[Row]) -> tuple[Row, ...]:
    """A row of the file that says what was entered already is not another one."""
    known = set(kept)
    found = dict.fromkeys(kept)
    found.update(dict.fromkeys(row for row in new if replace(row, entered=True) not in known))
    return tuple(found)


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


def _check_badges(path: Path, roster: Roster, numbers: Iterable[tuple[str, str, Days]]) -> None:
    """A badge that reads like somebody else's employee number could be two people."""
    marked = [(f"badge {row.badge!r}", row.number) for row in roster.badges]
    held = [(f"badge {number!r}", who) for number, who, days in numbers if days.until is None]
    _refuse_shared(path, "person.badges", marked + held)


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
