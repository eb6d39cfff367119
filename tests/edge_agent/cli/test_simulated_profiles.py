"""A simulated terminal of a firmware profile is that model to whoever asks it."""

import pytest

from drivers.errors import UnsupportedDeviceError
from edge_agent.cli.simulated_terminals import TerminalOrder, over, zk_terminal, zk_terminals
from firmware_profiles import Profile, Quirk, load_all
from protocols.records import Punch
from protocols.zk.layouts import Layout
from simulators.zk_terminal.knobs import KnobValueError
from tests.drivers.zk_site import asking, fetched

PROFILES = load_all()
RECORDS = 70
each_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.key)


def keys(punches) -> list[tuple]:
    return [(punch.user_id, punch.device_time, punch.state, punch.verify) for punch in punches]


def logged(device) -> list[tuple]:
    return [(row.user_id, row.time, row.state, row.verify) for row in device.log]


@each_profile
async def test_every_profile_is_recognised_and_read(profile: Profile) -> None:
    order = TerminalOrder(profile=profile, records=RECORDS, seed=5)
    device = zk_terminal(order)
    pinned = {} if profile.match else {"profile": profile.key}
    async with asking(device, transport=over(order), **pinned) as gate:
        assert (await gate.identity()).profile == profile.key
        deliveries = await fetched(gate)
        counted = await gate.count()
        people = await gate.users()
    rows = [row for delivery in deliveries for row in delivery.every_record()]
    assert all(isinstance(row, Punch) for row in rows)
    assert keys(rows) == logged(device)
    assert len(rows) == RECORDS
    assert [row for delivery in deliveries for row in delivery.quarantined] == []
    hidden = Quirk.COUNT_UNKNOWN in profile.quirks
    assert counted.records == (None if hidden else RECORDS)
    assert counted.capacity == (profile.capacity.records or (None if hidden else 100_000))
    assert [user.user_id for user in people.users] == [str(1001 + n) for n in range(50)]
    names = {user.name for user in people.users}
    assert ("王小明" in names) == (profile.encoding == "gbk")


@each_profile
async def test_a_model_that_nobody_reported_is_not_taken_for_another(profile: Profile) -> None:
    if profile.match is not None:
        return
    order = TerminalOrder(profile=profile, records=3)
    async with asking(zk_terminal(order), transport=over(order)) as gate:
        with pytest.raises(UnsupportedDeviceError) as caught:
            await gate.identity()
    assert caught.value.code == "no_profile"


@pytest.mark.parametrize("layout", list(Layout))
async def test_another_layout_than_the_profiles_is_read_all_the_same(layout: Layout) -> None:
    (profile,) = (profile for profile in PROFILES if profile.key == "zkteco/zem600_tft")
    device = zk_terminal(TerminalOrder(profile=profile, layout=layout, records=RECORDS))
    async with asking(device) as gate:
        deliveries = await fetched(gate)
    assert keys(p for delivery in deliveries for p in delivery.every_record()) == logged(device)


def test_several_terminals_have_a_serial_and_a_log_each() -> None:
    made = zk_terminals(TerminalOrder(records=30, seed=2), 3)
    again = zk_terminals(TerminalOrder(records=30, seed=2), 3)
    logs = [[(row.user_id, row.state) for row in device.log] for device in made]
    assert logs == [[(row.user_id, row.state) for row in device.log] for device in again]
    assert len({tuple(log) for log in logs}) == 3
    assert [device._memory.config.serial for device in made] == [
        "CLKSIM0000001",
        "CLKSIM0000002",
        "CLKSIM0000003",
    ]


def test_faults_as_text_reach_the_terminal_and_win_over_the_profile() -> None:
    (d2,) = (profile for profile in PROFILES if profile.key == "zkteco/d2")
    text = "sizes_bytes=80,packet_bytes=1008,nul_hole=4,filled_rows=1"
    device = zk_terminal(TerminalOrder(profile=d2, faults=text, records=40, seed=9))
    assert (device.faults.sizes_bytes, device.faults.seed) == (80, 9)
    assert device._memory.packet_bytes == 1_008
    assert len(device.worn) == 5
    assert zk_terminal(TerminalOrder(profile=d2)).faults.sizes_bytes == 4
    with pytest.raises(KnobValueError):
        zk_terminal(TerminalOrder(faults="count=x"))
