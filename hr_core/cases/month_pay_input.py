"""Reading a case of a month's pay: its closed list of keys as the values of hr_core.pay.cn."""

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.cases.case_input import (
    Fields,
    Json,
    UnsupportedError,
    day,
    days,
    flag,
    rows,
    text,
    whole,
)
from hr_core.cases.money_input import exactly, fen_of, rate_of
from hr_core.clock import Month
from hr_core.pay.cn.month import EmployerRates, Person
from hr_core.pay.cn.month_wage import Employment, WageSpan
from hr_core.pay.cn.severance import Exit
from hr_core.pay.cn.special_deductions import Household

# What the Labour Contract Law makes the employer owe: taxed with the month's wage.
_DAMAGES = ("probation_excess_damages", "probation_wage_shortfall", "no_written_contract_wage")
# Leave that is paid in full. Sick pay rests on facts that the format does not hold.
_PAID_IN_FULL = (
    "marriage", "wedding", "maternity", "childbirth", "paternity", "bereavement",
    "funeral", "annual", "statutory_annual", "prenatal", "nursing", "breastfeeding", "childcare",
    "parental", "family_visit", "work_injury", "caregiver", "public_duty", "paid",
)  # fmt: skip
_RATES = {
    "injury_rate": "injury",
    "unemp_er": "unemployment_employer",
    "unemp_ee": "unemployment_employee",
    "hf_rate": "fund",
    "hf_supp": "fund_supplement",
}
_MUNICIPALITIES = ("北京", "上海", "天津", "重庆")
_MOST_RUNS = 36
# A case without a first day is of somebody who is employed all the while.
LONG_EMPLOYED = date(1949, 10, 1)


class OvertimeEntry(Struct, frozen=True):
    on: date
    kind: DayKind
    hours: Fraction
    time_off_in_lieu: bool


class Leave(Struct, frozen=True):
    first: date
    last: date


class PayCase(Struct, frozen=True, kw_only=True):
    """What belongs to the asked month alone carries no date in the format; the rest does."""

    person: Person
    period: Month
    earlier: tuple[Month, ...]
    rates: EmployerRates
    rates_of_period: EmployerRates
    holidays: tuple[date, ...] | None
    unpaid: tuple[date, ...]
    overtime: tuple[OvertimeEntry, ...]
    leave: tuple[Leave, ...]
    bonus: int
    bonuses_apart: tuple[tuple[Month, int], ...]
    unused_leave_days: Fraction
    allowance_by_fund: int
    damages: Mapping[str, int]
    exit: Exit | None


def read_case(given: Fields) -> PayCase:
    """Raises UnsupportedError for a shape that the format does not know."""
    period = given.read("period", Month.parse)
    facts: dict[str, Json] = given.read_or("facts", _object, {})
    change: dict[str, Json] = given.read_or("facts_change", _object, {})
    exit_ = given.choice("exit", list(Exit), None)
    return PayCase(
        person=_person(given),
        period=period,
        earlier=given.read_or("earlier_runs", _months, ()),
        rates=_rates(facts),
        rates_of_period=_rates(facts | change),
        holidays=given.read_or("holidays", lambda value: tuple(days(value)), None),
        unpaid=tuple(given.read_or("unpaid_leave", days, [])),
        overtime=tuple(_overtime(one) for one in given.read_or("overtime", rows, [])),
        leave=_leave(given.take("paid_leave", None)),
        bonus=given.read_or("bonus", fen_of, 0),
        bonuses_apart=_bonuses_apart(given, period),
        unused_leave_days=given.read_or("unused_leave_days", exactly, Fraction()),
        allowance_by_fund=given.read_or("maternity_allowance_offset", fen_of, 0),
        damages={name: given.read_or(name, fen_of, 0) for name in _DAMAGES},
        exit=None if exit_ is None else Exit(exit_),
    )


