"""What a second fetch delivers, and what the cursor remembers."""

import json

import pytest

from drivers.zk_pull.log_cursor import LogCursor, cursor_after
from drivers.zk_pull.log_pages import PIECE_ROWS
from drivers.zk_pull.packed_log import PackedLog
from protocols.identity import event_id
from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance
from tests.drivers.zk_site import asking, facts, fetched, logged, punches, rows, terminal


def place(cursor: bytes) -> dict:
    """Without what proves it."""
    stored = json.loads(cursor)
    return {key: stored[key] for key in stored if key not in {"digest", "end"}}


async def test_an_unchanged_log_gives_one_empty_delivery() -> None:
    async with asking(terminal(1_500)) as gate:
        cursor = (await fetched(gate))[-1].cursor
        (delivery,) = await fetched(gate, cursor)
    assert (delivery.every_record(), delivery.quarantined) == ([], [])
    assert (delivery.on_device, delivery.log_rows, delivery.last) == (1_500, 1_500, True)
    assert delivery.cursor is None, "nothing to store again"
    assert delivery.clock is not None


@pytest.mark.parametrize("grown", [1, 63, 64, 4_999, 5_000, 5_001])
async def test_growth_gives_only_the_new_rows(grown: int) -> None:
    device = terminal(1_500)
    async with asking(device) as gate:
        first = (await fetched(gate))[-1].cursor
        device.log.extend(rows(grown, start=1_500))
        deliveries = await fetched(gate, first)
        (unchanged,) = await fetched(gate, deliveries[-1].cursor)
    assert facts(deliveries) == logged(rows(grown, start=1_500))
    assert deliveries[-1].on_device == unchanged.on_device == 1_500 + grown
    assert deliveries[0].log_rows == 1_500 + min(grown, PIECE_ROWS)
    assert json.loads(deliveries[-1].cursor)["epoch"] == 0


async def test_ordinals_count_over_the_known_rows() -> None:
    device = terminal(3)
    async with asking(device) as gate:
        cursor = (await fetched(gate))[-1].cursor
        device.log.append(device.log[-1])
        (twin,) = punches(await fetched(gate, cursor))
        whole = punches(await fetched(gate))
    assert twin.ordinal == 1
    assert event_id(twin) == event_id(whole[-1]) != event_id(whole[-2])


@pytest.mark.parametrize("kept", [0, 10])
async def test_a_cleared_log_starts_an_epoch_and_is_delivered_whole(kept: int) -> None:
    device = terminal(100)
    async with asking(device) as gate:
        before = await fetched(gate)
        del device.log[: 100 - kept]
        _, after = await fetched(gate, before[-1].cursor)
    assert facts([after]) == logged(device.log)
    assert after.on_device == kept
    assert place(after.cursor) == {"epoch": 1, "rows": kept, "layout": "att40"}
    known = {event_id(punch) for punch in punches(before)}
    assert {event_id(punch) for punch in after.every_record()} <= known, (
        "re-delivery changes no identity"
    )


async def test_a_rewritten_log_of_the_same_length_is_noticed() -> None:
    device = terminal(100)
    async with asking(device) as gate:
        cursor = (await fetched(gate))[-1].cursor
        device.log[50] = AttendanceRow(uid=9, user_id="009", time=device.log[50].time)
        deliveries = [delivery async for delivery in gate.fetch_whole(cursor)]
    assert facts(deliveries[1:]) == logged(device.log)
    assert json.loads(deliveries[-1].cursor)["epoch"] == 1


async def test_an_empty_log_gets_a_cursor_and_then_grows() -> None:
    device = terminal(0)
    async with asking(device) as gate:
        (empty,) = await fetched(gate)
        assert empty.cursor is not None
        device.log.extend(rows(2))
        (delivery,) = await fetched(gate, empty.cursor)
    assert len(delivery.every_record()) == 2
    assert json.loads(delivery.cursor)["epoch"] == 0


@pytest.mark.parametrize("stored", [b"", b"{}", b"not json", b'{"epoch":0,"rows":1,"x":2}'])
async def test_a_cursor_that_cannot_be_read_delivers_everything_again(stored: bytes) -> None:
    async with asking(terminal(5)) as gate:
        deliveries = await fetched(gate, stored)
    assert len(punches(deliveries)) == 5
    assert deliveries[-1].cursor is not None


def packed(table: bytes) -> PackedLog:
    log = PackedLog()
    log.write(table)
    return log


def test_a_cursor_holds_for_what_begins_with_its_rows() -> None:
    table = encode_attendance(rows(49), Layout.ATT40)
    cursor = cursor_after(packed(table), Layout.ATT40, epoch=3)
    assert LogCursor.decode(cursor.encode()) == cursor
    assert cursor.holds_for(packed(table))
    assert cursor.saw_all_of(packed(table))
    assert cursor.holds_for(packed(table + b"x" * 40))
    assert not cursor.saw_all_of(packed(table + b"x" * 40))
    assert not cursor.holds_for(packed(table[:-40]))
    assert not cursor.holds_for(packed(b"x" + table[1:]))


async def test_the_layout_is_part_of_the_place() -> None:
    """An empty log says nothing of its layout: the rows that come decide, in a new epoch."""
    device = terminal(0, layout=Layout.ATT16)
    async with asking(device) as gate:
        empty = (await fetched(gate))[-1].cursor
        assert json.loads(empty)["layout"] == "att40"
        device.log.extend(rows(40))
        (delivery,) = await fetched(gate, empty)
    assert facts([delivery]) == logged(device.log)
    assert place(delivery.cursor) == {"epoch": 1, "rows": 40, "layout": "att16"}
