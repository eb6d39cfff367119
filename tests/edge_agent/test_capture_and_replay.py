"""What `device capture` writes: nobody is in it, and it is a session that a driver can read."""

import asyncio
import json
import struct
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from drivers.errors import DriverError
from drivers.zk_pull import ZkPullConfig, ZkPullDriver
from drivers.zk_pull.session_recording import SessionRecording
from edge_agent.captures.anonymous import anonymous
from edge_agent.captures.file import encoded
from edge_agent.decoding.containers import CaptureFile, parse_container
from edge_agent.decoding.summary import Summary
from edge_agent.decoding.zk_frames import decode_frames, segments_of
from protocols.records import Punch
from protocols.zk.attendance import AttendanceRow, Layout
from protocols.zk.capture import read_tcp, read_udp
from protocols.zk.captured_tables import TableCollector
from protocols.zk.oplog import Operation
from protocols.zk.users import User
from simulators.zk_replay import RecordedTerminal, ZkReplay
from simulators.zk_terminal import Disturbance, Faults, TerminalConfig, ZkTerminal
from tests.drivers.zk_site import CONTEXT, PLATFORMS, SITE_NOW, StandingClock

SERIAL = "QXR7724190083"
MAC = "00:17:61:AB:CD:57"
NAMES = ["Wang Xiaoming", "Zhang Weiguo", "Li Na-Elisabeth", "王小明", "Ольга Петрова"]
IDS = ["90317264", "88120935", "77406183", "66295108", "93018475"]
CARDS = [3140825719, 2718281828, 1618033988, 1414213562, 1732050807]
PASSWORDS = {1: "58203917", 2: "48150263", 3: "91827364", 4: "73625140", 5: "20481632"}
FIRST = datetime(2026, 9, 7, 7, 51, 12)
COMM_KEY = 915243


def people(narrow):
    return [
        User(
            uid=number,
            user_id=user_id,
            name_raw=(f"{number}aobCde" if narrow else name).encode()[:23],
            name=None,
            card=card,
            privilege=14 if number == 1 else 0,
        )
        for number, (user_id, name, card) in enumerate(zip(IDS, NAMES, CARDS, strict=True), 1)
    ]


def row(number, *, time=None):
    who = number % len(IDS)
    return AttendanceRow(
        uid=who + 1,
        user_id=IDS[who],
        time=time or FIRST + timedelta(minutes=97 * number),
        state=number % 2,
        verify=1 + number % 3,
    )


def terminal(rows=400, *, layout=Layout.ATT40, faults=None, **config):
    narrow = layout in {Layout.ATT16, Layout.ATT8A, Layout.ATT8B}
    settings = {
        "clock": lambda: SITE_NOW,
        "serial": SERIAL,
        "mac": MAC,
        "platform": PLATFORMS[layout],
        "user_width": 28 if narrow else 72,
        "layout": layout,
    } | config
    passwords = {uid: secret[:5] for uid, secret in PASSWORDS.items()} if narrow else PASSWORDS
    device = ZkTerminal(
        TerminalConfig(**settings), [row(n) for n in range(rows)], people(narrow), faults
    )
    device.passwords.update(passwords)
    device.operations.append(Operation(operation=21, time=FIRST, admin=1, numbers=(7, 7, 7, 7)))
    return device


async def recorded(device, *, live=0, log_bytes=2**20, **config):
    """The segments of a recording during which `live` people punch."""
    host, port = device.address
    settings = {"name": "gate", "host": host, "port": port, "timeout_s": 3.0} | config
    recording = SessionRecording(ZkPullConfig(**settings), StandingClock())
    listen_s = 0.4 if live else 0.0
    work = asyncio.ensure_future(recording.run(listen_s=listen_s, log_bytes=log_bytes))
    for number in range(live):
        await asyncio.sleep(0.15)
        await device.punch(row(number, time=SITE_NOW + timedelta(seconds=number)))
    await work
    return recording


def decoded(segments, transport):
    data = encoded(segments, transport, raw=False)
    return list(decode_frames(data, source="", summary=Summary()))


def shape(rows):
    """What must not change: how many rows, of which layout, way of verifying, state, time of day."""
    return [
        (
            r["kind"],
            r.get("layout"),
            r.get("verify"),
            r.get("state"),
            (r.get("device_time") or "")[11:],
        )
        for r in rows
    ]


async def read_again(segments, transport, **config):
    """(deliveries, users, identity) of our driver, asking the recording."""
    recording = RecordedTerminal(segments, transport)
    async with ZkReplay(recording, event_delay_s=0.05) as replay:
        host, port = replay.address
        settings = {"name": "again", "host": host, "port": port, "timeout_s": 2.0} | config
        driver = ZkPullDriver(ZkPullConfig(transport=transport, **settings), CONTEXT)
        try:
            deliveries = [page async for page in driver.fetch(None)]
            return deliveries, await driver.users(), await driver.identity(), replay
        finally:
            await driver.aclose()


