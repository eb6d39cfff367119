"""The driver against the simulator over real sockets; only the clock is ours."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from drivers.contract import Driver, DriverContext
from drivers.errors import DeviceMisbehavedError, LinkDownError
from drivers.modbus_counter import ModbusCounterConfig, ModbusCounterDriver
from protocols.identity import event_id
from protocols.records import Count, DeviceEvent
from simulators.modbus_counter import CounterUnit, ModbusCounterBox

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
SILENCE_S = 0.3  # how long a test waits for a unit that says nothing
COUNTER = {"unit": 1, "tag": "L1", "pieces": 0, "rejects": 2, "badge": 4, "boot": 6}
NARROW = {"unit": 1, "tag": "a", "pieces": 0}
NOWHERE = {"name": "x", "kind": "modbus-counter", "host": "h"}


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self):
        self.elapsed = 0.0

    def now(self):
        return NOON + timedelta(seconds=self.elapsed)

    def monotonic(self):
        return self.elapsed

    async def sleep(self, seconds):
        self.elapsed += seconds


def config(box, *counters, **changes):
    return ModbusCounterConfig.model_validate(
        {
            "name": "line 1 box",
            "kind": "modbus-counter",
            "host": box.host,
            "port": box.port,
            "timeout_s": 10.0,  # a loaded machine is slow, not wrong
            "counters": counters or [COUNTER],
        }
        | changes
    )


class Site:
    """A box, its driver, and a supervisor's memory: the cursor of what was committed."""

    def __init__(self, box, driver, clock):
        self.box, self.driver, self.clock = box, driver, clock
        self.cursor = None

    async def poll(self, *, after_s=60.0, method="fetch"):
        self.clock.elapsed += after_s
        (delivery,) = [d async for d in getattr(self.driver, method)(self.cursor)]
        assert delivery.last
        self.cursor = delivery.cursor or self.cursor
        await self.driver.acknowledge(delivery)
        return list(delivery.records)


@pytest.fixture
async def site_of():
    """Builds sites, and closes them."""
    opened = []

    async def build(units, *counters, unknown_unit=None, **changes):
        box = ModbusCounterBox(units, unknown_unit=unknown_unit)
        await box.start()
        clock = HandClock()
        context = DriverContext(clock=clock, zone="Asia/Shanghai")
        driver = ModbusCounterDriver(config(box, *counters, **changes), context)
        opened.append((box, driver))
        return Site(box, driver, clock)

    yield build
    for box, driver in opened:
        await driver.aclose()
        await driver.aclose()
        await box.stop()


def shown(records):
    return [(r.tag, r.metric, r.value, r.badge, r.boot_id) for r in records]


async def test_one_reading_becomes_two_counts_of_one_instant(site_of):
    site = await site_of({1: CounterUnit(pieces=70000, rejects=12, badge=1217496, boot=3)})
    pieces, rejects = await site.poll()
    assert isinstance(site.driver, Driver)
    assert pieces == Count(
        source="line 1 box",
        tag="L1",
        metric="pieces",
        value=70000,
        boot_id="3",
        seq=pieces.seq,
        source_time=NOON + timedelta(minutes=1),
        badge="1217496",
        raw=bytes.fromhex("030e000111700000000c001293d80003"),
    )
    assert (rejects.metric, rejects.value, rejects.seq) == ("rejects", 12, pieces.seq)
    assert rejects.raw == pieces.raw
    assert site.box.asked == {3: 1}  # one request, and it reads


async def test_who_it_is(site_of):
    site = await site_of({1: CounterUnit()})
    identity = await site.driver.identity()
    assert identity.serial == "line 1 box"
    assert identity.facts == {"answered_unit": "1", "answered_tag": "L1"}
    assert (await site.driver.count()).records is None
    assert [d async for d in site.driver.live()] == []
    named = await site_of({1: CounterUnit()}, serial="BOX-7")
    assert (await named.driver.identity()).serial == "BOX-7"


