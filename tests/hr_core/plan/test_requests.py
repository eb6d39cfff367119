from datetime import UTC, date, datetime, timedelta

import pytest

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.plan.model import DayPart
from hr_core.attendance.plan.place import Place
from hr_core.attendance.plan.request import (
    AskedTrip,
    DayByHand,
    Leave,
    MissingPunch,
    MobilePunch,
    Overtime,
    RefusedRequestError,
    Relation,
    RequestState,
)
from hr_core.audit.log import entries, verify
from hr_core.clock import wall_seconds
from hr_core.errors import NotFoundError
from hr_core.request_desk import days_to_recompute
from hr_core.store.events import raw_events
from hr_core.store.people import people
from hr_core.store.requests import RequestFilter, list_requests, request
from hr_core.store.rosters import save_place
from hr_core.store.work_plan import plan_of
from protocols.records import Direction
from tests.hr_core.plan.conftest import NOW, day, wall

SICK = Leave(leave="sick", first=day("11-10"), last=day("11-11"))
MISSING = MissingPunch(
    day=day("11-09"), at=wall("11-09T08:00"), direction=Direction.IN, cause="forgot"
)


def planned(conn, on, person="007"):
    return plan_of(conn, person, day(on), day(on) + timedelta(days=1))[day(on)]


def refused(rule):
    return pytest.raises(RefusedRequestError, check=lambda exc: exc.rule == rule)


def test_asked_leave_plans_nothing_approved_leave_does(conn, desk):
    asked = desk.ask(SICK)
    assert (asked.state, planned(conn, "11-10").leaves) == (RequestState.ASKED, ())
    approved = desk.approve(asked.id)
    (leave,) = planned(conn, "11-10").leaves
    assert (leave.request, leave.kind, leave.part) == (approved.id, "sick", DayPart.WHOLE)
    assert planned(conn, "11-10").on_leave_all_day
    assert f"request {approved.id}" in planned(conn, "11-10").sources
    assert planned(conn, "11-12").leaves == planned(conn, "11-10", "008").leaves == ()
    assert days_to_recompute(approved) == (day("11-10"), day("11-11"))


@pytest.mark.parametrize("decider", ["Li", " li ", "007", ""])
def test_nobody_decides_his_own_request(conn, desk, decider):
    asked = desk.ask(SICK)
    for decide in (desk.approve, desk.refuse):
        with refused("four_eyes"):
            decide(asked.id, by=decider)
    assert request(conn, asked.id).state is RequestState.ASKED


def test_a_decision_stays_and_is_reversed_by_a_request(conn, desk):
    approved = desk.approved(SICK)
    for again in (desk.approve, desk.refuse):
        with refused("decided"):
            again(approved.id, by="Zhao")
    with refused("decided"):
        desk.withdraw(approved.id)
    reversal = desk.reverse(approved.id)
    assert planned(conn, "11-10").leaves == ()
    assert request(conn, approved.id) == approved
    assert days_to_recompute(reversal) == (day("11-10"), day("11-11"))
    with refused("reversal"):
        desk.reverse(approved.id)
    with refused("reversal"):
        desk.reverse(reversal.id)
    desk.approved(SICK)  # the days are free again
    assert len(planned(conn, "11-10").leaves) == 1


def test_refused_and_withdrawn_requests_plan_nothing(conn, desk):
    first = desk.refuse(desk.ask(SICK).id)
    second = desk.withdraw(desk.ask(SICK).id)
    assert (first.state, second.state) == (RequestState.REFUSED, RequestState.WITHDRAWN)
    assert planned(conn, "11-10").leaves == days_to_recompute(first) == ()
    with refused("reason"):
        desk.refuse(desk.ask(SICK).id, reason=" ")


def test_only_who_asked_or_is_concerned_withdraws(desk):
    asked = desk.ask(SICK)
    with refused("who_may_withdraw"):
        desk.withdraw(asked.id, by="Wang")
    assert desk.withdraw(asked.id, by="007").state is RequestState.WITHDRAWN


