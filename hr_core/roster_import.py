"""`hr-core roster import FILE`: a roster merged into the store in one transaction, or refused whole.

From the first day that the file names for a person or team, the file is that one's roster; what was
planned for earlier days stays. The same file twice leaves the same state.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.plan.roster import (
    Assignment,
    Membership,
    RosterError,
    Rotation,
    Subject,
    SubjectKind,
)
from hr_core.attendance.plan.roster_check import (
    Catalogue,
    RosterFault,
    rotation_faults,
    timeline_faults,
)
from hr_core.attendance.plan.roster_file import (
    PlanFile,
    assignments_of,
    parse_plan_file,
    rotation_of,
    twice,
)
from hr_core.attendance.plan.roster_table import Names, TableRow, read_table
from hr_core.attendance.plan.site_calendar import (
    UnknownCalendarError,
    check_calendar,
    overlapping_calendars,
)
from hr_core.audit.log import append
from hr_core.errors import InputFileError
from hr_core.people.file import read_file
from hr_core.spreadsheet import read_rows
from hr_core.store import rosters as store
from hr_core.store.rosters import RosterVersion
from hr_core.store.work_plan import load_shifts, memberships_of, person_of_number, team_codes

Locked = Callable[[date], bool]

_MOST_FAULTS_SHOWN = 20
# An open assignment is looked at so far ahead for locked days: periods are locked after they end.
_LOOK_AHEAD = timedelta(days=400)


class RosterFileError(InputFileError):
    """The roster cannot hold; `faults` has a row and a reason for each."""

    def __init__(self, file: str, faults: Sequence[RosterFault]) -> None:
        shown = [f"{one.origin}: {one.message}" for one in faults[:_MOST_FAULTS_SHOWN]]
        if len(faults) > _MOST_FAULTS_SHOWN:
            shown.append(f"and {len(faults) - _MOST_FAULTS_SHOWN} more")
        super().__init__(
            "\n  ".join(shown),
            file=file,
            key=f"{len(faults)} faults" if len(faults) > 1 else "1 fault",
            remedy="correct these rows and import again; nothing was stored",
        )
        self.faults = tuple(faults)


class ChangedRoster(Struct, frozen=True):
    """Days from `first` on may have another plan for the subject."""

    subject: Subject
    first: date


class RosterImported(Struct, frozen=True, kw_only=True):
    """`version` is the roster's, unchanged when the file said nothing new."""

    file: str
    version: int
    rotations: int
    calendars: int
    places: int
    policies: int
    assignments: int
    changed: tuple[ChangedRoster, ...]


class _Content(Struct, kw_only=True):
    """Everything that the file says, and what is wrong with it."""

    plan_file: PlanFile = PlanFile()
    rotations: dict[str, Rotation] = {}
    assignments: list[Assignment] = []
    faults: list[RosterFault] = []


def import_roster(
    conn: sa.Connection, path: Path, by: str, at: datetime, locked: Locked
) -> RosterImported:
    """.toml, .xlsx, or CSV. `at` is aware. Raises RosterFileError, InputFileError; the caller's
    transaction then rolls back.
    """
    version = store.last_version(conn) + 1
    content = _read(conn, path, f"v{version} {path.name}")
    _refuse(path, content.faults)
    shifts = load_shifts(conn)
    rotations = store.load_rotations(conn)
    content.faults += _rotation_faults(
        content, rotations, set(shifts), store.rotations_in_use(conn)
    )
    for rotation in content.rotations.values():
        content.faults += rotation_faults(rotation, shifts, f"rotation {rotation.code}")
    content.faults += _calendar_faults(conn, content.plan_file)
    _refuse(path, content.faults)
    catalogue = Catalogue(shifts, rotations | content.rotations)
    rosters = _merged(conn, content.assignments, catalogue, content.faults)
    content.faults += _locked_faults(rosters, catalogue.rotations, locked)
    _refuse(path, content.faults)
    changed = [one for one in rosters if one.is_changed]
    if not changed and not _adds_settings(content.plan_file):
        version -= 1
    else:
        _store(conn, content, changed, version)
        _record(conn, path, by, at, version, changed)
    return RosterImported(
        file=str(path),
        version=version,
        rotations=len(content.rotations),
        calendars=len(content.plan_file.calendar),
        places=len(content.plan_file.place),
        policies=len(content.plan_file.correction_policy),
        assignments=len(content.assignments),
        changed=tuple(ChangedRoster(one.subject, one.first) for one in changed),
    )


