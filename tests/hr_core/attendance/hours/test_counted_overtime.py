"""Overtime in three modes, and what each leaves out with its reason."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.hours.counted_overtime import (
    CountingRule,
    Mode,
    counted_overtime,
    load_counting_rules,
    merged,
    parse_counting_rules,
)
from hr_core.errors import InputFileError, NoLawError

H = 3600
PLAIN = CountingRule(kind=DayKind.WORKDAY, mode=Mode.SMALLER)


def count(punched, approved, **rule):
    return counted_overtime(punched, approved, replace(PLAIN, **rule))


def reasons(found):
    return [(one.reason, one.minutes) for one in found.differences]


def test_the_smaller_of_both_by_time_names_what_is_left_out():
    found = count([(18 * H, 21 * H)], [(17 * H, 20 * H)])

    assert (found.minutes, found.punched_min, found.approved_min) == (120, 180, 180)
    assert found.intervals == ((18 * H, 20 * H),)
    assert reasons(found) == [("not_approved", -60), ("not_punched", -60)]


def test_by_totals_it_does_not_matter_when():
    punched, approved = [(20 * H, 22 * H)], [(18 * H, 21 * H)]

    assert count(punched, approved, match="totals").minutes == 120
    assert count(punched, approved).minutes == 60
    assert reasons(count(punched, approved, match="totals")) == [("not_punched", -60)]


def test_as_approved_pays_without_a_punch_and_says_so():
    found = count([], [(18 * H, 20 * H)], mode=Mode.APPROVED)

    assert found.minutes == 120
    assert reasons(found) == [("counted_unpunched", 120)]


def test_as_punched_needs_no_approval():
    found = count([(18 * H, 20 * H)], [], mode=Mode.PUNCHED)

    assert (found.minutes, found.differences) == (120, ())


@pytest.mark.parametrize(
    ("minutes", "rounding", "expected"),
    [(44, "down", 30), (44, "nearest", 30), (45, "nearest", 60), (31, "up", 60), (60, "up", 60)],
)
def test_whole_units(minutes, rounding, expected):
    found = count([(0, minutes * 60)], [], mode=Mode.PUNCHED, unit_min=30, rounding=rounding)

    assert found.minutes == expected
    assert reasons(found) == [("rounded", expected - minutes)] * (expected != minutes)


def test_a_minimum_holds_against_the_rounded_sum():
    rule = {"mode": Mode.PUNCHED, "unit_min": 30, "minimum_min": 60}

    assert count([(0, 95 * 60)], [], **rule).minutes == 90
    found = count([(0, 59 * 60)], [], **rule)
    assert found.minutes == 0
    assert reasons(found) == [("rounded", -29), ("below_minimum", -30)]
    assert "minimum of 60" in found.differences[1].text


def test_twice_the_same_time_counts_once():
    assert count([(0, H), (0, H), (H // 2, 2 * H)], [(0, 9 * H)]).minutes == 120


def test_an_interval_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="ends before"):
        merged([(10, 5)])


second = st.integers(0, 40 * H)
spans = st.lists(st.tuples(second, st.integers(0, 5 * H)).map(lambda s: (s[0], s[0] + s[1])))
rules = st.builds(
    CountingRule,
    kind=st.sampled_from(DayKind),
    mode=st.just(Mode.SMALLER),
    unit_min=st.sampled_from([1, 15, 30, 60]),
    minimum_min=st.sampled_from([0, 30, 60, 61]),
    rounding=st.sampled_from(["down", "nearest", "up"]),
    match=st.sampled_from(["intervals", "totals"]),
)


@given(spans, spans, rules)
def test_the_smaller_is_never_more_than_either(punched, approved, rule):
    smaller, of_approved, of_punched = (
        counted_overtime(punched, approved, replace(rule, mode=mode))
        for mode in (Mode.SMALLER, Mode.APPROVED, Mode.PUNCHED)
    )

    assert smaller.minutes <= min(of_approved.minutes, of_punched.minutes)
    assert counted_overtime(punched[::-1], approved[::-1], rule) == smaller


@given(spans, spans, rules)
def test_more_time_never_counts_less(punched, approved, rule):
    for mode in Mode:
        one = replace(rule, mode=mode)
        assert (
            counted_overtime(punched, approved, one).minutes
            <= counted_overtime([*punched, (0, H)], [*approved, (0, H)], one).minutes
        )


def test_the_shipped_rules_name_each_kind_of_day():
    edition = load_counting_rules().on(date(2026, 11, 22))

    assert {edition.of(kind).mode for kind in DayKind} == {Mode.PUNCHED}
    with pytest.raises(NoLawError):
        load_counting_rules().on(date(2007, 1, 1))


RULE = '[[edition.rule]]\nkind = "{}"\nmode = "smaller"\n'
HEAD = '[[edition]]\nversion = "v"\nfrom = 2026-01-01\nsource = "works agreement 4"\n'
ALL = "".join(map(RULE.format, DayKind))


@pytest.mark.parametrize(
    ("text", "key", "fault"),
    [
        (HEAD + RULE.format("workday"), "edition v: rest_day", "0 times"),
        (HEAD + ALL + RULE.format("workday"), "edition v: workday", "2 times"),
        (HEAD + ALL + "unit_min = 0", "statutory_holiday", "within 1"),
        (HEAD + ALL + "minimum_min = -1", "statutory_holiday", "within 0"),
        (HEAD + ALL.replace("smaller", "punched") + 'match = "totals"', "holiday", "nothing"),
        ((HEAD + ALL) * 2, "edition v", "same day"),
        (HEAD + ALL.replace("smaller", "both"), "edition[0].rule[0].mode", "enum"),
        ("[[edition]", "(file)", "Expected"),
    ],
)
def test_rules_that_cannot_hold_are_refused_by_name(text, key, fault):
    with pytest.raises(InputFileError) as caught:
        parse_counting_rules(text, file="own.toml")

    assert key in caught.value.key
    assert fault in str(caught.value)
