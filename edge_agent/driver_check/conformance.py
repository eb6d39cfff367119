"""The rules that drive a driver against its simulator over a real link; each wants a rig of its own."""

from collections.abc import Sequence
from datetime import timedelta

from drivers.contract import Capability, Delivery, Driver, Mode
from drivers.errors import BlockedError, DriverError
from edge_agent.driver_check.rig import START, Rig
from edge_agent.driver_check.rules import NotApplicableError, Rule, UnmetError, rule
from protocols.identity import event_id
from protocols.records import Record

_ROUNDS = 3


def _records(deliveries: Sequence[Delivery]) -> list[Record]:
    return [record for delivery in deliveries for record in delivery.every_record()]


def _require(met: bool, seen: str) -> None:  # noqa: FBT001 - reads as the sentence that it is
    if not met:
        raise UnmetError(seen)


@rule(
    "It proves who answers: the device's own serial, the same at every call",
    remedy="identity() returns the serial that the device itself reports, with nothing added",
)
async def identity(rig: Rig) -> str:
    _require(isinstance(rig.driver, Driver), "it lacks methods of the contract")
    first = await rig.driver.identity()
    _require(
        first.serial == rig.device.serial,
        f"serial {first.serial!r}, the simulated device is {rig.device.serial!r}",
    )
    again = await rig.driver.identity()
    _require(again == first, f"asked twice it answered {first} and {again}")
    return f"serial {first.serial}"


@rule(
    "Every record arrives once, with its bytes and the device's serial",
    remedy="fetch(cursor) delivers what came after `cursor`, each record with `raw`; the last page "
    "has last=True and a cursor that covers it",
)
async def every_record_once(rig: Rig) -> str:
    seen: set[bytes] = set()
    for _ in range(_ROUNDS):
        await rig.produce()
        deliveries = await rig.offered(1)
        records = _records(deliveries)
        _require(len(records) == 1, f"for one new record it delivered {len(records)}")
        _require(all(record.raw for record in records), "a record came without its raw bytes")
        serials = {delivery.serial for delivery in deliveries}
        _require(serials == {rig.device.serial}, f"delivered under {', '.join(sorted(serials))}")
        _require(deliveries[-1].last, "the last page of a fetch does not say so (last)")
        seen.update(map(event_id, records))
        await rig.commit(deliveries)
    _require(len(seen) == _ROUNDS, f"{_ROUNDS} records have only {len(seen)} identities")
    return f"{_ROUNDS} of {_ROUNDS}"


@rule(
    "What was not committed comes again as the same record",
    remedy="Move your position only by the cursor that fetch() is given (a device that talks: by "
    "acknowledge()), never by what was handed over",
)
async def redelivery(rig: Rig) -> str:
    await rig.produce()
    lost = await rig.offered(1)
    await rig.stop_listening()
    again = await rig.offered(1)
    runs = [[event_id(record) for record in _records(run)] for run in (lost, again)]
    _require(
        len(runs[0]) == len(runs[1]) == 1,
        f"{len(runs[0])} record at first, {len(runs[1])} after the commit failed",
    )
    if rig.driver.manifest.mode is Mode.POLLED:
        return "the present value again"  # the device holds nothing else
    _require(runs[0] == runs[1], "the second time the record had another identity")
    return "the same record again"


@rule(
    "Nothing new gives no record",
    remedy="Compare with the cursor: what is stored must not be handed over again",
)
async def nothing_new(rig: Rig) -> str:
    await rig.produce()
    await rig.commit(await rig.offered(1))
    records = _records([delivery async for delivery in rig.driver.fetch(rig.cursor)])
    _require(records == [], f"{len(records)} records, and the device made none")
    return "no record"


