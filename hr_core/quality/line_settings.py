"""The line file: what is known of stations beside their counters, and who answers for alerts.

TOML that a person writes (`hr-core line import FILE`), stored as its text; the newest is in force,
and what changes with time carries dates inside it. Stations and their counters themselves are in
the people file.
"""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from hr_core.errors import InputFileError
from hr_core.people.model import Roster
from hr_core.quality.alert_life import OwnerRule
from hr_core.toml_text import parse_toml

CounterPlace = tuple[str, str]  # (source, tag)
WallClock = Annotated[datetime, Meta(tz=False)]


class CounterRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    source: str
    tag: str


class StationRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A station and its counters.

    readers     serials of terminals that stand at it: a punch there is a badge on or off
    team        several people work at it together; else the next badge takes over
    silence_s   from when on its silence is a gap (None: it reports changes only)
    line_total  its pieces are the line's; false for a station before the one that counts
    signed      its register is shown as a signed number
    """

    code: str
    counters: tuple[CounterRow, ...]
    readers: tuple[str, ...] = ()
    team: bool = False
    silence_s: int | None = None
    line_total: bool = True
    signed: bool = False

    def places(self) -> list[CounterPlace]:
        return [(row.source, row.tag) for row in self.counters]


class RosterRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A planned presence, in the site's wall clock; half-open."""

    station: str
    person: str
    since: WallClock
    until: WallClock


class OwnerRow(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    role: str
    owner: str
    line: str | None = None
    shift: str | None = None
    since: date | None = None
    until: date | None = None

    def value(self) -> OwnerRule:
        return OwnerRule(**msgspec.structs.asdict(self))


class LineSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    station: tuple[StationRow, ...] = ()
    roster: tuple[RosterRow, ...] = ()
    owner: tuple[OwnerRow, ...] = ()

    def station_of(self) -> dict[CounterPlace, StationRow]:
        return {place: row for row in self.station for place in row.places()}

    def owners(self) -> tuple[OwnerRule, ...]:
        return tuple(row.value() for row in self.owner)


NO_SETTINGS = LineSettings()


def parse_settings(text: str, *, file: str) -> LineSettings:
    """Raises InputFileError."""
    return parse_toml(text, LineSettings, file=file, remedy="correct the key (docs/quality.md)")


def check_settings(settings: LineSettings, roster: Roster, *, file: str) -> None:
    """Every name must be known, and a counter belongs to one station. Raises InputFileError."""
    known = {(row.source, row.tag) for row in roster.stations}
    codes = {row.code for row in settings.station}
    places = [place for row in settings.station for place in row.places()]
    faults = [
        *(f"station {row.code} stands twice" for row in settings.station if _twice(row, settings)),
        *(f"counter {'/'.join(place)} is no station of the people file" for place in places
          if place not in known),
        *(f"counter {'/'.join(place)} belongs to two stations" for place in places
          if places.count(place) > 1),
        *(f"roster names the station {row.station!r}, which is not in this file"
          for row in settings.roster if row.station not in codes),
        *(f"roster names the person {row.person!r}, whom nobody imported"
          for row in settings.roster if row.person not in roster.people),
        *(f"the roster of {row.person} at {row.station} ends before it begins"
          for row in settings.roster if row.until <= row.since),
        *(f"owner names the line {row.line!r}, which is not defined"
          for row in settings.owner if row.line not in {None, *roster.lines}),
        *(f"owner names the shift {row.shift!r}, which is not defined"
          for row in settings.owner if row.shift not in {None, *roster.shifts}),
    ]  # fmt: skip
    if faults:
        raise InputFileError(
            "; ".join(dict.fromkeys(faults)),
            file=file,
            key="(file)",
            remedy="correct the names and import again; nothing was stored",
        )


def _twice(row: StationRow, settings: LineSettings) -> bool:
    return sum(other.code == row.code for other in settings.station) > 1
