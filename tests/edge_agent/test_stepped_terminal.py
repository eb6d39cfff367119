"""A terminal whose clock runs in a wrong year: pulled whole, flagged per row, each row with the
offset of its own side of the step.
"""

from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.supervisor import retry
from protocols.records import Flag, Punch
from protocols.zk.attendance import AttendanceRow
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from tests.edge_agent.agents import observations, running, site_text, stored, until

SERIAL = "CLK-STEP-0001"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.05)
    monkeypatch.setattr(retry, "LONGEST_DELAY_S", 0.2)


def site_now():
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def wrong_terminal(offset_s, log=()):
    config = TerminalConfig(clock=site_now, serial=SERIAL, clock_offset_s=offset_s)
    return ZkTerminal(config, list(log), [])


def row(number, time):
    return AttendanceRow(uid=number, user_id=str(1000 + number), time=time)


def offsets(folder):
    """(offset in whole seconds or None, flags) of each punch, by user id."""
    found = {}
    for one in observations(folder):
        if isinstance(one.record, Punch):
            seconds = one.clock_offset_ms and round(one.clock_offset_ms / 1000)
            found[one.record.user_id] = seconds, {*one.record.flags, *one.flags}
    return found


def near(found, wanted_s):
    return found is not None and abs(found - wanted_s) <= 2


@pytest.mark.parametrize("year", [2000, 2012, 2063])
async def test_rows_on_both_sides_of_a_step_keep_their_own_offset(tmp_path, year):
    begin = site_now()
    # In mid-year: hours before the first of 2000 a terminal's clock can show no more.
    offset_s = round((begin.replace(year=year, month=6, day=15) - begin).total_seconds())
    wrong = begin + timedelta(seconds=offset_s)
    terminal = wrong_terminal(offset_s, [row(n, wrong - timedelta(hours=n)) for n in (5, 4, 3)])
    async with terminal, running(tmp_path, site_text(terminal.address[1])) as agent:
        await until(lambda: stored(agent, SERIAL), what="not pulled")
        assert await stored(agent, SERIAL) == 3, "pulled whole"
        assert [entry.operation for entry in terminal.operations] == [], "set only when asked"
        # Between two polls: a punch on the wrong clock, the clock is set, a punch on the right one.
        terminal.log.append(row(10, site_now() + timedelta(seconds=offset_s)))
        terminal._memory.set_clock_offset(0)
        terminal.log.append(row(11, site_now()))

        async def all_here():
            return await stored(agent, SERIAL) == 5

        await until(all_here, what="rows of the step not pulled")
    found = offsets(tmp_path)
    assert len(found) == 5
    for before in ("1005", "1004", "1003", "1010"):
        assert near(found[before][0], offset_s), (before, found[before])
        flag = {2000: {Flag.CLOCK_SUSPECT}, 2012: set(), 2063: {Flag.FUTURE}}[year]
        assert found[before][1] == flag
    assert near(found["1011"][0], 0)
    assert found["1011"][1] == set()


async def test_a_step_while_the_agent_was_down_is_known_by_the_last_reading_in_the_spool(tmp_path):
    terminal = wrong_terminal(-3 * 86_400)
    async with terminal:
        text = site_text(terminal.address[1])
        terminal.log.append(row(1, site_now() - timedelta(days=3, seconds=10)))
        async with running(tmp_path, text) as agent:
            await until(lambda: stored(agent, SERIAL), what="not pulled")
        terminal.log.append(row(2, site_now() - timedelta(days=3)))
        terminal._memory.set_clock_offset(0)
        terminal.log.append(row(3, site_now()))
        terminal.log.append(row(4, site_now() - timedelta(days=1)))  # neither clock showed this
        async with running(tmp_path, text) as agent:

            async def all_here():
                return await stored(agent, SERIAL) == 4

            await until(all_here, what="not all pulled")
    found = offsets(tmp_path)
    assert near(found["1001"][0], -3 * 86_400)
    assert near(found["1002"][0], -3 * 86_400)
    assert near(found["1003"][0], 0)
    assert found["1004"] == (None, {Flag.CLOCK_SUSPECT})


async def test_the_last_reading_is_kept_only_when_the_log_was_read_whole(tmp_path):
    terminal = wrong_terminal(0, [row(1, site_now())])
    async with terminal, running(tmp_path, site_text(terminal.address[1])) as agent:
        await until(lambda: stored(agent, SERIAL), what="not pulled")

        async def kept():
            return await agent.spool.last_reading(SERIAL)

        await until(kept, what="no reading kept")
        reading = await agent.spool.last_reading(SERIAL)
        assert abs(reading.offset_ms) < 2_500
        assert await agent.spool.last_reading("never read") is None
    assert near(offsets(tmp_path)["1001"][0], 0)
