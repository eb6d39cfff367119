"""Which overtime may become time off, and until when."""

from datetime import date

import pytest

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.hours.law import load_law
from hr_core.attendance.lots.rules import (
    Earns,
    NotTimeOffError,
    check_against_law,
    load_time_off_rules,
    parse_time_off_rules,
    terms_of,
)
from hr_core.errors import InputFileError, NoLawError

LAW = load_law()
SHIPPED = load_time_off_rules()
ON = date(2026, 10, 2)
HEAD = '[[edition]]\nversion = "v"\nfrom = 2026-01-01\nsource = "s"\norder = "oldest_first"\n'
EARNS = '[[edition.earns]]\nkind = "{}"\n'


def law_of(kind, on=ON):
    return LAW.time_off_for("CN", kind, on)


def test_a_rest_day_earns_time_off():
    assert terms_of(SHIPPED, law_of(DayKind.REST_DAY), ON).last_day(ON) is None
    assert law_of(DayKind.REST_DAY).pay_percent == 200
    assert "art. 44(2)" in law_of(DayKind.REST_DAY).source


def test_a_statutory_holiday_is_always_paid():
    with pytest.raises(NotTimeOffError) as caught:
        terms_of(SHIPPED, law_of(DayKind.STATUTORY_HOLIDAY), ON)

    assert "art. 44(3)" in str(caught.value)
    assert caught.value.remedy == "pay it at 300 %"
    rules = parse_time_off_rules(HEAD + EARNS.format("statutory_holiday"), file="own.toml")
    with pytest.raises(NotTimeOffError):
        terms_of(rules, law_of(DayKind.STATUTORY_HOLIDAY), ON)
    with pytest.raises(InputFileError, match="always paid"):
        check_against_law(rules, LAW, "CN", file="own.toml")


def test_a_workday_needs_an_agreement():
    bare = parse_time_off_rules(HEAD + EARNS.format("workday"), file="own.toml")
    with pytest.raises(InputFileError, match="needs an agreement"):
        check_against_law(bare, LAW, "CN", file="own.toml")
    with pytest.raises(NotTimeOffError, match="needs an agreement"):
        terms_of(bare, law_of(DayKind.WORKDAY), ON)
    agreed = parse_time_off_rules(
        HEAD + EARNS.format("workday") + 'agreement = "works agreement 4"', file="own.toml"
    )
    check_against_law(agreed, LAW, "CN", file="own.toml")
    assert terms_of(agreed, law_of(DayKind.WORKDAY), ON).agreement == "works agreement 4"
    with pytest.raises(NotTimeOffError, match="is paid, no time off"):
        terms_of(SHIPPED, law_of(DayKind.WORKDAY), ON)


def test_without_a_law_or_a_rule_nothing_is_guessed():
    with pytest.raises(NoLawError):
        law_of(DayKind.REST_DAY, date(1994, 12, 31))
    with pytest.raises(NoLawError):
        LAW.time_off_for("DE", DayKind.REST_DAY, ON)
    with pytest.raises(NoLawError):
        terms_of(SHIPPED, law_of(DayKind.REST_DAY), date(2007, 1, 1))


@pytest.mark.parametrize(
    ("months", "until", "earned", "last"),
    [
        (6, "day", date(2026, 8, 31), date(2027, 2, 28)),
        (0, "month", date(2026, 2, 3), date(2026, 2, 28)),
        (3, "month", date(2026, 10, 17), date(2027, 1, 31)),
        (0, "year", date(2026, 10, 17), date(2026, 12, 31)),
        (3, "year", date(2026, 10, 17), date(2027, 12, 31)),
        (12, "day", date(2024, 2, 29), date(2025, 2, 28)),
    ],
)
def test_the_last_day(months, until, earned, last):
    row = Earns(kind=DayKind.REST_DAY, expires_after_months=months, until_end_of=until)

    assert row.last_day(earned) == last


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (HEAD + EARNS.format("rest_day") * 2, "stands twice"),
        (HEAD + EARNS.format("rest_day") + "expires_after_months = 121", "within 0"),
        ((HEAD + EARNS.format("rest_day")) * 2, "same day"),
        (HEAD.replace("oldest_first", "newest_first"), "newest_first"),
        ("edition = []", "no edition"),
        ("[[", "Expected|Invalid"),
    ],
)
def test_rules_that_cannot_hold_are_refused(text, fault):
    with pytest.raises(InputFileError, match=fault):
        parse_time_off_rules(text, file="own.toml")