async def test_an_unchanged_reading_is_stored_again_only_after_the_silence(site_of):
    site = await site_of({1: CounterUnit(pieces=5)}, max_silence_s=900)
    first = await site.poll()
    assert len(first) == 2
    assert await site.poll(after_s=899) == []
    again = await site.poll(after_s=1)
    assert shown(again) == shown(first)
    assert again[0].seq == first[0].seq + 1
    assert event_id(again[0]) != event_id(first[0])
    assert await site.poll(after_s=899) == []


async def test_a_clock_that_is_set_back_does_not_silence_the_counter(site_of):
    site = await site_of({1: CounterUnit(pieces=5)})
    await site.poll()
    assert len(await site.poll(after_s=-3600)) == 2


@pytest.mark.parametrize("change", ["pieces", "rejects", "badge", "boot"])
async def test_any_change_brings_both_counts(site_of, change):
    unit = CounterUnit(pieces=5, rejects=1, badge=7)
    site = await site_of({1: unit})
    await site.poll()
    setattr(unit, change, getattr(unit, change) + 1)
    records = await site.poll()
    assert shown(records) == [
        ("L1", "pieces", unit.pieces, str(unit.badge), str(unit.boot)),
        ("L1", "rejects", unit.rejects, str(unit.badge), str(unit.boot)),
    ]


async def test_a_hand_over_speaks_even_when_nothing_moved(site_of):
    site = await site_of({1: CounterUnit(pieces=5)})
    (pieces, _) = await site.poll()
    assert await site.poll() == []
    (again, _) = await site.poll(after_s=1, method="hand_over")
    assert (again.value, again.seq) == (5, pieces.seq + 1)


async def test_nobody_at_the_machine_is_no_badge(site_of):
    site = await site_of({1: CounterUnit(pieces=5, badge=0)})
    assert {record.badge for record in await site.poll()} == {None}


async def test_wrap_reset_and_torn_words_are_told_as_they_were_read(site_of):
    unit = CounterUnit(pieces=2**32 - 1, boot=3)
    site = await site_of({1: unit})
    told = [(await site.poll())[0]]
    unit.pieces += 6
    told.append((await site.poll())[0])
    unit.pieces, unit.torn = 65536, True
    told.append((await site.poll())[0])
    unit.torn = False
    told.append((await site.poll())[0])
    unit.reset()
    told.append((await site.poll())[0])
    assert [(count.value, count.boot_id) for count in told] == [
        (4294967295, "3"),
        (5, "3"),
        (0, "3"),
        (65536, "3"),
        (0, "4"),
    ]
    assert [count.seq - told[0].seq for count in told] == [0, 1, 2, 3, 4]


async def test_sixteen_bits_little_words_and_input_registers(site_of):
    units = {
        1: CounterUnit(pieces=65530, rejects=3, width=16),
        2: CounterUnit(pieces=70000, word_order="little"),
    }
    site = await site_of(
        units,
        {"unit": 1, "tag": "a", "pieces": 0, "rejects": 2, "width": 16},
        {"unit": 2, "tag": "b", "pieces": 0, "word_order": "little"},
        function=4,
    )
    assert shown(await site.poll()) == [
        ("a", "pieces", 65530, None, "0"),
        ("a", "rejects", 3, None, "0"),
        ("b", "pieces", 70000, None, "0"),
    ]
    assert set(site.box.asked) == {4}


async def test_values_far_apart_take_a_request_each_and_no_number_is_split(site_of):
    unit = CounterUnit(pieces=70000, extra={400: 1, 401: 2, 900: 44})
    counter = {"unit": 1, "tag": "a", "pieces": 0, "rejects": 400, "boot": 900}
    site = await site_of({1: unit}, counter)
    assert shown(await site.poll()) == [
        ("a", "pieces", 70000, None, "44"),
        ("a", "rejects", 65538, None, "44"),
    ]
    assert site.box.asked == {3: 3}