@rule(
    "The manifest's capabilities are no empty promises",
    remedy="Name in `capabilities` what the driver does, and nothing else",
)
async def capabilities(rig: Rig) -> str:
    await rig.produce()
    promised = rig.driver.manifest.capabilities
    held = (await rig.driver.count()).records
    if Capability.COUNT in promised:
        _require(held == 1, f"count() says {held}, the device holds 1 record")
    else:
        _require(held is None, f"count() says {held}, and `count` is not among the capabilities")
    deliveries = await rig.offered(1)
    clocks = [delivery.clock for delivery in deliveries if delivery.clock is not None]
    if Capability.CLOCK in promised:
        _require(clocks != [], "no page carries a clock reading")
    else:
        _require(clocks == [], "a page carries a clock reading, and `clock` is not promised")
    for reading in clocks:
        off = reading.gateway_time - START
        _require(
            timedelta(0) <= off < timedelta(days=1),
            f"gateway_time {reading.gateway_time:%Y-%m-%d %H:%M} is not that of context.clock",
        )
    if Capability.LIVE not in promised:
        _require(await _live_events(rig.driver) == 0, "live() delivers, and `live` is not promised")
    return ", ".join(sorted(promised)) or "none"


async def _live_events(driver: Driver) -> int:
    try:
        return len([delivery async for delivery in driver.live()])
    except BlockedError:
        return 0


@rule(
    "A device that vanishes is an error with a remedy, which may heal by itself",
    remedy="Let OSError, TimeoutError and EOFError out, or raise an error with `what`, `remedy`, "
    "`code` (a word) and blocked=False",
)
async def vanished(rig: Rig) -> str:
    await _lose_the_device(rig)
    error = await _failure(rig.driver, meant="the device is gone")
    _require(
        not isinstance(error, BlockedError),
        f"{error.code} waits for a person, and the device may come back by itself",
    )
    for name in ("what", "where", "remedy"):
        _require(bool(getattr(error, name)), f"the error {error.code!r} has no `{name}`")
    _require(error.code.isidentifier(), f"the code {error.code!r} is no word for programs")
    _require(error.where in str(error), "the error does not say where")
    _require(error.remedy in str(error), "the error does not say its remedy")
    return error.code


@rule(
    "A device that comes back is read again: what it made meanwhile, once",
    remedy="Keep nothing of a connection that failed: the next call opens a new one",
)
async def comes_back(rig: Rig) -> str:
    await _lose_the_device(rig)
    await _failure(rig.driver, meant="the device is gone")
    await rig.driver.aclose()
    await rig.device.come_back()
    await rig.produce()
    records = _records(await rig.offered(1))
    _require(len(records) == 1, f"for one new record it delivered {len(records)}")
    return "1 of 1"


async def _lose_the_device(rig: Rig) -> None:
    await rig.produce()
    await rig.commit(await rig.offered(1))
    await rig.stop_listening()
    await rig.device.vanish()


async def _failure(driver: Driver, *, meant: str) -> DriverError:
    try:
        await driver.identity()
    except DriverError as error:
        return error
    raise UnmetError(f"{meant}, and identity() still answers")


@rule(
    "Closing is safe: before the first use, twice, and with the device gone",
    remedy="aclose() never raises, and the next call after it opens the link again",
)
async def closing(rig: Rig) -> str:
    await rig.driver.aclose()
    await rig.driver.aclose()
    await rig.driver.identity()
    await rig.device.vanish()
    await rig.driver.aclose()
    return "before, twice, gone"


@rule(
    "Another device at the address is refused before it is read",
    remedy="Compare the device's serial with `serial` of the site file; on a mismatch raise an "
    "error with code='wrong_serial' and blocked=True",
)
async def another_device(rig: Rig) -> str:
    if "serial" not in rig.driver.manifest.config.model_fields:
        raise NotApplicableError("the site file names no serial (config has no key `serial`)")
    if "serial" in rig.device.config:
        raise NotApplicableError("the site file gives the device its serial, it has none to tell")
    stranger = rig.driver_for(serial="ANOTHER-ONE")
    try:
        error = await _failure(stranger, meant="another serial was expected")
    finally:
        await stranger.aclose()
    _require(isinstance(error, BlockedError), f"{error.code} is tried again for ever")
    _require(error.code == "wrong_serial", f"its code is {error.code!r}")
    return error.code


CONFORMANCE: tuple[Rule[Rig], ...] = (
    identity,
    another_device,
    every_record_once,
    redelivery,
    nothing_new,
    capabilities,
    vanished,
    comes_back,
    closing,
)
