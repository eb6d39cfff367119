"""Requests repeated, answers taken once: table reads on a network that hypothesis spoils."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LimitExceededError, ProtocolError
from protocols.zk.exchange import Dialogue, Request, SilenceError
from protocols.zk.framing import Packet
from protocols.zk.refusals import UnknownCommandError
from protocols.zk.retransmission import Retransmission
from protocols.zk.session import Answer, Session
from protocols.zk.tables import ATTENDANCE, Table, read_table
from tests.protocols.zk.test_zk_tables import Terminal

RECORDS = bytes(range(256)) * 20
REQUEST = Packet(command=1504, session=9, reply_id=7)
BARE = Table(name="attendance", command=13, direct=True)


def answer(command: int = 1501, session: int = 0) -> Packet:
    return Packet(command=command, session=session, reply_id=7)


def test_the_same_packet_goes_out_again_so_many_times() -> None:
    sent = Retransmission(4)
    sent.begin(REQUEST)
    assert [sent.again() for _ in range(5)] == [REQUEST, REQUEST, REQUEST, None, None]


def test_an_order_that_must_not_happen_twice_goes_out_once() -> None:
    sent = Retransmission(4)
    sent.begin(REQUEST, once=True)
    assert sent.again() is None
    sent.begin(REQUEST)
    assert sent.again() == REQUEST


def test_something_new_restores_patience_and_a_copy_does_not() -> None:
    sent = Retransmission(3)
    sent.begin(REQUEST)
    assert sent.is_new(answer(session=0))
    assert [sent.again(), sent.again()] == [REQUEST, REQUEST]
    assert not sent.is_new(answer(session=0))
    assert sent.again() is None
    assert sent.is_new(answer(session=1))
    assert sent.again() == REQUEST


def test_a_pause_is_suspicious_only_right_after_an_answer() -> None:
    sent = Retransmission(3)
    sent.begin(REQUEST)
    assert not sent.in_flow
    assert sent.is_new(answer())
    assert sent.in_flow
    sent.again()
    assert not sent.in_flow


def test_each_request_has_answers_of_its_own() -> None:
    sent = Retransmission(3)
    sent.begin(REQUEST)
    assert sent.is_new(answer(2000, 5))
    sent.begin(REQUEST)
    assert sent.is_new(answer(2000, 5))


def test_a_stream_repeats_nothing_and_takes_nothing_for_a_copy() -> None:
    sent = Retransmission(1)
    sent.begin(REQUEST)
    assert sent.again() is None
    assert sent.is_new(answer())
    assert sent.is_new(answer())


def test_what_a_peer_may_answer_is_capped() -> None:
    sent = Retransmission(2)
    sent.begin(REQUEST)
    for session in range(0x1_0000):
        sent.is_new(answer(1501, session))
    for session in range(16):
        sent.is_new(answer(2000, session))
    with pytest.raises(LimitExceededError):
        sent.is_new(answer(2000, 16))


class Network:
    """Between a dialogue and a terminal: `spoil` changes the packets of each transmission."""

    def __init__(self, terminal, spoil, *, asks: int = 12) -> None:
        self._terminal = terminal
        self._spoil = spoil
        self._session = Session()
        self._sent = Retransmission(asks)
        self._coming: list[Packet] = []
        self.transmissions = 0

    def run(self, dialogue: Dialogue):
        step = next(dialogue)
        try:
            while True:
                if isinstance(step, Request):
                    packet = self._session.outgoing(step)
                    self._sent.begin(packet)
                    self._transmit(packet)
                answer = self._answer()
                if answer is None:
                    step = dialogue.throw(SilenceError("silent"))
                else:
                    step = dialogue.send(answer)
        except StopIteration as stop:
            return stop.value

    def _answer(self) -> Packet | None:
        while True:
            while self._coming:
                routed = self._session.incoming(self._coming.pop(0))
                if isinstance(routed, Answer) and self._sent.is_new(routed.packet):
                    return routed.packet
            again = self._sent.again()
            if again is None:
                return None
            self._transmit(again)

    def _transmit(self, packet: Packet) -> None:
        self.transmissions += 1
        replies = self._terminal(Request(packet.command, packet.data))
        numbered = [
            Packet(command=r.command, session=r.session, reply_id=packet.reply_id, data=r.data)
            for r in replies
        ]
        self._coming += self._spoil(numbered)


def lossy(seed: int, lose: float):
    draw = random.Random(seed)
    late: list[Packet] = []

    def spoil(packets: list[Packet]) -> list[Packet]:
        """The request may be lost too; what is late comes after the next transmission."""
        if draw.random() < lose:
            return []
        arrived = late + [p for p in packets for _ in range(draw.randrange(1, 3))]
        late.clear()
        arrived = [p for p in arrived if draw.random() >= lose]
        draw.shuffle(arrived)
        while arrived and draw.random() < 0.2:
            late.append(arrived.pop())
        return arrived

    return spoil


def bare(request: Request):
    """Firmware without a buffer: the whole table at once."""
    terminal = Terminal(RECORDS, packet_bytes=1024)
    if request.command == 13:
        return terminal.chunk(0, len(terminal.content))
    return terminal(request)


@given(st.integers(0, 1_000_000), st.sampled_from([0.0, 0.1, 0.3]))
def test_a_table_arrives_whole_or_not_at_all(seed: int, lose: float) -> None:
    network = Network(Terminal(RECORDS), lossy(seed, lose), asks=60)
    assert network.run(read_table(ATTENDANCE, chunk_bytes=4096, datagrams=True)) == RECORDS


@given(st.integers(0, 1_000_000), st.sampled_from([0.0, 0.1, 0.3]))
def test_so_does_a_bare_one(seed: int, lose: float) -> None:
    network = Network(bare, lossy(seed, lose), asks=60)
    assert network.run(read_table(BARE, datagrams=True)) == RECORDS


@given(st.integers(0, 1_000_000))
def test_few_asks_on_a_bad_network_fail_loudly(seed: int) -> None:
    network = Network(Terminal(RECORDS), lossy(seed, 0.5), asks=2)
    try:
        got = network.run(read_table(ATTENDANCE, chunk_bytes=4096, datagrams=True))
    except ProtocolError:
        return
    assert got == RECORDS


def test_only_the_missing_packet_is_waited_for() -> None:
    """Each transmission of the chunk loses all but one packet, another one each time."""
    turn = iter(range(100))

    def spoil(packets: list[Packet]) -> list[Packet]:
        return packets if len(packets) == 1 else [packets[next(turn) % len(packets)]]

    network = Network(Terminal(RECORDS), spoil, asks=3)
    assert network.run(read_table(ATTENDANCE, datagrams=True)) == RECORDS
    assert network.transmissions == 1 + 7 + 1  # 1500 and six packets; the ACK is not needed


def test_a_peer_that_falls_silent_is_not_asked_for_the_chunk_three_times_over() -> None:
    network = Network(Terminal(RECORDS), lambda p: p if len(p) == 1 else [], asks=5)
    with pytest.raises(SilenceError):
        network.run(read_table(ATTENDANCE, datagrams=True))
    assert network.transmissions == 1 + 5 + 1


class BufferThief(Terminal):
    """A late copy of an older FREE_DATA arrives before chunk `steals`, and the log grows."""

    def __init__(self, *steals: int) -> None:
        super().__init__(RECORDS)
        self._steals = steals
        self._buffered = False

    def __call__(self, request: Request):
        if request.command == 1503:
            self._buffered = True
        elif request.command == 1504:
            if self.chunks + 1 in self._steals and self._buffered:
                self.chunks += 1
                self._buffered = False
                records = self.content[4:] + b"new!"
                self.content = struct.pack("<I", len(records)) + records
            if not self._buffered:
                return [answer(2001)]
        return super().__call__(request)


def test_a_buffer_that_got_lost_is_prepared_once_more_and_read_from_its_start() -> None:
    terminal = BufferThief(2)
    network = Network(terminal, lambda packets: packets)
    table = network.run(read_table(ATTENDANCE, chunk_bytes=4096, datagrams=True))
    assert table == RECORDS + b"new!"
    with pytest.raises(ProtocolError):
        Network(BufferThief(2, 3), lambda packets: packets).run(
            read_table(ATTENDANCE, chunk_bytes=4096, datagrams=True)
        )


def test_a_refused_bare_command_is_blamed_on_it() -> None:
    network = Network(lambda _: [answer(65535)], list)
    with pytest.raises(UnknownCommandError) as caught:
        network.run(read_table(BARE, datagrams=True))
    assert caught.value.request == 13


@pytest.mark.parametrize("records", [b"", b"x" * 40, b"x" * 1000])
def test_an_inline_table_is_known_by_its_size_word(records: bytes) -> None:
    inline = struct.pack("<I", len(records)) + records
    network = Network(lambda _: [Packet(command=1501, session=9, reply_id=0, data=inline)], list)
    assert network.run(read_table(ATTENDANCE, datagrams=True)) == records
    assert network.transmissions == 1