@pytest.mark.parametrize(("boot", "requests"), [(124, 1), (125, 2)])
async def test_one_request_reaches_as_far_as_modbus_allows(site_of, boot, requests):
    unit = CounterUnit(pieces=70000, extra=dict.fromkeys(range(7, 126), 9))
    site = await site_of({1: unit}, {"unit": 1, "tag": "a", "pieces": 0, "boot": boot})
    assert shown(await site.poll()) == [("a", "pieces", 70000, None, "9")]
    assert site.box.asked == {3: requests}


async def test_a_box_that_refuses_the_holes_between_values_is_read_value_by_value(site_of):
    unit = CounterUnit(pieces=70000, extra={50: 0, 51: 9})
    counter = {"unit": 1, "tag": "a", "pieces": 0, "rejects": 50}
    site = await site_of({1: unit}, counter)
    records = await site.poll()
    assert [record.value for record in records] == [70000, 9]
    assert records[0].raw == bytes.fromhex("030400011170" + "030400000009")
    await site.poll()
    assert site.box.asked == {3: 1 + 2 + 2}  # the refused request is not tried again


async def test_numbers_go_on_after_a_restart_and_after_a_lost_cursor(site_of):
    unit = CounterUnit(pieces=5)
    site = await site_of({1: unit})
    (first, _) = await site.poll()
    context = DriverContext(clock=site.clock, zone="Asia/Shanghai")
    await site.driver.aclose()
    site.driver = ModbusCounterDriver(config(site.box), context)
    unit.pieces += 1
    (second, _) = await site.poll()
    assert second.seq == first.seq + 1
    site.cursor = None
    (third, _) = await site.poll(after_s=60)
    assert third.seq > second.seq
    await site.driver.aclose()


async def test_a_page_that_was_not_committed_is_the_same_reading_again(site_of):
    site = await site_of({1: CounterUnit(pieces=5)})
    first = [d async for d in site.driver.fetch(None)]
    second = [d async for d in site.driver.fetch(None)]
    assert first == second


async def test_a_cursor_of_something_else_is_kept_and_named(site_of):
    site = await site_of({1: CounterUnit(pieces=5)})
    (delivery,) = [d async for d in site.driver.fetch(b"attlog 1234")]
    assert [record.value for record in delivery.records] == [5, 0]
    (kept,) = delivery.quarantined
    assert kept.raw == b"attlog 1234"
    assert "cursor" in kept.reason


async def test_a_silent_unit_does_not_stall_the_others(site_of):
    units = {1: CounterUnit(silent=True), 2: CounterUnit(pieces=9)}
    site = await site_of(
        units,
        {"unit": 1, "tag": "a", "pieces": 0},
        {"unit": 1, "tag": "b", "pieces": 2},
        {"unit": 2, "tag": "c", "pieces": 0},
        timeout_s=SILENCE_S,
    )
    records = await site.poll()
    down = [r for r in records if isinstance(r, DeviceEvent)]
    assert [(e.code, e.detail["tag"], e.detail["error"]) for e in down] == [
        ("counter_unreadable", "a", "unit_silent"),
        ("counter_unreadable", "b", "unit_silent"),
    ]
    assert down[0].device_time == datetime(2026, 11, 21, 12, 1)
    assert len({event_id(event) for event in down}) == 2
    assert [(r.tag, r.value) for r in records if isinstance(r, Count)] == [("c", 9)]
    assert site.box.asked == {3: 2}  # the second counter of a silent unit is not asked

    units[2].pieces += 1
    (count,) = await site.poll(after_s=1)
    assert count.value == 10
    assert site.box.asked == {3: 3}  # unit 1 is in back-off

    await site.poll(after_s=60)
    assert site.box.asked == {3: 5}  # tried again, said nothing new

    units[1].silent = False
    units[1].pieces = 3
    records = await site.poll(after_s=300)
    assert [r.code for r in records if isinstance(r, DeviceEvent)] == ["counter_readable"] * 2
    assert [(r.tag, r.value) for r in records if isinstance(r, Count)] == [("a", 3), ("b", 0)]


