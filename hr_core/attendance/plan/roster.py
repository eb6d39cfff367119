"""Rosters: who is to work which shift or rotation from when until when."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Self

from msgspec import Struct
from typing_extensions import override

from hr_core.attendance.plan.model import ShiftChoice
from hr_core.attendance.plan.site_calendar import ANY_SITE
from hr_core.data_files import load
from hr_core.errors import RefusedError

# Two years: a longer cycle is a table of days, and a table of days is imported as one.
MAX_CYCLE_DAYS = 732


class KindFrom(StrEnum):
    """What says whether a day is a workday."""

    CALENDAR = "calendar"  # the site's calendar; the roster says only which shift
    ROSTER = "roster"  # the roster: a shift is due, its absence is rest. Holidays stay holidays.


class RosterError(RefusedError):
    """A roster that cannot hold. `reason` is a word for programs."""

    def __init__(self, reason: str, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.reason = reason


class DayDuty(Struct, frozen=True):
    """Shift codes of one day; none: rest."""

    shifts: tuple[str, ...]
    choice: ShiftChoice = ShiftChoice.ASSIGNED

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "D", "D+E" (both), "D|N" (whichever the punches show) or "rest"."""
        cell = text.strip()
        if cell.casefold() in REST_WORDS:
            return cls(())
        mark, choice = ("|", ShiftChoice.FROM_PUNCH) if "|" in cell else ("+", ShiftChoice.ASSIGNED)
        return cls(tuple(code.strip() for code in cell.split(mark)), choice)


REST_WORDS = frozenset({"rest", "-", "休", "休息"})


class Rotation(Struct, frozen=True, kw_only=True):
    """A cycle of days that repeats without end."""

    code: str
    name: str
    name_zh: str = ""
    cycle: tuple[DayDuty, ...]
    kind_from: KindFrom = KindFrom.ROSTER
    works_holidays: bool = True

    def duty(self, days_since_start: int) -> DayDuty:
        return self.cycle[days_since_start % len(self.cycle)]

    @property
    def shifts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(code for duty in self.cycle for code in duty.shifts))


class RotationTemplate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A well-known rotation in slots (D, E, N) instead of a plant's shifts.

    `crew_offsets`: where in the cycle each crew starts, so that together they man every slot once.
    """

    code: str
    name: str
    name_zh: str
    source: str
    cycle: tuple[str, ...]
    crew_offsets: tuple[int, ...]
    kind_from: KindFrom
    works_holidays: bool

    def rotation(self, code: str, name: str, shift_of_slot: dict[str, str]) -> Rotation:
        """Raises RosterError when a slot has no shift."""
        duties = [DayDuty.parse(slot) for slot in self.cycle]
        slots = {slot for duty in duties for slot in duty.shifts}
        if slots != shift_of_slot.keys():
            raise RosterError(
                "template_slots",
                f"template {self.code} has the slots {', '.join(sorted(slots))}, "
                f"not {', '.join(sorted(shift_of_slot)) or 'none'}",
                remedy='give each slot a shift: shifts = { D = "day", N = "night" }',
            )
        return Rotation(
            code=code,
            name=name,
            name_zh=self.name_zh,
            cycle=tuple(
                DayDuty(tuple(shift_of_slot[slot] for slot in duty.shifts)) for duty in duties
            ),
            kind_from=self.kind_from,
            works_holidays=self.works_holidays,
        )


class _TemplateFile(Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    template: tuple[RotationTemplate, ...]


def load_templates() -> dict[str, RotationTemplate]:
    return {one.code: one for one in load("rotation_templates.toml", _TemplateFile).template}


class SubjectKind(StrEnum):
    PERSON = "person"
    TEAM = "team"


class Subject(Struct, frozen=True, order=True):
    kind: SubjectKind
    key: str

    @override
    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Assignment(Struct, frozen=True, kw_only=True):
    """What a person or a team works from `first` until the day `until` (excluded; None: open).

    Either `rotation` (which begins on `first` with the day `offset` of its cycle) or `duty`.
    `origin` says where it was written: "roster.xlsx row 7".
    """

    subject: Subject
    first: date
    until: date | None = None
    rotation: str | None = None
    offset: int = 0
    duty: DayDuty = DayDuty(())
    kind_from: KindFrom = KindFrom.CALENDAR
    site: str = ANY_SITE
    rules: str | None = None
    origin: str = ""

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.until is None or day < self.until)

    def duty_on(self, day: date, rotations: dict[str, Rotation]) -> DayDuty:
        if self.rotation is None:
            return self.duty
        return rotations[self.rotation].duty((day - self.first).days + self.offset)

    def shift_codes(self, rotations: dict[str, Rotation]) -> tuple[str, ...]:
        return self.duty.shifts if self.rotation is None else rotations[self.rotation].shifts

    def describe(self) -> str:
        what = (
            f"rotation {self.rotation} from {self.first}"
            if self.rotation is not None
            else f"shift {'|'.join(self.duty.shifts) or 'rest'}"
        )
        return f"{self.subject}: {what}" + (f" ({self.origin})" if self.origin else "")


class Membership(Struct, frozen=True):
    """A person is in a team from `first` until the day `until` (excluded; None: open)."""

    team: str
    first: date
    until: date | None = None

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.until is None or day < self.until)


def days_of(first: date, until: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((until - first).days)]
