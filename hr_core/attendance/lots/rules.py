"""The plant's own dated rules of time off, held against what the law allows."""

import calendar
from datetime import date, timedelta
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.hours.law import TimeOffLaw, WorkingTimeLaw
from hr_core.data_files import read_text
from hr_core.errors import InputFileError, NoLawError, RefusedError
from hr_core.toml_text import parse_toml

BUILT_IN = "time_off.toml"
_MOST_MONTHS = 120


class Order(StrEnum):
    OLDEST_FIRST = "oldest_first"
    EXPIRING_FIRST = "expiring_first"


class Earns(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Overtime of this kind of day becomes time off. No `expires_after_months`: for good."""

    kind: DayKind
    expires_after_months: int | None = None
    until_end_of: Literal["day", "month", "year"] = "day"
    agreement: str = ""

    def last_day(self, earned: date) -> date | None:
        """The last day on which it can be taken."""
        if self.expires_after_months is None:
            return None
        day = _months_later(earned, self.expires_after_months)
        if self.until_end_of == "year":
            return date(day.year, 12, 31)
        return _end_of_month(day) if self.until_end_of == "month" else day


class TimeOffEdition(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}
):
    version: str
    since: date
    source: str
    order: Order
    earns: tuple[Earns, ...]


class TimeOffRules(Struct, frozen=True, forbid_unknown_fields=True):
    edition: tuple[TimeOffEdition, ...]

    def on(self, day: date) -> TimeOffEdition:
        """The newest edition in force on `day`. Raises NoLawError before the first."""
        in_force = [edition for edition in self.edition if edition.since <= day]
        if not in_force:
            raise NoLawError("rule of time off", day)
        return max(in_force, key=lambda edition: edition.since)


class NotTimeOffError(RefusedError):
    """Overtime that must be paid. `law` is the row that says so, None when it is the plant's rule."""

    def __init__(self, message: str, *, remedy: str, law: TimeOffLaw | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.law = law


def terms_of(rules: TimeOffRules, law: TimeOffLaw, on: date) -> Earns:
    """By what rule overtime of a day becomes time off. Raises NotTimeOffError, NoLawError."""
    fault = _beyond_law(law, agreement="-")
    if fault:
        raise NotTimeOffError(
            f"overtime of {on} cannot become time off: {fault}",
            remedy=f"pay it at {law.pay_percent} %",
            law=law,
        )
    edition = rules.on(on)
    for row in edition.earns:
        if row.kind == law.kind:
            fault = _beyond_law(law, agreement=row.agreement)
            if fault:
                raise NotTimeOffError(
                    f"overtime of {on} cannot become time off by {edition.version}: {fault}",
                    remedy="name the agreement in the rule, or pay the overtime",
                    law=law,
                )
            return row
    raise NotTimeOffError(
        f"by {edition.version} overtime of a {law.kind} is paid, no time off ({on})",
        remedy="pay it, or import rules of time off that say otherwise",
    )


def load_time_off_rules() -> TimeOffRules:
    return parse_time_off_rules(read_text(BUILT_IN), file=BUILT_IN)


def parse_time_off_rules(text: str, *, file: str) -> TimeOffRules:
    """Raises InputFileError naming the key."""
    rules = parse_toml(
        text,
        TimeOffRules,
        file=file,
        remedy="compare with hr_core/data/time_off.toml (docs/hours-cn.md)",
    )
    starts = [edition.since for edition in rules.edition]
    if not starts or len(set(starts)) != len(starts):
        raise InputFileError(
            "there is no edition" if not starts else "two editions begin on the same day",
            file=file,
            key="edition.from",
            remedy="give each edition a day of its own from which it is in force",
        )
    for edition in rules.edition:
        _check(edition, file)
    return rules


def check_against_law(rules: TimeOffRules, law: WorkingTimeLaw, code: str, *, file: str) -> None:
    """Raises InputFileError for a rule that the law does not allow, NoLawError without a law."""
    for edition in rules.edition:
        for row in edition.earns:
            fault = _beyond_law(
                law.time_off_for(code, row.kind, edition.since), agreement=row.agreement
            )
            if fault:
                raise InputFileError(
                    fault,
                    file=file,
                    key=f"edition {edition.version}: earns {row.kind}",
                    remedy="leave the kind of day out, or name the agreement it stands on",
                )


def _beyond_law(law: TimeOffLaw, *, agreement: str) -> str:
    if law.time_off == "no":
        return f"overtime of a {law.kind} is always paid, {law.pay_percent} % ({law.source})"
    if law.time_off == "by_agreement" and not agreement.strip():
        return f"overtime of a {law.kind} needs an agreement for time off ({law.source})"
    return ""


def _check(edition: TimeOffEdition, file: str) -> None:
    kinds = [row.kind for row in edition.earns]
    faults = [f"{kind} stands twice" for kind in DayKind if kinds.count(kind) > 1]
    faults += [
        f"{row.kind}: expires_after_months {row.expires_after_months} is not within 0 to "
        f"{_MOST_MONTHS}"
        for row in edition.earns
        if row.expires_after_months is not None
        and not 0 <= row.expires_after_months <= _MOST_MONTHS
    ]
    if faults:
        raise InputFileError(
            "; ".join(faults),
            file=file,
            key=f"edition {edition.version}: earns",
            remedy="correct these rules and import again; nothing was stored",
        )


def _months_later(day: date, months: int) -> date:
    """The same day of the month, or its last where the month is shorter."""
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _end_of_month(day: date) -> date:
    return _months_later(day.replace(day=1), 1) - timedelta(days=1)
