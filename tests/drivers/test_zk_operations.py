"""The operation log arrives as device events, once, and never costs a punch."""

import json
from datetime import datetime, timedelta

import pytest

from drivers.contract import Delivery
from protocols.identity import event_id
from protocols.records import DeviceEvent, Punch
from protocols.zk.commands import Command
from protocols.zk.oplog import Operation, encode_operations
from simulators.zk_terminal import Faults, ZkTerminal
from simulators.zk_terminal.memory import TerminalMemory
from tests.drivers.zk_site import asking, facts, fetched, logged, terminal

DAY = datetime(2026, 11, 1)
THE_31_FEBRUARY = (61 * 86_400).to_bytes(4, "little")


def operations(count: int, *, start: int = 0) -> list[Operation]:
    return [
        Operation(operation=number % 2, time=DAY + timedelta(minutes=number), admin=3)
        for number in range(start, start + count)
    ]


def with_operations(count: int, faults: Faults | None = None, **config) -> ZkTerminal:
    device = terminal(5, faults, **config)
    device.operations.extend(operations(count))
    return device


def events(deliveries: list[Delivery]) -> list[DeviceEvent]:
    return [
        record
        for delivery in deliveries
        for record in delivery.records
        if isinstance(record, DeviceEvent)
    ]


@pytest.fixture
def reads(monkeypatch) -> list[int]:
    """The tables that terminals were asked for."""
    asked: list[int] = []
    prepare = TerminalMemory.prepare

    def noting(self, command):
        asked.append(command)
        return prepare(self, command)

    monkeypatch.setattr(TerminalMemory, "prepare", noting)
    return asked


async def test_what_happened_to_a_terminal_is_told_with_its_bytes() -> None:
    device = terminal(5, clock_offset_s=-600)
    async with asking(device) as gate:
        await gate.set_clock(tolerance_s=2, allow_backwards=False)
        await gate.restart()
        told = events(await fetched(gate))
    assert [event.code for event in told] == ["clock_set", "power_off", "power_on"]
    assert [event.raw for event in told] == [
        encode_operations([entry]) for entry in device.operations
    ]
    assert {event.serial for event in told} == {"CLK0000000001"}


async def test_events_come_in_pages_of_their_own_before_the_punches() -> None:
    async with asking(with_operations(1_001)) as gate:
        *pages, last = await fetched(gate)
    assert [len(page.records) for page in pages] == [1_000, 1]
    assert all(isinstance(record, DeviceEvent) for page in pages for record in page.records)
    assert all(isinstance(record, Punch) for record in last.records)
    assert [(page.cursor, page.on_device, page.last) for page in pages] == [(None, None, False)] * 2
    assert json.loads(last.cursor)["operations"]["entries"] == 1_001


async def test_a_known_operation_log_is_not_even_read(reads) -> None:
    device = with_operations(10)
    async with asking(device) as gate:
        cursor = (await fetched(gate))[-1].cursor
        assert reads.count(Command.OPLOG_RRQ) == 1
        (again,) = await fetched(gate, cursor)
        assert (again.records, again.cursor) == ([], None)
        assert reads.count(Command.OPLOG_RRQ) == 1
        device.operations.extend(operations(2, start=10))
        grown = await fetched(gate, cursor)
    assert len(events(grown)) == 2
    assert grown[-1].cursor is not None


@pytest.mark.parametrize("sizes_bytes", [4, 92])
async def test_an_unknown_count_is_read_each_time_and_adds_nothing(reads, sizes_bytes) -> None:
    """A count of 0 is as good as none: counts are hints."""
    device = with_operations(10, Faults(sizes_bytes=sizes_bytes))
    async with asking(device) as gate:
        cursor = (await fetched(gate))[-1].cursor
        if sizes_bytes == 92:
            place = json.loads(cursor)
            place["operations"]["count"] = 0
            cursor = json.dumps(place).encode()
        (again, *_) = await fetched(gate, cursor)
    assert again.records == []
    assert reads.count(Command.OPLOG_RRQ) == 2


@pytest.mark.parametrize("kept", [0, 3])
async def test_a_cleared_operation_log_is_told_again_under_the_same_identities(kept: int) -> None:
    device = with_operations(10)
    async with asking(device) as gate:
        first = await fetched(gate)
        device.operations[:] = [*device.operations[10 - kept :], *operations(1, start=50)]
        again = await fetched(gate, first[-1].cursor)
    known = {event_id(event) for event in events(first)}
    assert len(events(again)) == kept + 1
    assert len({event_id(event) for event in events(again)} - known) == 1
    assert json.loads(again[-1].cursor)["epoch"] == 0, "the attendance log did not change"


async def test_a_terminal_without_an_operation_log_is_asked_once(reads) -> None:
    device = terminal(5, operation_log=False)
    async with asking(device) as gate:
        for _ in range(3):
            (delivery,) = await fetched(gate)
            assert (facts([delivery]), delivery.quarantined) == (logged(device.log), [])
    assert reads.count(Command.OPLOG_RRQ) == 1


async def test_a_terminal_that_fails_on_it_still_gives_its_punches(monkeypatch) -> None:
    device = with_operations(100)
    table = TerminalMemory.table
    monkeypatch.setattr(
        TerminalMemory,
        "table",
        lambda self, command: (
            b"\x10\x00\x00\x00short" if command == Command.OPLOG_RRQ else table(self, command)
        ),
    )
    async with asking(device) as gate:
        complaint, punches = await fetched(gate)
        assert facts([punches]) == logged(device.log)
        (row,) = complaint.quarantined
        assert row.source == "CLK0000000001/operations"
        assert "5 of 16 bytes" in row.reason
        (again,) = await fetched(gate, punches.cursor)
        assert again.records == [], "not asked for again"


async def test_bad_entries_cost_one_row_each_and_nonsense_is_kept_whole() -> None:
    device = with_operations(3)
    raw = encode_operations(device.operations)
    bad = raw[:4] + THE_31_FEBRUARY + raw[8:16]
    for content, quarantined in ((raw + bad, [(48, bad)]), (bad * 3, [(0, bad * 3)])):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "simulators.zk_terminal.memory.encode_operations",
                lambda entries, content=content: content,
            )
            async with asking(device) as gate:
                told, _ = await fetched(gate)
        assert [(row.offset, row.raw) for row in told.quarantined] == quarantined
        assert all(row.source.endswith("/operations") for row in told.quarantined)
