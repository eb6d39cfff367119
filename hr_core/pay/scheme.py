"""A pay scheme: dated editions of factors, each with its source. Read from TOML, never coded."""

import tomllib
from datetime import date
from fractions import Fraction

import msgspec
from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.data_files import read_text
from hr_core.errors import InputFileError, NoLawError
from hr_core.money import parse_exact

BUILT_IN = {"demo": "scheme_demo.toml"}


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


class SchemeEdition(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    version: str
    since: date
    source: str
    overtime: OvertimeTerms
    grade: GradeTerms


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
    try:
        scheme = msgspec.convert(tomllib.loads(text), Scheme, dec_hook=_factor)
    except tomllib.TOMLDecodeError as exc:
        raise InputFileError(
            f"not TOML: {exc}", file=file, key="(file)", remedy="correct the line it names"
        ) from exc
    except msgspec.ValidationError as exc:
        message, _, path = str(exc).partition(" - at ")
        raise InputFileError(
            message,
            file=file,
            key=path.strip("`$.") or "(file)",
            remedy='compare with hr_core/data/scheme_demo.toml; factors are text like "1.5"',
        ) from exc
    for edition in scheme.edition:
        _check(edition, file)
    return scheme


def _check(edition: SchemeEdition, file: str) -> None:
    if edition.since.day != 1:
        raise InputFileError(
            f"edition {edition.version} begins on {edition.since}",
            file=file,
            key="edition.from",
            remedy="let an edition begin on the first of a month: a month is paid by one edition",
        )
    overtime = edition.overtime
    if min(overtime.month_days, overtime.day_hours) <= 0:
        raise InputFileError(
            "month_days and day_hours must be above zero",
            file=file,
            key="edition.overtime",
            remedy='write for example month_days = "21.75" and day_hours = "8"',
        )


def _factor(target: type, value: object) -> Fraction:
    if target is not Fraction or not isinstance(value, str):
        raise ValueError(f'{value!r} is not a factor as text, like "1.5"')
    return parse_exact(value)