async def test_the_back_off_grows_to_its_limit(site_of):
    units = {1: CounterUnit(exception=4), 2: CounterUnit()}
    site = await site_of(
        units, {"unit": 1, "tag": "a", "pieces": 0}, {"unit": 2, "tag": "b", "pieces": 0}
    )
    tried = []
    for second in range(0, 1500, 5):
        before = site.box.asked[3]
        await site.poll(after_s=5)
        if site.box.asked[3] - before == 2:
            tried.append(second)
    gaps = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert gaps == [5, 10, 20, 40, 80, 160, 300, 300, 300]


async def test_a_wrong_address_stops_its_counter_only(site_of):
    site = await site_of(
        {1: CounterUnit(pieces=1)},
        {"unit": 1, "tag": "a", "pieces": 100},
        {"unit": 1, "tag": "b", "pieces": 0},
    )
    event, count = await site.poll()
    assert (event.code, event.detail["error"]) == ("counter_unreadable", "modbus_exception_2")
    assert "illegal data address" in event.detail["what"]
    assert (count.tag, count.value) == ("b", 1)


@pytest.mark.parametrize(
    ("unit", "error", "code"),
    [
        (CounterUnit(silent=True), LinkDownError, "unit_silent"),
        (CounterUnit(exception=11), DeviceMisbehavedError, "modbus_exception_11"),
    ],
)
async def test_when_no_unit_answers_the_box_is_down(site_of, unit, error, code):
    site = await site_of({1: unit}, timeout_s=SILENCE_S)
    for _ in range(2):  # a box that is down altogether is the supervisor's back-off, not ours
        with pytest.raises(error) as caught:
            await site.poll(after_s=1)
        assert caught.value.code == code
        assert "unit 1" in caught.value.where
    with pytest.raises(error):
        await site.driver.identity()
    unit.silent, unit.exception = False, None
    assert len(await site.poll(after_s=1)) == 2


async def test_identity_gets_past_a_unit_that_makes_the_gateway_hang_up(site_of):
    site = await site_of(
        {1: CounterUnit(), 2: CounterUnit()},
        {"unit": 1, "tag": "a", "pieces": 0},
        {"unit": 2, "tag": "b", "pieces": 0},
    )
    site.box.faults.close_on_units = {1}
    assert (await site.driver.identity()).facts["answered_unit"] == "2"


async def test_identity_takes_the_first_unit_that_answers(site_of):
    site = await site_of(
        {1: CounterUnit(silent=True), 2: CounterUnit()},
        {"unit": 1, "tag": "a", "pieces": 0},
        {"unit": 2, "tag": "b", "pieces": 0},
        timeout_s=SILENCE_S,
    )
    assert (await site.driver.identity()).facts["answered_unit"] == "2"


async def test_a_box_that_is_off_and_comes_back(site_of):
    unit = CounterUnit(pieces=5)
    site = await site_of({1: unit})
    await site.poll()
    await site.box.stop()
    unit.reset()
    with pytest.raises(LinkDownError):
        await site.poll()
    with pytest.raises(LinkDownError) as caught:
        await site.poll()
    assert caught.value.code == "link_refused"
    await site.box.start()
    assert shown(await site.poll())[0] == ("L1", "pieces", 0, None, "2")


async def test_an_answer_with_another_number_is_never_taken(site_of):
    unit = CounterUnit(pieces=5)
    site = await site_of({1: unit}, timeout_s=SILENCE_S)
    await site.poll()
    site.box.faults.wrong_transactions = 1
    unit.pieces += 1
    with pytest.raises(LinkDownError) as caught:
        await site.poll()
    assert caught.value.code == "unit_silent"
    assert (await site.poll())[0].value == 6


