"""The driver on a real (pseudo) serial port; only the clock is ours."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from drivers.card_reader import CardReaderConfig, CardReaderDriver
from drivers.contract import Delivery, Driver, DriverContext
from drivers.errors import BlockedError, LinkDownError
from drivers.links.serial_port import open_serial
from protocols.identity import event_id
from protocols.rdm6300 import encode_card
from protocols.records import Channel, Punch
from simulators.card_reader import CardReaderSim

START = datetime(2026, 11, 21, 0, 30, 15, 999_000, tzinfo=UTC)
ANNA, ANNA_NUMBER = "01001293D8", "0001217496"
BO, BO_NUMBER = "01001293CD", "0001217485"


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self):
        self.elapsed = 0.0
        self.stamps = 0

    def now(self):
        self.stamps += 1
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self):
        return self.elapsed

    async def sleep(self, seconds):
        self.elapsed += seconds


@pytest.fixture
async def reader(tmp_path):
    async with CardReaderSim(link=tmp_path / "by-id") as reader:
        yield reader


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
async def listen(reader, clock):
    """Opens the reader's port with a driver and gives its listening end."""
    drivers, listeners = [], []

    async def start(driver=None, *, open_port=True, **changes):
        if driver is None:
            settings = {"name": "gate", "kind": "rdm6300", "port": reader.port}
            driver = CardReaderDriver(
                CardReaderConfig.model_validate(settings | changes),
                DriverContext(clock=clock, zone="Asia/Shanghai"),
            )
        drivers.append(driver)
        listeners.append(Listener(driver))
        if open_port:
            await driver.identity()  # what comes before a port is open, nobody hears
        return listeners[-1]

    yield start
    for listener in listeners:
        await listener.stop()
    for driver in drivers:
        await driver.aclose()


async def eventually(condition):
    async with asyncio.timeout(10):  # a loaded machine is slow, not wrong
        while not condition():
            await asyncio.sleep(0.002)


class Listener:
    """A supervisor: takes deliveries one by one; the test says when they were committed."""

    def __init__(self, driver):
        self.driver = driver
        self._deliveries = driver.live()

    async def next(self) -> Delivery:
        async with asyncio.timeout(10):  # a loaded machine is slow, not wrong
            return await anext(self._deliveries)

    async def punch(self, *, commit=True) -> Punch:
        delivery = await self.next()
        if commit:
            await self.driver.acknowledge(delivery)
        (punch,) = delivery.records
        return punch

    async def nothing(self):
        """Listens for a moment. Ends the listening: a cancelled generator cannot go on."""
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(self._deliveries)

    async def stop(self):
        with contextlib.suppress(LinkDownError):
            await self._deliveries.aclose()


async def test_a_card_is_a_punch_at_the_gateways_wall_clock(reader, listen):
    gate = await listen(serial="RDM-1")
    await reader.present(ANNA)
    assert isinstance(gate.driver, Driver)
    assert await gate.punch() == Punch(
        serial="RDM-1",
        user_id=ANNA_NUMBER,
        device_time=datetime(2026, 11, 21, 8, 30, 15),
        state=255,
        verify=2,
        method="card",
        card=ANNA_NUMBER,
        channel=Channel.LIVE,
        raw=encode_card(bytes.fromhex(ANNA)),
    )


async def test_who_it_is(reader, listen):
    driver = (await listen()).driver
    identity = await driver.identity()
    assert identity.serial == "gate"
    assert identity.facts == {"port": reader.port, "baud": "9600"}
    assert (await driver.count()).records is None
    assert [d async for d in driver.fetch(b"anything")] == []


async def test_a_card_that_came_between_identity_and_live_is_not_lost(reader, listen):
    gate = await listen()
    await gate.driver.identity()
    await reader.present(ANNA)
    assert (await gate.punch()).user_id == ANNA_NUMBER


async def test_a_held_card_is_one_punch_however_long(reader, listen, clock):
    gate = await listen()
    await reader.present(ANNA)
    await gate.punch()
    for step in range(10):
        clock.elapsed += 2.0
        await reader.present(ANNA)
        await reader.present(f"{step:010}")  # someone else: what came before him was looked at
        assert (await gate.punch()).user_id == f"{step:010}"
    assert gate.driver.repeats_removed == 10


async def test_a_card_that_was_away_for_the_debounce_time_is_a_new_punch(reader, listen, clock):
    gate = await listen()
    await reader.present(ANNA)
    first = await gate.punch()
    clock.elapsed += 2.4
    await reader.present(ANNA)
    await reader.present(BO)
    assert (await gate.punch()).user_id == BO_NUMBER
    clock.elapsed += 2.5
    await reader.present(ANNA)
    second = await gate.punch()
    assert second.device_time - first.device_time == timedelta(seconds=5)
    assert gate.driver.repeats_removed == 1


