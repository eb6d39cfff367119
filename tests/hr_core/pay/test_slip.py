"""One payslip: amounts to the fen, traces that replay, open days without effect."""

from datetime import date
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayResult, DayStatus
from hr_core.data_files import read_text
from hr_core.errors import CoreError, InputFileError, NoLawError
from hr_core.pay.scheme import parse_scheme
from hr_core.pay.slip import PayTerms, compute_slip
from hr_core.people.model import Person
from hr_core.quality.attribution import Stretch
from hr_core.quality.counters import CounterKey
from hr_core.quality.grades import load_grades
from hr_core.trace.calculation import Trace, TraceMismatchError, replay

DEMO = read_text("scheme_demo.toml")
OCTOBER = date(2026, 10, 1)
OWN_RATES = """[edition.overtime]
source = "house agreement"
month_days = "21.75"
day_hours = "8"
workday = "1.5"
rest_day = "2"
statutory_holiday = "3"

"""
TERMS = PayTerms(parse_scheme(DEMO, file="demo").on(OCTOBER), load_grades().on(OCTOBER))


def person(base_fen=870000):
    return Person(
        number="E1", name="张伟", shift="D", base_fen=base_fen, zone="Asia/Shanghai", origin="file"
    )


def day(on, kind=DayKind.WORKDAY, overtime=0, status=DayStatus.PRESENT, **more):
    return DayResult(
        day=date(2026, 10, on), kind=kind, shift="D", status=status, overtime_min=overtime,
        used=(f"in{on}", f"out{on}"), rule_version="attendance/1", **more,
    )  # fmt: skip


def work(pieces, rejects):
    def stretch(metric, amount):
        key = CounterKey("box", metric, metric)
        return Stretch(key, "E1", "E1", f"{metric}0", f"{metric}1", 0, amount, 2, amount, ())

    return [stretch("pieces", pieces), stretch("rejects", rejects)]


def amounts(slip):
    return {line.code: line.amount_fen for line in slip.lines}


def test_overtime_by_the_law_at_8700_a_month():
    """8,700 / 21.75 / 8 = 50.00 an hour; 75, 100 and 150 (Labour Law art. 44)."""
    days = [
        day(12, overtime=60),
        day(11, DayKind.REST_DAY, overtime=60),
        day(1, DayKind.STATUTORY_HOLIDAY, overtime=60),
    ]
    slip = compute_slip(person(), days, [], TERMS)
    assert amounts(slip) == {
        "base": 870000,
        "overtime_workday": 7500,
        "overtime_rest_day": 10000,
        "overtime_statutory_holiday": 15000,
        "grade": 0,
    }
    assert slip.total_fen == 902500


def test_a_line_is_rounded_once_not_day_by_day():
    """5,200.00: 30 min at 150 % is 22.4138; three such days are 67.24, not 3 x 22.41."""
    days = [day(on, overtime=30) for on in (12, 13, 14)]
    assert amounts(compute_slip(person(520000), days, [], TERMS))["overtime_workday"] == 6724


@pytest.mark.parametrize(
    ("pieces", "rejects", "fen", "note"),
    [
        (1000, 19, 87000, "grade A"),
        (1000, 30, 43500, "grade B"),
        (1000, 31, 0, "grade C"),
        (1000, 51, -43500, "grade D"),
        (49, 0, 0, "not rated: 49 pieces, at least 50 needed"),
        (60, 61, 0, "not rated: 61 rejects exceed 60 pieces"),
    ],
)
def test_the_grade_moves_the_pay_as_the_scheme_says(pieces, rejects, fen, note):
    line = compute_slip(person(), [], work(pieces, rejects), TERMS).lines[-1]
    assert line.amount_fen == fen
    assert line.note.startswith(note)


def test_open_days_are_listed_and_deduct_nothing():
    days = [
        day(12, status=DayStatus.NO_RECORD), day(13, status=DayStatus.MISSING_OUT),
        day(14, keys_contradict=True), day(15), day(16, status=DayStatus.NOT_OVER),
    ]  # fmt: skip
    slip = compute_slip(person(), days, [], TERMS)
    assert slip.total_fen == 870000
    assert [(one.day, one.status) for one in slip.to_clarify] == [
        ("2026-10-12", "no_record"), ("2026-10-13", "missing_out"), ("2026-10-14", "present"),
    ]  # fmt: skip
    assert "no effect" in slip.to_clarify[0].effect


