"""Damaged lines: every cut position, flips, insertions. Only our errors, no hang, bounded memory.

The sessions are recorded once from the simulator, then replayed to a driver's runner in memory.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import DriverError, LinkDownError
from drivers.zk_pull import ZkPullConfig, ZkPullDriver, terminal
from drivers.zk_pull.runner import Runner
from drivers.zk_pull.wire import TcpWire, UdpWire
from protocols.errors import ProtocolError
from protocols.records import Punch
from protocols.zk import dialogue
from protocols.zk.attendance import Layout, decode_attendance, encode_attendance
from protocols.zk.events import parse_attlog_event
from protocols.zk.exchange import Dialogue, Request
from protocols.zk.framing import (
    MAX_FRAME_BYTES,
    Packet,
    TcpFramer,
    decode_packet,
    encode_packet,
    encode_tcp,
)
from protocols.zk.oplog import Operation
from protocols.zk.session import Answer, Session
from simulators.zk_terminal import TerminalConfig
from simulators.zk_terminal.config import Faults
from simulators.zk_terminal.conversation import Conversation
from simulators.zk_terminal.memory import TerminalMemory
from tests.drivers.zk_site import CONTEXT, SITE_NOW, USERS, fetched, punches, rows

ROWS = 9
KEY = 1234


def everything() -> Dialogue[list[bytes]]:
    """What a pull asks, in its order."""
    yield from dialogue.login(KEY)
    yield from dialogue.read_option("~SerialNumber")
    yield from dialogue.read_version()
    yield from dialogue.register_events()
    yield from dialogue.read_time()
    yield from dialogue.read_sizes()
    log = yield from dialogue.read_table(dialogue.ATTENDANCE, chunk_bytes=200)
    users = yield from dialogue.read_table(dialogue.USERS, chunk_bytes=200)
    operations = yield from dialogue.read_table(dialogue.OPERATION_LOG, chunk_bytes=200)
    return [log, users, operations]


def conversation(**config: object) -> Conversation:
    settings_ = {"clock": lambda: SITE_NOW, "comm_key": KEY, "packet_bytes": 128} | config
    memory = TerminalMemory(
        TerminalConfig(inline_bytes=100, **settings_),
        rows(ROWS),
        USERS[:4],
        Faults(event_in_download=True),
    )
    memory.operations.append(Operation(operation=21, time=SITE_NOW))
    return Conversation(memory, 0x45CF)


@dataclass
class Recorded:
    """Each answer of a session under the request it belongs to, as bytes on the wire."""

    tables: list[bytes]
    answers: list[bytes] = field(default_factory=list)


def recorded(encode, **config: object) -> Recorded:
    """A whole session as a good terminal answers it, an event in the middle."""
    device, session, play = conversation(**config), Session(), everything()
    record, pending = Recorded([]), []
    step, asked = next(play), None
    try:
        while True:
            if isinstance(step, Request) and step is not asked:
                asked = step
                pending = list(device.answers(session.outgoing(step)))
                record.answers.append(b"".join(map(encode, pending)))
            packet = pending.pop(0)
            if isinstance(session.incoming(packet), Answer):
                step = play.send(packet)
    except StopIteration as done:
        record.tables = done.value
    return record


TCP = recorded(encode_tcp)
STREAM = b"".join(TCP.answers)


class Replay:
    """A link: gives the answer of the next request after each new one, damaged as `spoil` says, and
    ends when there is no more. Never waits, so what would be a hang is an end.
    """

    def __init__(self, answers: list[bytes], *, datagrams: bool = False) -> None:
        self._answers = list(answers)
        self._ready: list[bytes] = []
        self._datagrams = datagrams
        self.reads = 0

    async def read(self) -> bytes:
        self.reads += 1
        await asyncio.sleep(0)
        if self._ready:
            return self._ready.pop(0)
        if self._datagrams:
            raise LinkDownError("over", where="replay", remedy="-", code="link_lost")
        return b""

    async def write(self, data: bytes) -> None:
        if self._answers:
            self._ready.append(self._answers.pop(0))

    async def aclose(self) -> None: ...

    def describe(self) -> str:
        return "replay"


def cut_stream(answers: list[bytes], end: int) -> list[bytes]:
    """The answers up to byte `end` of them all."""
    kept = []
    for answer in answers:
        kept.append(answer[: max(0, end)])
        end -= len(answer)
    return kept


def spoiled(answers: list[bytes], chance: random.Random) -> list[bytes]:
    """Some bytes changed, left out or put in."""
    places = list(answers)
    for _ in range(chance.randint(1, 4)):
        index = chance.randrange(len(places))
        data = bytearray(places[index])
        at = chance.randrange(len(data) + 1)
        match chance.randrange(3):
            case 0 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at:at] = chance.randbytes(chance.randint(1, 9))
            case _:
                del data[at : at + chance.randint(1, 9)]
        places[index] = bytes(data)
    return places


async def outcome(answers: list[bytes]) -> list[bytes] | Exception:
    """What the dialogue returns or raises; anything but our errors fails the test."""
    link = Replay(answers)
    try:
        async with asyncio.timeout(5):
            return await Runner(TcpWire(link), timeout_s=60).run(everything())
    except (ProtocolError, DriverError) as error:
        return error


async def test_the_recorded_session_is_a_good_one() -> None:
    assert await outcome(TCP.answers) == TCP.tables
    assert len(TCP.tables[0]) == ROWS * 40
    assert all(TCP.tables)


async def test_a_stream_cut_at_every_byte_ends_in_an_error_of_ours() -> None:
    for end in range(len(STREAM)):
        found = await outcome(cut_stream(TCP.answers, end))
        assert isinstance(found, LinkDownError), end
        assert found.code in {"link_closed", "link_cut"}


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_flips_and_insertions_end_in_an_error_of_ours_or_change_no_size(seed: int) -> None:
    found = asyncio.run(outcome(spoiled(TCP.answers, random.Random(seed))))
    if not isinstance(found, Exception):
        assert len(found) == 3


@settings(max_examples=200, deadline=None)
@given(junk=st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_random_bytes_for_answers(junk: list[bytes]) -> None:
    assert isinstance(asyncio.run(outcome(junk)), Exception)


@settings(max_examples=200, deadline=None)
@given(
    answers=st.lists(
        st.tuples(
            st.sampled_from([1500, 1501, 2000, 2001, 2005, 4989, 65535, 500]),
            st.integers(0, 5),
            st.integers(0, 20),
            st.binary(max_size=24),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_whole_packets_that_make_no_sense(answers: list[tuple[int, int, int, bytes]]) -> None:
    frames = [
        encode_tcp(Packet(command=command, session=session, reply_id=reply, data=data))
        for command, session, reply, data in answers
    ]
    found = asyncio.run(outcome(frames))
    assert isinstance(found, Exception | list)


# UDP


def datagrams(encode=encode_packet) -> list[list[bytes]]:
    device, session, play = conversation(transport="udp"), Session(), everything()
    answers, pending = [], []
    step, asked = next(play), None
    try:
        while True:
            if isinstance(step, Request) and step is not asked:
                asked = step
                pending = list(device.answers(session.outgoing(step)))
                answers.append([encode(packet) for packet in pending])
            packet = pending.pop(0)
            if isinstance(session.incoming(packet), Answer):
                step = play.send(packet)
    except StopIteration:
        return answers


class DatagramReplay(Replay):
    """All datagrams that answer a request, each in its own read."""

    def __init__(self, answers: list[list[bytes]]) -> None:
        super().__init__([], datagrams=True)
        self._bursts = list(answers)

    async def write(self, data: bytes) -> None:
        if self._bursts:
            self._ready += self._bursts.pop(0)


async def udp_outcome(answers: list[list[bytes]]) -> list[bytes] | Exception:
    try:
        async with asyncio.timeout(5):
            wire = UdpWire(DatagramReplay(answers))
            return await Runner(wire, timeout_s=60, asks=3).run(everything())
    except (ProtocolError, DriverError) as error:
        return error


async def test_a_datagram_cut_at_every_byte_is_dropped_and_never_used() -> None:
    good = datagrams()
    tables = await udp_outcome(good)
    assert [len(table) for table in tables] == [len(table) for table in TCP.tables]
    for burst, answers in enumerate(good):
        for index, datagram in enumerate(answers):
            for end in range(len(datagram)):
                spoilt = [list(each) for each in good]
                spoilt[burst][index] = datagram[:end]
                found = await udp_outcome(spoilt)
                # Cut at a zero byte the checksum may still be right; the table then lacks bytes.
                assert isinstance(found, Exception) or found == tables


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_spoiled_datagrams(seed: int) -> None:
    chance = random.Random(seed)
    good = datagrams()
    flat = spoiled([each for burst in good for each in burst], chance)
    spoilt, start = [], 0
    for burst in good:
        spoilt.append(flat[start : start + len(burst)])
        start += len(burst)
    asyncio.run(udp_outcome(spoilt))


# the driver as a whole, on a terminal whose bytes are spoiled on their way


class SpoiltLink(Replay):
    """A terminal in memory that answers what is asked; `spoil` gets all its bytes, once each."""

    def __init__(self, spoil: Callable[[bytes], bytes | None]) -> None:
        super().__init__([])
        self._spoil = spoil
        self._terminal = conversation()
        self._framer = TcpFramer()

    async def write(self, data: bytes) -> None:
        for packet in self._framer.feed(data):
            sent = b"".join(map(encode_tcp, self._terminal.answers(packet)))
            if spoilt := self._spoil(sent):
                self._ready.append(spoilt)


class Cut:
    """Nothing comes after byte `end` of all that is sent."""

    def __init__(self, end: int) -> None:
        self.left = end
        self.seen = 0

    def __call__(self, sent: bytes) -> bytes:
        kept, self.left = sent[: self.left], max(0, self.left - len(sent))
        self.seen += len(sent)
        return kept


async def pulled(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[bytes], bytes | None]) -> object:
    """The rows of a fetch and the users; or our error, any other fails the test."""

    async def opened(*_: object, **__: object) -> SpoiltLink:
        return SpoiltLink(spoil)

    monkeypatch.setattr(terminal, "open_tcp", opened)
    config = ZkPullConfig(name="gate", host="replay", comm_key=str(KEY), chunk_bytes=1_024)
    gate = ZkPullDriver(config, CONTEXT)
    try:
        async with asyncio.timeout(5):
            found = [row for row in punches(await fetched(gate)) if isinstance(row, Punch)]
            await gate.users()
            await gate.set_clock(tolerance_s=5.0, allow_backwards=False)
            return found
    except DriverError as error:
        return error
    finally:
        await gate.aclose()


async def test_a_pull_that_is_cut_at_any_byte_delivers_all_rows_or_an_error(monkeypatch) -> None:
    whole = Cut(1_000_000)
    assert len(await pulled(monkeypatch, whole)) == ROWS
    goodbye = len(encode_tcp(Packet(command=2000, session=0, reply_id=0)))  # nobody waits for it
    for end in [*range(0, whole.seen - goodbye, 17), whole.seen - goodbye - 1]:
        assert isinstance(await pulled(monkeypatch, Cut(end)), DriverError), end


async def test_a_pull_of_spoiled_bytes_raises_nothing_but_our_errors(monkeypatch) -> None:
    for seed in range(250):
        chance = random.Random(seed)
        left = [chance.randrange(40)]

        def spoil(sent: bytes, chance=chance, left=left) -> bytes:
            left[0] -= 1
            return spoiled([sent], chance)[0] if left[0] == 0 and sent else sent

        found = await pulled(monkeypatch, spoil)
        assert isinstance(found, DriverError) or len(found) <= ROWS, seed


# framing, events, records


@settings(max_examples=100, deadline=None)
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_slicing_of_a_whole_session_gives_the_same_packets(cuts: list[int]) -> None:
    whole = list(TcpFramer().feed(STREAM))
    edges = [0, *sorted(cuts), len(STREAM)]
    framer = TcpFramer()
    sliced = [packet for start, end in pairwise(edges) for packet in framer.feed(STREAM[start:end])]
    assert sliced == whole


@given(seed=st.integers(0, 2**32))
def test_a_framer_holds_no_more_than_one_frame(seed: int) -> None:
    chance = random.Random(seed)
    framer = TcpFramer(max_frame_bytes=1_000)
    fed = 0
    try:
        while fed < 20_000:
            piece = encode_tcp(Packet(command=1, session=0, reply_id=0, data=chance.randbytes(500)))
            fed += len(piece)
            list(framer.feed(piece[: chance.choice([len(piece), 8, 40])]))
            assert len(framer._buffer) <= 1_008
    except ProtocolError:
        pass
    assert MAX_FRAME_BYTES < 2 * 1024 * 1024


@given(st.binary(max_size=200))
def test_an_event_of_any_bytes(data: bytes) -> None:
    try:
        parsed = parse_attlog_event(data)
    except ProtocolError:
        return
    assert b"".join(row.raw for row in parsed) == data


@given(st.binary(max_size=64))
def test_a_packet_of_any_bytes(body: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode_packet(body)


@pytest.mark.parametrize("layout", list(Layout))
def test_the_good_rows_before_every_cut_come_out(layout: Layout) -> None:
    numbers = {number: str(number) for number in range(100)}
    table = encode_attendance(rows(6), layout)
    whole = list(decode_attendance(table, layout, serial="S", users=numbers))
    for end in range(len(table) + 1):
        got = list(decode_attendance(table[:end], layout, serial="S", users=numbers))
        count, rest = divmod(end, layout.width)
        assert got[:count] == whole[:count]
        assert len(got) == count + (rest > 0)
        if rest:
            assert got[-1].raw == table[count * layout.width : end]
