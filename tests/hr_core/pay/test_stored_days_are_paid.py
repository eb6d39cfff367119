"""What reaches a slip: days as they are stored, with approvals, locks, and what is still open."""

from datetime import UTC, date, datetime, timedelta

import pytest

from hr_core.attendance.plan.request import DayByHand, Leave, MissingPunch
from hr_core.clock import Month
from hr_core.pay.month_days import touch_days_to_pay
from hr_core.pay.run import compute_run
from hr_core.store.attendance_locks import corrections, settle_correction
from hr_core.store.database import writing
from hr_core.store.results import add_run
from hr_core.trace.calculation import replay
from hr_core.trace.explain import explain
from protocols.records import Direction
from tests.hr_core.attendance.live.conftest import Plant
from tests.hr_core.two_people import lock_by_two

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
NIGHTS = [
    press
    for day in range(8, 32)
    for press in (f"2 2026-10-{day:02d}T17:50", f"2 {date(2026, 10, day) + timedelta(1)}T06:04")
]
READ = "2026-11-02T00:00"


def at(text):
    return datetime.fromisoformat(f"2026-10-{text}")


def pay(plant, month=OCTOBER):
    """As `hr-core pay run` does: what came in is computed first."""
    plant.catch_up()
    with writing(plant.engine) as conn:
        touch_days_to_pay(conn, month, plant.now)
    plant.catch_up()
    with plant.engine.connect() as conn:
        run = compute_run(conn, month, plant.now)
    for slip in run.slips:
        for line in slip.lines:
            assert replay(line.trace) == line.amount_fen
    return run


def slip_of(run, number="E1"):
    (slip,) = (slip for slip in run.slips if slip.number == number)
    return slip


def overtime(run, number="E1"):
    return {
        line.code: sum(day.minutes for day in line.trace.days)
        for line in slip_of(run, number).lines
        if line.code.startswith("overtime")
    }


def unclear(run, number="E1"):
    return {day.day[-2:]: day.status for day in slip_of(run, number).to_clarify}


@pytest.fixture
def paid(tmp_path):
    """November 2: all of October pressed by E2, and one day without its end by E1."""
    plant = Plant(tmp_path, now=datetime(2026, 11, 2, 4, tzinfo=UTC))
    plant.press(*NIGHTS, "1 2026-10-29T07:55", until=READ)
    yield plant
    plant.engine.dispose()


def test_an_approved_punch_is_paid_and_named_in_the_explained_line(paid):
    assert overtime(pay(paid)) == {}
    asked = MissingPunch(
        day=at("29").date(), at=at("29T19:10"), direction=Direction.OUT, cause="forgot"
    )
    request = paid.approve(asked)
    run = pay(paid)
    assert overtime(run) == {"overtime_workday": 120}
    with writing(paid.engine) as conn:
        explained = explain(conn, add_run(conn, run), "E1", "overtime_workday")
    (day,) = explained.lines[0].days
    assert [punch.role for punch in day.punches] == ["arrived"]
    assert [(one.request, one.kind, one.approved_by) for one in day.corrections] == [
        (request.id, "added_punch", "Zhao")
    ]
    assert explained.missing_events == ()
    assert explained.lines[0].replayed_fen == explained.lines[0].amount_fen


def test_a_day_by_hand_is_paid_by_its_minutes(paid):
    paid.approve(DayByHand(day=at("30").date(), regular_min=480, overtime_min=95))
    run = pay(paid)
    assert overtime(run) == {"overtime_workday": 95}
    assert "30" not in unclear(run)
    with writing(paid.engine) as conn:
        explained = explain(conn, add_run(conn, run), "E1", "overtime_workday")
    assert [one.kind for one in explained.lines[0].days[0].corrections] == ["manual_day"]


def test_leave_leaves_nothing_to_clarify(paid):
    before = unclear(pay(paid))
    assert before["28"] == "absent"
    paid.approve(Leave(leave="annual", first=at("28").date(), last=at("28").date()))
    assert unclear(pay(paid)) == {day: what for day, what in before.items() if day != "28"}


def test_days_that_wait_for_a_device_are_told_with_it_and_move_nobodys_pay(tmp_path):
    plant = Plant(tmp_path, now=datetime(2026, 11, 2, 4, tzinfo=UTC))
    try:
        plant.press(*NIGHTS, until="2026-10-27T16:00")
        waiting = pay(plant)
        (told,) = waiting.findings.waiting_for
        assert (told.device, told.since) == ("ZK1", datetime(2026, 10, 27, 16, tzinfo=UTC))
        assert told.days == list(unclear(waiting).values()).count("waiting") == 3
        assert waiting.needs_a_look
        (effect,) = {day.effect for day in slip_of(waiting).to_clarify if day.status == "waiting"}
        assert "until the device is read" in effect
        plant.press("99 2026-11-01T09:00", until=READ)
        read = pay(plant)
        assert read.findings.waiting_for == ()
        assert set(unclear(read).values()) == {"absent"}
        assert [slip.total_fen for slip in read.slips] == [slip.total_fen for slip in waiting.slips]
    finally:
        plant.engine.dispose()


def test_a_locked_month_is_paid_as_it_is_stored_and_its_corrections_are_told(paid):
    paid.catch_up()
    paid.recomputer.compute(["E1", "E2"], OCTOBER.first, OCTOBER.after)
    with writing(paid.engine) as conn:
        lock_by_two(conn, OCTOBER, by="Wu", reason="closed", at=paid.now, with_open=True)
    before = pay(paid)
    paid.press("1 2026-10-29T19:10", "1 2026-11-02T07:58")
    after = pay(paid)
    assert (after.slips, after.days) == (before.slips, before.days)
    (told,) = after.findings.locked_corrections
    assert (told.person, told.day) == ("E1", "2026-10-29")
    assert (told.before, told.after) == ("missing_out 0+0 min", "present 480+120 min")
    assert pay(paid, NOVEMBER).findings.locked_corrections == (told,)
    with writing(paid.engine) as conn:
        (queued,) = corrections(conn)
        assert settle_correction(conn, queued.number, "taken", "run 2")
    assert pay(paid, NOVEMBER).findings.locked_corrections == ()


def test_days_before_the_core_began_are_there_for_a_pay_run(tmp_path):
    """Everybody owes the workdays of a month that only one person pressed in."""
    plant = Plant(tmp_path, now=datetime(2026, 12, 20, 4, tzinfo=UTC))
    try:
        plant.press(*NIGHTS, until="2026-12-20T00:00")
        run = pay(plant)
        assert len(run.days["E1"]) == len(run.days["E2"]) == 31
        assert len(unclear(run)) == 18, "workdays after the holiday"
    finally:
        plant.engine.dispose()


def test_a_run_beside_punches_that_are_not_computed_yet_says_so(paid):
    pay(paid)
    paid.press("1 2026-10-29T19:10")
    with paid.engine.connect() as conn:
        run = compute_run(conn, OCTOBER, paid.now)
    assert run.findings.still_to_compute
    assert run.needs_a_look
    assert not pay(paid).findings.still_to_compute
