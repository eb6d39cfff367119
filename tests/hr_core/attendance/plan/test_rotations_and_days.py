from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.plan.days import plan_days
from hr_core.attendance.plan.model import PlanFlag, ShiftChoice
from hr_core.attendance.plan.roster import (
    DayDuty,
    KindFrom,
    Membership,
    RosterError,
    Rotation,
    Subject,
    SubjectKind,
    load_templates,
)
from hr_core.errors import NoLawError
from tests.hr_core.attendance.plan.plan_samples import CREW, assigned, facts

SLOTS = {"D": "D", "E": "E", "N": "N"}
TEMPLATES = load_templates()


def rotation_of(template):
    one = TEMPLATES[template]
    slots = {slot for slot in one.cycle if slot != "-"}
    return one.rotation("r", "r", {slot: SLOTS[slot] for slot in slots})


def codes(planned):
    return [shift.code for shift in planned.shifts]


def days(first, count):
    return [date.fromisoformat(first) + timedelta(days=n) for n in range(count)]


@pytest.mark.parametrize("template", TEMPLATES)
@given(start=st.integers(0, 4000))
def test_the_crews_of_a_template_man_every_slot_of_every_day_once(template, start):
    one = TEMPLATES[template]
    rotation = rotation_of(template)
    slots = {slot for slot in one.cycle if slot != "-"}
    manned = Counter(
        code for offset in one.crew_offsets for code in rotation.duty(start + offset).shifts
    )
    assert manned == dict.fromkeys(slots, 1)


def test_a_three_shift_template_is_the_roster_made_by_hand():
    rotation = rotation_of("three_shift_four_crews")
    by_hand = ["D", "D", "E", "E", "N", "N", "-", "-", "D", "D", "E", "E"]
    planned = plan_days(
        facts(assigned("2026-11-02", rotation="r"), rotations={"r": rotation}),
        date(2026, 11, 2), date(2026, 11, 14),
    )  # fmt: skip
    worked = ["".join(codes(one)) if one.due else "-" for one in planned.values()]
    assert worked == by_hand


def test_a_two_shift_template_follows_the_calendar_and_its_adjusted_workdays():
    """2026-10-10 is a Saturday worked for the October holiday."""
    rotation = rotation_of("two_shift_weekly")
    planned = plan_days(
        facts(assigned("2026-09-28", rotation="r"), rotations={"r": rotation}),
        date(2026, 9, 28), date(2026, 10, 12),
    )  # fmt: skip
    due = {day.isoformat()[5:]: "".join(codes(one)) for day, one in planned.items() if one.due}
    assert due == {
        "09-28": "D", "09-29": "D", "09-30": "D", "10-08": "N", "10-09": "N", "10-10": "N",
    }  # fmt: skip
    assert planned[date(2026, 10, 1)].kind is DayKind.STATUTORY_HOLIDAY


def test_without_a_roster_the_own_shift_and_the_calendar_are_the_plan():
    planned = plan_days(facts(), date(2026, 10, 9), date(2026, 10, 13))
    assert [(one.kind, one.due, codes(one)) for one in planned.values()] == [
        (DayKind.WORKDAY, True, ["OWN"]),
        (DayKind.WORKDAY, True, ["OWN"]),
        (DayKind.REST_DAY, False, ["OWN"]),
        (DayKind.WORKDAY, True, ["OWN"]),
    ]
    assert planned[date(2026, 10, 9)].sources[0] == "own shift OWN"


def test_the_person_wins_over_the_team_on_the_days_named_only():
    planned = plan_days(
        facts(
            assigned("2026-11-02", "D", subject=CREW),
            assigned("2026-11-03", "E", until="2026-11-04"),
            memberships=(Membership("crew", date(2026, 1, 1)),),
        ),
        date(2026, 11, 2), date(2026, 11, 5),
    )  # fmt: skip
    assert [codes(one) for one in planned.values()] == [["D"], ["E"], ["D"]]


def test_a_team_counts_while_the_person_is_in_it():
    planned = plan_days(
        facts(
            assigned("2026-01-01", "D", subject=CREW),
            memberships=(Membership("crew", date(2026, 11, 3), date(2026, 11, 4)),),
        ),
        date(2026, 11, 2), date(2026, 11, 5),
    )  # fmt: skip
    assert [codes(one) for one in planned.values()] == [["OWN"], ["D"], ["OWN"]]