class _Roster(Struct, frozen=True, kw_only=True):
    """A subject's roster before and after; `first` is the first day the file names."""

    subject: Subject
    first: date
    before: tuple[Assignment, ...]
    after: tuple[Assignment, ...]

    @property
    def is_changed(self) -> bool:
        return _without_origin(self.before) != _without_origin(self.after)


def _without_origin(assignments: Iterable[Assignment]) -> list[Assignment]:
    return [replace(one, origin="") for one in assignments]


def _read(conn: sa.Connection, path: Path, origin: str) -> _Content:
    stored = store.load_rotations(conn)
    if path.suffix.casefold() != ".toml":
        lines = [TableRow(row.number, row.cells) for row in read_rows(path)]
        table = read_table(lines, _names(conn, stored), origin)
        return _Content(assignments=table.assignments, faults=table.faults)
    try:
        plan_file = parse_plan_file(read_file(path))
    except ValueError as exc:
        raise InputFileError(
            str(exc), file=str(path), key="(file)", remedy="correct it; nothing was stored"
        ) from exc
    content = _Content(plan_file=plan_file, rotations={}, faults=_twice(plan_file))
    for entry in plan_file.rotation:
        try:
            content.rotations[entry.code] = rotation_of(entry)
        except RosterError as exc:
            content.faults.append(
                RosterFault(f"rotation {entry.code}", exc.reason, f"{exc}; {exc.remedy}")
            )
    content.assignments, faults = assignments_of(
        plan_file.assignment, _names(conn, stored | content.rotations), origin
    )
    content.faults += faults
    return content


def _names(conn: sa.Connection, rotations: dict[str, Rotation]) -> Names:
    return Names(rotations, person_of_number(conn), team_codes(conn))


def _twice(plan_file: PlanFile) -> list[RosterFault]:
    return twice(
        {
            "rotation": [one.code for one in plan_file.rotation],
            "place": [one.code for one in plan_file.place],
            "calendar": [f"{one.site} from {one.first}" for one in plan_file.calendar],
            "correction_policy": [one.first for one in plan_file.correction_policy],
        }
    )


def _rotation_faults(
    content: _Content, stored: dict[str, Rotation], shift_codes: set[str], used: set[str]
) -> list[RosterFault]:
    faults = []
    for code, rotation in content.rotations.items():
        if code in shift_codes:
            faults.append(
                RosterFault(f"rotation {code}", "name", "a shift has the same code: choose another")
            )
        if code in used and stored[code] != rotation:
            faults.append(
                RosterFault(
                    f"rotation {code}",
                    "rotation_in_use",
                    "rosters use it: give the changed one a new code and assign it from a date",
                )
            )
    return faults


def _calendar_faults(conn: sa.Connection, plan_file: PlanFile) -> list[RosterFault]:
    faults = []
    for calendar in plan_file.calendar:
        try:
            check_calendar(calendar)
        except UnknownCalendarError as exc:
            faults.append(
                RosterFault(f"calendar of {calendar.site}", "calendar", f"{exc}; {exc.remedy}")
            )
    by_key = {(one.site, one.first): one for one in store.load_calendars(conn)}
    by_key |= {(one.site, one.first): one for one in plan_file.calendar}
    clash = overlapping_calendars(list(by_key.values()))
    if clash:
        before, after = clash
        faults.append(
            RosterFault(
                f"calendar of {after.site}",
                "overlap",
                f"on {after.first} {before.name} and {after.name} both hold: "
                f"give the one from {before.first} an end (until)",
            )
        )
    return faults


