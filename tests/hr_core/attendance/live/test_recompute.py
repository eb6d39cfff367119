"""Stored days follow what comes in: order, late punches, watermarks, mappings, locks."""

import asyncio
import random
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from hr_core import request_desk
from hr_core.attendance.day import AttendanceRules, load_rules
from hr_core.attendance.live.day_watch import DayWatch
from hr_core.attendance.live.rule_sets import FirstLastEngine
from hr_core.attendance.plan.request import Leave, MissingPunch, Relation
from hr_core.audit.log import entries, verify
from hr_core.clock import Month
from hr_core.errors import CoreError
from hr_core.people.changes import Signature
from hr_core.people.model import Days
from hr_core.people.moves import leave, map_device_user
from hr_core.people.one_or_two import merge
from hr_core.people.records import DeviceSite, Membership, SiteZone, Unit, UnitKind
from hr_core.request_desk import Asking, Deciding
from hr_core.store.attendance_days import earlier_revisions
from hr_core.store.attendance_locks import (
    CorrectionState,
    corrections,
    locks,
    settle_correction,
)
from hr_core.store.attendance_queue import count_touched, touched
from hr_core.store.database import writing
from hr_core.store.dated_rows import add_rows
from hr_core.store.erasures import erase_user
from hr_core.store.organisation import device_sites, memberships, site_zones, units
from hr_core.store.work_plan import locks_of
from protocols.records import Direction
from tests.hr_core.attendance.live.conftest import NOW, PEOPLE, Plant, mark
from tests.hr_core.two_people import lock_by_two, unlock_by_two

OCTOBER = Month(2026, 10)
END = "2026-11-01T00:00"


def presses(seed=3):
    """Two weeks of both people with gaps, double presses and mornings after."""
    dice = random.Random(seed)
    found = []
    for day in range(12, 24):
        for user, times in (("1", ("07:55", "12:10", "17:04")), ("2", ("17:52", "23:30"))):
            for time in times:
                if dice.random() < 0.8:
                    found.append(f"{user} 2026-10-{day}T{time}:{dice.randrange(60):02d}")
                    if dice.random() < 0.2:
                        found.append(f"{user} 2026-10-{day}T{time}:{dice.randrange(60):02d}")
        if dice.random() < 0.8:
            found.append(f"2 2026-10-{day + 1}T06:0{dice.randrange(9)}:00")
    return sorted(set(found))


def results(plant):
    return {
        (person, on): replace(stored.result, waiting_for=())
        for person in ("E1", "E2")
        for on, stored in plant.days(person).items()
    }


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_arrival_gives_what_one_full_computation_gives(tmp_path, seed):
    dice, found = random.Random(seed), presses()
    dice.shuffle(found)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    bit_by_bit, at_once = Plant(tmp_path / "a"), Plant(tmp_path / "b")
    try:
        while found:
            taken, found = found[: (size := dice.randint(1, 9))], found[size:]
            bit_by_bit.press(*taken)
            at_once.press(*taken)
            bit_by_bit.catch_up()
        at_once.catch_up()
        full = at_once.new_recomputer()
        full.compute(["E1", "E2"], date(2026, 10, 1), date(2026, 11, 1))
        assert results(bit_by_bit) == results(at_once)
        assert sum(len(day.used) for day in results(at_once).values()) > 30
    finally:
        bit_by_bit.engine.dispose()
        at_once.engine.dispose()


def test_a_late_punch_changes_its_night_and_keeps_what_stood_there(plant):
    plant.press("2 2026-10-13T17:58", until=END)
    plant.catch_up()
    assert plant.day("E2", 13).result.status == "missing_out"
    plant.press("2 2026-10-14T06:02")
    done = plant.catch_up()
    day = plant.day("E2", 13)
    assert (day.result.status, day.result.regular_min, day.revision) == ("present", 660, 2)
    assert day.cause.startswith("punch 3a")
    assert done.changed == 1, "the morning's own date has no night of its own yet"
    with plant.engine.connect() as conn:
        (earlier,) = earlier_revisions(conn, "E2", date(2026, 10, 13))
    assert (earlier.revision, earlier.result.status) == (1, "missing_out")


