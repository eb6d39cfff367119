from datetime import date

import pytest

from hr_core.attendance.plan.roster import DayDuty, Rotation
from hr_core.attendance.plan.roster_check import Catalogue, rotation_faults, timeline_faults
from tests.hr_core.attendance.plan.plan_samples import SHIFTS, assigned

FOUR = Rotation(code="r", name="r", cycle=(DayDuty(("D12",)), DayDuty(("N12",)), DayDuty(())))


def faults(*assignments, planned=lambda day: False):
    return timeline_faults(assignments, Catalogue(SHIFTS, {"r": FOUR}), planned)


def test_a_sound_roster_has_none():
    assert not faults(
        assigned("2026-11-01", "D", until="2026-11-05"),
        assigned("2026-11-05", rotation="r", until="2026-12-01"),
        assigned("2026-12-01", "D"),
    )


def test_a_hole_is_named_with_its_days_and_the_row_after_it():
    (fault,) = faults(
        assigned("2026-11-01", "D", until="2026-11-05"),
        assigned("2026-11-08", "D", origin="row 3"),
    )
    assert (fault.origin, fault.reason) == ("row 3", "hole")
    assert "from 2026-11-05 to 2026-11-07 (3 days)" in fault.message


def test_a_hole_that_the_team_fills_is_none():
    covered = date(2026, 11, 5), date(2026, 11, 6)
    rows = (assigned("2026-11-01", "D", until="2026-11-05"), assigned("2026-11-08", "D"))
    (fault,) = faults(*rows, planned=lambda day: day in covered)
    assert "from 2026-11-07 to 2026-11-07 (1 days)" in fault.message
    assert not faults(*rows, planned=lambda day: True)


@pytest.mark.parametrize(
    "first", [assigned("2026-11-01", rotation="r"), assigned("2026-11-01", "E")]
)
def test_two_rows_for_one_day_are_refused(first):
    (fault,) = faults(first, assigned("2026-11-05", "D", origin="row 3"))
    assert (fault.origin, fault.reason) == ("row 3", "two_plans")


@pytest.mark.parametrize(("one", "other", "clash"), [
    ("D", "E", False), ("D", "X", True), ("N12", "D12", False), ("N12", "X", True), ("E", "N", False),
])  # fmt: skip
def test_two_shifts_a_day_must_lie_apart_also_after_midnight(one, other, clash):
    found = faults(assigned("2026-11-01", f"{one}+{other}"))
    assert [fault.reason for fault in found] == ["shift_overlap"] * clash


def test_two_shifts_of_one_day_meet_no_next_day():
    assert not faults(assigned("2026-11-01", "X+N12", until="2026-11-02"))
    assert faults(assigned("2026-11-01", "X+N12", until="2026-11-03"))


def test_a_night_into_an_early_day_is_refused_where_they_meet():
    (fault,) = faults(
        assigned("2026-11-01", "N12", until="2026-11-05"),
        assigned("2026-11-05", "X", origin="row 3"),
    )
    assert (fault.origin, fault.reason) == ("row 3", "shift_overlap")
    assert "2026-11-04" in fault.message


def test_candidates_to_pick_from_may_overlap_each_other():
    assert not faults(assigned("2026-11-01", "D|X|D12"))


def test_unknown_names_and_a_span_that_ends_before_it_begins():
    reasons = [
        fault.reason
        for row in (
            assigned("2026-11-01", "Q"),
            assigned("2026-11-01", rotation="q"),
            assigned("2026-11-05", "D", until="2026-11-05"),
        )
        for fault in faults(row)
    ]
    assert reasons == ["unknown_shift", "unknown_rotation", "span"]


def test_a_rotation_may_not_overlap_itself():
    tight = Rotation(code="t", name="t", cycle=(DayDuty(("N12",)), DayDuty(("X",))))
    (fault,) = rotation_faults(tight, SHIFTS)
    assert "day 1: shift N12 (20:00-08:00) overlaps X (07:00-15:00)" in fault.message
    alone = Rotation(code="t", name="t", cycle=(DayDuty(("X",)), DayDuty(("N12",))))
    assert [f.reason for f in rotation_faults(alone, SHIFTS)] == ["shift_overlap"]  # at its seam
    assert not rotation_faults(FOUR, SHIFTS)
    assert [f.reason for f in rotation_faults(Rotation(code="e", name="", cycle=()), SHIFTS)] == [
        "empty"
    ]
