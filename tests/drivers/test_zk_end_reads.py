"""Polls that read only the end of a known log: cheap, and never wrong, only slower."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from drivers.contract import Delivery, DriverContext
from drivers.zk_pull import ZkPullConfig, ZkPullDriver
from drivers.zk_pull.end_reads import WHOLE_READ_EVERY_S
from drivers.zk_pull.known_end import OVERLAP_ROWS
from drivers.zk_pull.log_cursor import LogCursor
from protocols.identity import event_id
from protocols.records import DeviceEvent, Punch
from protocols.zk.attendance import AttendanceRow, Layout
from protocols.zk.commands import Command
from protocols.zk.oplog import Operation
from simulators.zk_terminal import Disturbance, Faults, ZkTerminal
from tests.drivers.zk_site import (
    SITE_NOW,
    StandingClock,
    asking,
    chunks_asked,
    driver,
    facts,
    fetched,
    logged,
    punches,
    rows,
    terminal,
)

UDP = {"transport": "udp"}


class SteppedClock(StandingClock):
    """Its counter moves only when told."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def chunks() -> Iterator[list[tuple[int, int]]]:
    with chunks_asked() as asked:
        yield asked


def is_whole(chunks: list[tuple[int, int]], device: ZkTerminal) -> bool:
    """Whether the log was read from its first byte to its last."""
    size = 4 + len(device.log) * device._memory.config.layout.width
    return sum(length for offset, length in chunks) >= size


def events(deliveries: list[Delivery]) -> list[DeviceEvent]:
    return [record for record in punches(deliveries) if isinstance(record, DeviceEvent)]


def rows_of(deliveries: list[Delivery]) -> list[Punch]:
    return [record for record in punches(deliveries) if isinstance(record, Punch)]


def reached(deliveries: list[Delivery], cursor: bytes | None) -> bytes | None:
    return deliveries[-1].cursor or cursor


@asynccontextmanager
async def known(device: ZkTerminal, **config):
    """`device` with a driver that has read its log, and the cursor of that."""
    async with asking(device, **config) as gate:
        yield gate, (await fetched(gate))[-1].cursor


# what a poll costs


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_known_log_of_100000_rows_costs_less_than_2_kb(transport: str, monkeypatch) -> None:
    device = terminal(100_000, transport=transport, packet_bytes=1024)
    async with known(device, transport=transport) as (gate, cursor):
        link = gate._terminal.link
        carried = 0

        def counting(name):
            genuine = getattr(type(link), name)

            async def counted(self, *data):
                nonlocal carried
                answer = await genuine(self, *data)
                carried += len(answer or data[0])
                return answer

            return counted

        for name in ("read", "write"):
            monkeypatch.setattr(type(link), name, counting(name))
        (delivery,) = await fetched(gate, cursor)
    assert 0 < carried < 2_000
    assert (delivery.records, delivery.quarantined, delivery.cursor) == ([], [], None)
    assert (delivery.on_device, delivery.log_rows, delivery.last) == (100_000, 100_000, True)
    assert delivery.clock is not None


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("layout", list(Layout))
async def test_new_rows_are_read_and_no_others(chunks, layout: Layout, transport: str) -> None:
    narrow = layout.holds_uid
    device = terminal(
        1_500, layout=layout, transport=transport, user_width=28 if narrow else 72,
        packet_bytes=1024,
    )  # fmt: skip
    async with known(device, transport=transport) as (gate, first):
        cursor = first
        for start in (1_500, 1_503):
            chunks.clear()
            device.log.extend(rows(3, start=start))
            deliveries = await fetched(gate, cursor)
            cursor = reached(deliveries, cursor)
            assert facts(deliveries) == logged(rows(3, start=start))
            assert deliveries[-1].on_device == deliveries[-1].log_rows == start + 3
            table = [length for offset, length in chunks if length != 4][:2]
            assert sum(table) == (1 + OVERLAP_ROWS + 3) * layout.width + 4
    assert LogCursor.decode(cursor).rows == 1_506


async def test_what_was_read_piece_by_piece_holds_for_the_next_whole_read(chunks) -> None:
    device = terminal(200)
    async with known(device) as (gate, first):
        cursor = first
        for start in range(200, 260, 20):
            device.log.extend(rows(20, start=start))
            cursor = reached(await fetched(gate, cursor), cursor)
        chunks.clear()
        deliveries = [delivery async for delivery in gate.fetch_whole(cursor)]
        assert is_whole(chunks, device)
        assert punches(deliveries) == []
        assert deliveries[-1].cursor != cursor, "all rows are under one digest again"
        assert LogCursor.decode(deliveries[-1].cursor).epoch == 0
        device.log[230] = replace(device.log[230], state=5)
        assert len(events([d async for d in gate.fetch_whole(cursor)])) == 1