def _merged(
    conn: sa.Connection,
    new: Sequence[Assignment],
    catalogue: Catalogue,
    faults: list[RosterFault],
) -> list[_Roster]:
    """Each named subject's roster before and after; what cannot hold is added to `faults`."""
    named: dict[Subject, list[Assignment]] = {}
    for one in new:
        named.setdefault(one.subject, []).append(one)
    persons = [one.key for one in named if one.kind is SubjectKind.PERSON]
    memberships = memberships_of(conn, persons)
    teams = {
        Subject(SubjectKind.TEAM, held.team) for of_one in memberships.values() for held in of_one
    }
    stored: dict[Subject, list[Assignment]] = {}
    for one in store.load_assignments(conn, set(named) | teams):
        stored.setdefault(one.subject, []).append(one)
    rosters = {
        subject: _roster(subject, stored.get(subject, []), assignments)
        for subject, assignments in named.items()
    }
    after = {subject: one.after for subject, one in rosters.items()}
    for subject, roster in rosters.items():
        held = memberships.get(subject.key, ()) if subject.kind is SubjectKind.PERSON else ()
        covered = _covered_by_team(held, stored | {k: list(v) for k, v in after.items()})
        faults += timeline_faults(roster.after, catalogue, covered)
    return list(rosters.values())


def _roster(subject: Subject, before: list[Assignment], new: list[Assignment]) -> _Roster:
    first = min(one.first for one in new)
    kept = [
        one if one.until is not None and one.until <= first else replace(one, until=first)
        for one in before
        if one.first < first
    ]
    return _Roster(
        subject=subject,
        first=first,
        before=tuple(sorted(before, key=_order)),
        after=tuple(sorted([*kept, *new], key=_order)),
    )


def _order(one: Assignment) -> tuple[date, date, str]:
    return one.first, one.until or date.max, "|".join((one.rotation or "", *one.duty.shifts))


def _covered_by_team(
    held: Sequence[Membership], rosters: dict[Subject, list[Assignment]]
) -> Callable[[date], bool]:
    def covered(day: date) -> bool:
        return any(
            one.covers(day)
            and any(a.covers(day) for a in rosters.get(Subject(SubjectKind.TEAM, one.team), ()))
            for one in held
        )

    return covered


def _locked_faults(
    rosters: Iterable[_Roster], rotations: dict[str, Rotation], locked: Locked
) -> list[RosterFault]:
    """A locked day keeps the plan by which it was computed and paid."""
    known: dict[date, bool] = {}
    faults = []
    for roster in rosters:
        if not roster.is_changed:
            continue
        ends = [one.until or one.first + _LOOK_AHEAD for one in (*roster.before, *roster.after)]
        for offset in range((max(ends) - roster.first).days):
            day = roster.first + timedelta(days=offset)
            if day not in known:
                known[day] = locked(day)
            if known[day] and _on(roster.before, day, rotations) != _on(
                roster.after, day, rotations
            ):
                origin = next((one.origin for one in roster.after if one.covers(day)), "")
                faults.append(
                    RosterFault(
                        origin, "locked", f"{roster.subject}: {day} lies in a locked period"
                    )
                )
                break
    return faults


def _on(
    assignments: Iterable[Assignment], day: date, rotations: dict[str, Rotation]
) -> list[tuple[object, ...]]:
    return [
        (one.duty_on(day, rotations), one.kind_from, one.rotation, one.site, one.rules)
        for one in assignments
        if one.covers(day)
    ]


def _adds_settings(plan_file: PlanFile) -> bool:
    return any(
        (plan_file.rotation, plan_file.calendar, plan_file.place, plan_file.correction_policy)
    )


def _store(
    conn: sa.Connection, content: _Content, changed: Sequence[_Roster], version: int
) -> None:
    for rotation in content.rotations.values():
        store.save_rotation(conn, rotation)
    for calendar in content.plan_file.calendar:
        store.save_calendar(conn, calendar)
    for place in content.plan_file.place:
        store.save_place(conn, place)
    for policy in content.plan_file.correction_policy:
        store.save_policy(conn, policy)
    for roster in changed:
        store.replace_assignments(conn, roster.subject, roster.after, version)


def _record(
    conn: sa.Connection, path: Path, by: str, at: datetime, version: int, changed: Sequence[_Roster]
) -> None:
    digest = sha256(path.read_bytes()).hexdigest()
    store.add_version(conn, RosterVersion(version, path.name, digest, at, by))
    subjects = [f"{one.subject} from {one.first}" for one in changed]
    after = {
        "version": version,
        "file": path.name,
        "sha256": digest,
        "subjects": len(subjects),
        "first_subjects": subjects[:100],  # each row keeps its version: this is for the reader
    }
    append(conn, at, by, "roster.import", f"roster v{version}", {"version": version - 1}, after, "")


def _refuse(path: Path, faults: Sequence[RosterFault]) -> None:
    if faults:
        raise RosterFileError(str(path), faults)
