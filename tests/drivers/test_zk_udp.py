"""Whole fetches over UDP, on a network that loses, doubles and swaps datagrams."""

import asyncio
import socket
import time

import pytest
from msgspec.structs import replace

from drivers.errors import BlockedError, DriverError, LinkDownError, UnsupportedDeviceError
from drivers.zk_pull import ZkPullConfig, ZkPullDriver, recognition
from firmware_profiles import load_all
from protocols.records import Quarantined
from protocols.zk.attendance import Layout
from protocols.zk.commands import Command, Reply
from simulators.zk_terminal import Disturbance, Faults, ZkTerminal
from tests.drivers.zk_site import CONTEXT, asking, facts, fetched, logged, rows, terminal
from tests.free_ports import free_port

# Twelve asks within it: each silence costs 20 ms instead of nearly a second.
SHORT_S = 0.24


def udp_terminal(log=2_000, faults: Faults | None = None, **config) -> ZkTerminal:
    return terminal(log, faults, **({"transport": "udp", "packet_bytes": 1024} | config))


def disturbed(lose: float, seed: int, **others: float) -> Faults:
    network = Disturbance(lose=lose, **others)
    return Faults(seed=seed, to_terminal=network, from_terminal=network)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lose", [0.0, 0.05, 0.2])
async def test_the_whole_log_arrives_whatever_the_network_does(lose: float, seed: int) -> None:
    device = udp_terminal(2_000, disturbed(lose, seed, duplicate=0.1, reorder=0.1))
    async with asking(device, transport="udp", timeout_s=SHORT_S) as gate:
        deliveries = await fetched(gate)
    assert facts(deliveries) == logged(device.log)
    assert not [row for delivery in deliveries for row in delivery.quarantined]


@pytest.mark.parametrize("seed", range(3))
async def test_half_of_all_doubled_and_swapped_costs_nothing(seed: int) -> None:
    device = udp_terminal(2_000, disturbed(0.0, seed, duplicate=0.5, reorder=0.5))
    async with asking(device, transport="udp", timeout_s=SHORT_S) as gate:
        for _ in range(3):
            assert facts(await fetched(gate)) == logged(device.log)


async def test_a_clean_network_needs_no_second_ask() -> None:
    device = udp_terminal(2_000)
    async with asking(device, transport="udp", timeout_s=60) as gate:
        async with asyncio.timeout(2):  # one silence alone would cost five seconds
            assert facts(await fetched(gate)) == logged(device.log)
        assert device.connections == 1


@pytest.mark.parametrize(
    "faults",
    [
        Faults(ack_before_last_data=True),
        Faults(late_ack=True),
        Faults(event_in_download=True),
        Faults(stale_buffer=True),
        Faults(ack_before_last_data=True, from_terminal=Disturbance(lose=0.2, reorder=0.3)),
    ],
    ids=["ack first", "late ack", "event", "stale", "ack first and loss"],
)
async def test_quirks_of_good_terminals(faults: Faults) -> None:
    device = udp_terminal(2_000, faults)
    async with asking(device, transport="udp", timeout_s=SHORT_S) as gate:
        assert facts(await fetched(gate)) == logged(device.log)


@pytest.mark.parametrize("layout", list(Layout))
async def test_every_width_and_narrow_users(layout: Layout) -> None:
    narrow = layout.holds_uid
    device = udp_terminal(600, layout=layout, user_width=28 if narrow else 72)
    async with asking(device, transport="udp", timeout_s=2) as gate:
        assert facts(await fetched(gate)) == logged(device.log)


@pytest.mark.parametrize("lone_chunks", ["lone", ""])
async def test_chunks_that_fit_one_packet(lone_chunks: str) -> None:
    device = udp_terminal(600, disturbed(0.2, 1), lone_chunks=bool(lone_chunks))
    async with asking(device, transport="udp", timeout_s=SHORT_S, chunk_bytes=1024) as gate:
        assert facts(await fetched(gate)) == logged(device.log)


# Old firmware without a table buffer


@pytest.mark.parametrize("lose", [0.0, 0.2])
async def test_bare_table_commands_when_the_profile_says_so(lose: float) -> None:
    network = disturbed(lose, 3, duplicate=0.1, reorder=0.2)
    device = udp_terminal(1_000, network, layout=Layout.ATT16, user_width=28, buffered=False)
    udp = {"transport": "udp", "timeout_s": SHORT_S, "profile": "zkteco/udp_bare"}
    async with asking(device, **udp) as gate:
        assert facts(await fetched(gate)) == logged(device.log)


async def test_a_long_log_by_bare_command_is_not_limited_by_socket_buffers() -> None:
    device = udp_terminal(20_000, layout=Layout.ATT16, user_width=28, buffered=False)
    async with asking(device, transport="udp", profile="zkteco/udp_bare") as gate:
        assert facts(await fetched(gate)) == logged(device.log)