# when the whole log is read


async def test_a_driver_begins_with_a_whole_read(chunks) -> None:
    device = terminal(500)
    async with known(device) as (_, cursor), aclosing(driver(device)) as restarted:
        chunks.clear()
        assert punches(await fetched(restarted, cursor)) == []
        assert is_whole(chunks, device)
        chunks.clear()
        await fetched(restarted, cursor)
        assert not is_whole(chunks, device)


async def test_a_day_later_the_whole_log_is_read_again(chunks) -> None:
    clock = SteppedClock()
    device = terminal(500)
    async with device:
        host, port = device.address
        gate = ZkPullDriver(
            ZkPullConfig(name="gate", host=host, port=port),
            DriverContext(clock=clock, zone="Asia/Shanghai"),
        )
        async with aclosing(gate):
            cursor = (await fetched(gate))[-1].cursor
            read_whole = []
            for seconds in (WHOLE_READ_EVERY_S - 1, 1, 1):
                clock.seconds += seconds
                chunks.clear()
                await fetched(gate, cursor)
                read_whole.append(is_whole(chunks, device))
    assert read_whole == [False, True, False]


async def test_a_cursor_of_the_last_release_is_read_and_leads_to_a_whole_read(chunks) -> None:
    device = terminal(500)
    async with known(device) as (gate, cursor):
        old = msgspec.json.decode(cursor)
        del old["end"]
        chunks.clear()
        (delivery,) = await fetched(gate, msgspec.json.encode(old))
        assert is_whole(chunks, device)
    assert (delivery.records, delivery.cursor) == ([], cursor)


@pytest.mark.parametrize("code", [13, 22, 23])
async def test_an_order_to_delete_punches_leads_to_a_whole_read(chunks, code: int) -> None:
    device = terminal(500)
    device.operations.append(Operation(operation=0, time=SITE_NOW))
    async with known(device) as (gate, first):
        cursor = first
        device.operations.append(Operation(operation=1, time=SITE_NOW))
        cursor = reached(await fetched(gate, cursor), cursor)
        chunks.clear()
        device.operations.append(Operation(operation=code, time=SITE_NOW))
        deliveries = await fetched(gate, cursor)
        assert is_whole(chunks, device)
    assert len(events(deliveries)) == 1
    assert rows_of(deliveries) == []


async def test_ordinals_of_a_clock_that_went_back_need_the_whole_log(chunks) -> None:
    device = terminal(500)
    async with known(device) as (gate, cursor):
        device.log.append(device.log[10])
        deliveries = await fetched(gate, cursor)
        assert is_whole(chunks, device)
    (twin,) = punches(deliveries)
    assert twin.ordinal == 1


async def test_rows_of_a_lost_clock_do_not_make_every_poll_slow(chunks) -> None:
    """A row from 2047 is later than all that will come, yet no new row meets it."""
    log = rows(500)
    log[100] = replace(log[100], time=log[100].time.replace(year=2047))
    device = terminal(log)
    async with known(device) as (gate, cursor):
        chunks.clear()
        device.log.extend(rows(2, start=500))
        assert facts(await fetched(gate, cursor)) == logged(rows(2, start=500))
        assert not is_whole(chunks, device)


async def test_a_full_log_that_is_written_over_in_place_is_noticed(chunks) -> None:
    """Its size and its last rows stay the same: the first row says it, and then the order."""
    device = terminal(500, record_capacity=500)
    news = rows(3, start=500)
    async with known(device) as (gate, first):
        cursor = first
        told = []
        for place, row in enumerate(news):
            device.log[place] = row
            deliveries = await fetched(gate, cursor)
            cursor = reached(deliveries, cursor)
            told += events(deliveries)
            assert row.time in {punch.device_time for punch in rows_of(deliveries)}
    assert [event.code for event in told] == ["log_wrapped"], "said once, not with every row"


