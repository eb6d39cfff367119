"""The TOML file of what rosters are made of: rotations, site calendars, places, policies, and
assignments. Every error names the entry; nothing of a faulty file is used.
"""

from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec
from msgspec import Struct

from hr_core.attendance.plan.correction_policy import CorrectionPolicy
from hr_core.attendance.plan.place import MAX_RADIUS_M, Place
from hr_core.attendance.plan.roster import (
    MAX_CYCLE_DAYS,
    Assignment,
    DayDuty,
    KindFrom,
    RosterError,
    Rotation,
    load_templates,
)
from hr_core.attendance.plan.roster_check import RosterFault
from hr_core.attendance.plan.roster_table import Names, TableRow, plannable, read_table
from hr_core.attendance.plan.site_calendar import SiteCalendar
from hr_core.toml_text import parse_toml_text


class RotationEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either `template` with a shift for each of its slots, or the `cycle` itself."""

    code: str
    name: str = ""
    name_zh: str = ""
    template: str | None = None
    shifts: dict[str, str] = {}
    cycle: tuple[str, ...] = ()
    kind_from: KindFrom = KindFrom.ROSTER
    works_holidays: bool = True


class AssignmentEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    person: str = ""
    team: str = ""
    plan: str
    first_day: date
    last_day: date | None = None
    offset: int = 0
    site: str = ""
    rules: str = ""
    days: Literal["calendar", "roster", ""] = ""


class PlanFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rotation: tuple[RotationEntry, ...] = ()
    calendar: tuple[SiteCalendar, ...] = ()
    place: tuple[Place, ...] = ()
    correction_policy: tuple[CorrectionPolicy, ...] = ()
    assignment: tuple[AssignmentEntry, ...] = ()


def parse_plan_file(text: str) -> PlanFile:
    """Raises ValueError that says where."""
    try:
        plan_file = msgspec.convert(parse_toml_text(text), PlanFile)
    except msgspec.ValidationError as exc:
        raise ValueError(str(exc)) from exc
    if b"\\u0000" in msgspec.json.encode(plan_file):  # PostgreSQL stores no NUL
        raise ValueError("a text has a NUL character: take it out")
    return plan_file


def place_faults(place: Place) -> list[RosterFault]:
    on_earth = abs(place.latitude) <= 90 and abs(place.longitude) <= 180
    if on_earth and 1 <= place.radius_m <= MAX_RADIUS_M:
        return []
    message = f"degrees (WGS 84) and a radius of 1 to {MAX_RADIUS_M} m are needed"
    return [RosterFault(f"place {place.code}", "place", message)]


def rotation_of(entry: RotationEntry) -> Rotation:
    """Raises RosterError."""
    if (entry.template is None) == (not entry.cycle):
        raise RosterError(
            "rotation", "a rotation has either a template or a cycle", remedy="write one of them"
        )
    if entry.template is not None:
        templates = load_templates()
        if entry.template not in templates:
            raise RosterError(
                "rotation",
                f"no template is called {entry.template!r}",
                remedy=f"use one of {', '.join(templates)}",
            )
        return templates[entry.template].rotation(entry.code, entry.name, entry.shifts)
    if len(entry.cycle) > MAX_CYCLE_DAYS:
        raise RosterError(
            "rotation",
            f"a cycle of {len(entry.cycle)} days is over the cap of {MAX_CYCLE_DAYS}",
            remedy="import the days as a table instead",
        )
    return Rotation(
        code=entry.code,
        name=entry.name,
        name_zh=entry.name_zh,
        cycle=tuple(DayDuty.parse(day) for day in entry.cycle),
        kind_from=entry.kind_from,
        works_holidays=entry.works_holidays,
    )


def assignments_of(
    entries: Sequence[AssignmentEntry], names: Names, origin: str
) -> tuple[list[Assignment], list[RosterFault]]:
    """As lines of a table, so that both are judged alike; "row 1" is the first entry."""
    titles = ("person", "team", "plan", "first_day", "last_day", "offset", "site", "rules", "days")
    lines = [TableRow(0, titles)]
    lines += [
        TableRow(number, [_text(getattr(entry, title)) for title in titles])
        for number, entry in enumerate(entries, start=1)
    ]
    return read_table(lines, names, f"{origin} [[assignment]]")


def twice(plan_file: PlanFile) -> list[RosterFault]:
    """Entries of a table that have one key."""
    keys: dict[str, list[object]] = {
        "rotation": [one.code for one in plan_file.rotation],
        "place": [one.code for one in plan_file.place],
        "calendar": [f"{one.site} from {one.first}" for one in plan_file.calendar],
        "correction_policy": [one.first for one in plan_file.correction_policy],
    }
    return [
        RosterFault(f"[[{table}]]", "twice", f"{key!r} stands twice")
        for table, named in keys.items()
        for key in sorted({str(key) for key in named if named.count(key) > 1})
    ]


def odd_days(plan_file: PlanFile) -> list[RosterFault]:
    """Of calendars and policies; those of assignments are judged with their rows."""
    named = [
        (f"calendar of {one.site}", day)
        for one in plan_file.calendar
        for day in (one.first, one.until, *(own.on for own in one.own_days))
    ]
    named += [
        (f"correction_policy {one.version}", one.first) for one in plan_file.correction_policy
    ]
    faults = []
    for where, day in named:
        try:
            if day is not None:
                plannable(day)
        except ValueError as exc:
            faults.append(RosterFault(where, "date", str(exc)))
    return faults


def _text(value: object) -> str:
    return "" if value is None or value == 0 else str(value)
