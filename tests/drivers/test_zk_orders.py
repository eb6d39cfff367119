"""Orders on lines that lose packets: each happens at most once, and what is said of it is true."""

import pytest

from drivers.contract import DeviceUser
from drivers.errors import DeviceMisbehavedError, DriverError
from drivers.zk_pull.driver import ZkPullDriver
from protocols.zk.commands import Command
from simulators.zk_terminal import Disturbance, Faults, ZkTerminal
from simulators.zk_terminal.conversation import Conversation
from tests.drivers.zk_site import SITE_NOW, asking, fetched, terminal

UDP = {"transport": "udp", "timeout_s": 0.24}
ORDERS = frozenset(
    {
        Command.SET_TIME,
        Command.USER_WRQ,
        Command.DELETE_USER,
        Command.UNLOCK,
        Command.RESTART,
        Command.CLEAR_ATTLOG,
    }
)


@pytest.fixture
def obeyed(monkeypatch) -> list[int]:
    """Every order that reached a terminal, as often as it did."""
    seen: list[int] = []
    answers = Conversation.answers

    def noted(conversation, packet):
        if packet.command in ORDERS:
            seen.append(packet.command)
        return answers(conversation, packet)

    monkeypatch.setattr(Conversation, "answers", noted)
    return seen


def udp_terminal(faults: Faults | None = None, **config) -> ZkTerminal:
    return terminal(20, faults, transport="udp", packet_bytes=1024, **config)


async def set_clock(gate: ZkPullDriver) -> None:
    await gate.set_clock(tolerance_s=1, allow_backwards=False)


async def write_user(gate: ZkPullDriver) -> None:
    await gate.write_user(DeviceUser(user_id="777", name="Eve"))


async def delete_user(gate: ZkPullDriver) -> None:
    await gate.delete_user("007")


async def unlock(gate: ZkPullDriver) -> None:
    await gate.unlock(3)


async def restart(gate: ZkPullDriver) -> None:
    await gate.restart()


async def clear(gate: ZkPullDriver) -> None:
    await gate.clear_log((await fetched(gate))[-1].cursor)


def clock_set(device: ZkTerminal) -> bool:
    return device.local_time == SITE_NOW


def user_written(device: ZkTerminal) -> bool:
    return any(user.user_id == "777" for user in device.users)


def user_deleted(device: ZkTerminal) -> bool:
    return all(user.user_id != "007" for user in device.users)


def door_opened(device: ZkTerminal) -> bool:
    return bool(device.door_tenths)


def restarted(device: ZkTerminal) -> bool:
    return any(entry.operation == 0 for entry in device.operations)


def cleared(device: ZkTerminal) -> bool:
    return not device.log


EACH = [
    (set_clock, Command.SET_TIME, clock_set),
    (write_user, Command.USER_WRQ, user_written),
    (delete_user, Command.DELETE_USER, user_deleted),
    (unlock, Command.UNLOCK, door_opened),
    (restart, Command.RESTART, restarted),
    (clear, Command.CLEAR_ATTLOG, cleared),
]


@pytest.mark.parametrize(("give", "command", "happened"), EACH)
@pytest.mark.parametrize("seed", range(5))
async def test_an_order_on_a_lossy_line_happens_at_most_once_and_what_is_said_is_true(
    give, command: int, happened, seed: int, obeyed: list[int]
) -> None:
    network = Disturbance(lose=0.25)
    device = udp_terminal(
        Faults(seed=seed, to_terminal=network, from_terminal=network), clock_offset_s=-75
    )
    async with asking(device, **UDP) as gate:
        try:
            await give(gate)
        except DriverError as error:
            told = error.code
        else:
            told = "done"
    assert obeyed.count(command) <= 1
    if told == "done":
        assert happened(device)
    elif told == "order_lost":
        assert not happened(device)
    else:  # nobody could know, or it never came so far as to be given
        assert told in {"order_unknown", "clear_unconfirmed", "no_answer", "link_timeout"}, told


@pytest.mark.parametrize(("give", "command", "happened"), EACH)
async def test_an_order_that_got_lost_is_not_given_again_by_itself(
    give, command: int, happened, obeyed: list[int]
) -> None:
    device = udp_terminal(Faults(silent_on=frozenset({command})), clock_offset_s=-75)
    async with asking(device, **UDP) as gate:
        with pytest.raises(DeviceMisbehavedError) as caught:
            await give(gate)
    checkable = command not in {Command.UNLOCK, Command.RESTART}
    assert caught.value.code == ("order_lost" if checkable else "order_unknown")
    assert not happened(device)
    assert obeyed.count(command) == 0
    if not checkable:
        assert "not known whether" in caught.value.what
        assert "Look at" in caught.value.remedy


@pytest.mark.parametrize(("give", "command", "happened"), EACH)
async def test_an_order_of_which_only_the_answer_got_lost_is_told_as_done_where_it_shows(
    give, command: int, happened, obeyed: list[int], monkeypatch
) -> None:
    device = udp_terminal(clock_offset_s=-75)
    answers = Conversation.answers

    def lost(conversation, packet):
        given = list(answers(conversation, packet))
        return iter([] if packet.command == command else given)

    monkeypatch.setattr(Conversation, "answers", lost)
    async with asking(device, **UDP) as gate:
        if command == Command.UNLOCK:
            with pytest.raises(DeviceMisbehavedError) as caught:
                await give(gate)
            assert caught.value.code == "order_unknown"
        else:
            await give(gate)
    assert happened(device)
    assert obeyed.count(command) == 1


async def test_over_tcp_a_connection_that_breaks_on_an_order_leaves_nobody_in_the_dark(
    obeyed: list[int],
) -> None:
    device = terminal(20, Faults(cut_on=frozenset({Command.UNLOCK})))
    async with asking(device) as gate:
        with pytest.raises(DeviceMisbehavedError, match="not known whether the order to open"):
            await gate.unlock(3)
    assert obeyed == [Command.UNLOCK]
