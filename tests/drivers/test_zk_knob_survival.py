"""What the simulated terminal can do to a host, and what our driver makes of it; the rest of
protocol.md 14 stands in test_zk_pains.py and test_zk_udp.py.
"""

import asyncio
import time

import pytest

from drivers.errors import AuthError, DriverError, LinkDownError
from protocols.zk.commands import Command, Reply
from simulators.zk_terminal import Faults
from tests.drivers.zk_site import (
    SHORT_S,
    asking,
    driver,
    facts,
    fetched,
    logged,
    rows,
    terminal,
    udp_terminal,
)


@pytest.mark.parametrize("every", [1, 2, 13])
async def test_wrong_checksums_are_counted_over_tcp_and_the_packet_is_used(every: int) -> None:
    device = terminal(400, Faults(wrong_checksum_every=every))
    async with asking(device) as gate:
        assert facts(await fetched(gate)) == logged(device.log)
        assert gate._terminal is not None
        assert gate._terminal.runner.wrong_checksums > 0


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_slow_terminal_is_waited_for_as_long_as_it_answers(transport: str) -> None:
    make = udp_terminal if transport == "udp" else terminal
    device = make(100, Faults(latency_s=0.05))
    async with asking(device, transport=transport, timeout_s=3.0) as gate:
        started = time.monotonic()
        assert facts(await fetched(gate)) == logged(device.log)
    assert time.monotonic() - started > 0.5, "some ten questions"


async def test_a_terminal_slower_than_our_patience_is_told() -> None:
    async with asking(terminal(5, Faults(latency_s=5)), timeout_s=0.1) as gate:
        with pytest.raises(LinkDownError, match=r"within 0\.1 s") as caught:
            await fetched(gate)
    assert "timeout_s" in caught.value.remedy


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_terminal_that_hangs_after_some_connections_is_told_each_time(
    transport: str,
) -> None:
    make = udp_terminal if transport == "udp" else terminal
    device = make(5, Faults(hang_after=2))
    async with device:
        for connection in range(4):
            gate = driver(device, transport=transport, timeout_s=SHORT_S)
            if connection < 2:
                assert facts(await fetched(gate)) == logged(device.log)
            else:
                with pytest.raises(LinkDownError) as caught:
                    await fetched(gate)
                assert caught.value.remedy
            await gate.aclose()
        await device.stop()  # somebody pulls the plug
        await device.start()
        gate = driver(device, transport=transport, timeout_s=2)
        assert facts(await fetched(gate)) == logged(device.log)
        await gate.aclose()


async def test_one_kept_connection_never_makes_it_hang() -> None:
    device = terminal(5, Faults(hang_after=1))
    async with asking(device) as gate:
        for _ in range(5):
            assert facts(await fetched(gate)) == logged(device.log)


@pytest.mark.parametrize("answers", ["answers", ""])
async def test_a_restart_is_a_success_with_and_without_an_answer(answers: str) -> None:
    device = terminal(5, answers_restart=bool(answers))
    async with asking(device) as gate:
        await gate.restart()
        assert [entry.operation for entry in device.operations] == [1, 0]
        assert len((await fetched(gate))[-1].every_record()) == 5


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (Reply.ACK_UNAUTH, "wrong_comm_key"),
        (Reply.AUTH_LOCKED, "locked_out"),
        (Reply.SECURE_CHALLENGE, "encrypted_firmware"),
    ],
)
async def test_a_refusal_of_the_key_is_told_by_its_code(code: int, told: str) -> None:
    async with asking(terminal(5, Faults(refuse_auth=code)), comm_key=1) as gate:
        with pytest.raises(DriverError) as caught:
            await fetched(gate)
    assert caught.value.code == told


async def test_auth_that_is_demanded_without_a_key_is_told() -> None:
    async with asking(terminal(5, Faults(refuse_auth=2005))) as gate:
        with pytest.raises(AuthError, match="none is set"):
            await fetched(gate)


async def test_an_order_whose_answer_is_lost_over_udp_is_loud() -> None:
    device = udp_terminal(5, Faults(cut_on=frozenset({Command.GET_FREE_SIZES})))
    async with asking(device, transport="udp", timeout_s=SHORT_S) as gate:
        with pytest.raises(LinkDownError):
            await fetched(gate)
        device.faults = Faults()
        assert facts(await fetched(gate)) == logged(device.log)


async def test_events_between_the_pieces_of_frames_cost_nothing() -> None:
    """People punch while each byte of the log leaves by itself."""
    device = terminal(60, Faults(segment_bytes=1), operation_log=False)
    async with asking(device) as gate:
        await gate.identity()
        task = asyncio.ensure_future(fetched(gate))
        for row in rows(20, start=60):
            await asyncio.sleep(0.002)
            await device.punch(row)
        deliveries = await task
        grown = await fetched(gate, deliveries[-1].cursor)
    assert facts([*deliveries, *grown]) == logged(device.log)
