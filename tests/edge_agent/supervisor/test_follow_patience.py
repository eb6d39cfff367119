"""How long a device that may have moved is looked for, and how often."""

from datetime import UTC, datetime

import pytest

from drivers.contract import DriverContext
from drivers.errors import LinkDownError, WrongDeviceError
from drivers.zk_pull.config import ZkPullConfig
from edge_agent.supervisor.follow import LOOK_EVERY_S, SEARCH_S, Follower
from edge_agent.supervisor.retry import BLOCKED_DELAY_S

OLD = ZkPullConfig(name="gate", kind="zk-pull", host="10.0.0.7")
NEW = OLD.model_copy(update={"host": "10.0.0.9"})
AWAY = LinkDownError("nobody answers", where="gate", remedy="", code="link_down")
OTHER = WrongDeviceError(where="gate", expected="A", found="B", remedy="")


class Clock:
    def __init__(self) -> None:
        self.at_s = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.at_s

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds


class Network:
    """The class of a driver whose devices can be looked for."""

    def __init__(self) -> None:
        self.here: ZkPullConfig | None = None
        self.looks = 0

    async def find(self, *_):
        self.looks += 1
        return self.here

    def address(self, config):
        return config.host


def follower(network, clock, networks=("10.0.0.0/24",)) -> Follower:
    return Follower(network, networks, DriverContext(clock=clock, zone="UTC"), clock)


@pytest.mark.parametrize("error", [OTHER, AWAY])
async def test_a_device_that_turns_up_late_is_found_within_a_minute(error):
    network, clock = Network(), Clock()
    seeker = follower(network, clock)
    for failures in range(2, 12):
        assert await seeker.look(OLD, "A", error, failures=failures) is None
        clock.at_s += seeker.wait_s(BLOCKED_DELAY_S)
    network.here, turned_up_s = NEW, clock.at_s
    while (move := await seeker.look(OLD, "A", error, failures=12)) is None:
        clock.at_s += seeker.wait_s(BLOCKED_DELAY_S)
    assert move.config == NEW
    assert clock.at_s - turned_up_s < 60


async def test_neighbours_are_not_asked_all_night_for_one_that_is_switched_off():
    network, clock = Network(), Clock()
    seeker = follower(network, clock)
    while clock.at_s < 8 * 3600:
        await seeker.look(OLD, "A", OTHER, failures=2)
        clock.at_s += seeker.wait_s(BLOCKED_DELAY_S)
    assert network.looks <= SEARCH_S / LOOK_EVERY_S + 8 * 3600 / BLOCKED_DELAY_S + 1
    seeker.settled()
    assert await seeker.look(OLD, "A", OTHER, failures=2) is None
    assert seeker.wait_s(BLOCKED_DELAY_S) == LOOK_EVERY_S


async def test_without_networks_nothing_is_hurried():
    seeker = follower(Network(), Clock(), networks=())
    await seeker.look(OLD, "A", OTHER, failures=2)
    assert seeker.wait_s(BLOCKED_DELAY_S) == BLOCKED_DELAY_S
