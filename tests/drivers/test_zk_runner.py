"""The runner against a scripted link: every byte that goes out and comes in is in the test."""

import asyncio
from collections.abc import Iterable

import pytest

from drivers.errors import LinkDownError
from drivers.zk_pull.runner import Runner
from drivers.zk_pull.wire import TcpWire, UdpWire
from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.datagrams import decode_datagram
from protocols.zk.dialogue import read_version
from protocols.zk.exchange import NEXT, Dialogue, Request, SilenceError
from protocols.zk.framing import Packet, TcpFramer, encode_packet, encode_tcp


class ScriptedLink:
    """Gives `segments` one by one, then silence, or the end when `closes`."""

    def __init__(self, segments: Iterable[bytes], *, closes: bool = False) -> None:
        self.sent: list[Packet] = []
        self._segments = list(segments)
        self._closes = closes
        self._framer = TcpFramer()

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        if self._segments:
            return self._segments.pop(0)
        if self._closes:
            return b""
        await asyncio.Event().wait()
        raise AssertionError

    async def write(self, data: bytes) -> None:
        self.sent += self._framer.feed(data)

    async def aclose(self) -> None: ...

    def describe(self) -> str:
        return "script"


def answer(text: bytes = b"Ver 1\0", *, reply_id: int = 1) -> bytes:
    return encode_tcp(Packet(command=Reply.ACK_OK, session=9, reply_id=reply_id, data=text))


EVENT_FRAME = encode_tcp(Packet(command=EVENT, session=1, reply_id=0, data=b"\0" * 32))


async def test_stale_answers_are_dropped_and_events_answered() -> None:
    link = ScriptedLink([answer(b"old\0", reply_id=0) + EVENT_FRAME + answer()])
    assert await Runner(TcpWire(link), timeout_s=1).run(read_version()) == "Ver 1"
    question, ack = link.sent
    assert (question.command, question.reply_id) == (Command.GET_VERSION, 1)
    assert (ack.command, ack.reply_id, ack.data) == (Reply.ACK_OK, 0, b"")


async def test_one_segment_may_hold_the_answers_of_two_requests() -> None:
    link = ScriptedLink([answer(b"one\0") + answer(b"two\0", reply_id=2)])
    runner = Runner(TcpWire(link), timeout_s=1)
    assert await runner.run(read_version()) == "one"
    assert await runner.run(read_version()) == "two"


async def test_a_device_that_only_chatters_is_silent() -> None:
    link = ScriptedLink([EVENT_FRAME] * 100_000)
    with pytest.raises(SilenceError):
        await Runner(TcpWire(link), timeout_s=0.05).run(read_version())
    assert 1 < len(link.sent) < 100_000


def patient() -> Dialogue[str]:
    """Asks again after silence, as the chunk reader does."""
    try:
        yield Request(Command.GET_TIME)
    except SilenceError:
        second = yield Request(Command.GET_VERSION)
        third = yield NEXT
        return f"{second.data!r} {third.data!r}"
    return "no silence"


class AnsweringLink(ScriptedLink):
    """Gives its segments only once the request with that reply id has come."""

    def __init__(self, by_reply_id: dict[int, list[bytes]]) -> None:
        super().__init__([])
        self._by_reply_id = by_reply_id

    async def write(self, data: bytes) -> None:
        await super().write(data)
        self._segments += self._by_reply_id.get(self.sent[-1].reply_id, [])


async def test_silence_is_told_to_the_dialogue_which_may_ask_again() -> None:
    answers = [answer(b"a", reply_id=2), answer(b"b", reply_id=2)]
    link = AnsweringLink({2: answers})
    assert await Runner(TcpWire(link), timeout_s=0.05).run(patient()) == "b'a' b'b'"
    assert [packet.reply_id for packet in link.sent] == [1, 2]


@pytest.mark.parametrize(("segments", "code"), [([], "link_closed"), ([answer()[:13]], "link_cut")])
async def test_the_end_of_the_stream_is_told_apart(segments: list[bytes], code: str) -> None:
    link = ScriptedLink(segments, closes=True)
    with pytest.raises(LinkDownError) as caught:
        await Runner(TcpWire(link), timeout_s=1).run(read_version())
    assert (caught.value.code, caught.value.where) == (code, "script")


async def test_a_wrong_checksum_is_counted_and_the_packet_used() -> None:
    """Some firmware computes it wrong; magic, length and reply id were right (protocol.md 1.2)."""
    wrong = bytearray(answer())
    wrong[10] ^= 0xFF
    link = ScriptedLink([bytes(wrong), answer(b"Ver 2\0", reply_id=2)])
    runner = Runner(TcpWire(link), timeout_s=1)
    assert await runner.run(read_version()) == "Ver 1"
    assert await runner.run(read_version()) == "Ver 2"
    assert runner.wrong_checksums == 1


class LossyLink(ScriptedLink):
    """Datagrams; the first copy of a chunk request is answered without its second packet."""

    def __init__(self) -> None:
        super().__init__([])

    async def write(self, data: bytes) -> None:
        packet = decode_datagram(data)
        self.sent.append(packet)
        answers = [(1500, 9, b"\x08\0\0\0\x04\0\0\0"), (1501, 0, b"good"), (1501, 1, b"data")]
        if len(self.sent) == 1:
            answers.pop()
        self._segments += [
            encode_packet(
                Packet(command=command, session=session, reply_id=packet.reply_id, data=content)
            )
            for command, session, content in answers
        ]


def three_answers() -> Dialogue[bytes]:
    yield Request(Command.READ_CHUNK)
    first = yield NEXT
    second = yield NEXT
    return first.data + second.data


async def test_a_lost_packet_is_asked_again_long_before_the_terminal_counts_as_gone() -> None:
    link = LossyLink()
    async with asyncio.timeout(2):  # a twelfth of the patience is five seconds
        runner = Runner(UdpWire(link), timeout_s=60, asks=12)
        assert await runner.run(three_answers()) == b"gooddata"
    assert link.sent[0] == link.sent[1]
    assert len(link.sent) == 2
