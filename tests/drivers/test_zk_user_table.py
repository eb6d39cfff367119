"""People on a terminal, read and written over real sockets, in code pages."""

import pytest

from drivers.contract import DeviceUser, UserDirectory
from drivers.errors import BlockedError, DeviceMisbehavedError
from drivers.zk_pull import ZkPullConfig
from protocols.zk.attendance import Layout
from protocols.zk.commands import Command
from protocols.zk.users import User
from simulators.zk_terminal import Faults, ZkTerminal
from tests.drivers.zk_site import asking, terminal


def people(*users: User, **config) -> ZkTerminal:
    device = terminal(1, **config)
    device.users[:] = users
    return device


@pytest.mark.parametrize(
    ("code_page", "name"),
    [("gbk", "张伟"), ("gbk", "小平"), ("cp1252", "PEÑA"), ("cp1256", "محمد"), ("utf-8", "Ünal")],
)
async def test_names_go_there_and_back_in_the_configured_code_page(
    code_page: str, name: str
) -> None:
    device = people()
    async with asking(device, code_page=code_page) as gate:
        assert isinstance(gate, UserDirectory)
        written = await gate.write_user(DeviceUser(user_id="007", name=name))
        assert (await gate.users()).users == (written,)
    assert (written.name, written.name_raw) == (name, name.encode(code_page))
    assert device.users[0].name_raw == name.encode(code_page)


async def test_a_name_in_no_known_code_page_stays_bytes() -> None:
    async with asking(people(User(uid=1, user_id="1", name_raw=b"PE\xd1A"))) as gate:
        (user,) = (await gate.users()).users
    assert (user.name, user.name_raw) == (None, b"PE\xd1A")


async def test_a_new_user_gets_group_one_and_the_next_number() -> None:
    device = people(User(uid=7, user_id="70"))
    async with asking(device) as gate:
        written = await gate.write_user(
            DeviceUser(user_id="0071", name="Ann", card=4711, privilege=14), password="2468"
        )
    assert (written.uid, written.group, written.time_zones) == (8, 1, ())
    assert (device.users[1].card, device.users[1].privilege) == (4711, 14)
    assert device.passwords[8] == "2468"
    assert b"2468" not in written.raw


async def test_a_known_user_is_replaced_and_keeps_number_and_password() -> None:
    device = people(User(uid=7, user_id="70", name="Old"), User(uid=8, user_id="80"))
    device.passwords[7] = "1357"
    async with asking(device) as gate:
        listed = await gate.users()
        assert all(b"1357" not in user.raw for user in listed.users)
        await gate.write_user(DeviceUser(user_id="70", name="New", disabled=True))
        assert [user.uid for user in (await gate.users()).users] == [8, 7]
    changed = device.users[-1]
    assert (changed.uid, changed.name, changed.disabled) == (7, "New", True)
    assert device.passwords[7] == "1357"


async def test_a_name_is_cut_by_character_and_told_as_it_is_now() -> None:
    narrow = {"layout": Layout.ATT8A, "user_width": 28}
    async with asking(people(**narrow), code_page="gbk") as gate:
        written = await gate.write_user(DeviceUser(user_id="7", name="A欧阳建国"))
    assert written.name == "A欧阳建"


@pytest.mark.parametrize(
    ("user", "named"),
    [
        (DeviceUser(user_id="1", name="Ann 张"), "U+5F20"),
        (DeviceUser(user_id="x" * 25), "1 to 24"),
        (DeviceUser(user_id="1", card=-1), "does not fit"),
        (DeviceUser(user_id="1", uid=7), "belongs to user 70"),
    ],
)
async def test_what_the_terminal_cannot_hold_is_written_by_nobody(
    user: DeviceUser, named: str
) -> None:
    device = people(User(uid=7, user_id="70"))
    async with asking(device, code_page="cp1252") as gate:
        with pytest.raises(BlockedError, match="gate") as caught:
            await gate.write_user(user)
    assert named in caught.value.what
    assert "code_page" in caught.value.remedy
    assert device.operations == []


async def test_a_write_that_the_terminal_forgets_is_told() -> None:
    for user in (DeviceUser(user_id="5", name="Eve"), DeviceUser(user_id="70", name="New")):
        device = people(User(uid=7, user_id="70"))
        device.faults = Faults(ignores=frozenset({Command.USER_WRQ}))
        async with asking(device) as gate:
            with pytest.raises(DeviceMisbehavedError) as caught:
                await gate.write_user(user)
        assert caught.value.code == "user_not_taken"


async def test_a_cut_connection_leaves_a_user_that_the_next_write_replaces() -> None:
    device = people()
    device.faults = Faults(cut_on=frozenset({Command.USER_WRQ}))
    async with asking(device) as gate:
        with pytest.raises(DeviceMisbehavedError, match="not known whether"):
            await gate.write_user(DeviceUser(user_id="5", name="Eve"))
        device.faults = Faults()
        await gate.write_user(DeviceUser(user_id="5", name="Eve"))
    assert [(user.uid, user.user_id) for user in device.users] == [(1, "5")]


async def test_deleting_is_by_the_id_of_the_person() -> None:
    device = people(User(uid=7, user_id="8"), User(uid=8, user_id="7"))
    async with asking(device) as gate:
        assert await gate.delete_user("8")
        assert not await gate.delete_user("8")
    assert [user.user_id for user in device.users] == ["7"]


async def test_records_that_make_no_sense_are_told_apart() -> None:
    device = people(User(uid=1, user_id="1"), User(uid=2, user_id=""))
    async with asking(device) as gate:
        listed = await gate.users()
    assert [user.user_id for user in listed.users] == ["1"]
    assert [row.offset for row in listed.quarantined] == [72]


@pytest.mark.parametrize("name", ["gkb", "base64", "utf-16", "cp037"])
def test_an_encoding_that_is_none_is_refused_in_the_site_file(name: str) -> None:
    with pytest.raises(ValueError, match="not an encoding"):
        ZkPullConfig(name="gate", host="h", code_page=name)
