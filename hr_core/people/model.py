"""People, shifts and stations as the engines see them: frozen values, times in plain minutes."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from msgspec import Struct

from hr_core.clock import DAY_MIN, DAY_S, format_time_of_day

ANY_DEVICE = "*"


class Shift(Struct, frozen=True, kw_only=True):
    """A working time. Minutes count from midnight of the day on which the shift begins.

    end_min         over 1440 when the shift ends on the next day (18:00-06:00 is 1080-1800)
    break_start_min where the unpaid break lies; it is deducted as far as the presence crosses it
    early_in_min, late_out_min: how long before and after the shift a punch still belongs to it
    """

    code: str
    name: str
    name_zh: str = ""
    start_min: int
    end_min: int
    break_min: int
    break_start_min: int
    early_in_min: int
    late_out_min: int

    def window(self, ordinal: int) -> tuple[int, int]:
        """The half-open range of wall seconds whose punches belong to the day `ordinal`."""
        midnight = ordinal * DAY_S
        return (
            midnight + (self.start_min - self.early_in_min) * 60,
            midnight + (self.end_min + self.late_out_min) * 60,
        )

    @property
    def window_min(self) -> int:
        return self.end_min - self.start_min + self.early_in_min + self.late_out_min

    def hours(self) -> str:
        return f"{format_time_of_day(self.start_min)}-{format_time_of_day(self.end_min)}"


MAX_WINDOW_MIN = DAY_MIN  # a longer window would claim the next day's punches too


class Person(Struct, frozen=True, kw_only=True):
    """`origin` names the people file (and its digest) that the base pay was read from."""

    number: str
    name: str
    shift: str
    base_fen: int
    zone: str
    origin: str


class Station(Struct, frozen=True, kw_only=True):
    """A counter on a line. `modulus` None: it never wraps; `retentive` None: not known."""

    source: str
    tag: str
    line: str
    modulus: int | None = None
    max_rate_per_s: int | None = None
    retentive: bool | None = None


class Line(Struct, frozen=True, kw_only=True):
    code: str
    name: str
    name_zh: str = ""


class Days(NamedTuple):
    """Half-open days of the site's wall clock; None: without a bound on that side."""

    first: date | None = None
    until: date | None = None

    @classmethod
    def of_span(cls, since: datetime, until: datetime, zone: str) -> Self:
        """Every day that the span of two aware instants touches in the zone."""
        first, last = (one.astimezone(ZoneInfo(zone)).date() for one in (since, until))
        return cls(first, last + timedelta(days=1))

    def covers(self, on: date) -> bool:
        return (self.first is None or self.first <= on) and (self.until is None or on < self.until)

    def overlaps(self, other: "Days") -> bool:
        return (self.first is None or other.until is None or self.first < other.until) and (
            other.first is None or self.until is None or other.first < self.until
        )

    def text(self) -> str:
        """For messages: "from 2026-05-01 until 2026-06-01"; "at all times" without bounds."""
        bounds = (("from", self.first), ("until", self.until))
        return " ".join(f"{word} {day}" for word, day in bounds if day) or "at all times"


class DeviceUser(Struct, frozen=True, kw_only=True):
    """`user_id` on the device `serial` ("*": on every device) is the person `number`, on the days
    from `valid_from` to before `valid_until`: an id that is used again keeps both histories.

    entered: by a command or a page; a people file does not take it away
    """

    serial: str
    user_id: str
    number: str
    valid_from: date | None = None
    valid_until: date | None = None
    entered: bool = False

    @property
    def days(self) -> Days:
        return Days(self.valid_from, self.valid_until)


DeviceUserMap = dict[tuple[str, str], tuple[DeviceUser, ...]]
"""By (serial, user id): who the id was, one after the other."""


class Badge(Struct, frozen=True, kw_only=True):
    """`entered`: as in DeviceUser."""

    badge: str
    number: str
    entered: bool = False


class Roster(Struct, frozen=True, kw_only=True):
    """Everything that a people file says or that the store holds of it.

    people   by their key, which every `number` of these rows is
    numbers  (employee number, person, days); a person without one has the key as number
    merged   keys of records that are part of another one now
    leaves_alone  of a file: "devices", "badges" when it says nothing about them
    """

    zone: str
    scheme: str
    shifts: dict[str, Shift]
    people: dict[str, Person]
    device_users: tuple[DeviceUser, ...] = ()
    badges: tuple[Badge, ...] = ()
    lines: dict[str, Line] = {}
    stations: tuple[Station, ...] = ()
    numbers: tuple[tuple[str, str, Days], ...] = ()
    merged: dict[str, str] = {}
    leaves_alone: frozenset[str] = frozenset()

    def current(self, person: str) -> str:
        """The record that a merged one became part of; any other as it is."""
        return self.merged.get(person, person)

    def number_by_device_user(self) -> DeviceUserMap:
        """For `find_person`."""
        found: DeviceUserMap = {}
        for row in self.device_users:
            key = (row.serial, row.user_id)
            found[key] = (*found.get(key, ()), row)
        return found

    def number_by_badge(self, days: Days) -> dict[str, str]:
        """Who a badge on a line is on these days: a badge of the file, else an employee number, else
        a user id that means the same person on every device. One that could be two is nobody's.
        """
        known = _by_common_user_id(row for row in self.device_users if row.days.overlaps(days))
        numbered = {person for _, person, _ in self.numbers}
        keys = [(key, key) for key in self.people if key not in numbered]
        dated = [(number, who) for number, who, held in self.numbers if held.overlaps(days)]
        for number, persons in _grouped([*keys, *dated]).items():
            one = persons.pop()
            if persons or known.setdefault(number, one) != one:
                known.pop(number, None)
        known.update({row.badge: row.number for row in self.badges})
        return known


def _by_common_user_id(rows: Iterable[DeviceUser]) -> dict[str, str]:
    found = _grouped((row.user_id, row.number) for row in rows if row.serial == ANY_DEVICE)
    return {user_id: numbers.pop() for user_id, numbers in found.items() if len(numbers) == 1}


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key, value in pairs:
        found.setdefault(key, set()).add(value)
    return found


def find_person(mapping: DeviceUserMap, serial: str, user_id: str, on: date) -> str | None:
    """Who a device's user id was on a day of the device's wall clock; the device's own entry wins
    over "*". None: nobody then, the punch waits.
    """
    for key in ((serial, user_id), (ANY_DEVICE, user_id)):
        for row in mapping.get(key, ()):
            if row.days.covers(on):
                return row.number
    return None


def overlapping(rows: Iterable[DeviceUser]) -> tuple[DeviceUser, DeviceUser] | None:
    """Two rows that give one id of one device to somebody on the same day; None when there are none."""
    last: dict[tuple[str, str], DeviceUser] = {}
    for row in sorted(rows, key=lambda row: (row.valid_from or date.min, row.number)):
        key = (row.serial, row.user_id)
        before = last.get(key)
        # The rows before do not overlap, so the last one begun is the last one to end.
        if before is not None and before.days.overlaps(row.days):
            return before, row
        last[key] = row
    return None
