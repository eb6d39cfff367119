"""One suite over every driver: what the contract promises, on a real link."""

import pytest
from pydantic import ValidationError

from drivers.catalog import built_in_kinds, load_driver
from drivers.contract import (
    Capability,
    ClockKeeper,
    DeviceConfig,
    DoorOpener,
    Driver,
    LogClearer,
    Mode,
    Pausable,
    Restartable,
    UserDirectory,
)
from drivers.errors import BlockedError, DriverError
from protocols.identity import event_id
from tests.drivers.conformance import RIGS, UNDER_TEST, Rig

every_kind = pytest.mark.parametrize("kind", UNDER_TEST)


@pytest.fixture(params=UNDER_TEST)
async def rig(request, tmp_path):
    async with UNDER_TEST[request.param](tmp_path) as rig:
        yield rig
        await rig.stop_listening()
        await rig.driver.aclose()


def test_every_built_in_driver_has_a_rig() -> None:
    assert set(RIGS) == set(built_in_kinds())


@every_kind
def test_the_manifest_says_what_the_driver_is(kind: str) -> None:
    manifest = load_driver(kind).manifest
    assert manifest.kind == kind
    assert manifest.title
    assert all(manifest.makes)
    assert manifest.simulator
    assert (manifest.mode is Mode.TALKS) <= (Capability.LIVE in manifest.capabilities)


@every_kind
def test_the_config_refuses_unknown_keys_and_does_not_change(kind: str) -> None:
    config = load_driver(kind).manifest.config
    assert issubclass(config, DeviceConfig)
    with pytest.raises(ValidationError, match="colour"):
        config.model_validate({"name": "x", "kind": kind, "colour": "red"})
    assert config.model_config.get("frozen")


async def test_it_is_a_driver_and_knows_its_device(rig: Rig) -> None:
    assert isinstance(rig.driver, Driver)
    first = await rig.driver.identity()
    assert first.serial == rig.serial
    assert await rig.driver.identity() == first


async def test_every_record_arrives_once_with_its_bytes(rig: Rig) -> None:
    seen: list[bytes] = []
    for _ in range(3):
        await rig.produce()
        deliveries = await rig.offered(1)
        records = [record for delivery in deliveries for record in delivery.every_record()]
        assert len(records) == 1
        assert all(record.raw for record in records)
        assert {delivery.serial for delivery in deliveries} == {rig.serial}
        assert [delivery.last for delivery in deliveries][-1]
        seen += map(event_id, records)
        await rig.commit(deliveries)
    assert len(set(seen)) == 3


async def test_what_was_not_committed_comes_again(rig: Rig) -> None:
    await rig.produce()
    lost = await rig.offered(1)
    await rig.stop_listening()
    again = await rig.offered(1)
    runs = [[event_id(record) for d in run for record in d.records] for run in (lost, again)]
    assert len(runs[0]) == len(runs[1]) == 1
    if rig.driver.manifest.mode is not Mode.POLLED:  # a counter shows its present value instead
        assert runs[0] == runs[1]


async def test_nothing_new_gives_no_record(rig: Rig) -> None:
    await rig.produce()
    await rig.commit(await rig.offered(1))
    deliveries = [delivery async for delivery in rig.driver.fetch(rig.cursor)]
    assert [record for delivery in deliveries for record in delivery.every_record()] == []


async def test_capabilities_are_no_empty_promises(rig: Rig) -> None:
    await rig.produce()
    capabilities = rig.driver.manifest.capabilities
    count = await rig.driver.count()
    assert (Capability.COUNT in capabilities) == (count.records is not None)
    if Capability.COUNT in capabilities:
        assert count.records == 1
    deliveries = await rig.offered(1)
    assert (Capability.CLOCK in capabilities) == any(d.clock for d in deliveries)
    if Capability.LIVE not in capabilities:
        assert await live_events(rig.driver) == []


ORDERS = {
    Capability.CLOCK_SET: ClockKeeper,
    Capability.USERS: UserDirectory,
    Capability.PAUSE: Pausable,
    Capability.CLEAR: LogClearer,
    Capability.DOOR: DoorOpener,
    Capability.RESTART: Restartable,
}


async def test_what_can_be_ordered_is_what_the_manifest_says(rig: Rig) -> None:
    for capability, protocol in ORDERS.items():
        able = isinstance(rig.driver, protocol)
        assert able == (capability in rig.driver.manifest.capabilities), capability


async def live_events(driver: Driver) -> list[object]:
    try:
        return [delivery async for delivery in driver.live()]
    except BlockedError:
        return []


async def test_a_vanished_device_is_a_driver_error_with_a_remedy(rig: Rig) -> None:
    await rig.produce()
    await rig.commit(await rig.offered(1))
    await rig.stop_listening()
    await rig.vanish()
    with pytest.raises(DriverError) as caught:
        await rig.driver.identity()
    error = caught.value
    assert not isinstance(error, BlockedError), "it may come back: retried, nobody need act"
    assert error.what
    assert error.where
    assert error.remedy
    assert error.code.isidentifier()
    assert error.where in str(error)
    assert error.remedy in str(error)


async def test_closing_is_safe_at_any_time(rig: Rig) -> None:
    await rig.driver.aclose()
    await rig.driver.aclose()
    await rig.driver.identity()
    await rig.vanish()
    await rig.driver.aclose()
