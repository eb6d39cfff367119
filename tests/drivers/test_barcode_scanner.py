"""Barcode scanners on a real (pseudo) serial port; only the clock is ours."""

from datetime import datetime

import pytest

from drivers.barcode_scanner import BarcodeScannerConfig, BarcodeScannerDriver
from drivers.contract import DriverContext
from hr_core.quality.attribution import stretches
from hr_core.quality.counters import CounterKey, CounterRules, Reading
from hr_core.quality.deltas import deltas
from protocols.identity import event_id
from protocols.records import Channel, Count, Punch
from simulators.serial_lines import LineSender
from tests.drivers.serial_listening import HandClock, Station, counts, events

EAN, OTHER_EAN = "4006381333931", "96385074"
CODES = [
    {"means": "badge", "pattern": r"E(?P<id>\d+)"},
    {"means": "work_order", "pattern": r"WO-\d+"},
    {"means": "serialised", "pattern": r"SN(?P<id>\w+)"},
]


@pytest.fixture
async def sender(tmp_path):
    async with LineSender(link=tmp_path / "by-id", end=b"\r") as sender:
        yield sender


@pytest.fixture
async def station(sender):
    opened = []

    async def start(**changes):
        settings = {"name": "gun 4", "kind": "barcode-scanner", "port": sender.port,
                    "tag": "packing", "codes": CODES}  # fmt: skip
        clock = HandClock()
        driver = BarcodeScannerDriver(
            BarcodeScannerConfig.model_validate(settings | changes),
            DriverContext(clock=clock, zone="Asia/Shanghai"),
        )
        await driver.identity()
        await sender.send(b"\r")
        station = Station(sender, driver, clock)
        opened.append(station)
        (first,) = (await station.next()).records
        assert (first.value, first.badge) == (0, None)
        station.first = first
        return station

    yield start
    for one in opened:
        await one.stop()


async def test_a_badge_is_a_punch_and_from_then_on_the_operator(station):
    gun = await station()
    punch, count = await gun.said("E0042")
    assert punch == Punch(
        serial="gun 4",
        user_id="0042",
        device_time=datetime(2026, 11, 22, 8, 30, 25),
        state=255,
        verify=2,
        method="card",
        card="0042",
        channel=Channel.LIVE,
        raw=b"E0042\r",
    )
    assert (count.value, count.badge) == (0, "0042")
    assert counts(await gun.said(EAN)) == [("pieces", 1, "0042")]


async def test_every_piece_of_a_product_counts_however_fast(station):
    gun = await station()
    for number in range(1, 4):
        assert counts(await gun.said(EAN, after_s=0.1)) == [("pieces", number, None)]


async def test_a_work_order_or_badge_read_twice_is_one(station):
    gun = await station()
    assert events(await gun.said("WO-77")) == [
        ("work_order_scanned", {"tag": "packing", "code": "WO-77"})
    ]
    await gun.unheard("WO-77", after_s=1)
    await gun.said("E0042", after_s=1)
    await gun.unheard("E0042", after_s=4.9)
    records = await gun.said("E0042", after_s=5)
    assert [type(record) for record in records[:2]] == [Punch, Count]
    assert events(records) == [("scans_dropped", {"tag": "packing", "lines": 1, "total": 2})]
    assert records[-1].raw == b"E0042\r"


async def test_a_trigger_that_is_held_on_a_product(station):
    gun = await station(codes=[{"means": "product", "pattern": r"\d{13}", "repeat_s": 0.5}])
    await gun.said(EAN)
    await gun.unheard(EAN, after_s=0.4)
    assert counts(await gun.said(EAN, after_s=0.5)) == [("pieces", 2, None)]


async def test_a_serialised_piece_is_one_piece_and_names_itself(station):
    gun = await station(counts="rejects")
    await gun.said("E7")
    count, event = await gun.said("SNa1")
    assert (count.metric, count.value, count.badge) == ("rejects", 1, "7")
    assert (event.code, event.detail) == (
        "piece_scanned",
        {"tag": "packing", "code": "a1", "badge": "7", "metric": "rejects",
         "boot_id": count.boot_id, "seq": count.seq},
    )  # fmt: skip
    await gun.said("E8")
    again = await gun.said("SNa1", after_s=4_000)
    assert counts(again) == []
    assert events(again) == [
        ("piece_scanned_again", {"tag": "packing", "code": "a1", "badge": "8"})
    ]


async def test_a_badge_ends_after_its_time(station):
    gun = await station(badge_s=3_600)
    await gun.said("E7")
    assert counts(await gun.said(EAN, after_s=3_599)) == [("pieces", 1, "7")]
    assert counts(await gun.said(EAN, after_s=1)) == [("pieces", 2, None)]


async def test_what_fits_nothing_is_kept_and_counts_nothing(station):
    gun = await station()
    for code in ("4006381333932", "hello"):
        assert events(await gun.said(code)) == [
            ("code_not_understood", {"tag": "packing", "code": code})
        ]
    assert counts(await gun.said(OTHER_EAN)) == [("pieces", 1, None)]


async def test_the_core_splits_pieces_exactly_where_the_badge_changed_hands(station):
    """Attribution cases of specs/line: a reading at each badge, so that no delta spans two people."""
    gun = await station()
    records = [gun.first]
    for code in (EAN, "E1", EAN, EAN, "SN1", "E2", EAN, "SN1", "SN2"):
        records += await gun.said(code)
    readings = [
        Reading(
            event_id(c).hex(), int(c.source_time.timestamp()), c.boot_id, c.seq, c.value, c.badge
        )
        for c in records
        if isinstance(c, Count)
    ]
    people: dict[str | None, int] = {}
    counter = CounterKey("gun 4", "packing", "pieces")
    for one in stretches(counter, deltas(readings, CounterRules()), {"1": "Anna", "2": "Bo"}):
        people[one.number] = people.get(one.number, 0) + one.amount
    assert people == {None: 1, "Anna": 3, "Bo": 2}


async def test_unicode_and_separators_in_codes(station):
    gun = await station(codes=[{"means": "work_order", "pattern": "(01).+"}])
    (event,) = await gun.said("0109\x1d21订单")
    assert event.detail["code"] == "0109\x1d21订单"
