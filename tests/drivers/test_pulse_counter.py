"""Pulse counters on a real (pseudo) serial port; only the clock is ours."""

from datetime import datetime

import pytest
from pydantic import ValidationError

from drivers.contract import DriverContext
from drivers.errors import BlockedError, LinkDownError
from drivers.pulse_counter import PulseCounterConfig, PulseCounterDriver
from hr_core.quality.counters import CounterRules, Reading
from hr_core.quality.deltas import deltas
from protocols.identity import event_id
from simulators.serial_lines import LineSender
from tests.drivers.serial_listening import HandClock, Station, counts, events


@pytest.fixture
async def sender(tmp_path):
    async with LineSender(link=tmp_path / "by-id") as sender:
        yield sender


@pytest.fixture
async def station(sender):
    """Opens the port with a driver, in step with the lines."""
    opened = []

    async def start(driver=None, *, clock=None, in_step=True, **changes):
        clock = clock or HandClock()
        if driver is None:
            settings = {"name": "press box", "kind": "pulse-counter", "port": sender.port,
                        "tag": "press"}  # fmt: skip
            driver = PulseCounterDriver(
                PulseCounterConfig.model_validate(settings | changes),
                DriverContext(clock=clock, zone="Asia/Shanghai"),
            )
        await driver.identity()  # what comes before a port is open, nobody hears
        if in_step:
            await sender.send(b"\n")
        opened.append(Station(sender, driver, clock))
        return opened[-1]

    yield start
    for one in opened:
        await one.stop()


async def test_a_line_is_a_piece_counted_from_nought(station):
    press = await station()
    (first,) = (await press.next()).records
    assert (first.source, first.tag, first.metric, first.value) == (
        "press box",
        "press",
        "pieces",
        0,
    )
    pieces = [(await press.said("OK"))[0] for _ in range(3)]
    assert [count.value for count in pieces] == [1, 2, 3]
    assert {count.boot_id for count in pieces} == {first.boot_id}
    assert pieces[0].seq > first.seq
    assert pieces[0].raw == b"OK\r"
    assert len({event_id(count) for count in (first, *pieces)}) == 4


async def test_every_piece_counts_over_a_restart_of_the_gateway(station, sender):
    """The core's own rules over what two lives of the driver have sent."""
    stored = []
    clock = HandClock()
    for pieces in (3, 1, 4):
        press = await station(clock=clock)
        stored += (await press.next()).records
        for _ in range(pieces):
            stored += await press.said("x")
        await press.stop()
        clock.elapsed += 60
    readings = [
        Reading(event_id(c).hex(), int(c.source_time.timestamp()), c.boot_id, c.seq, c.value)
        for c in stored
    ]
    assert sum(delta.amount for delta in deltas(readings, CounterRules())) == 8


async def test_good_and_bad_pieces(station):
    press = await station(reject_pattern="^NG")
    assert counts((await press.next()).records + (await press.next()).records) == [
        ("pieces", 0, None),
        ("rejects", 0, None),
    ]
    assert counts(await press.said("OK 17.2 g")) == [("pieces", 1, None)]
    both = await press.said("NG 11.0 g")
    assert counts(both) == [("pieces", 2, None), ("rejects", 1, None)]
    assert both[0].seq == both[1].seq


async def test_a_bounce_is_not_counted_but_kept_and_told(station):
    press = await station(min_cycle_s=0.5)
    await press.next()
    assert counts(await press.said("P")) == [("pieces", 1, None)]
    await press.unheard("P", after_s=0.02)
    await press.unheard("P", after_s=0.3)
    records = await press.said("P", after_s=0.3)  # half a second after the piece, not the bounce
    assert counts(records) == [("pieces", 2, None)]
    assert events(records) == [("pulses_dropped", {"tag": "press", "lines": 2, "total": 2})]
    assert records[-1].raw == b"P\rP\r"
    assert records[-1].device_time == datetime(2026, 11, 22, 8, 30, 25, 620_000)
    assert events(await press.said("P")) == []