async def test_a_late_answer_is_not_the_next_units_value(site_of):
    units = {1: CounterUnit(pieces=111), 2: CounterUnit(pieces=222)}
    site = await site_of(
        units,
        {"unit": 1, "tag": "a", "pieces": 0},
        {"unit": 2, "tag": "b", "pieces": 0},
        timeout_s=SILENCE_S,
    )
    site.box.faults.late_answers = 1
    event, count = await site.poll()
    assert (event.detail["tag"], event.detail["error"]) == ("a", "unit_silent")
    assert (count.tag, count.value) == ("b", 222)
    assert [record.value for record in await site.poll() if isinstance(record, Count)] == [111]


async def test_an_answer_in_pieces_of_one_byte(site_of):
    site = await site_of({1: CounterUnit(pieces=70000)})
    site.box.faults.slice_bytes = 1
    assert (await site.poll())[0].value == 70000


async def test_a_connection_that_ends_inside_an_answer(site_of):
    site = await site_of({1: CounterUnit(pieces=5)})
    site.box.faults.close_mid_frame = 1
    with pytest.raises(LinkDownError) as caught:
        await site.poll()
    assert caught.value.code == "link_closed"
    assert (await site.poll())[0].value == 5


async def test_a_gateway_that_hangs_up_over_one_unit_still_serves_the_others(site_of):
    site = await site_of(
        {1: CounterUnit(), 2: CounterUnit(pieces=9)},
        {"unit": 1, "tag": "a", "pieces": 0},
        {"unit": 2, "tag": "b", "pieces": 0},
    )
    site.box.faults.close_on_units = {1}
    event, count = await site.poll()
    assert (event.detail["tag"], event.detail["error"]) == ("a", "link_closed")
    assert (count.tag, count.value) == ("b", 9)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".hex(),
        "0001000000110209",  # another unit, function 9
        "00010000000502" + "0302" + "0001",  # the right number, another unit
        "00010000000501" + "0302" + "0001",  # fewer registers than asked for
        "0001000000ff01" + "03",  # longer than Modbus allows
    ],
)
async def test_what_answers_is_no_modbus_box(answer):
    async def serve(reader, writer):
        await reader.read(100)
        writer.write(bytes.fromhex(answer) + bytes(20))
        await writer.drain()
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        settings = {"name": "x", "kind": "modbus-counter", "host": host, "port": port}
        driver = ModbusCounterDriver(
            ModbusCounterConfig.model_validate(settings | {"counters": [COUNTER]}),
            DriverContext(clock=HandClock(), zone="Asia/Shanghai"),
        )
        with pytest.raises(DeviceMisbehavedError) as caught:
            _ = [d async for d in driver.fetch(None)]
        assert caught.value.code == "not_modbus"
        assert caught.value.remedy
        await driver.aclose()
        await asyncio.sleep(0.01)


async def test_a_hand_over_in_the_middle_of_a_poll_waits_its_turn(site_of):
    site = await site_of({1: CounterUnit(pieces=5)})
    site.box.faults.delay_s = 0.02
    answers = await asyncio.gather(
        site.poll(), site.poll(method="hand_over"), site.driver.identity()
    )
    assert [record.value for record in answers[0]] == [5, 0]
    assert [record.value for record in answers[1]] == [5, 0]


async def test_it_never_writes(site_of):
    site = await site_of({1: CounterUnit()})
    await site.driver.identity()
    for method in ("fetch", "hand_over"):
        await site.poll(method=method)
    assert set(site.box.asked) == {3}


@pytest.mark.parametrize(
    "change",
    [
        {"counters": []},
        {"counters": [COUNTER, COUNTER]},
        {"counters": [COUNTER | {"pieces": 65536}]},
        {"counters": [COUNTER | {"pieces": 65535}]},  # its second word lies beyond
        {"counters": [COUNTER | {"pieces": 1}]},  # its second word is the first of rejects
        {"counters": [COUNTER | {"width": 24}]},
        {"counters": [COUNTER | {"reset": True}]},
        {"function": 6},
        {"timeout_s": 0},
    ],
)
def test_settings_that_cannot_be(change):
    settings = {"name": "x", "kind": "modbus-counter", "host": "h", "counters": [COUNTER]}
    ModbusCounterConfig.model_validate(settings)
    with pytest.raises(ValidationError):
        ModbusCounterConfig.model_validate(settings | change)