def test_a_request_of_a_record_merged_since_is_about_who_it_is_now(plant):
    plant.press("1 2026-10-29T07:55", until=END)
    plant.catch_up()
    body = MissingPunch(
        day=date(2026, 10, 29), at=datetime(2026, 10, 29, 17, 5), direction=Direction.OUT,
        cause="forgot",
    )  # fmt: skip
    asking = Asking(person="E2", body=body, by="Wu", relation=Relation.HR, reason="seen")
    with writing(plant.engine) as conn:
        asked = request_desk.ask(conn, asking, NOW, locks_of(conn))
        merge(conn, "E1", "E2", Signature(at=NOW, by="ann", reason="one human"))
    plant.catch_up()
    assert plant.day("E1", 29).result.status == "missing_out"
    with writing(plant.engine) as conn:
        request_desk.approve(conn, asked.id, Deciding("Zhao", NOW), locks_of(conn))
    plant.catch_up()
    day = plant.day("E1", 29)
    assert day.result.status == "present"
    assert day.cause.startswith("request.approved")


def test_everybody_has_each_day_up_to_today(plant):
    plant.catch_up()
    assert len(plant.days("E1")) == 31
    plant.now += timedelta(days=1)
    plant.catch_up()
    assert max(plant.days("E1")) == date(2026, 11, 1)


def test_days_without_a_punch_begin_with_the_month_of_the_oldest_one(plant):
    plant.catch_up()
    assert min(plant.days("E2")) == date(2026, 10, 1)
    plant.press("1 2026-09-18T08:00")
    plant.now += timedelta(minutes=1)
    plant.catch_up()
    assert sorted(plant.days("E2")) == [date(2026, 9, 1) + timedelta(n) for n in range(61)]
    plant.press("1 2026-01-05T08:00")
    plant.now += timedelta(minutes=1)
    plant.catch_up()
    assert min(plant.days("E2")) == date(2026, 10, 31) - timedelta(days=62)
    assert len(plant.days("E2")) == 63


def test_days_begin_a_bounded_number_in_a_step_and_for_everybody(plant, monkeypatch):
    for name, most in (("_BEGUN_AT_ONCE", 3), ("_MARKS_AT_ONCE", 40)):
        monkeypatch.setattr(f"hr_core.attendance.live.recomputing.{name}", most)
    row = '[[person]]\nnumber = "E%d"\nname = "x"\nshift = "D"\nbase = "5000.00"\n'
    plant.import_people(PEOPLE + "".join(row % number for number in range(3, 8)))
    steps = begun = 0
    # Time enough, so that a busy machine leaves nothing of a step to the next.
    while (step := plant.recomputer.step(budget_s=60.0)).more:
        steps += 1
        assert step.days <= 40 + 2 * 2, "two people at most, each with the days beside"
        with plant.engine.connect() as conn:
            before, begun = begun, count_touched(conn) + step.days
        assert begun - before <= 2 * 3
        begun -= step.days
    assert steps >= 7 * 31 // 6
    assert all(len(plant.days(f"E{number}")) == 31 for number in range(1, 8))
    assert plant.recomputer.idle()
    plant.now += timedelta(days=1)
    plant.catch_up()
    assert all(len(plant.days(f"E{number}")) == 32 for number in range(1, 8))


def test_an_open_day_closes_by_the_clock(plant):
    plant.now = datetime(2026, 10, 30, 4, tzinfo=UTC)
    plant.press("1 2026-10-30T07:58", until="2026-10-30T03:00")
    plant.catch_up()
    assert plant.day("E1", 30).result.status == "not_over"
    plant.now += timedelta(hours=12)
    plant.press(watermarks=[mark("ZK1", "2026-10-30T15:00")])
    plant.catch_up()
    day = plant.day("E1", 30)
    assert (day.result.status, day.look_at) == ("missing_out", None)
    with plant.engine.connect() as conn:
        assert earlier_revisions(conn, "E1", date(2026, 10, 30)) == []


def test_absence_waits_for_every_device_and_comes_with_its_watermark(plant):
    plant.press("1 2026-10-12T08:00", serial="ZK2", until=END)
    plant.press(watermarks=[mark("ZK1", "2026-10-13T12:00")])
    plant.catch_up()
    day = plant.day("E1", 13)
    assert day.result.status == "waiting"
    waits = [(one.device, one.since) for one in day.result.waiting_for]
    assert waits == [("ZK1", datetime(2026, 10, 13, 12, tzinfo=UTC))]
    plant.press(watermarks=[mark("ZK1", "2026-10-13T13:00")])  # 21:00 there: the window's end
    plant.catch_up()
    assert plant.day("E1", 13).result.status == "absent"
    assert plant.day("E1", 14).result.status == "waiting"


