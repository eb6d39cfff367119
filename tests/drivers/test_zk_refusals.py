"""Everything that can go wrong has its own error, its own code and a remedy; then it works again."""

import asyncio

import pytest

from drivers.errors import (
    AuthError,
    BlockedError,
    DeviceMisbehavedError,
    DriverError,
    LinkDownError,
    UnsupportedDeviceError,
    WrongDeviceError,
)
from drivers.zk_pull import ZkPullConfig, ZkPullDriver
from drivers.zk_pull.translation import translated
from protocols.errors import LimitExceededError, ProtocolError, RefusedError, TruncatedError
from protocols.zk.commands import Command, Reply
from simulators.zk_terminal import Faults
from tests.drivers.zk_site import CONTEXT, asking, facts, fetched, logged, terminal

PANEL = bytes.fromhex("aa01c800000055")
SECURE = bytes.fromhex("5050837c08000000d0070000000000")
HTTP = b"HTTP/1.1 400 Bad Request\r\n\r\n"


@pytest.mark.parametrize(
    ("faults", "error", "code", "remedy"),
    [
        (Faults(refuse_connect=Reply.AUTH_LOCKED), AuthError, "locked_out", "comm_key"),
        (
            Faults(refuse_connect=Reply.SECURE_CHALLENGE),
            UnsupportedDeviceError,
            "encrypted_firmware",
            "push driver",
        ),
        (Faults(opening=SECURE), UnsupportedDeviceError, "encrypted_firmware", "push driver"),
        (Faults(opening=PANEL), UnsupportedDeviceError, "access_panel", "panel"),
        (Faults(opening=HTTP), DeviceMisbehavedError, "not_zk", "address and port"),
        (
            Faults(refuse_table=Reply.ALLOCATION_FAILED),
            BlockedError,
            "access_control_mode",
            "Device Type",
        ),
        (Faults(refuse_table=4987), DeviceMisbehavedError, "storage_failed", "USB"),
        (Faults(refuse_table=Reply.ACK_RETRY), DeviceMisbehavedError, "busy", "again"),
        (Faults(refuse_table=Reply.ACK_ERROR), DeviceMisbehavedError, "refused", "again"),
        (Faults(refuse_table=Reply.ACK_UNAUTH), DeviceMisbehavedError, "session_lost", "again"),
        (
            Faults(refuse_table=Reply.UNKNOWN_COMMAND),
            UnsupportedDeviceError,
            "unknown_command",
            "push driver",
        ),
        (Faults(close_after=3_000), LinkDownError, "link_cut", "again"),
        (Faults(drop_connections=1), LinkDownError, None, "again"),
        (Faults(silent_on=frozenset({Command.CONNECT})), LinkDownError, "no_answer", "timeout_s"),
        (
            Faults(silent_on=frozenset({Command.READ_CHUNK})),
            DeviceMisbehavedError,
            "incomplete",
            "again",
        ),
        (Faults(serial="OTHER1"), WrongDeviceError, "wrong_serial", "`serial`"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_each_refusal_has_its_error_and_the_next_fetch_works(
    faults: Faults, error: type[DriverError], code: str | None, remedy: str
) -> None:
    device = terminal(200, faults)
    async with asking(device, serial="CLK0000000001", timeout_s=0.4) as gate:
        with pytest.raises(DriverError) as caught:
            await fetched(gate)
        assert type(caught.value) is error
        assert code in {None, caught.value.code}
        assert remedy in caught.value.remedy
        assert "gate" in caught.value.where or "127.0.0.1" in caught.value.where
        device.faults = Faults()
        assert facts(await fetched(gate)) == logged(device.log)


@pytest.mark.parametrize(
    ("key", "told"),
    [(None, "wants a comm key"), (7, "the comm key is wrong")],
)
async def test_a_wrong_key_is_its_own_error(key: int | None, told: str) -> None:
    async with asking(terminal(5, comm_key=1234), comm_key=key) as gate:
        with pytest.raises(AuthError, match=told) as caught:
            await gate.identity()
    assert caught.value.code == "wrong_comm_key"
    assert "PC Connection" in caught.value.remedy


@pytest.mark.parametrize("key", [1234, "1234", "001234"])
async def test_the_right_key_opens_and_stays_a_secret(key: int | str) -> None:
    async with asking(terminal(5, comm_key=1234), comm_key=key) as gate:
        assert len((await fetched(gate))[0].records) == 5
        assert "1234" not in repr(gate._config)


async def test_a_terminal_with_key_zero_needs_none() -> None:
    async with asking(terminal(5, comm_key=0)) as gate:
        assert (await gate.identity()).serial == "CLK0000000001"


@pytest.mark.parametrize("key", ["12a", "-1", "1000000", "", "１２"])
def test_a_key_that_is_none_is_refused_in_the_site_file(key: str) -> None:
    with pytest.raises(ValueError, match="0 to 999999"):
        ZkPullConfig(name="gate", host="h", comm_key=key)


async def test_another_serial_is_told_with_both_numbers() -> None:
    device = terminal(5)
    async with asking(device, serial="EXPECTED1") as gate:
        for call in (gate.identity(), gate.count(), fetched(gate)):
            with pytest.raises(WrongDeviceError) as caught:
                await call
            assert (caught.value.expected, caught.value.found) == ("EXPECTED1", "CLK0000000001")


async def test_no_profile_prints_facts_to_paste() -> None:
    async with asking(terminal(5, platform="ZX9_TFT", device_name="New")) as gate:
        with pytest.raises(UnsupportedDeviceError) as caught:
            await gate.identity()
    assert caught.value.code == "no_profile"
    assert 'platform = "ZX9_TFT"' in caught.value.what
    assert 'device_name = "New"' in caught.value.what
    assert "`profile`" in caught.value.remedy


async def test_an_unknown_pinned_profile_lists_the_known() -> None:
    async with asking(terminal(5), profile="zkteco/f81") as gate:
        with pytest.raises(BlockedError, match="zkteco/f18") as caught:
            await gate.identity()
    assert caught.value.code == "unknown_profile"


async def test_nothing_listens_there() -> None:
    device = terminal(5)
    await device.start()
    await device.stop()
    host, port = device.address
    gate = ZkPullDriver(ZkPullConfig(name="gate", host=host, port=port), CONTEXT)
    with pytest.raises(LinkDownError) as caught:
        await gate.identity()
    assert caught.value.code == "link_refused"
    await gate.aclose()


async def test_a_connection_is_kept_while_it_works() -> None:
    device = terminal(5)
    async with asking(device) as gate:
        await gate.identity()
        await fetched(gate)
        await gate.count()
        assert device.connections == 1


async def test_an_idle_connection_that_the_terminal_closed_is_opened_again() -> None:
    device = terminal(5)
    async with asking(device) as gate:
        await fetched(gate)
        await device.stop()
        await device.start()
        assert len((await fetched(gate))[0].records) == 5
        assert device.connections == 2


async def test_a_cancelled_fetch_leaves_no_half_read_connection() -> None:
    device = terminal(200, Faults(silent_on=frozenset({Command.READ_CHUNK})))
    async with asking(device, timeout_s=30) as gate:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await fetched(gate)
        device.faults = Faults()
        assert facts(await fetched(gate)) == logged(device.log)
        assert device.connections == 2


async def test_closing_says_exit_and_is_quick_with_a_hung_terminal() -> None:
    device = terminal(5)
    async with asking(device, timeout_s=60) as gate:
        await gate.identity()
        device.faults = Faults(silent_on=frozenset({Command.EXIT}))
        async with asyncio.timeout(20):
            await gate.aclose()
        await gate.aclose()


@pytest.mark.parametrize(
    ("raised", "error", "code"),
    [
        (LimitExceededError("x", limit=1), DeviceMisbehavedError, "limit_exceeded"),
        (TruncatedError("x", missing=1), DeviceMisbehavedError, "incomplete"),
        (RefusedError("x", request=1, code=2), DeviceMisbehavedError, "refused"),
        (ProtocolError("x"), DeviceMisbehavedError, "not_zk"),
    ],
)
def test_what_no_simulator_shows(
    raised: ProtocolError, error: type[DriverError], code: str
) -> None:
    found = translated(raised, where="gate")
    assert (type(found), found.code) == (error, code)
    assert found.remedy