async def test_a_card_that_is_held_through_a_slow_commit_is_one_punch(reader, listen, clock):
    gate = await listen()
    await reader.present(ANNA)
    delivery = await gate.next()
    for step in range(6):
        clock.elapsed += 2.0
        await reader.present(ANNA)
        await eventually(lambda expected=step + 2: clock.stamps == expected)
    await gate.driver.acknowledge(delivery)
    await reader.present(BO)
    assert (await gate.punch()).user_id == BO_NUMBER
    assert gate.driver.repeats_removed == 6


async def test_who_comes_back_right_after_a_slow_commit_is_not_swallowed(reader, listen, clock):
    gate = await listen()
    await reader.present(ANNA)
    delivery = await gate.next()
    clock.elapsed += 60
    await gate.driver.acknowledge(delivery)
    clock.elapsed += 1
    await reader.present(ANNA)
    assert (await gate.punch()).device_time == datetime(2026, 11, 21, 8, 31, 16)


async def test_a_punch_has_the_time_of_its_arrival_not_of_its_turn(reader, listen, clock):
    gate = await listen()
    await reader.present(ANNA)
    anna = await gate.next()
    await reader.present(BO)
    await eventually(lambda: clock.stamps == 2)
    clock.elapsed += 30  # the disk stalls while Bo is already through the gate
    await gate.driver.acknowledge(anna)
    assert (await gate.punch()).device_time == datetime(2026, 11, 21, 8, 30, 15)


async def test_a_held_card_is_delivered_again_when_the_commit_failed(reader, listen, clock):
    gate = await listen()
    await reader.present(ANNA)
    first = await gate.punch(commit=False)
    clock.elapsed += 1.5
    await reader.present(ANNA)
    again = await gate.punch(commit=False)
    assert again == first  # the same punch: a commit in doubt does not make two
    clock.elapsed += 1.5
    await reader.present(ANNA)
    assert await gate.punch() == first
    await reader.present(ANNA)
    await reader.present(BO)
    assert (await gate.punch()).user_id == BO_NUMBER


async def test_a_punch_that_was_never_stored_outlives_its_card(reader, listen, clock):
    """The person is gone, the commit failed and the supervisor starts over."""
    gate = await listen()
    await reader.present(ANNA)
    lost = await gate.punch(commit=False)
    await gate.stop()
    clock.elapsed += 60
    again = await listen(gate.driver)
    assert await again.punch() == lost
    await reader.present(ANNA)
    assert (await again.punch()).device_time - lost.device_time == timedelta(seconds=60)


async def test_a_second_visit_while_the_first_is_not_stored_is_a_second_punch(
    reader, listen, clock
):
    gate = await listen()
    await reader.present(ANNA)
    first = await gate.punch(commit=False)
    clock.elapsed += 60
    await reader.present(ANNA)
    second = await gate.punch(commit=False)
    assert event_id(first) != event_id(second)
    await gate.stop()
    again = await listen(gate.driver)
    assert [await again.punch(), await again.punch()] == [first, second]


async def test_two_punches_of_one_second_stay_two(reader, listen, clock):
    gate = await listen(debounce_s=0.2)
    await reader.present(ANNA)
    first = await gate.punch()
    clock.elapsed -= 0.5  # the wall clock may even go back
    gate.driver._present.clear()  # as if the card had been away
    await reader.present(ANNA)
    second = await gate.punch()
    assert first.device_time == second.device_time
    assert (first.ordinal, second.ordinal) == (0, 1)
    assert event_id(first) != event_id(second)


async def test_the_reader_is_told_after_the_commit_and_only_then(reader, listen):
    gate = await listen(ack_byte="06")
    await reader.present(ANNA)
    delivery = await gate.next()
    await asyncio.sleep(0.02)
    assert reader.heard == b""
    await gate.driver.acknowledge(delivery)
    await eventually(lambda: reader.heard == b"\x06")


@pytest.mark.parametrize("slice_bytes", [1, 5, 13])
async def test_frames_in_slices(reader, listen, slice_bytes):
    gate = await listen()
    frames = encode_card(bytes.fromhex(ANNA)) + encode_card(bytes.fromhex(BO), crlf=True)
    await reader.send(frames, slice_bytes=slice_bytes)
    assert [(await gate.punch()).user_id for _ in range(2)] == [ANNA_NUMBER, BO_NUMBER]


async def test_garbage_is_kept_and_named_and_costs_no_punch(reader, listen):
    gate = await listen()
    good = encode_card(bytes.fromhex(ANNA))
    await reader.send(b"\xff\x00" + good[:-3] + b"00\x03" + good)
    reasons = []
    for _ in range(2):
        delivery = await gate.next()
        (bad,) = delivery.quarantined
        assert bad.source == "gate"
        reasons.append((bad.offset, bad.reason, len(bad.raw)))
        await gate.driver.acknowledge(delivery)
    assert reasons == [(0, "noise before a frame", 2), (2, "checksum 00, computed 58", 14)]
    assert (await gate.punch()).user_id == ANNA_NUMBER