@pytest.mark.parametrize(
    ("unit", "keys", "value"),
    [
        ({"pieces": 2**40 + 5, "width": 64}, {"width": 64}, 2**40 + 5),
        ({"pieces": 2**40 + 5, "width": 64, "word_order": "little", "byte_order": "little"},
         {"width": 64, "word_order": "little", "byte_order": "little"}, 2**40 + 5),
        ({"pieces": 70_000, "byte_order": "little"}, {"byte_order": "little"}, 70_000),
        ({"pieces": -3}, {"signed": True}, -3),
        ({"pieces": -3, "width": 16}, {"signed": True, "width": 16}, -3),
        ({"pieces": 1_001}, {"scale": 4}, 4_004),
        ({"pieces": 1_001}, {"pulses_per_piece": 2}, 500),
    ],
)  # fmt: skip
async def test_numbers_in_every_dress(site_of, unit, keys, value):
    site = await site_of({1: CounterUnit(**unit)}, {"unit": 1, "tag": "a", "pieces": 0} | keys)
    assert [count.value for count in await site.poll()] == [value]


def told_well(records):
    return [(r.value, r.quality) for r in records if isinstance(r, Count) and r.metric == "pieces"]


async def test_a_torn_reading_is_stored_as_one_that_never_was(site_of):
    """65535, 0, 65537: the middle one is told apart from a reset by a second look."""
    unit = CounterUnit(pieces=65_535, rejects=1)
    site = await site_of({1: unit})
    assert told_well(await site.poll()) == [(65_535, "good")]
    unit.pieces, unit.torn_reads = 65_537, 1
    torn, kept, *_ = records = await site.poll()
    assert told_well(records) == [(1, "bad"), (65_537, "good")]
    assert kept.quality == "good"  # the rejects of the torn reading: theirs was a number of its own
    assert torn.raw == bytes.fromhex("030e0000000100000001000000000001")
    assert [record.seq - torn.seq for record in records] == [0, 0, 1, 1]
    unit.pieces += 1
    assert told_well(await site.poll()) == [(65_538, "good")]


async def test_when_neither_look_goes_on_from_anything_both_are_uncertain(site_of):
    unit = CounterUnit(pieces=65_530)
    site = await site_of({1: unit})
    await site.poll()
    unit.pieces, unit.torn_reads = 65_536 + 65_536 + 65_535, 1
    records = await site.poll()
    assert told_well(records) == [(131_071, "uncertain"), (196_607, "uncertain")]


async def test_a_reset_is_confirmed_by_the_second_look(site_of):
    unit = CounterUnit(pieces=70_000)
    site = await site_of({1: unit})
    await site.poll()
    unit.pieces = 12
    before = site.box.asked[3]
    assert told_well(await site.poll()) == [(12, "good")]
    assert site.box.asked[3] == before + 2
    unit.pieces = 13
    assert told_well(await site.poll()) == [(13, "good")]
    assert site.box.asked[3] == before + 3


async def test_a_strange_reading_without_a_second_look_is_uncertain(site_of):
    unit = CounterUnit(pieces=65_535)
    site = await site_of({1: unit}, timeout_s=SILENCE_S)
    await site.poll()
    unit.pieces, unit.torn_reads = 65_537, 1
    respond = site.box._served.respond

    def once(number, pdu):
        answer = respond(number, pdu)
        unit.silent = True
        return answer

    site.box._served.respond = once
    assert told_well(await site.poll()) == [(1, "uncertain")]
    unit.silent, site.box._served.respond = False, respond
    assert told_well(await site.poll()) == [(65_537, "good")]  # measured against the last good one