def test_two_teams_on_one_day_are_left_to_the_punches_and_flagged():
    other = Subject(SubjectKind.TEAM, "other")
    planned = plan_days(
        facts(
            assigned("2026-11-02", "D", subject=CREW),
            assigned("2026-11-02", "E", subject=other),
            memberships=tuple(Membership(team, date(2026, 1, 1)) for team in ("crew", "other")),
        ),
        date(2026, 11, 2), date(2026, 11, 3),
    )[date(2026, 11, 2)]  # fmt: skip
    assert (codes(planned), planned.choice) == (["D", "E"], ShiftChoice.FROM_PUNCH)
    assert planned.flags == (PlanFlag.SEVERAL_ROSTERS,)


def test_candidates_and_two_shifts_of_a_day():
    either = plan_days(facts(assigned("2026-11-02", "D|N")), date(2026, 11, 2), date(2026, 11, 3))
    both = plan_days(facts(assigned("2026-11-02", "D+E")), date(2026, 11, 2), date(2026, 11, 3))
    assert [one.choice for one in (*either.values(), *both.values())] == [
        ShiftChoice.FROM_PUNCH,
        ShiftChoice.ASSIGNED,
    ]
    assert codes(both[date(2026, 11, 2)]) == ["D", "E"]


def test_rest_in_a_rotation_is_a_rest_day_measured_by_its_shifts():
    rotation = rotation_of("two_shift_four_crews")
    planned = plan_days(
        facts(assigned("2026-11-02", rotation="r"), rotations={"r": rotation}),
        date(2026, 11, 4), date(2026, 11, 5),
    )[date(2026, 11, 4)]  # fmt: skip
    assert (planned.kind, planned.due) == (DayKind.REST_DAY, False)
    assert (codes(planned), planned.choice) == (["D", "N"], ShiftChoice.FROM_PUNCH)


def test_a_continuous_rotation_works_a_holiday_which_stays_one():
    rotation = rotation_of("two_shift_four_crews")
    of = facts(assigned("2026-10-01", rotation="r"), rotations={"r": rotation})
    holiday = plan_days(of, date(2026, 10, 1), date(2026, 10, 2))[date(2026, 10, 1)]
    assert (holiday.kind, holiday.due) == (DayKind.STATUTORY_HOLIDAY, True)


def test_a_day_rostered_by_hand_on_a_sunday_is_a_workday():
    of = facts(assigned("2026-11-01", "D", until="2026-11-02", kind_from=KindFrom.ROSTER))
    sunday = plan_days(of, date(2026, 11, 1), date(2026, 11, 2))[date(2026, 11, 1)]
    assert (sunday.kind, sunday.due) == (DayKind.WORKDAY, True)


def test_an_unknown_year_has_no_plan():
    with pytest.raises(NoLawError) as refused:
        plan_days(facts(), date(2031, 1, 1), date(2031, 1, 2))
    assert refused.value.on == date(2031, 1, 1)


def test_a_template_needs_a_shift_for_each_slot():
    with pytest.raises(RosterError) as refused:
        TEMPLATES["two_shift_weekly"].rotation("r", "r", {"D": "D"})
    assert refused.value.reason == "template_slots"


rotations = st.builds(
    lambda cycle, kind: Rotation(
        code="r", name="r", cycle=tuple(DayDuty((c,) if c else ()) for c in cycle), kind_from=kind
    ),
    st.lists(st.sampled_from(["D", "E", "N", ""]), min_size=1, max_size=9),
    st.sampled_from(KindFrom),
)


@given(rotation=rotations, offset=st.integers(0, 30), cut=st.integers(0, 40))
def test_the_plan_of_a_span_is_the_plans_of_its_parts(rotation, offset, cut):
    of = facts(
        assigned("2026-09-20", rotation="r", offset=offset, until="2026-10-05"),
        assigned("2026-10-05", "E", until="2026-10-15"),
        rotations={"r": rotation},
    )
    first, until = date(2026, 9, 15), date(2026, 10, 25)
    middle = first + timedelta(days=cut)
    whole = plan_days(of, first, until)
    assert whole == plan_days(of, first, middle) | plan_days(of, middle, until)
    assert list(whole) == days("2026-09-15", 40)


@given(rotation=rotations, offset=st.integers(0, 30), cycles=st.integers(1, 50))
def test_a_rotation_has_one_duty_for_each_day_and_repeats(rotation, offset, cycles):
    length = len(rotation.cycle)
    duties = [rotation.duty(offset + n) for n in range(length)]
    assert sorted(duties, key=str) == sorted(rotation.cycle, key=str)
    assert [rotation.duty(offset + cycles * length + n) for n in range(length)] == duties