async def test_endless_noise_does_not_fill_the_spool(reader, listen, clock):
    gate = await listen()
    await reader.send(b"\x55" * 64 * 40)
    kept = [await gate.next() for _ in range(30)]
    assert all(delivery.quarantined for delivery in kept)
    await reader.present(ANNA)
    assert (await gate.punch()).user_id == ANNA_NUMBER
    assert gate.driver.bad_frames_removed == 10
    clock.elapsed += 61
    await reader.send(b"\x55" * 64)
    (bad,) = (await gate.next()).quarantined
    assert "10 more" in bad.reason


async def test_unplugging_is_told_and_the_same_driver_comes_back(reader, listen, clock):
    gate = await listen()
    await reader.present(ANNA)
    await gate.punch()
    await reader.unplug()
    with pytest.raises(LinkDownError) as caught:
        await gate.next()
    assert caught.value.code == "link_lost"

    again = await listen(gate.driver, open_port=False)
    with pytest.raises(LinkDownError) as caught:
        await again.next()
    assert caught.value.code == "port_missing"
    assert "/dev/serial/by-id" in caught.value.remedy

    await reader.plug()
    clock.elapsed += 1
    back = await listen(gate.driver)
    await reader.present(ANNA)  # was on the coil all the time: still the same visit
    await reader.present(BO)
    assert (await back.punch()).user_id == BO_NUMBER


async def test_what_arrived_before_the_unplugging_is_delivered_first(reader, listen, clock):
    gate = await listen()
    await reader.present(ANNA)
    anna = await gate.next()
    await reader.send(encode_card(bytes.fromhex(BO)) + encode_card(bytes.fromhex(ANNA))[:5])
    await eventually(lambda: clock.stamps == 2)
    await reader.unplug()
    await gate.driver.acknowledge(anna)
    assert (await gate.punch()).user_id == BO_NUMBER
    (bad,) = (await gate.next()).quarantined
    assert bad.reason == "the stream ended inside this frame"
    with pytest.raises(LinkDownError):
        await gate.next()


async def test_acknowledging_after_the_unplugging_does_not_fail(reader, listen):
    gate = await listen(ack_byte="06")
    await reader.present(ANNA)
    delivery = await gate.next()
    await reader.unplug()
    await asyncio.sleep(0.02)
    await gate.driver.acknowledge(delivery)


async def test_cards_that_went_away_are_forgotten(reader, listen, clock):
    gate = await listen()
    for number in range(20):
        clock.elapsed += 3
        await reader.present(f"{number:010}")
        await gate.punch()
    assert len(gate.driver._present) == 1


async def test_whoever_never_acknowledges_is_stopped(reader, listen, clock):
    gate = await listen()
    for number in range(1_001):
        clock.elapsed += 0.01
        await reader.send(encode_card(number.to_bytes(5, "big")))
        if number < 1_000:
            await gate.next()
    with pytest.raises(BlockedError) as caught:
        await gate.next()
    assert caught.value.code == "punches_not_stored"


async def test_waiting_for_a_card_can_be_cancelled(reader, listen):
    gate = await listen()
    await gate.nothing()
    assert (await gate.driver.identity()).serial == "gate"  # the port is free again


async def test_ports_that_cannot_be_opened(reader, tmp_path):
    not_a_port = tmp_path / "file"
    not_a_port.touch()
    for path, code in [
        (str(tmp_path / "nothing"), "port_missing"),
        (str(not_a_port), "port_unusable"),
        (str(tmp_path), "port_unusable"),
    ]:
        with pytest.raises(LinkDownError) as caught:
            await open_serial(path)
        assert caught.value.code == code
        assert caught.value.where == f"serial {path}"
        assert caught.value.remedy
    link = await open_serial(reader.port)
    with pytest.raises(LinkDownError) as caught:
        await open_serial(reader.port)
    assert caught.value.code == "port_busy"
    await link.aclose()
    await link.aclose()


async def test_a_port_without_permission_names_the_group(monkeypatch):
    import serial_asyncio_fast

    async def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(serial_asyncio_fast, "open_serial_connection", refuse)
    with pytest.raises(LinkDownError) as caught:
        await open_serial("/dev/ttyUSB0")
    assert caught.value.code == "port_forbidden"
    assert "dialout" in caught.value.remedy


@pytest.mark.parametrize(
    "change", [{"ack_byte": "6"}, {"ack_byte": "0x06"}, {"debounce_s": 0}, {"baud": 0}]
)
def test_settings_that_cannot_be(change):
    settings = {"name": "gate", "kind": "rdm6300", "port": "/dev/ttyUSB0"}
    CardReaderConfig.model_validate(settings)
    with pytest.raises(ValidationError):
        CardReaderConfig.model_validate(settings | change)