async def test_totals_are_told_when_they_change(station):
    press = await station(sends="total")
    assert counts(await press.said("N=0041")) == [("pieces", 41, None)]
    await press.sender.say("N=0041")
    (count,) = await press.said("N=0043")
    assert (count.value, count.boot_id) == (43, "0")
    assert counts(await press.said("N=0043", after_s=900)) == [("pieces", 43, None)]


async def test_where_totals_stand_in_a_line(station):
    press = await station(
        sends="total", piece_pattern=r"^\$(?P<pieces>\d+);(?P<rejects>\d+)\*", framing="stx-etx"
    )
    await press.sender.send(b"\x02$10;2*\x03")
    assert counts((await press.next()).records) == [("pieces", 10, None), ("rejects", 2, None)]
    await press.sender.send(b"\x02hello\x03")
    (event,) = (await press.next()).records
    assert (event.code, event.raw) == ("line_not_understood", b"\x02hello\x03")


async def test_half_a_line_at_the_opening_is_junk_and_kept(station):
    press = await station(in_step=False, sends="total")
    await press.sender.send(b"45\r\n0046\r\n")
    bad = await press.next()
    assert [(q.raw, q.reason) for q in bad.quarantined] == [
        (b"45\r", "no line: the port was opened inside it")
    ]
    assert counts((await press.next()).records) == [("pieces", 46, None)]
    assert press.driver.vitals().line.wrong_checksums == 1


async def test_lines_cut_anywhere(station):
    press = await station(sends="total", quiet_s=5.0)
    await press.sender.say("total 123 pieces", slice_bytes=1)
    assert counts((await press.next()).records) == [("pieces", 123, None)]


async def test_noise_that_never_ends_does_not_fill_the_spool(station):
    press = await station(sends="total")
    for _ in range(60):
        await press.sender.send(b"\xff\xfe\r")
    await press.sender.say("7")
    kept = 0
    while (delivery := await press.next()).quarantined:
        kept += 1
    assert kept == 30
    assert press.driver.junk_removed == 30
    assert counts(delivery.records) == [("pieces", 7, None)]


async def test_what_was_not_stored_comes_again_as_the_same_records(station):
    press = await station()
    await press.next()
    await press.sender.say("P")
    lost = await press.next(commit=False)
    await press.stop()
    again = await station(press.driver)
    assert await again.next() == lost
    assert counts(await again.said("P")) == [("pieces", 2, None)]


async def test_unplugged_and_plugged_in_again(station, sender):
    press = await station()
    await press.next()
    await sender.unplug()
    with pytest.raises(LinkDownError) as caught:
        await press.next()
    assert caught.value.code == "link_lost"
    with pytest.raises(LinkDownError) as caught:
        await press.driver.identity()
    assert caught.value.code == "port_missing"
    assert "/dev/serial/by-id" in caught.value.remedy
    await sender.plug()
    again = await station(press.driver)
    assert counts(await again.said("P")) == [("pieces", 1, None)]


async def test_whoever_never_acknowledges_is_stopped(station):
    press = await station(sends="total")

    async def flood():
        for number in range(1, 1_002):
            await press.sender.say(str(number))
            await press.next(commit=False)

    with pytest.raises(BlockedError) as caught:
        await flood()
    assert caught.value.code == "lines_not_stored"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"piece_pattern": "("}, "no regular expression"),
        ({"sends": "total", "piece_pattern": r"\d+"}, "no group"),
        ({"sends": "total", "min_cycle_s": 1}, "for sends"),
        ({"framing": "eot"}, "stx-etx"),
        ({"tag": ""}, "at least 1"),
    ],
)
def test_settings_that_cannot_be(keys, words):
    table = {"name": "x", "kind": "pulse-counter", "port": "/dev/ttyS1", "tag": "a"}
    with pytest.raises(ValidationError, match=words):
        PulseCounterConfig.model_validate(table | keys)
