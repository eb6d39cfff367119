"""Trust in the gateway's clock."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.system_clock import SystemClock, boot_id
from edge_agent.timekeeping import Timekeeper
from protocols.records import Flag
from tests.edge_agent.spool.deliveries import ManualClock

FLOOR = datetime(2026, 1, 1, tzinfo=UTC)
STORED = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SUSPECT = (Flag.GATEWAY_CLOCK_SUSPECT,)


def test_a_sane_clock_is_trusted_and_stamps_what_it_shows():
    clock = ManualClock(NOW)
    keeper = Timekeeper(clock, STORED, FLOOR)
    assert keeper.trusted
    stamp = keeper.stamp()
    assert (stamp.received_at, stamp.monotonic_s, stamp.flags) == (NOW, 1_000.0, ())
    clock.advance(5)
    assert keeper.check() is None


def test_1970_and_earlier_than_the_last_stored_are_not_trusted():
    assert not Timekeeper(ManualClock(EPOCH), None, FLOOR).trusted
    assert not Timekeeper(ManualClock(STORED - timedelta(hours=1)), STORED, FLOOR).trusted
    assert Timekeeper(ManualClock(STORED - timedelta(seconds=1)), STORED, FLOOR).trusted
    assert Timekeeper(ManualClock(FLOOR), None, FLOOR).trusted


def test_the_floor_counts_when_the_last_stored_is_older():
    old = datetime(2020, 1, 1, tzinfo=UTC)
    assert not Timekeeper(ManualClock(datetime(2021, 1, 1, tzinfo=UTC)), old, FLOOR).trusted


def test_trust_returns_with_the_measured_step():
    clock = ManualClock(EPOCH)
    keeper = Timekeeper(clock, STORED, FLOOR)
    clock.advance(90)
    assert keeper.check() is None
    stamp = keeper.stamp()
    assert (stamp.received_at, stamp.flags) == (EPOCH + timedelta(seconds=90), SUSPECT)
    clock.advance(10)
    clock.step(NOW - clock.wall)

    step = keeper.check()

    assert (step.trusted, step.regained) == (True, True)
    assert stamp.received_at + step.step == NOW - timedelta(seconds=10)
    assert keeper.stamp().flags == ()
    assert keeper.check() is None


def test_steps_on_the_way_are_part_of_the_measured_one():
    clock = ManualClock(EPOCH)
    keeper = Timekeeper(clock, None, FLOOR)
    first = keeper.stamp()
    clock.step(timedelta(days=365 * 29))
    assert keeper.check() is None
    clock.advance(1)
    second = keeper.stamp()
    assert second.received_at - first.received_at == timedelta(seconds=1)
    clock.step(NOW - clock.wall)
    assert second.received_at + keeper.check().step == NOW


def test_a_clock_that_falls_back_is_lost_and_its_timeline_goes_on():
    clock = ManualClock(NOW)
    keeper = Timekeeper(clock, STORED, FLOOR)
    keeper.stamp()
    clock.advance(10)
    clock.step(EPOCH - clock.wall)
    unnoticed = keeper.stamp()
    assert (unnoticed.received_at, unnoticed.flags) == (NOW + timedelta(seconds=10), SUSPECT)

    lost = keeper.check()

    assert (lost.trusted, lost.regained) == (False, False)
    assert lost.step == EPOCH - (NOW + timedelta(seconds=10))
    assert keeper.check() is None
    clock.advance(5)
    assert keeper.stamp().received_at == NOW + timedelta(seconds=15)
    clock.step(NOW + timedelta(seconds=15) - clock.wall)
    found = keeper.check()
    assert (found.regained, found.step) == (True, timedelta(0))


def test_a_forward_step_is_told_and_a_slew_is_not():
    clock = ManualClock(NOW)
    keeper = Timekeeper(clock, STORED, FLOOR)
    clock.step(timedelta(milliseconds=300))
    assert keeper.check() is None
    clock.step(timedelta(hours=3))
    step = keeper.check()
    assert (step.step, step.trusted, step.regained) == (timedelta(hours=3), True, False)


def test_many_slews_never_add_up_to_a_step():
    clock = ManualClock(NOW)
    keeper = Timekeeper(clock, STORED, FLOOR)
    for _ in range(100):
        clock.step(timedelta(milliseconds=300))
        assert keeper.check() is None


def test_a_small_correction_backwards_keeps_trust():
    clock = ManualClock(NOW)
    keeper = Timekeeper(clock, STORED, FLOOR)
    keeper.stamp()
    clock.step(timedelta(seconds=-20))
    assert keeper.stamp().flags == ()
    assert keeper.check().step == timedelta(seconds=-20)
    assert keeper.trusted


def test_who_knows_the_time_ends_a_spell_in_the_future():
    clock = ManualClock(NOW + timedelta(days=3650))
    keeper = Timekeeper(clock, STORED, FLOOR)
    keeper.stamp()
    clock.step(timedelta(days=-3650))
    assert not keeper.check().trusted
    assert keeper.confirm(NOW + timedelta(hours=1)) is None  # the clock shows something else
    assert not keeper.trusted

    step = keeper.confirm(NOW + timedelta(seconds=2))

    assert (step.regained, step.step) == (True, timedelta(days=-3650))
    assert keeper.stamp().flags == ()
    assert keeper.check() is None


moves = st.lists(
    st.tuples(
        st.sampled_from(["advance", "step", "stamp", "check"]),
        st.integers(-10 * 365 * 86_400, 10 * 365 * 86_400),
    ),
    max_size=30,
)


@given(moves, st.sampled_from([EPOCH, NOW]))
def test_whatever_the_clock_does_stamps_never_fail_and_an_unsure_one_never_goes_back(steps, start):
    clock = ManualClock(start)
    keeper = Timekeeper(clock, None, FLOOR)
    unsure = None
    for move, seconds in steps:
        if move == "advance":
            clock.advance(abs(seconds) % 1_000)
        elif move == "step":
            clock.step(timedelta(seconds=seconds))
        elif move == "check":
            step = keeper.check()
            if step is not None and step.trusted:
                unsure = None
        else:
            stamp = keeper.stamp()
            if stamp.flags:
                assert unsure is None or stamp.received_at >= unsure
                unsure = stamp.received_at
            else:
                assert stamp.received_at == clock.wall
                assert stamp.received_at >= FLOOR - timedelta(seconds=60)


async def test_the_system_clock_runs(tmp_path):
    clock = SystemClock()
    wall, monotonic = clock.now(), clock.monotonic()
    await clock.sleep(0.01)
    assert clock.now().utcoffset() == timedelta(0)
    assert abs(clock.now().timestamp() - time.time()) < 5
    assert clock.monotonic() - monotonic >= 0.009
    assert clock.now() - wall < timedelta(seconds=5)
    await asyncio.sleep(0)


def test_the_boot_has_a_name(tmp_path):
    file = tmp_path / "boot_id"
    file.write_text("0f6c\n")
    assert boot_id(fallback="x", path=file) == "0f6c"
    assert boot_id(fallback="x", path=tmp_path / "none") == "x"
    assert boot_id(fallback="x")