def test_the_trace_names_rule_version_source_and_events():
    slip = compute_slip(person(), [day(12, overtime=60)], work(1000, 19), TERMS)
    overtime, grade = slip.lines[1].trace, slip.lines[2].trace
    assert (overtime.rule, overtime.version) == ("overtime.workday", "demo/2025-01")
    assert "劳动法 art. 44" in overtime.source
    assert overtime.event_ids == ("in12", "out12")
    assert grade.event_ids == ("pieces0", "pieces1", "rejects0", "rejects1")
    assert grade.facts["grade_version"] == "grades/2025-01"


minutes = st.lists(st.integers(0, 20).map(lambda steps: steps * 30), min_size=1, max_size=28)


@given(st.integers(0, 10**8), minutes, st.integers(0, 5000), st.integers(0, 300))
def test_stored_traces_alone_give_the_same_fen(base_fen, overtime, pieces, rejects):
    days = [day(on, list(DayKind)[on % 3], one) for on, one in enumerate(overtime, 1)]
    slip = compute_slip(person(base_fen), days, work(pieces, rejects), TERMS)
    for line in slip.lines:
        stored = msgspec.json.decode(msgspec.json.encode(line.trace), type=Trace)
        assert replay(stored) == line.amount_fen
    for kind, factor in zip(DayKind, (Fraction(3, 2), 2, 3), strict=True):
        worked = sum(one.overtime_min for one in days if one.kind is kind)
        exact = base_fen * worked * factor / (60 * Fraction("21.75") * 8)
        paid = amounts(slip).get(f"overtime_{kind}", 0)
        assert abs(paid - exact) <= Fraction(1, 2)


def test_a_changed_trace_does_not_replay():
    trace = compute_slip(person(), [day(12, overtime=60)], [], TERMS).lines[1].trace
    forged = msgspec.structs.replace(
        trace, days=(msgspec.structs.replace(trace.days[0], minutes=90),)
    )
    with pytest.raises(TraceMismatchError, match="minutes"):
        replay(forged)


def test_a_forged_comparison_does_not_replay():
    trace = compute_slip(person(), [], work(1000, 31), TERMS).lines[-1].trace
    turned = msgspec.structs.replace(trace.comparisons[0], holds=True)
    with pytest.raises(TraceMismatchError, match="grade A"):
        replay(msgspec.structs.replace(trace, comparisons=(turned,)))


def test_a_grade_that_the_scheme_does_not_know_is_not_paid_as_zero():
    scheme = parse_scheme(DEMO.replace('B = "5", ', ""), file="x").on(OCTOBER)
    with pytest.raises(CoreError, match="grade B"):
        compute_slip(person(), [], work(1000, 25), PayTerms(scheme, TERMS.grades))


def test_a_month_before_the_scheme_is_refused():
    with pytest.raises(NoLawError):
        parse_scheme(DEMO, file="x").on(date(2007, 12, 1))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("[edition.grade]", OWN_RATES.replace('"1.5"', "1.5") + "[edition.grade]", "workday"),
        (
            "[edition.grade]",
            OWN_RATES.replace("1.5", "three halves") + "[edition.grade]",
            "workday",
        ),
        ("from = 2025-01-01", "from = 2025-01-15", "edition.from"),
        (
            "[edition.grade]",
            OWN_RATES.replace("21.75", "0") + "[edition.grade]",
            "edition.overtime",
        ),
        ('code = "demo"', "code =", "(file)"),
        ('code = "demo"', 'code = "demo"\nbonus = "1"', "(file)"),
    ],
)
def test_a_wrong_scheme_file_is_refused_by_key(old, new, key):
    with pytest.raises(InputFileError) as refused:
        parse_scheme(DEMO.replace(old, new, 1), file="scheme.toml")
    assert key in refused.value.key
    assert refused.value.remedy
