"""Which time feeds a rule of a time sheet case: pay codes, places, days and times."""

from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from hr_core.attendance.timesheet.rules import (
    Contribution,
    HolidayEffect,
    Only,
    ShiftInclusion,
    TimeFilter,
)
from hr_core.cases.case_input import Fields, Json, UnsupportedError, clock, day, flag, text, texts

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MEAL_CODES = frozenset({"regular", "lunch", "break"})
_CONTRIBUTIONS = {
    "counts:regular": Contribution(pay_codes=frozenset({"regular"})),
    "counts:regular+absence": Contribution(pay_codes=frozenset({"regular"}), absences=True),
    "counts:regular+meal/break": Contribution(pay_codes=_MEAL_CODES),
    "counts:regular+meal/break+absence": Contribution(pay_codes=_MEAL_CODES, absences=True),
}

Choice = TypeVar("Choice", bound=StrEnum)


def contribution(value: Json) -> Contribution:
    if isinstance(value, str):
        if value not in _CONTRIBUTIONS:
            raise UnsupportedError(f"contribution {value!r}")
        return _CONTRIBUTIONS[value]
    outer = Fields(value, "counts")
    given = Fields(outer.take("contributing_shift"), "contributing_shift")
    outer.done()
    codes = Fields(given.take("contributing_pay_code_policy"), "pay codes")
    given.ignore("name")
    given.read_or("holiday_policy", text, None)  # the Reader knows that it is the only one
    made = Contribution(
        pay_codes=frozenset(codes.read("pay_codes", texts)),
        filter=time_filter(given, "filter_start_time", "filter_end_time"),
        inclusion=given.read_or("include_shift_type", _inclusion, ShiftInclusion.SPLIT),
    )
    codes.done()
    given.done()
    return made


def _inclusion(value: Json) -> ShiftInclusion:
    """The format's own list names all but the first without "full_shift"."""
    known = {one.removeprefix("full_shift_"): one for one in ShiftInclusion}
    return known[text(value).removeprefix("full_shift_")]


def time_filter(given: Fields, start: str, end: str) -> TimeFilter:
    def blank_or(value: Json) -> str | None:
        return text(value) or None

    first, last = (
        given.read_or("start_date", blank_or, None),
        given.read_or("end_date", blank_or, None),
    )
    begins, ends = given.read_or(start, blank_or, None), given.read_or(end, blank_or, None)
    try:
        return TimeFilter(
            start=None if begins is None else clock(begins),
            end=None if ends is None else clock(ends),
            weekdays=frozenset(
                n for n, name in enumerate(_WEEKDAYS) if given.read_or(name, flag, default=True)
            ),
            holidays=enum_of(given, "include_holiday_type", HolidayEffect) or HolidayEffect.NONE,
            first_date=None if first is None else day(first),
            last_date=None if last is None else day(last),
        )
    except ValueError:
        raise UnsupportedError(f"a time from {begins} to {ends}, {first} to {last}") from None


def enum_of(given: Fields, key: str, kind: type[Choice]) -> Choice | None:
    value = given.choice(key, list(kind), None)
    return None if value is None else kind(value)


def places(given: Fields) -> Only:
    branches, not_branches = _selected(given, "branch")
    departments, not_departments = _selected(given, "department")
    return Only(
        branches=branches,
        departments=departments,
        not_branches=not_branches,
        not_departments=not_departments,
    )


def _selected(given: Fields, what: str) -> tuple[frozenset[str] | None, frozenset[str]]:
    """Only these, and all but these."""
    kind = given.choice(f"{what}_selection_type", ("all", "only", "all_except"), "all")
    names = frozenset(given.read_or(what, texts, []))
    if given.read_or(f"exclude_default_{what}", flag, default=False):
        raise UnsupportedError(f"exclude_default_{what}: the person's own {what} is not recorded")
    if kind == "only":
        return names, frozenset()
    return None, names if kind == "all_except" else frozenset()


def zone(value: Json) -> str:
    return ZoneInfo(text(value)).key
