"""`hr-core roster import FILE`: a roster merged into the store in one transaction, or refused whole.

From the first day that the file names for a person or team, the file is that one's roster; what was
planned for earlier days stays. The same file twice leaves the same state.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.live.rule_sets import load_engines
from hr_core.attendance.plan.roster import Assignment, RosterError, Rotation, Subject, SubjectKind
from hr_core.attendance.plan.roster_check import (
    Catalogue,
    RosterFault,
    rotation_change_faults,
    rotation_faults,
    timeline_faults,
)
from hr_core.attendance.plan.roster_file import (
    PlanFile,
    assignments_of,
    odd_days,
    parse_plan_file,
    place_faults,
    rotation_of,
    twice,
)
from hr_core.attendance.plan.roster_merge import (
    SubjectRoster,
    covered_by_team,
    locked_faults,
    subject_roster,
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
from hr_core.people.records import UnitKind
from hr_core.spreadsheet import read_rows
from hr_core.store import rosters as store
from hr_core.store.rosters import RosterVersion
from hr_core.store.work_plan import load_shifts, memberships_of, person_finder, unit_codes

Locked = Callable[[date], bool]

_MOST_FAULTS_SHOWN = 20


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


def _by_row(faults: Iterable[RosterFault], label: str) -> list[RosterFault]:
    """Rows of this file without its name, in their order."""
    short = [one._replace(origin=one.origin.removeprefix(f"{label} ")) for one in faults]
    return sorted(short, key=lambda one: int(one.origin.rpartition(" ")[2]))


class _Content(Struct, kw_only=True):
    """Everything that the file says. `faults` are those of its settings, without which no row can be
    judged; `row_faults` are told together with what the other rows make.
    """

    plan_file: PlanFile = PlanFile()
    rotations: dict[str, Rotation] = {}
    assignments: list[Assignment] = []
    faults: list[RosterFault] = []
    row_faults: list[RosterFault] = []


def import_roster(
    conn: sa.Connection, path: Path, by: str, at: datetime, locked: Locked
) -> RosterImported:
    """.toml, .xlsx, or CSV. `at` is aware. Raises RosterFileError, InputFileError; the caller's
    transaction then rolls back.
    """
    version = store.last_version(conn) + 1
    label = f"v{version} {path.name}"
    content = _read(conn, path, label)
    if content.faults:
        raise RosterFileError(str(path), content.faults + content.row_faults)
    catalogue = _checked_catalogue(conn, content)
    if content.faults:
        raise RosterFileError(str(path), content.faults + content.row_faults)
    rosters = _merged(conn, content.assignments, catalogue, content.row_faults)
    if not content.row_faults:
        content.row_faults += locked_faults(rosters, catalogue.rotations, locked)
    if content.row_faults:
        raise RosterFileError(str(path), _by_row(content.row_faults, label))
    changed = [one for one in rosters if one.is_changed]
    if not changed and not _adds_settings(content.plan_file):
        version -= 1
    else:
        _store(conn, content, changed, version)
        digest = sha256(path.read_bytes()).hexdigest()
        _record(conn, content, RosterVersion(version, path.name, digest, at, by), changed)
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


def _read(conn: sa.Connection, path: Path, origin: str) -> _Content:
    stored = store.load_rotations(conn)
    if path.suffix.casefold() != ".toml":
        lines = [TableRow(row.number, row.cells) for row in read_rows(path)]
        table = read_table(lines, _names(conn, PlanFile(), stored), origin)
        return _Content(assignments=table.assignments, row_faults=table.faults)
    try:
        plan_file = parse_plan_file(read_file(path))
    except ValueError as exc:
        raise InputFileError(
            str(exc), file=str(path), key="(file)", remedy="correct it; nothing was stored"
        ) from exc
    content = _Content(
        plan_file=plan_file, rotations={}, faults=twice(plan_file) + odd_days(plan_file)
    )
    for entry in plan_file.rotation:
        try:
            content.rotations[entry.code] = rotation_of(entry)
        except RosterError as exc:
            content.faults.append(
                RosterFault(f"rotation {entry.code}", exc.reason, f"{exc}; {exc.remedy}")
            )
    content.assignments, content.row_faults = assignments_of(
        plan_file.assignment, _names(conn, plan_file, stored | content.rotations), origin
    )
    return content


def _names(conn: sa.Connection, plan_file: PlanFile, rotations: dict[str, Rotation]) -> Names:
    calendars = (*store.load_calendars(conn), *plan_file.calendar)
    return Names(
        rotations=rotations,
        person_on=person_finder(conn),
        teams=unit_codes(conn),
        sites=unit_codes(conn, UnitKind.SITE) | {one.site for one in calendars},
        rules=frozenset(load_engines(conn)),
    )


def _checked_catalogue(conn: sa.Connection, content: _Content) -> Catalogue:
    """What rows may name; adds to the faults of the settings."""
    shifts, stored = load_shifts(conn), store.load_rotations(conn)
    used = store.rotations_in_use(conn)
    for code, rotation in content.rotations.items():
        content.faults += rotation_faults(rotation, shifts)
        content.faults += rotation_change_faults(rotation, stored.get(code), in_use=code in used)
    content.faults += _setting_faults(conn, content.plan_file)
    return Catalogue(shifts, stored | content.rotations)


def _setting_faults(conn: sa.Connection, plan_file: PlanFile) -> list[RosterFault]:
    faults = [fault for place in plan_file.place for fault in place_faults(place)]
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
) -> list[SubjectRoster]:
    """Each named subject's roster before and after; what cannot hold is added to `faults`."""
    named: dict[Subject, list[Assignment]] = {}
    for one in new:
        named.setdefault(one.subject, []).append(one)
    persons = [one.key for one in named if one.kind is SubjectKind.PERSON]
    units = memberships_of(conn, persons)
    teams = {Subject(SubjectKind.TEAM, one.team) for held in units.values() for one in held}
    stored: dict[Subject, list[Assignment]] = {}
    for one in store.load_assignments(conn, set(named) | teams):
        stored.setdefault(one.subject, []).append(one)
    rosters = [
        subject_roster(subject, stored.get(subject, []), assignments)
        for subject, assignments in named.items()
    ]
    after: dict[Subject, Sequence[Assignment]] = {**stored}
    after |= {one.subject: one.after for one in rosters}
    for roster in rosters:
        is_person = roster.subject.kind is SubjectKind.PERSON
        held = units[roster.subject.key] if is_person else ()
        faults += timeline_faults(roster.after, catalogue, covered_by_team(held, after))
    return rosters


def _adds_settings(plan_file: PlanFile) -> bool:
    return any(
        (plan_file.rotation, plan_file.calendar, plan_file.place, plan_file.correction_policy)
    )


def _store(
    conn: sa.Connection, content: _Content, changed: Sequence[SubjectRoster], version: int
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
    conn: sa.Connection,
    content: _Content,
    version: RosterVersion,
    changed: Sequence[SubjectRoster],
) -> None:
    store.add_version(conn, version)
    subjects = [f"{one.subject} from {one.first}" for one in changed]
    after = {
        "version": version.version,
        "file": version.file,
        "sha256": version.sha256,
        "calendars": content.plan_file.calendar,
        "subjects": len(subjects),
        "first_subjects": subjects[:100],  # each row keeps its version: this is for the reader
    }
    append(
        conn,
        version.imported_at,
        version.imported_by,
        "roster.import",
        f"roster v{version.version}",
        {"version": version.version - 1},
        after,
        "",
    )