def _person(given: Fields) -> Person:
    city = given.read("city", text)
    claimed = given.read_or("special_deductions", _amounts, {})
    if city not in _MUNICIPALITIES and "housing_rent" in claimed:
        raise UnsupportedError(f"input.special_deductions: the size of {city} is not known")
    return Person(
        city=city,
        work=_work(given),
        insurance_base=given.read_or("si_base", fen_of, None),
        fund_base=given.read_or("hf_base", fen_of, None),
        foreign=_flag(given, "foreign"),
        tax_resident=given.read_or("tax_resident", flag, default=True),
        foreign_fund_agreed=_flag(given, "hf_agreed"),
        draws_pension=_flag(given, "draws_pension"),
        fund_starts_second_month=_flag(given, "hf_first_ever"),
        special=claimed,
        household=Household(only_child=_flag(given, "only_child")),
        untaxed=given.read_or("untaxed", _amounts, {}),
        heat_allowance=given.read_or("heat_allowance", fen_of, 0),
        carried_service_months=given.read_or("carried_service_months", whole, 0),
        deduct_60000_at_once=_flag(given, "deduct_60000_from_january"),
        first_wage_income_this_year=_flag(given, "first_wage_income_this_year"),
    )


def _flag(given: Fields, key: str) -> bool:
    return bool(given.read_or(key, flag, default=False))


def _work(given: Fields) -> Employment:
    hired, left = given.read_or("hired", day, LONG_EMPLOYED), given.read_or("left", day, None)
    wage, changed = given.read_or("wage", fen_of, None), given.read_or("wages", rows, None)
    if changed is not None and wage is not None:
        raise UnsupportedError("input: both wage and wages")
    if changed is not None:
        spans = tuple(_wage_span(one, hired) for one in changed)
    elif wage is not None:
        spans = (WageSpan(wage, hired),)
    else:
        raise UnsupportedError("input: without 'wage'")
    return Employment(hired=hired, left=left, wages=spans)


def _wage_span(value: Json, hired: date) -> WageSpan:
    one = Fields(value, "wages")
    last = one.read_or("to", day, None)
    until = None if last is None else last + timedelta(days=1)
    span = WageSpan(one.read("wage", fen_of), one.read_or("from", day, hired), until)
    one.done()
    return span


def _rates(facts: Mapping[str, Json]) -> EmployerRates:
    given = Fields(facts, "facts")
    found = {name: given.read(key, rate_of) for key, name in _RATES.items() if key in given}
    given.done()
    return EmployerRates(**found)


def _overtime(value: Json) -> OvertimeEntry:
    one = Fields(value, "overtime")
    entry = OvertimeEntry(
        one.read("date", day),
        DayKind(one.choice("day_kind", list(DayKind))),
        one.read("hours", exactly),
        _flag(one, "time_off_in_lieu"),
    )
    one.done()
    return entry


def _leave(value: Json) -> tuple[Leave, ...]:
    if value is None:
        return ()
    found = []
    for values in value if isinstance(value, list) else [value]:
        if isinstance(values, str):
            found.append(_day_of_leave(values))
            continue
        one = Fields(values, "paid_leave")
        _paid_in_full(one.read_or("kind", text, "annual"))
        leave = Leave(one.read("from", day), one.read("to", day))
        if leave.last < leave.first:
            raise UnsupportedError(f"input.paid_leave: from {leave.first} to {leave.last}")
        one.done()
        found.append(leave)
    return tuple(found)


def _paid_in_full(kind: str) -> None:
    """Of "annual_leave", "annual leave" or "annual"."""
    words = kind.lower().replace("_", " ").replace("-", " ").removesuffix(" leave")
    if words.replace(" ", "_") not in _PAID_IN_FULL:
        raise UnsupportedError(f"paid_leave.kind: {kind!r}")


def _day_of_leave(value: str) -> Leave:
    try:
        return Leave(day(value), day(value))
    except ValueError:
        raise UnsupportedError(f"input.paid_leave: {value!r}") from None


def _bonuses_apart(given: Fields, period: Month) -> tuple[tuple[Month, int], ...]:
    found = [
        (_month_of(month), fen)
        for month, fen in given.read_or("annual_bonus_separate_in", _amounts, {}).items()
    ]
    of_period = given.read_or("annual_bonus_separate", fen_of, 0)
    return tuple(sorted([*found, (period, of_period)] if of_period else found))


def _month_of(value: str) -> Month:
    try:
        return Month.parse(value)
    except ValueError:
        raise UnsupportedError(f"input.annual_bonus_separate_in: {value!r}") from None


def _months(value: Json) -> tuple[Month, ...]:
    found = tuple(sorted({Month.parse(text(one)) for one in rows(value)}))
    if len(found) > _MOST_RUNS:
        raise ValueError
    return found


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _amounts(value: Json) -> dict[str, int]:
    if not isinstance(value, dict):
        raise TypeError
    return {str(name): fen_of(amount) for name, amount in value.items()}
