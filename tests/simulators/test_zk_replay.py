"""Our driver reads each recorded session: what is in it, or a clear error, never a wrong row."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from drivers.errors import DriverError
from drivers.zk_pull import ZkPullConfig, ZkPullDriver
from edge_agent.decoding.containers import CaptureFile, parse_container
from edge_agent.decoding.summary import Summary
from edge_agent.decoding.zk_frames import decode_frames, segments_of
from protocols.records import Punch
from protocols.zk.capture import Segment
from protocols.zk.commands import Command, Reply
from protocols.zk.framing import Packet, encode_tcp
from simulators.zk_replay import RecordedTerminal, ZkReplay
from simulators.zk_terminal import TerminalConfig, ZkTerminal
from tests.drivers.zk_site import CONTEXT

CAPTURES = (
    "tcp_client_15k_download",
    "tcp_d2_free_sizes",
    "tcp_f19_frames",
    "tcp_k40_direct_attlog_garbage",
    "tcp_session_auth",
    "tcp_template_1244",
    "tcp_users72_inline_7",
    "tcp_users72_inline_split_k20",
    "udp_att16_packet123",
    "udp_users28_packet0",
)


def login_of_somebody():
    """What recordings of fragments lack: connection, facts, clock. No table and no count."""
    texts = {
        b"~SerialNumber\0": b"~SerialNumber=STANDIN000001\0",
        b"~Platform\0": b"~Platform=ZMM210_TFT\0",
        b"~DeviceName\0": b"~DeviceName=F18/ID\0",
    }
    asked = [
        (Command.CONNECT, b"", b""),
        (Command.OPTIONS_WRQ, b"SDKBuild=1\0", b""),
        (Command.FREE_DATA, b"", b""),
        *((Command.OPTIONS_RRQ, key, value) for key, value in texts.items()),
        (Command.GET_VERSION, b"", b"Ver 6.60 Apr 26 2016\0"),
        (Command.GET_TIME, b"", b"\x6b\xb3\x68\x23"),
        (Command.EXIT, b"", b""),
    ]
    segments = []
    for reply_id, (command, data, answer) in enumerate(asked):
        request = Packet(command=command, session=0, reply_id=reply_id, data=data)
        reply = Packet(command=Reply.ACK_OK, session=77, reply_id=reply_id, data=answer)
        segments.append(Segment(sent=True, data=encode_tcp(request)))
        segments.append(Segment(sent=False, data=encode_tcp(reply)))
    return RecordedTerminal(segments, "tcp")


def capture_of(path):
    return parse_container(path.read_bytes(), CaptureFile, "zkcapture/1")


def decoded(path):
    return list(decode_frames(path.read_bytes(), source="", summary=Summary()))


@asynccontextmanager
async def asking(path, *, completed):
    """Our driver before the recording, whose login a stand-in may complete."""
    capture = capture_of(path)
    stand_in = login_of_somebody() if completed else None
    recording = RecordedTerminal(segments_of(capture), capture.transport, stand_in=stand_in)
    async with ZkReplay(recording, event_delay_s=0.02) as replay:
        host, port = replay.address
        settings = {"name": "gate", "host": host, "port": port, "timeout_s": 0.3}
        driver = ZkPullDriver(ZkPullConfig(transport=capture.transport, **settings), CONTEXT)
        try:
            yield driver, replay
        finally:
            await driver.aclose()


async def read_all(driver):
    pages = [page async for page in driver.fetch(None)]
    return [record for page in pages for record in page.every_record() if isinstance(record, Punch)]


def test_the_list_of_captures_is_whole(shared_data):
    there = {path.stem for path in (shared_data / "zk_pull").glob("*.json")}
    schemas = {
        name: json.loads((shared_data / "zk_pull" / f"{name}.json").read_text())["schema"]
        for name in there
    }
    assert {name for name, schema in schemas.items() if schema == "zkcapture/1"} == set(CAPTURES)


@pytest.mark.parametrize("name", CAPTURES)
async def test_no_whole_log_is_recorded_so_a_pull_says_why_it_cannot(name, shared_data):
    path = shared_data / "zk_pull" / f"{name}.json"
    for completed in (False, True):
        async with asking(path, completed=completed) as (driver, replay):
            with pytest.raises(DriverError) as caught:
                await read_all(driver)
        assert caught.value.remedy
        assert caught.value.code
        assert replay.not_recorded


@pytest.mark.parametrize("name", ["tcp_users72_inline_7", "tcp_users72_inline_split_k20"])
async def test_people_are_read_as_they_were_recorded(name, shared_data):
    path = shared_data / "zk_pull" / f"{name}.json"
    async with asking(path, completed=True) as (driver, _):
        listed = await driver.users()
    expected = [row for row in decoded(path) if row["kind"] == "user"]
    assert expected
    assert [(u.uid, u.user_id, u.name, u.raw.hex()) for u in listed.users] == [
        (row["uid"], row["user_id"], row["name"], row["raw"]) for row in expected
    ]


async def test_counts_are_read_as_they_were_recorded(shared_data):
    folder = shared_data / "zk_pull"
    async with asking(folder / "tcp_users72_inline_split_k20.json", completed=True) as (driver, _):
        count = await driver.count()
    assert (count.records, count.users, count.capacity) == (0, 2, 50_000)
    async with asking(folder / "tcp_d2_free_sizes.json", completed=True) as (driver, _):
        count = await driver.count()
    assert (count.records, count.users) == (None, None), "a D2 does not say"


async def test_a_recorded_option_goes_before_that_of_the_stand_in(shared_data):
    path = shared_data / "zk_pull" / "tcp_f19_frames.json"
    async with asking(path, completed=True) as (driver, _):
        identity = await driver.identity()
    assert identity.facts["~Platform"] == "ZEM760_TFT"
    assert identity.serial == "STANDIN000001"


async def test_a_recorded_event_is_a_hint(shared_data):
    path = shared_data / "zk_pull" / "tcp_f19_frames.json"
    async with asking(path, completed=True) as (driver, _):
        config = driver._config.model_copy(update={"profile": "zkteco/f18"})
        listener = ZkPullDriver(config, CONTEXT)
        heard = listener.live()
        hint = await asyncio.wait_for(anext(heard), 2)
        await heard.aclose()
        await listener.aclose()
    assert (hint.records, hint.quarantined) == ((), ())


async def test_a_login_with_a_key_is_replayed_whatever_the_key(shared_data):
    path = shared_data / "zk_pull" / "tcp_session_auth.json"
    async with asking(path, completed=True) as (driver, _):
        assert (await driver.identity()).serial == "STANDIN000001"


async def test_a_read_is_answered_as_often_as_it_is_asked_and_not_in_the_recorded_order():
    config = TerminalConfig(clock=lambda: datetime(2026, 11, 22, 9))
    async with ZkTerminal(config, [], []) as device:
        host, port = device.address
        reader, writer = await asyncio.open_connection(host, port)
        segments = []
        for reply_id, command in enumerate(
            (Command.CONNECT, Command.GET_VERSION, Command.GET_TIME)
        ):
            sent = encode_tcp(Packet(command=command, session=0x4E02, reply_id=reply_id))
            segments.append(Segment(sent=True, data=sent))
            writer.write(sent)
            segments.append(Segment(sent=False, data=await reader.read(1000)))
        writer.close()
        await writer.wait_closed()
    async with ZkReplay(RecordedTerminal(segments, "tcp")) as replay:
        reader, writer = await asyncio.open_connection(*replay.address)
        answers = []
        for command in (Command.CONNECT, Command.GET_TIME, Command.GET_TIME, Command.GET_VERSION):
            writer.write(encode_tcp(Packet(command=command, session=0x4E02, reply_id=len(answers))))
            answers.append(await reader.read(1000))
        writer.write(encode_tcp(Packet(command=Command.GET_FREE_SIZES, session=1, reply_id=9)))
        refused = await reader.read(1000)
        writer.close()
        await writer.wait_closed()
    assert answers[1][16:] == answers[2][16:] == segments[5].data[16:]
    assert answers[3][16:] == segments[3].data[16:]
    assert int.from_bytes(refused[8:10], "little") == Reply.UNKNOWN_COMMAND
    assert [packet.command for packet in replay.not_recorded] == [Command.GET_FREE_SIZES]