CASES = {
    "tcp-40": {},
    "tcp-16": {"layout": Layout.ATT16},
    "tcp-8a": {"layout": Layout.ATT8A},
    "tcp-8b": {"layout": Layout.ATT8B},
    "tcp-49": {"layout": Layout.ATT49},
    "tcp-inline": {"rows": 12},
    "tcp-comm-key": {"comm_key": COMM_KEY},
    "tcp-lone-chunks": {"lone_chunks": True},
    "tcp-big-packets": {"packet_bytes": 65_528},
    "tcp-byte-by-byte": {"rows": 20, "faults": Faults(segment_bytes=7)},
    "tcp-late-ack": {"faults": Faults(late_ack=True)},
    "tcp-event-in-download": {"faults": Faults(event_in_download=True)},
    "udp-40": {"transport": "udp", "packet_bytes": 1024},
    "udp-16": {"transport": "udp", "packet_bytes": 1024, "layout": Layout.ATT16},
    "udp-8a": {"transport": "udp", "packet_bytes": 1024, "layout": Layout.ATT8A},
    "udp-lossy": {
        "transport": "udp",
        "packet_bytes": 1024,
        "faults": Faults(
            seed=3,
            from_terminal=Disturbance(lose=0.05, duplicate=0.1, reorder=0.1),
            to_terminal=Disturbance(lose=0.05),
        ),
    },
}


@dataclass(frozen=True)
class Case:
    """One recording, made once, and what the terminal held when it was made."""

    transport: str
    live: int
    segments: list
    rows: list
    names: list
    passwords: list


_CASES: dict[str, Case] = {}


@pytest.fixture(params=CASES)
async def case(request):
    if request.param not in _CASES:
        _CASES[request.param] = await made_case(CASES[request.param])
    return _CASES[request.param]


async def made_case(settings):
    config = {"transport": settings.get("transport", "tcp")}
    if "comm_key" in settings:
        config["comm_key"] = str(settings["comm_key"])
    faults = settings.get("faults", Faults())
    live = 0 if faults.from_terminal.lose else 2  # an event that is lost is nobody's fault
    async with terminal(**settings) as device:
        rows = punches_in(await asked(device, config))
        recording = await recorded(device, live=live, **config)
        return Case(
            transport=config["transport"],
            live=live,
            segments=recording.segments,
            rows=rows,
            names=[user.name_raw for user in device.users],
            passwords=list(device.passwords.values()),
        )


def punches_in(deliveries):
    records = [record for page in deliveries for record in page.every_record()]
    return [record for record in records if isinstance(record, Punch)]


def told(punches):
    return [(p.state, p.verify, p.device_time.time()) for p in punches]


async def asked(device, config):
    host, port = device.address
    driver = ZkPullDriver(
        ZkPullConfig(name="gate", host=host, port=port, timeout_s=3.0, **config), CONTEXT
    )
    try:
        return [page async for page in driver.fetch(None)]
    finally:
        await driver.aclose()


async def test_a_recorded_session_is_read_again_as_the_terminal_was(case):
    made = anonymous(case.segments, case.transport)

    assert not any(line.startswith("note:") for line in made.report), made.report
    deliveries, users, identity, _ = await read_again(made.segments, case.transport)
    found = punches_in(deliveries)
    assert told(found) == told(case.rows)
    assert len(users.users) == len(IDS)
    assert {p.user_id for p in found} == {user.user_id for user in users.users}
    assert not {p.user_id for p in found} & set(IDS)
    moved = {old.device_time - new.device_time for old, new in zip(case.rows, found, strict=True)}
    assert len(moved) == 1, "all times go back by the same days"
    assert timedelta(days=30) <= moved.pop() <= timedelta(days=400)
    assert identity.serial != SERIAL
    assert len(identity.serial) == len(SERIAL)
    assert identity.profile


async def test_it_decodes_as_the_true_session_does(case):
    made = anonymous(case.segments, case.transport)

    before = decoded(case.segments, case.transport)
    after = decoded(made.segments, case.transport)
    assert shape(after) == shape(before)
    live = [r for r in after if r["kind"] == "punch" and r["channel"] == "live"]
    assert len(live) == case.live
    assert [len(s.data) for s in made.segments] == [len(s.data) for s in case.segments]
    read = read_udp if case.transport == "udp" else read_tcp
    assert all(item.checksum_ok for item in read(made.segments))


async def test_nobody_is_in_the_file(case):
    made = anonymous(case.segments, case.transport)
    raw = encoded(case.segments, case.transport, raw=True)
    file = encoded(made.segments, case.transport, raw=False)

    true = forbidden(case.passwords, case.names)
    assert len(found_in(raw, case.transport, true)) > 10, "the check itself must be able to find"
    assert not found_in(file, case.transport, true)