def half(first, last, *, begins=False, ends=False):
    return Leave(
        leave="sick", first=day(first), last=day(last), begins_midday=begins, ends_midday=ends
    )


def hours(on, start, end):
    return Leave(leave="sick", first=day(on), last=day(on), start_min=start * 60, end_min=end * 60)


@pytest.mark.parametrize(("one", "other", "overlap"), [
    (SICK, half("11-11", "11-12"), True),
    (SICK, half("11-12", "11-12"), False),
    (half("11-10", "11-10", ends=True), half("11-10", "11-11", begins=True), False),
    (half("11-10", "11-10", ends=True), half("11-10", "11-10"), True),
    (half("11-10", "11-10", ends=True), hours("11-10", 9, 10), True),
    (half("11-10", "11-10", ends=True), hours("11-10", 14, 15), False),
    (hours("11-10", 9, 11), hours("11-10", 10, 12), True),
    (hours("11-10", 9, 11), hours("11-10", 11, 12), False),
    (hours("11-09", 23, 30), hours("11-10", 5, 7), True),  # a night's hours lie on the next day
])  # fmt: skip
def test_overlapping_leave_is_refused_and_names_the_other(desk, one, other, overlap):
    first = desk.ask(one)
    if not overlap:
        assert desk.ask(other).state is RequestState.ASKED
        return
    with refused("overlap") as found:
        desk.ask(other)
    assert f"request {first.id} (leave, asked" in str(found.value)
    assert desk.ask(other, person="008").state is RequestState.ASKED


def test_what_no_leave_can_be_is_refused(desk):
    for rule, body in (
        ("span", half("11-11", "11-10")),
        ("span", half("11-10", "11-10", begins=True, ends=True)),
        ("hours", hours("11-10", 12, 12)),
        ("kind", Leave(leave="beach", first=day("11-10"), last=day("11-10"))),
        ("unit", Leave(leave="annual", first=day("11-10"), last=day("11-10"), start_min=1, end_min=9)),
    ):  # fmt: skip
        with refused(rule):
            desk.ask(body)
    with refused("reason"):
        desk.ask(SICK, reason=" ")
    with pytest.raises(NotFoundError):
        desk.ask(SICK, person="nobody")


@pytest.mark.parametrize(("rule", "body"), [
    ("span", Leave(leave="sick", first=date.max, last=date.max)),
    ("span", Leave(leave="sick", first=date.min, last=date.min)),
    ("span", Leave(leave="sick", first=date(2026, 1, 1), last=date(2027, 1, 2))),
    ("zone", Overtime(day=day("11-10"), start=NOW, end=NOW + timedelta(hours=1))),
    ("day", Overtime(day=day("11-10"), start=wall("11-12T08:00"), end=wall("11-12T09:00"))),
    ("text", AskedTrip(first=day("11-10"), last=day("11-10"), place="x" * 201)),
    ("position", MobilePunch(day=day("11-10"), at=wall("11-10T10:00"), direction=Direction.IN,
                             latitude=float("nan"), longitude=0.0, accuracy_m=1.0)),
    ("position", MobilePunch(day=day("11-10"), at=wall("11-10T10:00"), direction=Direction.IN,
                             latitude=0.0, longitude=0.0, accuracy_m=float("inf"))),
])  # fmt: skip
def test_what_would_break_the_arithmetic_is_refused(desk, rule, body):
    with refused(rule):
        desk.ask(body)


@pytest.mark.parametrize("more", [
    {"reason": "a\0b"}, {"reason": "x" * 2001}, {"evidence": "x" * 2001}, {"by": "x" * 201},
    {"person": "0\0"},
])  # fmt: skip
def test_texts_have_a_cap_and_no_nul(desk, more):
    with refused("text"):
        desk.ask(SICK, **more)


def overtime(on, start, end, kind=None):
    return Overtime(day=day(on), start=wall(f"{on}T{start}"), end=wall(f"{on}T{end}"), kind=kind)


