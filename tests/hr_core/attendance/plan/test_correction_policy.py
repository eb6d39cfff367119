from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.plan.correction_policy import (
    AskedCorrection,
    CorrectionKind,
    CorrectionPolicy,
    load_policy,
    policy_on,
    refuse_against_policy,
)
from hr_core.attendance.plan.request import MissingPunch, RefusedRequestError, Relation
from hr_core.clock import midnight
from protocols.records import Direction


def policy(**fields):
    given_fields = {
        "version": "p/1", "source": "test", "first": date(2026, 1, 1), "quota": 2,
        "deadline_days": 3, "may_ask": (Relation.LEADER,), "kind": (CorrectionKind(code="x", name="x"),),
    }  # fmt: skip
    return CorrectionPolicy(**given_fields | fields)


def asked(day, on, relation=Relation.LEADER):
    punch = MissingPunch(day=day, at=midnight(day), direction=Direction.IN, cause="x")
    return AskedCorrection(punch, relation, "", on)


@given(start=st.integers(1, 28), day=st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_every_day_lies_in_one_period_and_periods_meet(start, day):
    one = policy(period_starts_on=start)
    first, after = one.period(day)
    assert first <= day < after
    assert first.day == after.day == start
    assert one.period(first) == one.period(after - timedelta(days=1)) == (first, after)
    assert one.period(after)[0] == after


def test_the_latest_policy_in_force_counts():
    old, new = policy(), policy(version="p/2", first=date(2026, 6, 1))
    assert policy_on((new, old), date(2026, 5, 31)) is old
    assert policy_on((old, new), date(2026, 6, 1)) is new
    with pytest.raises(RefusedRequestError):
        policy_on((old, new), date(2025, 12, 31))
    assert policy_on((load_policy(),), date(2026, 6, 1)).version == "corrections/1"


@pytest.mark.parametrize(("late", "refused"), [(3, False), (4, True)])
def test_the_deadline_is_its_last_day(late, refused):
    day = date(2026, 11, 2)
    one = asked(day, day + timedelta(days=late))
    if not refused:
        refuse_against_policy(policy(), one, ())
        return
    with pytest.raises(RefusedRequestError) as found:
        refuse_against_policy(policy(), one, ())
    assert found.value.rule == "deadline"


def test_who_may_ask_is_the_policys():
    day = date(2026, 11, 2)
    with pytest.raises(RefusedRequestError) as found:
        refuse_against_policy(policy(), asked(day, day, Relation.SELF), ())
    assert found.value.rule == "who_may_ask"
    assert "let one of them ask: leader" in found.value.remedy


def test_a_policy_without_limits_refuses_nothing_for_being_late_or_often():
    day = date(2026, 11, 2)
    endless = policy(quota=None, deadline_days=None)
    refuse_against_policy(endless, asked(day, date(2027, 11, 2)), ())