async def test_without_the_profile_bare_commands_are_never_tried() -> None:
    device = udp_terminal(10, buffered=False)
    async with asking(device, transport="udp", timeout_s=1) as gate:
        with pytest.raises(UnsupportedDeviceError) as caught:
            await fetched(gate)
    assert caught.value.code == "unknown_command"


async def test_a_udp_profile_on_tcp_says_which_setting_to_change() -> None:
    gate = ZkPullDriver(
        ZkPullConfig(name="gate", host="127.0.0.1", port=9, profile="zkteco/udp_bare"), CONTEXT
    )
    with pytest.raises(BlockedError, match='`transport = "udp"`') as caught:
        await gate.identity()
    assert (caught.value.code, caught.value.where) == ("wrong_transport", "tcp 127.0.0.1:9")


async def test_a_model_that_is_known_to_be_asked_over_udp_says_so_too(monkeypatch) -> None:
    known = tuple(
        replace(profile, transport="zk-udp") if profile.key == "zkteco/f18" else profile
        for profile in load_all()
    )
    monkeypatch.setattr(recognition, "load_all", lambda: known)
    async with asking(terminal(5)) as gate:
        with pytest.raises(BlockedError, match="zkteco/f18") as caught:
            await gate.identity()
    assert caught.value.code == "wrong_transport"


# What goes wrong is loud, and in bounded time


async def failure(faults: Faults, **config) -> DriverError:
    """What a fetch raises; and that the next one works."""
    device = udp_terminal(500, faults)
    async with asking(device, **({"transport": "udp", "timeout_s": SHORT_S} | config)) as gate:
        with pytest.raises(DriverError) as caught:
            await fetched(gate)
        device.faults = Faults()
        assert facts(await fetched(gate)) == logged(device.log)
    return caught.value


async def test_a_silent_address_tells_what_to_check() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        gate = ZkPullDriver(
            ZkPullConfig(
                name="gate", host="127.0.0.1", port=port, transport="udp", timeout_s=SHORT_S
            ),
            CONTEXT,
        )
        with pytest.raises(LinkDownError, match="asked 12 times") as caught:
            await gate.identity()
        await gate.aclose()
    assert caught.value.code == "link_timeout"
    assert '`transport = "tcp"`' in caught.value.remedy


async def test_a_closed_port_is_told_at_once() -> None:
    port = free_port()
    config = ZkPullConfig(name="gate", host="127.0.0.1", port=port, transport="udp", timeout_s=60)
    gate = ZkPullDriver(config, CONTEXT)
    async with asyncio.timeout(2):
        with pytest.raises(LinkDownError) as caught:
            await gate.identity()
        await gate.aclose()
    assert caught.value.code == "link_refused"
    assert "TCP" in caught.value.remedy


async def test_a_peer_that_dies_in_mid_download_is_a_link_down() -> None:
    started = time.monotonic()
    error = await failure(Faults(silent_on=frozenset({Command.READ_CHUNK})))
    assert isinstance(error, LinkDownError)
    assert (error.code, bool(error.remedy)) == ("no_answer", True)
    assert time.monotonic() - started < 10 * SHORT_S


@pytest.mark.parametrize("lost", [0.97, 1.0])
async def test_a_network_that_loses_nearly_all_gives_up(lost: float) -> None:
    error = await failure(Faults(from_terminal=Disturbance(lose=lost)))
    assert isinstance(error, LinkDownError)


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (Faults(refuse_connect=Reply.SECURE_CHALLENGE), "encrypted_firmware"),
        (Faults(refuse_connect=Reply.AUTH_LOCKED), "locked_out"),
        (Faults(refuse_table=Reply.ALLOCATION_FAILED), "access_control_mode"),
        (Faults(refuse_table=Reply.ACK_RETRY), "busy"),
        (Faults(opening=bytes.fromhex("aa01c800000055")), "access_panel"),
        (Faults(opening=bytes.fromhex("5050837c08000000d007")), "encrypted_firmware"),
        (Faults(opening=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "link_timeout"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_refusals_are_told_as_over_tcp(faults: Faults, code: str) -> None:
    assert (await failure(faults)).code == code


async def test_damaged_datagrams_are_counted_in_the_message() -> None:
    error = await failure(Faults(opening=b"\xd0\x07 no checksum"))
    assert "damaged datagrams were dropped" in error.what


async def test_the_comm_key_works_over_a_bad_network() -> None:
    device = udp_terminal(50, disturbed(0.2, 5, duplicate=0.2), comm_key=1234)
    async with asking(device, transport="udp", timeout_s=SHORT_S, comm_key=1234) as gate:
        assert facts(await fetched(gate)) == logged(device.log)


async def test_a_log_that_grows_keeps_its_prefix() -> None:
    device = udp_terminal(700, disturbed(0.1, 2))
    async with asking(device, transport="udp", timeout_s=SHORT_S) as gate:
        first = await fetched(gate)
        device.log.extend(rows(30, start=700))
        second = await fetched(gate, first[-1].cursor)
    assert facts(second) == logged(device.log)[700:]
    assert not any(isinstance(row, Quarantined) for page in second for row in page.quarantined)