def test_overtime_takes_the_planned_kind_of_day(conn, desk):
    approved = desk.approved(overtime("11-07", "08:00", "12:00"))
    assert approved.body.kind is DayKind.REST_DAY
    (span,) = planned(conn, "11-07").overtime_approved
    assert (span.start, span.end) == (
        wall_seconds(wall("11-07T08:00")), wall_seconds(wall("11-07T12:00"))
    )  # fmt: skip
    with refused("day_kind"):
        desk.ask(overtime("11-08", "08:00", "12:00", DayKind.WORKDAY))
    with refused("overlap"):
        desk.ask(overtime("11-07", "11:00", "13:00"))
    with refused("span"):
        desk.ask(overtime("11-09", "19:00", "18:00"))


def test_an_approved_correction_stands_beside_the_raw_log(conn, desk):
    approved = desk.approved(MISSING)
    (punch,) = planned(conn, "11-09").added_punches
    assert (punch.at, punch.direction) == (wall_seconds(MISSING.at), "in")
    assert (punch.event_id, punch.approved_by) == (f"request:{approved.id}", "Wang")
    assert conn.execute(raw_events.select()).all() == []
    with refused("overlap"):
        desk.ask(MISSING)


def missing(on, cause="forgot"):
    return MissingPunch(day=day(on), at=wall(f"{on}T08:00"), direction=Direction.IN, cause=cause)


def test_the_quota_counts_asked_and_approved_corrections_of_the_period(desk):
    numbers = [desk.ask(missing(on)).id for on in ("11-04", "11-05", "11-06")]
    with refused("quota") as found:
        desk.ask(missing("11-09"))
    assert "3 of 3 corrections from 2026-11-01 to 2026-11-30" in str(found.value)
    desk.ask(missing("11-09", "device_fault"), evidence="ticket 12")  # does not count
    desk.refuse(numbers[0])
    assert desk.ask(missing("11-10")).rule_version == "corrections/1"


def test_each_rule_of_the_policy_is_named(desk):
    late = datetime(2026, 11, 20, tzinfo=UTC)
    for rule, body, more in (
        ("deadline", missing("11-09"), {"at": late}),
        ("kind", missing("11-09", "lazy"), {}),
        ("evidence", missing("11-09", "device_fault"), {}),
        ("future", missing("11-11"), {}),
    ):
        with refused(rule):
            desk.ask(body, **more)


def test_a_manual_day_and_a_trip_are_in_the_plan(conn, desk):
    desk.approved(DayByHand(day=day("11-09"), regular_min=480, overtime_min=60))
    desk.approved(AskedTrip(first=day("11-09"), last=day("11-09"), place="Suzhou"))
    plan = planned(conn, "11-09")
    assert plan.manual is not None
    assert (plan.manual.regular_min, plan.manual.overtime_min) == (480, 60)
    assert [trip.place for trip in plan.trips] == ["Suzhou"]
    with refused("overlap"):
        desk.ask(DayByHand(day=day("11-09"), regular_min=0, overtime_min=0))
    with refused("minutes"):
        desk.ask(DayByHand(day=day("11-10"), regular_min=1440, overtime_min=1))


def mobile(latitude, *, accuracy_m=20.0, at="11-10T10:00"):
    return MobilePunch(
        day=day("11-10"), at=wall(at), direction=Direction.IN, latitude=latitude,
        longitude=121.0, accuracy_m=accuracy_m,
    )  # fmt: skip


@pytest.fixture
def gate(conn):
    save_place(conn, Place(code="gate", name="Gate", latitude=31.0, longitude=121.0, radius_m=150))


def test_a_punch_at_a_place_of_work_counts_at_once(conn, desk, gate):
    punch = desk.ask(mobile(31.001), by="007", relation=Relation.SELF)  # 111 m
    assert (punch.state, punch.decided_by) == (RequestState.APPROVED, "rule place gate")
    assert (punch.body.outside, punch.body.found) == (False, "111 m from gate")
    (added,) = planned(conn, "11-10").added_punches
    assert (added.latitude, added.longitude) == (31.001, 121.0)