def test_a_watermark_that_is_taken_back_takes_the_absence_back(plant):
    plant.press(watermarks=[mark("ZK1", "2026-10-20T00:00")])
    plant.catch_up()
    assert plant.day("E1", 15).result.status == "absent"
    plant.press(watermarks=[mark("ZK1", "2026-10-14T00:00")])
    plant.catch_up()
    assert plant.day("E1", 15).result.status == "waiting"
    assert plant.day("E1", 13).result.status == "absent"


def test_who_is_known_on_one_device_waits_for_that_one_alone(plant):
    one_device = 'devices = [{ user_id = "1", serial = "ZK1" }]'
    plant.import_people(PEOPLE.replace('device_user = "1"', one_device), drop_ids=True)
    plant.press("2 2026-10-12T18:00", serial="ZK2")
    plant.press(watermarks=[mark("ZK1", END)])
    plant.catch_up()
    assert plant.day("E1", 13).result.status == "absent"
    assert plant.day("E2", 13).result.status == "waiting"


def test_unmapped_punches_wait_and_count_once_they_are_somebodys(plant):
    plant.press("77 2026-10-12T07:59", "77 2026-10-12T17:01", until=END)
    plant.catch_up()
    assert plant.day("E1", 12).result.status == "absent"
    with writing(plant.engine) as conn:
        sign = Signature(at=NOW, by="Wu", reason="new card")
        map_device_user(conn, "E1", ("ZK1", "77"), Days(date(2026, 10, 1), None), sign)
    plant.catch_up()
    day = plant.day("E1", 12)
    assert (day.result.status, day.result.regular_min) == ("present", 480)
    assert day.cause.startswith("people.")


def test_whoever_left_has_no_days_after(plant):
    plant.press("1 2026-10-12T07:59", "1 2026-10-12T17:01", until=END)
    plant.catch_up()
    assert plant.day("E1", 30) is not None
    with writing(plant.engine) as conn:
        leave(conn, "E1", date(2026, 10, 20), Signature(at=NOW, by="Wu", reason="left"))
    plant.catch_up()
    assert plant.day("E1", 19).result.status == "absent"
    assert plant.day("E1", 20) is None


def test_another_shift_in_the_people_file_recomputes_its_people(plant):
    plant.press("1 2026-10-12T17:50", "1 2026-10-13T06:02", until=END)
    plant.catch_up()
    assert plant.day("E1", 12).result.regular_min == 0
    plant.import_people(PEOPLE.replace('shift = "D"', 'shift = "N"'))
    plant.catch_up()
    day = plant.day("E1", 12)
    assert (day.result.shift, day.result.regular_min, day.cause) == ("N", 660, "people file")


def test_new_rules_recompute_and_name_their_version(plant):
    plant.press("1 2026-10-12T08:10", "1 2026-10-12T17:01", until=END)
    plant.catch_up()
    rules: AttendanceRules = replace(load_rules(), version="attendance/2", late_grace_min=15)
    assert plant.day("E1", 12).result.late_min == 10
    plant.new_recomputer({"attendance": FirstLastEngine(rules)}).catch_up()
    day = plant.day("E1", 12)
    assert (day.result.late_min, day.result.rule_version) == (0, "attendance/2")
    assert "attendance=attendance/2" in day.cause


def test_an_erased_punch_is_out_of_the_index_and_of_the_next_computation(plant):
    plant.press("1 2026-10-12T07:59", "1 2026-10-12T17:01", until=END)
    plant.catch_up()
    with writing(plant.engine) as conn:
        assert erase_user(conn, "1", None, at=NOW, reason="request 7") == 2
    plant.recomputer.compute(["E1"], date(2026, 10, 12), date(2026, 10, 13))
    assert plant.day("E1", 12).result.status == "absent"


def test_a_step_ends_within_its_budget_and_the_next_goes_on(plant):
    plant.press(*presses())
    step = plant.recomputer.step(budget_s=0)
    assert step.more
    with plant.engine.connect() as conn:
        assert touched(conn, 10)
    plant.catch_up()
    assert plant.recomputer.idle()


