"""A terminal's layout is pinned with its stored rows; what does not fit it any more is held back."""

import json

import pytest

from drivers.errors import BlockedError
from drivers.zk_pull.layout_pin import pinned_layout
from drivers.zk_pull.log_cursor import LogCursor
from protocols.zk.attendance import Layout, encode_attendance
from protocols.zk.commands import Command
from tests.drivers.zk_site import asking, driver, facts, fetched, logged, rows, terminal


def becomes(device, layout: Layout, log: int) -> None:
    """As after a change of firmware: the log is there, its rows are laid out otherwise."""
    records = encode_attendance(rows(log), layout)
    own = type(device._memory).table.__get__(device._memory)
    device._memory.table = lambda command: (
        len(records).to_bytes(4, "little") + records
        if command == Command.ATTLOG_RRQ
        else own(command)
    )


async def first_read(device) -> bytes:
    async with asking(device) as gate:
        return (await fetched(gate))[-1].cursor


@pytest.mark.parametrize("layout", [Layout.ATT40, Layout.ATT16, Layout.ATT49, Layout.ATT36])
async def test_the_pin_outlives_the_driver(layout: Layout) -> None:
    device = terminal(90, layout=layout)
    cursor = await first_read(device)
    device.log.extend(rows(5, start=90))
    async with asking(device) as later:  # another connection, another driver: only the cursor
        (delivery,) = await fetched(later, cursor)
    assert facts([delivery]) == logged(rows(5, start=90))
    assert json.loads(delivery.cursor)["layout"] == layout


async def test_another_layout_than_the_stored_rows_had_is_an_alarm_and_nothing_is_published() -> (
    None
):
    device = terminal(90)
    cursor = await first_read(device)
    becomes(device, Layout.ATT49, 90)
    async with asking(device) as gate:
        (delivery,) = await fetched(gate, cursor)
        (held,) = delivery.quarantined
        assert delivery.every_record() == ()
        assert (delivery.cursor, delivery.on_device) == (None, None)
        assert held.raw == encode_attendance(rows(90), Layout.ATT49)
        assert held.reason.startswith("ALARM: this log of 4410 bytes does not fit att40")
        assert 'record_layout = "att49"' in held.reason
        with pytest.raises(BlockedError) as refused:
            await gate.clear_log(cursor)
    assert refused.value.code == "clear_unreadable"
    assert len(device.log) == 90


async def test_a_person_may_say_which_layout_it_is_now() -> None:
    device = terminal(90)
    cursor = await first_read(device)
    becomes(device, Layout.ATT49, 95)
    async with asking(device, record_layout="att49") as gate:
        deliveries = await fetched(gate, cursor)
        assert len(facts(deliveries)) == 95  # all again: identity makes that harmless
        again = await fetched(gate, deliveries[-1].cursor)
    assert facts(again) == []
    place = json.loads(deliveries[-1].cursor)
    assert (place["layout"], place["epoch"]) == ("att49", 1)


async def test_what_a_person_says_must_fit_too() -> None:
    device = terminal(90)
    cursor = await first_read(device)
    async with device:
        gate = driver(device, record_layout="att16")
        (delivery,) = await fetched(gate, cursor)
        await gate.aclose()
    assert delivery.quarantined[0].reason.startswith("ALARM")
    assert delivery.every_record() == ()


async def test_a_cleared_log_keeps_its_pin() -> None:
    device = terminal(90, layout=Layout.ATT16)
    cursor = await first_read(device)
    device.log.clear()
    async with asking(device) as gate:
        emptied = (await fetched(gate, cursor))[-1].cursor
        becomes(device, Layout.ATT40, 5)
        (delivery,) = await fetched(gate, emptied)
    assert "does not fit att16" in delivery.quarantined[0].reason


def test_a_log_that_never_held_a_row_pins_nothing() -> None:
    empty = LogCursor(epoch=0, rows=0, digest="", layout=Layout.ATT40)
    assert pinned_layout(empty, None) is None
    assert pinned_layout(None, None) is None
    assert pinned_layout(empty, Layout.ATT16) is Layout.ATT16
