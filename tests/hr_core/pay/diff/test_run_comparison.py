"""Person x line x before x after x cause: each cause, the shares of several, and the sums."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayResult, DayStatus, IgnoredPunch
from hr_core.errors import RefusedError
from hr_core.pay.diff.model import Cause, Change
from hr_core.pay.diff.notes import Notes
from hr_core.pay.diff.reason_text import cause_text, reason_text
from hr_core.pay.diff.runs import amounts, apply, compare
from hr_core.pay.diff.sheet import diff_rows
from hr_core.pay.slip import Side
from hr_core.trace.calculation import CorrectionInput, TallyInput
from tests.hr_core.pay.diff.slip_samples import (
    base,
    bonus,
    day_input,
    employer,
    overtime,
    pension,
    side,
    slip,
    tax,
    with_amount,
)

NO_NOTES = Notes((), made_for="1:2", month="2026-10")


def diff(before, after, **more):
    """Of two slips of one person."""
    return compare(side(1, slip("E1", *before)), side(2, slip("E1", *after)), **more)


def only_line(found):
    (one,) = found.lines
    return one


def parts(line):
    return {part.cause.value: part.fen for part in line.parts}


def texts(line):
    return [reason_text(reason) for reason in line.reasons]


def test_nothing_changed_gives_nothing():
    lines = (base(), overtime(day_input(12, 60)), pension())
    found = diff(lines, lines)
    assert found.identical
    assert (found.lines, found.only, found.same_people, found.changed_people) == ((), (), 1, 0)
    assert found.proof.holds
    assert found.by_cause() == {}


def test_more_minutes_of_a_day_are_an_input():
    found = diff([overtime(day_input(12, 60))], [overtime(day_input(12, 90))])
    line = only_line(found)
    assert (line.before_fen, line.after_fen, line.difference_fen) == (5172, 7759, 2587)
    assert parts(line) == {"input": 2587}
    assert texts(line) == ["minutes of 2026-10-12: 60 -> 90"]
    assert line.first_step == "minutes"


def result(day, *, used=(), ignored=(), minutes=60, rules="attendance/1", shift="D"):
    return DayResult(
        day=date(2026, 10, day), kind=DayKind.WORKDAY, shift=shift, status=DayStatus.PRESENT,
        used=used, ignored=tuple(IgnoredPunch(one, "debounced") for one in ignored),
        overtime_min=minutes, rule_version=rules,
    )  # fmt: skip


def of_days(old, new):
    """The line of overtime of the 12th, by two results of that day."""
    sides = [
        side(
            number,
            slip("E1", overtime(day_input(12, one.overtime_min, *one.used))),
            days={"E1": {"2026-10-12": one}},
        )
        for number, one in enumerate((old, new), 1)
    ]
    return only_line(compare(*sides))


def test_a_punch_that_came_late_is_named():
    line = of_days(
        result(12, used=("a", "b")), result(12, used=("a", "c"), ignored=("b",), minutes=90)
    )
    assert texts(line) == ["punch on 2026-10-12: new, c", "minutes of 2026-10-12: 60 -> 90"]
    assert line.cause is Cause.INPUT


def test_another_attendance_rule_is_a_rule_and_no_input():
    line = of_days(
        result(12, used=("a", "b")), result(12, used=("a", "b"), minutes=45, rules="attendance/2")
    )
    assert texts(line) == [
        "attendance rule on 2026-10-12: attendance/1 -> attendance/2",
        "minutes of 2026-10-12: 60 -> 45",
    ]
    assert parts(line) == {"rule": -1293}


def test_another_shift_is_told_as_roster():
    line = of_days(result(12, used=("a", "b")), result(12, used=("a", "b"), minutes=90, shift="N"))
    assert texts(line)[0] == "roster of 2026-10-12: D workday -> N workday"


def test_a_new_version_of_the_rule():
    days = day_input(12, 60)
    new = overtime(days, base_fen=600100, facts={}, version="demo/2026-11")
    line = only_line(diff([overtime(days, facts={})], [new]))
    assert parts(line) == {"rule": 1}
    assert texts(line) == ["version of rule overtime: demo/2025-01 -> demo/2026-11"]


def test_an_agreed_base_is_the_agreement_under_any_version():
    line = only_line(diff([base()], [base(600100, version="demo/2026-11")]))
    assert parts(line) == {"agreement": 100}


def test_another_scheme_names_both():
    days = day_input(12, 60)
    first = side(1, slip("E1", overtime(days)))
    new = overtime(days, rounding="multiply_up", version="two/1")
    second = side(2, slip("E1", new), scheme="two", scheme_version="two/1")
    line = only_line(compare(first, second))
    assert line.cause is Cause.SCHEME
    assert texts(line)[0] == "scheme two: demo demo/2025-01 -> two two/1"


def test_a_new_law_row_is_law_and_not_a_rule():
    line = only_line(diff([pension()], [pension(percent=9, version="sh/2026")]))
    assert parts(line) == {"law": -6000}
    assert texts(line) == ["law shanghai pension: sh/2025 (official) -> sh/2026 (official)"]


def test_another_city_is_the_agreement():
    line = only_line(diff([pension()], [pension(percent=7, city="beijing", version="bj/2025")]))
    assert line.cause is Cause.AGREEMENT
    assert "city of pension: shanghai -> beijing" in texts(line)


def test_an_agreed_base_that_moves_two_lines():
    found = diff(
        [base(), overtime(day_input(12, 60))],
        [base(690000), overtime(day_input(12, 60), base_fen=690000)],
    )
    assert [parts(line) for line in found.lines] == [{"agreement": 90000}, {"agreement": 776}]
    assert texts(found.lines[0]) == ["agreed base base: ¥6,000.00 -> ¥6,900.00"]
    assert found.by_cause() == {Cause.AGREEMENT: 90776}


def test_a_base_within_steps_is_the_agreement_too():
    line = only_line(diff([pension(600000)], [pension(700000)]))
    assert (parts(line), texts(line)) == ({"agreement": -8000}, ["base: ¥6,000.00 -> ¥7,000.00"])


def test_a_line_that_only_follows_names_what_it_follows():
    old, new = overtime(day_input(12, 60)), overtime(day_input(12, 90))
    found = diff([old, tax(old)], [new, tax(new)])
    followed = found.lines[1]
    assert parts(followed) == {"follows": -78}
    assert texts(followed) == ["follows line overtime: ¥51.72 -> ¥77.59"]
    assert found.by_cause() == {Cause.INPUT: 2587, Cause.FOLLOWS: -78}


def test_each_cause_of_one_line_has_its_share():
    """Minutes by the old base: +25.87; the base then: the rest."""
    line = only_line(
        diff(
            [overtime(day_input(12, 60))],
            [overtime(day_input(12, 90), base_fen=690000)],
        )
    )
    assert parts(line) == {"input": 2587, "agreement": 1163}
    assert line.cause is Cause.INPUT
    assert cause_text(line) == "agreement +¥11.63, input +¥25.87"


def test_rounding_alone():
    line = only_line(
        diff([overtime(day_input(12, 60))], [overtime(day_input(12, 60), rounding="multiply_up")])
    )
    assert parts(line) == {"rounding": 1}
    assert texts(line) == ["rounding of step amount: multiply_half_up -> multiply_up"]


def test_a_score():
    old, new = (
        base(fen, rule="floating", facts={"coefficient": said})
        for fen, said in ((100, "1"), (110, "1.1"))
    )
    line = only_line(diff([old], [new]))
    assert (line.cause, texts(line)) == (Cause.SCORE, ["coefficient: 1 -> 1.1"])


def test_entries_new_gone_and_changed():
    new = only_line(diff([], [bonus(30000)]))
    assert (new.before_fen, parts(new)) == (None, {"input": 30000})
    assert [(one.kind, one.change) for one in new.reasons] == [("entry", Change.NEW)]
    gone = only_line(diff([bonus(30000)], []))
    assert (gone.after_fen, parts(gone)) == (None, {"input": -30000})
    changed = only_line(diff([bonus(30000)], [bonus(20000)]))
    assert texts(changed) == ["entered sum 7 Bonus: ¥300.00 -> ¥200.00"]


def test_a_correction_of_pieces():
    made = CorrectionInput(
        number="K1", concerns="2026-10", pieces=0, rejects=2, author="a", approver="b", reason="r"
    )
    line = only_line(diff([base(rule="grade")], [base(601000, rule="grade", corrections=(made,))]))
    assert texts(line) == ["correction of pieces K1: new, +0 +2"]


def test_a_row_of_a_tally_sheet():
    rows = tuple(
        TallyInput(number=n, file="oct.xlsx", row=n + 1, day="2026-10-12", pieces=9, entered_by="a")
        for n in (1, 2)
    )
    new = base(601000, rule="piece", tallies=rows)
    line = only_line(diff([base(rule="piece", tallies=rows[:1])], [new]))
    assert texts(line) == ["tally sheet 2026-10-12 oct.xlsx:3: new, 9"]
    assert line.cause is Cause.INPUT


def test_what_nothing_explains_is_unknown():
    line = only_line(diff([base(rule="magic")], [base(600001, rule="magic")]))
    assert (parts(line), line.reasons, line.unexplained) == ({"unknown": 1}, (), True)
    assert diff([base(rule="magic")], [base(600001, rule="magic")]).unexplained == 1


def test_an_amount_that_is_not_its_traces_is_unknown():
    """Somebody wrote over it: that there is a new punch too does not explain it."""
    old, new = overtime(day_input(12, 60)), overtime(day_input(12, 90))
    line = only_line(diff([old], [with_amount(new, 9999)]))
    assert line.unexplained


def test_same_amount_by_another_way_is_counted_only():
    found = diff([base(source="file")], [base(source="other file")])
    assert (found.lines, found.restated, found.identical) == ((), 1, False)


def test_a_line_that_becomes_the_employers_leaves_the_net():
    own = employer()
    found = diff([type(own)(**{**_fields(own), "side": Side.EARNED})], [own])
    assert [(line.side, line.before_fen, line.after_fen) for line in found.lines] == [
        (Side.EARNED, 96000, None),
        (Side.EMPLOYER, None, 96000),
    ]
    assert found.proof.holds


def _fields(struct):
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def test_people_of_one_run_only_come_with_the_reason_refused_first():
    first = side(1, slip("E1", base()), slip("E2", base()), slip("E3", base()))
    second = side(
        2, slip("E3", base()), slip("E4", base()),
        refused=[("E2", "no fund base", "HR enters it: hr-core pay agreement")],
        without={"E1": "left"},
    )  # fmt: skip
    found = compare(first, second)
    told = [(one.number, one.in_first, one.refused, one.why) for one in found.only]
    assert told == [
        ("E2", True, True, "no fund base"),
        ("E1", True, False, "left"),
        ("E4", False, False, ""),
    ]
    assert found.only[0].remedy.startswith("HR enters")
    assert found.by_cause() == {Cause.PERSON: -600000}
    assert found.proof.holds


def test_sums_that_do_not_hold_are_told_first():
    first = side(1, slip("E1", base(), total_fen=599999))
    second = side(2, slip("E1", base()), total_fen=1)
    proof = compare(first, second).proof
    assert not proof.holds
    assert proof.faults == (
        "run 1: the lines of E1 are 600000 fen, its total 599999",
        "run 2: the slips are 600000 fen, the run's total 1",
    )


def test_runs_of_different_months_are_refused_by_the_field():
    first = side(1, slip("E1", overtime(day_input(12, 60))))
    second = side(2, slip("E1", overtime(day_input(13, 90))), month="2026-11")
    with pytest.raises(RefusedError, match="the field month differs"):
        compare(first, second)
    line = only_line(compare(first, second, across_months=True))
    assert texts(line) == ["minutes of all days of 2026-11: 60 -> 90"]


def test_the_sheet_has_each_line_and_the_proof():
    found = diff([base(), employer()], [base(600100), employer(96001)])
    rows = list(diff_rows(found, NO_NOTES))
    assert rows[4][6:10] == (6000.0, 6001.0, 1.0, "agreement")
    assert rows[5][5] == "employer"
    assert rows[-1][8:] == (1.0, "= net B - net A")


minutes = st.integers(0, 3)
slips = st.builds(
    lambda person, pay, days, sum_, city, taxed: slip(
        person,
        *(earned := [base(pay), *([overtime(*days, base_fen=pay)] if days else [])]),
        *([bonus(sum_)] if sum_ else []),
        pension(pay, city=city),
        *([tax(*earned)] if taxed else []),
        employer(pay // 6),
    ),
    st.just("E"),
    st.integers(1, 5).map(lambda n: n * 100000),
    st.lists(
        st.builds(day_input, st.integers(8, 30), minutes.map(lambda n: n * 30)),
        max_size=3,
        unique_by=lambda one: one.day,
    ),
    st.sampled_from([0, 100, 2000]),
    st.sampled_from(["shanghai", "beijing"]),
    st.booleans(),
)


@st.composite
def run_sides(draw, number):
    people = draw(st.lists(st.sampled_from(["E1", "E2", "E3", "E4"]), unique=True))
    made = [draw(slips) for _ in people]
    named = [
        type(one)(**{**_fields(one), "person": person, "number": person})
        for person, one in zip(people, made, strict=True)
    ]
    return side(number, *named)


@given(run_sides(1))
def test_a_run_beside_itself_is_empty(run):
    found = compare(run, run)
    assert found.identical
    assert found.proof.holds


@given(run_sides(1), run_sides(2))
def test_a_run_and_the_differences_give_the_other_run(first, second):
    found = compare(first, second)
    assert apply(found, amounts(first)) == amounts(second)
    assert found.proof.holds
    assert found.unexplained == 0
    assert sum(found.by_cause().values()) == second.head.total_fen - first.head.total_fen
    for line in found.lines:
        assert sum(part.fen for part in line.parts) == line.difference_fen


@given(run_sides(1), run_sides(2))
def test_differences_are_of_their_own_run(first, second):
    """Applied to another run than theirs, where a line of it moved, they refuse."""
    found = compare(first, second)
    moved = next((one for one in found.lines if one.before_fen and one.after_fen), None)
    if moved is not None:
        wrong = amounts(first)
        wrong[moved.person][moved.code] += 1
        with pytest.raises(ValueError, match="is not"):
            apply(found, wrong)