async def test_a_rise_that_no_line_makes_is_looked_at_twice(site_of):
    unit = CounterUnit(pieces=1_000)
    counter = COUNTER | {"max_rate_per_s": 2.0}
    site = await site_of({1: unit}, counter)
    await site.poll()
    unit.pieces += 120
    await site.poll(after_s=60)
    assert site.box.asked[3] == 2
    unit.pieces += 200
    assert told_well(await site.poll(after_s=60)) == [(1_320, "good")]  # it is what it shows
    assert site.box.asked[3] == 4


async def test_a_wrap_is_not_strange(site_of):
    unit = CounterUnit(pieces=9_990)
    site = await site_of({1: unit}, COUNTER | {"modulus": 10_000})
    await site.poll()
    unit.pieces = 4
    assert told_well(await site.poll()) == [(4, "good")]
    assert site.box.asked[3] == 2


async def test_a_counter_that_empties_itself_is_told(site_of):
    unit = CounterUnit(pieces=50, empties=True, boot=0)
    site = await site_of({1: unit}, {"unit": 1, "tag": "a", "pieces": 0})
    await site.poll()
    events = []
    for _ in range(3):
        unit.pieces = 30
        records = await site.poll()
        events += [record.code for record in records if isinstance(record, DeviceEvent)]
        unit.pieces = 50
        await site.poll()
    assert events.count("counter_empties_itself") == 1
    assert "counter_empties_itself" in {alarm.code for alarm in site.driver.vitals().alarms}


async def test_a_counter_that_fell_asks_whether_it_was_replaced(site_of):
    unit = CounterUnit(pieces=70_000)
    site = await site_of({1: unit})
    await site.poll()
    assert site.driver.vitals().alarms == ()
    unit.reset()
    await site.poll()
    assert site.driver.vitals().alarms == ()  # its boot register says why
    unit.pieces = 9_000
    await site.poll()
    unit.pieces = 12
    await site.poll()
    (alarm,) = site.driver.vitals().alarms
    assert alarm.what == "counter L1 fell from 9000 to 12 at 2026-11-21 04:04Z without a restart"
    assert "edge-agent line replace L1 --at" in alarm.remedy
    site.clock.elapsed += 86_400
    assert site.driver.vitals().alarms == ()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"reset_after_read": True}, "loses pieces with each lost answer"),
        ({"width": 16, "modulus": 100_000}, "never reach"),
        ({"pulses_per_piece": 3}, "no whole number of pieces"),
        ({"width": 64, "rejects": 3}, "both use register 3"),
    ],
)
def test_counters_that_cannot_be(keys, words):
    with pytest.raises(ValidationError, match=words):
        ModbusCounterConfig.model_validate(NOWHERE | {"counters": [NARROW | keys]})


@pytest.mark.parametrize(
    ("keys", "poll_s", "fits"),
    [
        ({"width": 16}, 819, True),  # 65,536 / 2 / 4 at ten a second
        ({"width": 16}, 820, False),
        ({"width": 16, "max_rate_per_s": 100}, 60, True),
        ({"width": 16, "max_rate_per_s": 200}, 60, False),
        ({"width": 16, "max_rate_per_s": 200, "scale": 4}, 60, True),
        ({"width": 16, "max_rate_per_s": 100, "pulses_per_piece": 2}, 60, False),
        ({"modulus": 10_000, "max_rate_per_s": 25}, 60, False),
        ({"width": 32, "max_rate_per_s": 1000}, 86_400, True),
    ],
)
def test_polls_come_often_enough_for_a_turn(keys, poll_s, fits):
    table = NOWHERE | {"poll_s": poll_s, "counters": [NARROW | keys]}
    if fits:
        assert ModbusCounterConfig.model_validate(table).poll_s == poll_s
    else:
        with pytest.raises(ValidationError, match="a turn could pass unseen"):
            ModbusCounterConfig.model_validate(table)