# terminals that cannot


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("fault", ["refuse", "wrong"])
async def test_a_terminal_that_serves_in_sequence_only(chunks, fault: str, transport: str) -> None:
    device = terminal(3_000, Faults(whole_reads_only=fault), transport=transport, packet_bytes=1024)
    async with known(device, transport=transport, timeout_s=0.5) as (gate, first):
        cursor = first
        for start in (3_000, 3_002):
            device.log.extend(rows(2, start=start))
            chunks.clear()
            deliveries = await fetched(gate, cursor)
            cursor = reached(deliveries, cursor)
            assert facts(deliveries) == logged(rows(2, start=start))
        size = 4 + len(device.log) * 40
        assert sum(length for _, length in chunks) == size, "its second poll does not try again"
    assert device.connections == 1


async def test_old_firmware_that_sends_the_log_unasked_sends_it_once(chunks) -> None:
    device = terminal(500, buffered=False, layout=Layout.ATT16, user_width=28, **UDP)
    async with known(device, **UDP, profile="zkteco/udp_bare") as (gate, cursor):
        sent = []
        table = device._memory.table
        device._memory.table = lambda command: sent.append(command) or table(command)
        device.log.extend(rows(2, start=500))
        deliveries = await fetched(gate, cursor)
    assert facts(deliveries) == logged(rows(2, start=500))
    assert sent == [Command.ATTLOG_RRQ]


async def test_a_small_log_comes_inline() -> None:
    device = terminal(10)
    async with known(device) as (gate, cursor):
        device.log.extend(rows(2, start=10))
        deliveries = await fetched(gate, cursor)
        assert facts(deliveries) == logged(rows(2, start=10))
        (same,) = await fetched(gate, deliveries[-1].cursor)
    assert (same.records, same.on_device) == ([], 12)


async def test_a_silent_terminal_costs_time_and_no_row() -> None:
    device = terminal(500)
    async with known(device, timeout_s=0.1) as (gate, cursor):
        device.log.extend(rows(2, start=500))
        device.faults = Faults(silent_on=frozenset({Command.READ_CHUNK}), silent_times=3)
        assert facts(await fetched(gate, cursor)) == logged(rows(2, start=500))


@pytest.mark.parametrize("seed", range(4))
async def test_a_bad_network(seed: int) -> None:
    network = Disturbance(lose=0.2, duplicate=0.2, reorder=0.2)
    device = terminal(
        300, Faults(seed=seed, to_terminal=network, from_terminal=network), packet_bytes=1024, **UDP
    )
    async with known(device, timeout_s=0.24, **UDP) as (gate, first):
        cursor = first
        for start in range(300, 340, 10):
            device.log.extend(rows(10, start=start))
            deliveries = await fetched(gate, cursor)
            cursor = reached(deliveries, cursor)
            assert facts(deliveries) == logged(rows(10, start=start))


# a log that is not the one that was known


def cleared(log: list[AttendanceRow]) -> None:
    log.clear()


def cleared_and_filled_again(log: list[AttendanceRow]) -> None:
    log[:] = rows(700, start=5_000)


def wrapped(log: list[AttendanceRow]) -> None:
    log[:] = log[40:] + rows(40, start=500)


def wrapped_nearly_all(log: list[AttendanceRow]) -> None:
    log[:] = log[-5:] + rows(100, start=500)


def rewritten(log: list[AttendanceRow]) -> None:
    log[-1] = replace(log[-1], state=4)


def cut_short(log: list[AttendanceRow]) -> None:
    del log[-100:]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (cleared, "log_cleared"),
        (cleared_and_filled_again, "log_cleared"),
        (wrapped, "log_wrapped"),
        (wrapped_nearly_all, "log_wrapped"),
        (rewritten, "log_rewritten"),
        (cut_short, "log_rewritten"),
    ],
)
async def test_a_changed_log_is_told(change, code: str) -> None:
    device = terminal(500)
    async with known(device) as (gate, cursor):
        change(device.log)
        deliveries = await fetched(gate, cursor)
        (event,) = events(deliveries)
        assert deliveries[0].serial == f"{event.serial}/operations", "its own ledger"
        assert (deliveries[0].cursor, deliveries[0].on_device) == (None, None)
        assert (event.code, event.device_time) == (code, rows(500)[-1].time)
        assert event.detail == {"rows_before": 500, "rows_now": len(device.log), "epoch": 1}
        assert facts(deliveries[1:]) == logged(device.log)

        device.log.extend(rows(3, start=9_000))
        again = await fetched(gate, cursor)
        (same,) = events(again)
        assert event_id(same) == event_id(event), "also after a commit that was lost"

        assert events(await fetched(gate, again[-1].cursor)) == [], "told once"
        del device.log[:]
        (second,) = events(await fetched(gate, again[-1].cursor))
        assert event_id(second) != event_id(event)
        assert second.detail["epoch"] == 2