def test_punches_of_before_the_index_are_entered(plant):
    plant.press("1 2026-10-12T07:59", "1 2026-10-12T17:01")
    with writing(plant.engine) as conn:
        conn.exec_driver_sql("DELETE FROM punch_arrivals")  # as an older core left it
    assert plant.catch_up().entered == 2
    assert plant.day("E1", 12).result.status == "present"


def test_a_clock_without_a_year_makes_no_day_and_stops_nothing(plant):
    plant.press("1 2000-01-01T08:00", "1 2026-10-12T07:59", "1 2026-10-12T17:01")
    plant.catch_up()
    assert plant.day("E1", 12).result.status == "present"
    assert plant.recomputer.idle()


def lock(plant, *, with_open=True):
    with writing(plant.engine) as conn:
        return lock_by_two(
            conn, OCTOBER, by="Wu", reason="month close", at=plant.now, with_open=with_open
        )


@pytest.fixture
def locked(plant):
    plant.press("1 2026-10-12T07:59", "1 2026-10-12T17:01", until="2026-11-02T00:00")
    plant.now = datetime(2026, 11, 2, 4, tzinfo=UTC)
    plant.press(watermarks=[mark("ZK1", "2026-11-02T00:00")])
    plant.catch_up()
    plant.recomputer.compute(["E1", "E2"], OCTOBER.first, OCTOBER.after)
    lock(plant)
    return plant


def queued(plant, state=CorrectionState.OPEN):
    with plant.engine.connect() as conn:
        return corrections(conn, month="2026-10", state=state)


def test_a_locked_month_queues_what_would_change(locked):
    before = locked.day("E1", 13)
    locked.press("1 2026-10-13T08:05", "1 2026-10-13T17:00")
    done = locked.catch_up()
    assert done.queued >= 1
    assert locked.day("E1", 13) == before
    (one,) = queued(locked)
    assert (one.person, one.day) == ("E1", date(2026, 10, 13))
    assert (one.before.status, one.after.status, one.after.late_min) == ("absent", "present", 5)
    assert one.cause.startswith("punch 3a")
    locked.press("1 2026-10-13T07:55")
    locked.catch_up()
    (again,) = queued(locked)
    assert (again.number, again.after.late_min) == (one.number, 0)


def test_a_correction_that_pay_took_is_where_the_next_one_begins(locked):
    locked.press("1 2026-10-13T08:05", "1 2026-10-13T17:00")
    locked.catch_up()
    (one,) = queued(locked)
    with writing(locked.engine) as conn:
        assert settle_correction(conn, one.number, CorrectionState.TAKEN, "run 12")
        assert not settle_correction(conn, one.number, CorrectionState.TAKEN, "run 13")
    locked.recomputer.compute(["E1"], date(2026, 10, 13), date(2026, 10, 14))
    assert queued(locked) == []
    locked.press("1 2026-10-13T07:55")
    locked.catch_up()
    (later,) = queued(locked)
    assert (later.before.late_min, later.after.late_min) == (5, 0)


def test_what_is_taken_back_leaves_no_correction(locked):
    locked.press("1 2026-10-13T08:00", "1 2026-10-13T17:00")
    locked.catch_up()
    assert len(queued(locked)) == 1
    with writing(locked.engine) as conn:
        erase_user(conn, "1", None, at=locked.now, reason="request 7")
    locked.recomputer.compute(["E1"], date(2026, 10, 13), date(2026, 10, 14))
    states = [(one.day.day, one.state) for one in queued(locked, None)]
    assert states == [(12, "open"), (13, "gone")], "the 12th lost its punches too"


def test_unlocking_applies_the_queue_and_both_are_in_the_audit_log(locked):
    locked.press("1 2026-10-13T08:00", "1 2026-10-13T17:00")
    locked.catch_up()
    with writing(locked.engine) as conn:
        assert unlock_by_two(conn, OCTOBER, by="Sun", reason="late data", at=locked.now) == 1
    locked.catch_up()
    assert locked.day("E1", 13).result.status == "present"
    assert queued(locked) == []
    with locked.engine.connect() as conn:
        log = [
            (one.action, one.subject, one.actor)
            for one in entries(conn)
            if one.subject == "month 2026-10"
        ]
        assert verify(conn).faults == ()
        assert locks(conn) == []
    assert log[-2:] == [
        ("attendance.lock", "month 2026-10", "Wu"), ("attendance.unlock", "month 2026-10", "Sun"),
    ]  # fmt: skip


