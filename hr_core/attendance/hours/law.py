"""Working-time law as dated rows, each with its source and how far it can be trusted."""

from datetime import date
from enum import StrEnum
from typing import Literal, TypeVar

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.data_files import load
from hr_core.errors import CoreError, NoLawError

Status = Literal["official", "secondary", "unverified"]


class HourKind(StrEnum):
    """What a worked minute is to the law. `OVER_PERIOD` exists only for comprehensive hours, where
    no single day tells overtime.
    """

    NORMAL = "normal"
    EXTENDED = "extended"
    REST_DAY = "rest_day"
    STATUTORY_HOLIDAY = "statutory_holiday"
    OVER_PERIOD = "over_period"


class Window(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    PERIOD = "period"  # of the permit


class PeriodLength(StrEnum):
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class System(StrEnum):
    """标准工时, 综合计算工时, 不定时."""

    STANDARD = "standard"
    COMPREHENSIVE = "comprehensive"
    IRREGULAR = "irregular"


class LawRow(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}
):
    """In force from `since` until `until`, half open."""

    since: date
    until: date | None = None
    source: str
    status: Status

    def in_force(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on < self.until)


class Jurisdiction(LawRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    zones: tuple[str, ...]
    standard_day_min: int


class Limit(LawRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`warn_at`: percent of the limit from which it warns; passing the limit always tells."""

    code: str
    jurisdiction: str
    window: Window
    period: PeriodLength | None = None
    counts: tuple[HourKind, ...]
    counts_source: str
    minutes: int
    warn_at: tuple[int, ...] = (80, 95, 100)
    level: Literal["limit", "usual"]
    system: System


class StatutoryHours(LawRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Minutes of work that a whole period holds by law."""

    jurisdiction: str
    week: int
    month: int
    quarter: int
    year: int

    def of(self, period: PeriodLength) -> int:
        return {
            PeriodLength.WEEK: self.week,
            PeriodLength.MONTH: self.month,
            PeriodLength.QUARTER: self.quarter,
            PeriodLength.YEAR: self.year,
        }[period]


class TimeOffLaw(LawRow, frozen=True, kw_only=True, forbid_unknown_fields=True):
    jurisdiction: str
    kind: DayKind
    time_off: Literal["yes", "by_agreement", "no"]
    pay_percent: int
    unpaid_lapse: bool


Row = TypeVar("Row", Jurisdiction, Limit, StatutoryHours, TimeOffLaw)


class WorkingTimeLaw(Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    jurisdiction: tuple[Jurisdiction, ...]
    limit: tuple[Limit, ...]
    statutory_hours: tuple[StatutoryHours, ...]
    time_off: tuple[TimeOffLaw, ...]

    def of_zone(self, zone: str) -> str:
        """The jurisdiction of a site. Raises NoJurisdictionError."""
        for row in self.jurisdiction:
            if zone in row.zones:
                return row.code
        raise NoJurisdictionError(zone)

    def standard_day(self, code: str, on: date) -> Jurisdiction:
        """Raises NoLawError."""
        rows = [row for row in self.jurisdiction if row.code == code]
        return _only(rows, f"standard working day of {code}", on)

    def limits(self, code: str, on: date) -> tuple[Limit, ...]:
        """Those in force. Raises NoLawError when there is none."""
        found = tuple(row for row in self.limit if row.jurisdiction == code and row.in_force(on))
        if not found:
            raise NoLawError(f"limit of working hours in {code}", on)
        return found

    def hours_of_period(self, code: str, on: date) -> StatutoryHours:
        """Raises NoLawError."""
        rows = [row for row in self.statutory_hours if row.jurisdiction == code]
        return _only(rows, f"statutory hours of a period in {code}", on)

    def time_off_for(self, code: str, kind: DayKind, on: date) -> TimeOffLaw:
        """Raises NoLawError."""
        rows = [row for row in self.time_off if (row.jurisdiction, row.kind) == (code, kind)]
        return _only(rows, f"rule of time off for overtime of a {kind} in {code}", on)


class NoJurisdictionError(CoreError):
    """Nobody entered the law of the site's zone; nothing is judged by another country's."""

    def __init__(self, zone: str) -> None:
        super().__init__(
            f"no working-time law is entered for sites in {zone}",
            remedy="add the zone and the sourced rows to hr_core/data/working_time_law.toml",
        )
        self.zone = zone


class UnverifiedHoursLawError(CoreError):
    """Money or a forfeit would rest on a row that nobody has checked."""

    def __init__(self, what: str, row: LawRow) -> None:
        super().__init__(
            f"{what} rests on an unverified row: {row.source}",
            remedy="check the source and correct the row's status, or say --unverified",
        )
        self.row = row


def load_law() -> WorkingTimeLaw:
    return load("working_time_law.toml", WorkingTimeLaw)


def _only(rows: list[Row], item: str, on: date) -> Row:
    for row in rows:
        if row.in_force(on):
            return row
    raise NoLawError(item, on)