async def test_a_log_that_goes_round_is_told_once_and_not_delivered_again() -> None:
    device = terminal(500, record_capacity=500)
    async with known(device) as (gate, first):
        cursor = first
        told = []
        for start in range(500, 560, 20):
            device.log[:] = device.log[20:] + rows(20, start=start)
            deliveries = await fetched(gate, cursor)
            cursor = reached(deliveries, cursor)
            told += events(deliveries)
            assert facts(deliveries[-1:])[-20:] == logged(rows(20, start=start))
        assert len(rows_of(deliveries)) == 20
    assert [event.code for event in told] == ["log_wrapped"]
    assert LogCursor.decode(cursor).epoch == 1


async def test_twins_at_the_cut_of_a_wrapped_log_are_neither_doubled_nor_lost() -> None:
    log = rows(500)
    log[10:13] = [log[10]] * 3
    device = terminal(log)
    async with asking(device) as gate:
        first = await fetched(gate)
        stored = {event_id(punch) for punch in rows_of(first)}
        device.log[:] = device.log[11:] + rows(2, start=500)
        again = await fetched(gate, first[-1].cursor)
    delivered = {event_id(punch) for punch in rows_of(again)}
    assert len(stored) == 500
    assert len(delivered - stored) == 2


async def test_a_driver_of_another_unit_says_nothing_of_a_log_that_never_was() -> None:
    async with asking(terminal(0)) as gate:
        cursor = (await fetched(gate))[-1].cursor
        assert events(await fetched(gate, cursor)) == []


# any history


ACTIONS = [*["grow"] * 5, "twin", "same", "same", "clear", "wrap", "change", "restart"]


class Store:
    """What a spool does with deliveries, and may fail to do."""

    def __init__(self) -> None:
        self.rows: dict[bytes, Punch] = {}
        self.events: dict[bytes, DeviceEvent] = {}
        self.cursor: bytes | None = None

    def keep(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            for record in delivery.every_record():
                table = self.rows if isinstance(record, Punch) else self.events
                table.setdefault(event_id(record), record)
            assert not delivery.quarantined
            self.cursor = delivery.cursor or self.cursor


@pytest.mark.parametrize("seed", range(12))
async def test_any_history_delivers_every_row_once(seed: int) -> None:
    """Rows come, twins too; the log is cleared, goes round, is rewritten; the driver restarts and
    commits get lost. What was ever on the device at a poll is stored, each row once.
    """
    draw = random.Random(seed)
    transport = draw.choice(["tcp", "udp"])
    layout = draw.choice([Layout.ATT40, Layout.ATT16, Layout.ATT49])
    device = terminal(40, transport=transport, layout=layout, packet_bytes=1024, user_width=28)
    store, number = Store(), 40
    seen: Counter[tuple] = Counter()  # by row, the most that ever stood there at once
    changes = 0
    async with device, AsyncExitStack() as gates:
        gate = await gates.enter_async_context(aclosing(driver(device, transport=transport)))
        for _ in range(25):
            match draw.choice(ACTIONS):
                case "grow":
                    count = draw.choice([1, 3, 40])
                    device.log.extend(rows(count, start=number))
                    number += count
                case "twin" if device.log:
                    device.log.append(device.log[-1])
                case "clear":
                    device.log.clear()
                case "wrap":
                    del device.log[: draw.randrange(60)]
                case "change" if device.log:
                    place = draw.randrange(max(0, len(device.log) - OVERLAP_ROWS), len(device.log))
                    moved = device.log[place].time + timedelta(seconds=1)
                    device.log[place] = replace(device.log[place], time=moved)
                case "restart":
                    await gates.aclose()
                    restarted = driver(device, transport=transport)
                    gate = await gates.enter_async_context(aclosing(restarted))
                case _:
                    pass
            seen |= Counter(logged(device.log))
            deliveries = await fetched(gate, store.cursor)
            if draw.random() < 0.2:
                cut = draw.randrange(len(deliveries))
                store.keep(deliveries[:cut])  # the agent dies here
                deliveries = await fetched(gate, store.cursor)
            store.keep(deliveries)
            assert deliveries[-1].on_device == len(device.log)
            changes = max(changes, LogCursor.decode(store.cursor).epoch)
    stored = [(int(p.user_id), p.device_time, p.state, p.verify) for p in store.rows.values()]
    assert Counter(stored) == seen, "none is doubled, none is lost"
    assert len(store.events) <= changes