def forbidden(secrets, names):
    """Every spelling in which somebody could be recognised."""
    found = set()
    for text in (*IDS, *map(str, CARDS), *secrets, SERIAL, MAC, MAC.replace(":", "")):
        found |= {text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")}
        if text.isdigit():
            digits = text if len(text) % 2 == 0 else "0" + text
            found |= {bytes.fromhex(digits), bytes.fromhex(digits)[::-1]}
            found |= {
                int(text).to_bytes(5, order)[part]
                for order, part in (("little", slice(4)), ("big", slice(1, 5)))
            }
    for name in names:
        found |= {name, name.decode().encode("utf-16-le"), name.decode().encode("utf-16-be")}
    found.add(bytes.fromhex(MAC.replace(":", "")))
    found.add(struct.pack("<I", COMM_KEY))
    return {spelling for spelling in found if len(spelling) >= 4}


def found_in(file, transport, spellings):
    """In the text of the file, in the bytes of each direction, and in the tables put together.

    Frames count as the bytes that they are: five digits stand by chance among so many hex digits.
    """
    capture = json.loads(file)
    told = [{name: value for name, value in f.items() if name != "hex"} for f in capture["frames"]]
    streams = [json.dumps(capture | {"frames": told}, ensure_ascii=False).encode()]
    streams += [
        b"".join(bytes.fromhex(f["hex"]) for f in capture["frames"] if f["dir"] == direction)
        for direction in ("RX", "TX")
    ]
    segments = segments_of(parse_container(file, CaptureFile, "zkcapture/1"))
    items = list((read_udp if transport == "udp" else read_tcp)(segments))
    for table in TableCollector(items, datagrams=transport == "udp").tables:
        streams += [piece.data for piece in table.pieces]
    return {spelling for spelling in spellings if any(spelling in stream for stream in streams)}


async def test_the_same_person_is_the_same_in_the_whole_file_and_another_in_the_next():
    async with terminal() as device:
        recording = await recorded(device, live=2)
    first, second = (anonymous(recording.segments, "tcp") for _ in range(2))

    before, after = decoded(recording.segments, "tcp"), decoded(first.segments, "tcp")
    pairs = Counter(
        (old["user_id"], new["user_id"])
        for old, new in zip(before, after, strict=True)
        if old.get("user_id")
    )
    assert len(pairs) == len(IDS), "users, log and live events agree"
    assert decoded(second.segments, "tcp") != after, "the key is not kept"


async def test_the_token_of_the_comm_key_is_gone():
    async with terminal(comm_key=COMM_KEY) as device:
        recording = await recorded(device, comm_key=str(COMM_KEY))
    made = anonymous(recording.segments, "tcp")
    tokens = [item.packet.data for item in read_tcp(made.segments) if item.packet.command == 1102]
    assert tokens == [bytes(4)]


async def test_a_long_log_is_cut_and_the_replay_says_so_instead_of_less_rows():
    async with terminal(rows=4_000) as device:
        recording = await recorded(device, log_bytes=70_000)
    assert any("only its first part" in remark for remark in recording.remarks)
    made = anonymous(recording.segments, "tcp")
    rows = [r for r in decoded(made.segments, "tcp") if r["kind"] == "punch"]
    assert 1_750 < len(rows) < 4_000
    with pytest.raises(DriverError):
        await read_again(made.segments, "tcp")


async def test_an_unknown_model_is_recorded_all_the_same():
    async with terminal(platform="ZXX999_NEW", device_name="Nobody-9", firmware="Ver 99") as device:
        recording = await recorded(device)
    assert any("Nobody-9" in remark for remark in recording.remarks)
    made = anonymous(recording.segments, "tcp")
    assert sum(r["kind"] == "punch" for r in decoded(made.segments, "tcp")) == 400


async def test_what_the_terminal_refuses_does_not_end_the_recording():
    async with terminal(faults=Faults(refuse_table=4989)) as device:
        recording = await recorded(device)
    assert [remark.partition(":")[0] for remark in recording.remarks] == [
        "the log",
        "the users",
        "the operation log",
    ]


async def test_the_replay_plays_the_live_events_as_hints():
    async with terminal(rows=3) as device:
        recording = await recorded(device, live=1)
    made = anonymous(recording.segments, "tcp")
    async with ZkReplay(RecordedTerminal(made.segments, "tcp"), event_delay_s=0.05) as replay:
        host, port = replay.address
        driver = ZkPullDriver(ZkPullConfig(name="again", host=host, port=port), CONTEXT)
        heard = driver.live()
        hint = await asyncio.wait_for(anext(heard), 2)
        await heard.aclose()
        await driver.aclose()
    assert (hint.records, hint.quarantined) == ((), ())