@pytest.mark.parametrize(("punch", "found"), [
    (mobile(31.002), "222 m from gate (allowed 150 m)"),
    (mobile(31.001, accuracy_m=900.0), "111 m from gate, but known to 900 m only"),
    (mobile(31.001, at="11-10T08:00"), "111 m from gate; told 2 h 0 min later"),
])  # fmt: skip
def test_a_doubtful_punch_is_kept_flagged_and_waits(conn, desk, gate, punch, found):
    asked = desk.ask(punch)
    assert (asked.state, asked.body.found) == (RequestState.ASKED, found)
    assert planned(conn, "11-10").added_punches == ()
    desk.approve(asked.id)
    assert len(planned(conn, "11-10").added_punches) == 1


def test_on_an_approved_trip_a_punch_outside_counts(desk, gate):
    trip = desk.approved(AskedTrip(first=day("11-10"), last=day("11-10"), place="Suzhou"))
    punch = desk.ask(mobile(40.0))
    assert (punch.body.outside, punch.decided_by) == (True, f"rule trip {trip.id}")


def test_a_phones_future_and_no_place_on_earth_are_refused(desk):
    with refused("future"):
        desk.ask(mobile(31.0, at="11-10T10:11"))
    with refused("position"):
        desk.ask(mobile(91.0))


@pytest.mark.parametrize("by", ["rule place gate", "rule x"])
def test_no_person_may_be_called_like_a_rule(desk, by):
    with refused("actor"):
        desk.ask(SICK, by=by)
    with refused("actor"):
        desk.approve(desk.ask(SICK).id, by=by)


def locked(on):
    return on < date(2026, 11, 11)


def test_an_approval_for_locked_days_waits_for_the_next_period(conn, desk):
    """The plan says what should have been: what the lock keeps is compared with it."""
    approved = desk.approve(desk.ask(SICK).id, locked=locked)
    assert (approved.queued_days, approved.settles_on) == ((day("11-10"),), day("11-11"))
    assert len(planned(conn, "11-10").leaves) == 1
    assert days_to_recompute(approved) == (day("11-10"), day("11-11"))


def test_a_reversal_of_locked_days_waits_too(conn, desk):
    approved = desk.approved(SICK)
    reversal = desk.reverse(approved.id, locked=locked)
    assert (reversal.queued_days, reversal.settles_on) == ((day("11-10"),), day("11-11"))
    assert planned(conn, "11-10").leaves == ()


def test_locks_without_an_end_are_refused(desk):
    with refused("locked"):
        desk.approve(desk.ask(SICK).id, locked=lambda _: True)


def test_every_step_is_in_the_audit_log(conn, desk):
    approved = desk.approved(SICK)
    rows = [(row.actor, row.action) for row in entries(conn)]
    assert rows == [("Li", "request.ask"), ("Wang", "request.approved")]
    assert entries(conn)[1].subject == f"request {approved.id} of person 007"
    assert verify(conn).faults == ()


def test_a_person_or_an_own_shift_that_is_not_there_is_named(conn):
    with pytest.raises(NotFoundError, match="'099'"):
        planned(conn, "11-10", "099")
    conn.execute(people.update().values(shift="Q"))
    with pytest.raises(NotFoundError, match="shift 'Q'"):
        planned(conn, "11-10")


def test_requests_are_listed_by_what_is_wanted(conn, desk):
    sick, other = desk.approved(SICK), desk.ask(MISSING, person="008")

    def numbers(**wanted):
        return [one.id for one in list_requests(conn, RequestFilter(**wanted))]

    assert numbers() == [sick.id, other.id]
    assert numbers(persons=("008",)) == numbers(kind="missing_punch") == [other.id]
    assert numbers(state=RequestState.APPROVED) == [sick.id]
    assert numbers(first=day("11-11"), until=day("11-12")) == [sick.id]
    assert numbers(first=day("11-12")) == numbers(until=day("11-09")) == []
    assert sick.asked_at == NOW