def test_a_month_is_locked_once_over_computed_and_looked_at(plant):
    plant.catch_up()
    with pytest.raises(CoreError, match="not over"):
        lock(plant)
    plant.now = datetime(2026, 11, 2, 4, tzinfo=UTC)
    plant.recomputer = plant.new_recomputer()
    plant.press("1 2026-10-12T07:59")
    with pytest.raises(CoreError, match="came in"):
        lock(plant)
    plant.catch_up()
    with pytest.raises(CoreError, match=r"open days: .* waiting"):
        lock(plant, with_open=False)
    assert lock(plant).open_days
    with pytest.raises(CoreError, match="already"):
        lock(plant)


def test_who_is_known_everywhere_waits_for_the_devices_of_the_own_site(plant):
    with writing(plant.engine) as conn:
        add_rows(
            conn, units, [Unit(code=code, kind=UnitKind.SITE, name=code) for code in ("S1", "S2")]
        )
        add_rows(conn, memberships, [Membership(person="E1", unit="S1")])
        add_rows(
            conn,
            device_sites,
            [DeviceSite(serial="ZK1", site="S1"), DeviceSite(serial="ZK2", site="S2")],
        )
    plant.press(watermarks=[mark("ZK1", END), mark("ZK2", None)])
    plant.catch_up()
    assert plant.day("E1", 13).result.status == "absent"
    assert plant.day("E2", 13).result.status == "waiting"


def test_a_site_in_another_zone_ends_its_day_by_its_own_clock(plant):
    plant.now = datetime(2026, 10, 30, 13, 30, tzinfo=UTC)  # 21:30 in Shanghai, 16:30 in Moscow
    with writing(plant.engine) as conn:
        add_rows(conn, units, [Unit(code="S1", kind=UnitKind.SITE, name="S1")])
        add_rows(conn, memberships, [Membership(person="E1", unit="S1")])
        first = date(2026, 10, 20)
        add_rows(conn, site_zones, [SiteZone(site="S1", zone="Europe/Moscow", valid_from=first)])
    plant.press(watermarks=[mark("ZK1", "2026-10-30T13:00")])
    plant.catch_up()
    assert plant.day("E1", 30).result.status == "not_over"
    assert plant.day("E1", 19).result.status == "absent"


async def test_a_served_core_computes_what_comes_in(plant):
    watch = asyncio.create_task(DayWatch(plant.recomputer).run())
    try:
        plant.press("1 2026-10-12T07:59", "1 2026-10-12T17:01")
        for _ in range(100):
            await asyncio.sleep(0.05)
            day = plant.day("E1", 12)
            if day is not None and day.result.status == "present":
                break
        assert day.result.regular_min == 480
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


def test_a_request_on_a_locked_day_waits_as_a_correction_and_is_released_by_unlocking(locked):
    stood = locked.day("E1", 29).result
    request = locked.approve(
        Leave(leave="annual", first=date(2026, 10, 28), last=date(2026, 10, 29))
    )
    assert request.queued_days == (date(2026, 10, 28), date(2026, 10, 29))
    locked.catch_up()
    waiting = queued(locked)
    assert [(one.person, one.day.day, one.after.status) for one in waiting] == [
        ("E1", 28, "on_leave"), ("E1", 29, "on_leave"),
    ]  # fmt: skip
    assert all(one.cause.startswith("request.approved, audit row") for one in waiting)
    assert locked.day("E1", 29).result == stood
    with writing(locked.engine) as conn:
        assert unlock_by_two(conn, OCTOBER, by="Sun", reason="leave was told late", at=NOW) == 2
    locked.catch_up()
    assert queued(locked) == []
    assert locked.day("E1", 29).result.status == "on_leave"


def test_a_request_reversed_on_a_locked_day_takes_its_correction_with_it(locked):
    request = locked.approve(
        Leave(leave="annual", first=date(2026, 10, 29), last=date(2026, 10, 29))
    )
    locked.catch_up()
    assert len(queued(locked)) == 1
    with locked.engine.connect() as conn:
        person, reversal = request_desk.reversal_of(conn, request.id)
    locked.approve(reversal, person)
    locked.catch_up()
    assert queued(locked) == []
    assert len(queued(locked, CorrectionState.GONE)) == 1
