"""A pay scheme: dated editions of factors, each with its source. Read from TOML, never coded.

An edition with `law = "cn"` pays by the law of each person's city (hr_core.pay.month_lines); one
without pays base, overtime and the consequence of the quality grade, and no tax or insurance.
"""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.data_files import read_text
from hr_core.errors import InputFileError, NoLawError
from hr_core.law.national import national_law
from hr_core.money import parse_exact
from hr_core.toml_text import parse_toml

BUILT_IN = {"demo": "scheme_demo.toml", "cn": "scheme_cn.toml"}
_REMEDY = (
    "compare with hr_core/data/scheme_demo.toml and scheme_cn.toml (docs/pay-schemes.md); "
    'factors are text like "1.5"'
)


class OvertimeTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """Hourly pay = base / month_days / day_hours, times the factor of the day's kind."""

    source: str
    month_days: Fraction
    day_hours: Fraction
    workday: Fraction
    rest_day: Fraction
    statutory_holiday: Fraction

    def factor(self, kind: DayKind) -> Fraction:
        return {
            DayKind.WORKDAY: self.workday,
            DayKind.REST_DAY: self.rest_day,
            DayKind.STATUTORY_HOLIDAY: self.statutory_holiday,
        }[kind]


class GradeTerms(Struct, frozen=True, forbid_unknown_fields=True):
    source: str
    percent_of_base: dict[str, Fraction]


class AllowanceTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """Allowances of an agreement count for the days of employment; unpaid leave lessens them or not."""

    source: str
    lessened_by_unpaid_leave: bool


class LeaveTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """`unpaid`: codes of leave (hr_core/data/request_kinds.toml) that carry no wage."""

    source: str
    unpaid: tuple[str, ...]


class EmployerTerms(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The employer's own rates in a city, where the law leaves room; what is absent is the law's."""

    city: str
    source: str
    injury_percent: Fraction | None = None
    unemployment_employer_percent: Fraction | None = None
    unemployment_employee_percent: Fraction | None = None
    fund_percent: Fraction | None = None
    fund_supplement_percent: Fraction = Fraction(0)


class PostTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """Of a type of post: from and to, both allowed."""

    type: str
    floating_percent: tuple[Fraction, Fraction]
    coefficient: tuple[Fraction, Fraction]


class ScoreStep(Struct, frozen=True, forbid_unknown_fields=True):
    at_least: Fraction
    coefficient: Fraction


class FloatingTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """The part of the agreed wage that a coefficient multiplies.

    by_grade, by_score   the coefficient of a locked result that does not tell its own
    without_result       the coefficient while nothing is locked; absent: such a person is refused
    """

    source: str
    post: tuple[PostTerms, ...]
    by_grade: dict[str, Fraction] = {}
    by_score: tuple[ScoreStep, ...] = ()
    without_result: Fraction | None = None

    def of_post(self, post_type: str) -> PostTerms | None:
        return next((one for one in self.post if one.type == post_type), None)


class SchemeEdition(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """`overtime` of the house's own; absent: the rates of the country's law."""

    version: str
    since: date
    source: str
    law: Literal["cn"] | None = None
    overtime: OvertimeTerms | None = None
    grade: GradeTerms | None = None
    floating: FloatingTerms | None = None
    allowances: AllowanceTerms | None = None
    leave: LeaveTerms | None = None
    employer: tuple[EmployerTerms, ...] = ()

    def employer_in(self, city: str) -> EmployerTerms | None:
        return next((one for one in self.employer if one.city == city), None)

    def overtime_on(self, day: date) -> OvertimeTerms:
        """Raises NoLawError where the law has none for the day."""
        if self.overtime is not None:
            return self.overtime
        law = national_law().overtime_on(day)
        return OvertimeTerms(
            source=law.source,
            month_days=law.month_days,
            day_hours=law.day_hours,
            workday=law.factors[DayKind.WORKDAY],
            rest_day=law.factors[DayKind.REST_DAY],
            statutory_holiday=law.factors[DayKind.STATUTORY_HOLIDAY],
        )


class Scheme(Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    name: str
    edition: tuple[SchemeEdition, ...]
    name_zh: str = ""

    def on(self, day: date) -> SchemeEdition:
        """The newest edition in force on `day`. Raises NoLawError before the first."""
        in_force = [edition for edition in self.edition if edition.since <= day]
        if not in_force:
            raise NoLawError(f"edition of pay scheme {self.code!r}", day)
        return max(in_force, key=lambda edition: edition.since)


def built_in_scheme_text(code: str) -> str | None:
    return read_text(BUILT_IN[code]) if code in BUILT_IN else None


def parse_scheme(text: str, *, file: str) -> Scheme:
    """Raises InputFileError naming the key."""
    scheme = parse_toml(text, Scheme, file=file, remedy=_REMEDY, hook=_factor)
    for edition in scheme.edition:
        _check(edition, file)
    return scheme


def _check(edition: SchemeEdition, file: str) -> None:
    for key, fault, remedy in _faults(edition):
        raise InputFileError(
            f"edition {edition.version} {fault}", file=file, key=key, remedy=remedy
        )


def _faults(edition: SchemeEdition) -> Iterator[tuple[str, str, str]]:
    """Key, what is wrong, what to do."""
    if edition.since.day != 1:
        yield (
            "edition.from",
            f"begins on {edition.since}",
            "let an edition begin on the first of a month: a month is paid by one edition",
        )
    overtime = edition.overtime
    if overtime is not None and min(overtime.month_days, overtime.day_hours) <= 0:
        yield (
            "edition.overtime",
            "divides by zero: month_days and day_hours must be above zero",
            'write for example month_days = "21.75" and day_hours = "8"',
        )
    if edition.law is None:
        yield from _faults_without_law(edition)
    else:
        yield from _faults_by_law(edition)


def _faults_without_law(edition: SchemeEdition) -> Iterator[tuple[str, str, str]]:
    if edition.grade is None:
        yield (
            "edition.grade",
            "has no consequence of the quality grade",
            'add [edition.grade], or pay by law: law = "cn"',
        )
    by_law = ("floating", "allowances", "leave", "employer")
    for name in by_law:
        if getattr(edition, name):
            yield (
                f"edition.{name}",
                f"has {name} and no law",
                'add law = "cn": without it base, overtime and grade alone are paid',
            )


def _faults_by_law(edition: SchemeEdition) -> Iterator[tuple[str, str, str]]:
    if edition.overtime is not None:
        yield (
            "edition.overtime",
            "has rates of overtime beside the law's",
            "take [edition.overtime] out: the rates are those of hr-core law",
        )
    if edition.leave is None:
        yield "edition.leave", "does not say which leave is unpaid", "add [edition.leave]"
    for at, one in enumerate(edition.floating.post if edition.floating else ()):
        (low, high), (least, most) = one.floating_percent, one.coefficient
        if not 0 <= low <= high <= 100 or not 0 <= least <= most:
            yield (
                f"edition.floating.post[{at}]",
                f"has a range of {one.type} that is none",
                'write from and to, like floating_percent = ["40", "60"]',
            )


def _factor(target: type, value: object) -> Fraction:
    if target is not Fraction or not isinstance(value, str):
        raise ValueError(f'{value!r} is not a factor as text, like "1.5"')
    return parse_exact(value)
