"""Reading tables: every way of transfer that real terminals use, and every way it goes wrong."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LimitExceededError, ProtocolError, TruncatedError
from protocols.zk.exchange import Request, SilenceError
from protocols.zk.refusals import AccessControlModeError, BusyError
from protocols.zk.tables import (
    ATTENDANCE,
    MAX_TABLE_BYTES,
    USERS,
    Table,
    attendance_between,
    read_table,
    stream_table,
)
from tests.protocols.zk.scripted_terminal import Play, packet

FREE_DATA = 1502


def words(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


class Terminal:
    """Serves `records` by buffer; `spoil(chunk number, packets)` may change what is sent."""

    def __init__(self, records: bytes, *, packet_bytes: int = 1008, prepared: bytes | None = None):
        self.content = words(len(records)) + records
        self.packet_bytes = packet_bytes
        self.prepared = prepared
        self.chunks = 0
        self.spoil = lambda _number, packets: packets

    def __call__(self, request: Request):
        if request.command == 1503:
            size = words(len(self.content))
            return [packet(2000, self.prepared or b"\0" + size + size + b"\0\0\0\0")]
        if request.command == FREE_DATA:
            return [packet(2000)]
        offset, size = struct.unpack("<II", request.data)
        self.chunks += 1
        return self.spoil(self.chunks, self.chunk(offset, size))

    def chunk(self, offset: int, size: int):
        data = self.content[offset : offset + size]
        parts = [
            data[start : start + self.packet_bytes]
            for start in range(0, len(data), self.packet_bytes)
        ]
        numbered = [packet(1501, part, session=index) for index, part in enumerate(parts)]
        return [packet(1500, words(len(data), self.packet_bytes)), *numbered, packet(2000)]


RECORDS = bytes(range(256)) * 20


def test_the_requests_are_those_of_the_specification():
    assert USERS.request() == Request(1503, bytes.fromhex("0109000500000000000000"))
    assert ATTENDANCE.request() == Request(1503, bytes.fromhex("010d000000000000000000"))
    ranged = attendance_between(1, 2).request()
    assert ranged.data == bytes.fromhex("0114270100000002000000")
    assert Table(name="attendance", command=13, direct=True).request() == Request(13)


def test_an_inline_table_needs_no_buffer_and_frees_none():
    play = Play(lambda _: [packet(1501, words(len(RECORDS)) + RECORDS)])
    assert play.run(read_table(USERS)) == RECORDS
    assert play.commands == [1503]


@pytest.mark.parametrize("packet_bytes", [1008, 1024, 65528])
@pytest.mark.parametrize("chunk_bytes", [600, 1008, 4096, 65472])
def test_a_table_in_chunks(packet_bytes, chunk_bytes):
    play = Play(Terminal(RECORDS, packet_bytes=packet_bytes))
    assert play.run(read_table(ATTENDANCE, chunk_bytes=chunk_bytes)) == RECORDS
    assert play.commands[0] == 1503
    assert play.commands[-1] == FREE_DATA
    assert play.commands.count(FREE_DATA) == 1


@given(st.permutations(range(8)), st.integers(0, 7))
def test_packets_in_any_order_with_the_ack_anywhere_and_one_twice(order, twice):
    def shuffled(_number, packets):
        announced, *data = packets
        return [announced, *(data[i] for i in order if i < len(data)), data[twice % len(data)]]

    terminal = Terminal(RECORDS, packet_bytes=800)
    terminal.spoil = shuffled
    assert Play(terminal).run(read_table(ATTENDANCE)) == RECORDS


def test_a_chunk_in_one_packet_without_announcement():
    terminal = Terminal(RECORDS)
    terminal.spoil = lambda _number, packets: [
        packet(1501, b"".join(p.data for p in packets if p.command == 1501))
    ]
    assert Play(terminal).run(read_table(ATTENDANCE, chunk_bytes=1000)) == RECORDS


@pytest.mark.parametrize("prepared", ["00{size}", "{size}", ""])
def test_shorter_answers_to_the_buffer_request(prepared):
    size = words(len(RECORDS) + 4).hex()
    terminal = Terminal(RECORDS)
    short = bytes.fromhex(prepared.format(size=size))
    device = lambda r: [packet(2000, short)] if r.command == 1503 else terminal(r)  # noqa: E731 - one use
    assert Play(device).run(read_table(ATTENDANCE)) == RECORDS


def test_old_firmware_sends_at_once():
    terminal = Terminal(RECORDS)
    device = lambda r: terminal.chunk(0, 99_999) if r.command == 13 else [packet(2000)]  # noqa: E731 - one use
    play = Play(device)
    assert play.run(read_table(Table(name="attendance", command=13, direct=True))) == RECORDS
    assert play.commands == [13, FREE_DATA]


def test_an_empty_table_is_empty():
    assert Play(Terminal(b"")).run(read_table(ATTENDANCE)) == b""
    assert Play(lambda _: [packet(1501, words(0))]).run(read_table(ATTENDANCE)) == b""


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_lost_packet_is_asked_again(lost):
    def lossy(number, packets):
        return packets[:lost] + packets[lost + 1 :] if number == 1 else packets

    terminal = Terminal(RECORDS)
    terminal.spoil = lossy
    play = Play(terminal)
    assert play.run(read_table(ATTENDANCE, chunk_bytes=4096)) == RECORDS
    assert play.commands == [1503, 1504, 1504, 1504, FREE_DATA]
    assert play.requests[1] == play.requests[2]


def test_a_chunk_that_stays_short_gives_up_after_three_and_frees():
    terminal = Terminal(RECORDS)
    terminal.spoil = lambda _number, packets: packets[:-2]
    play = Play(terminal)
    with pytest.raises(TruncatedError) as caught:
        play.run(read_table(ATTENDANCE))
    assert caught.value.offset == 0
    assert play.commands == [1503, 1504, 1504, 1504, FREE_DATA]


def test_a_chunk_that_announces_less_than_asked_is_short():
    terminal = Terminal(RECORDS)
    terminal.spoil = lambda _number, _packets: terminal.chunk(0, 100)
    with pytest.raises(TruncatedError, match="100 of 5124"):
        Play(terminal).run(read_table(ATTENDANCE))


@pytest.mark.parametrize(("code", "error"), [(4989, AccessControlModeError), (2003, BusyError)])
def test_a_refused_table_is_an_error_never_an_empty_table(code, error):
    play = Play(lambda r: [packet(2000 if r.command == FREE_DATA else code)])
    with pytest.raises(error):
        play.run(read_table(ATTENDANCE))


def test_a_refused_chunk_frees_the_buffer():
    terminal = Terminal(RECORDS)
    terminal.spoil = lambda _number, _packets: [packet(2001)]
    play = Play(terminal)
    with pytest.raises(ProtocolError):
        play.run(read_table(ATTENDANCE))
    assert play.commands[-1] == FREE_DATA


def test_silence_frees_the_buffer_and_tells_the_first_cause():
    play = Play(lambda _: [])
    with pytest.raises(SilenceError):
        play.run(read_table(ATTENDANCE))
    assert play.commands == [1503, FREE_DATA]


def test_a_size_word_that_disagrees_with_the_table():
    terminal = Terminal(RECORDS)
    terminal.content = words(len(RECORDS) + 40) + RECORDS
    with pytest.raises(TruncatedError) as caught:
        Play(terminal).run(read_table(ATTENDANCE))
    assert caught.value.missing == 40
    terminal.content = words(len(RECORDS) - 40) + RECORDS
    with pytest.raises(ProtocolError, match="size word"):
        Play(terminal).run(read_table(ATTENDANCE))


def test_what_a_liar_announces_is_capped():
    huge = words(MAX_TABLE_BYTES + 1)
    play = Play(lambda r: [packet(2000, b"\0" + huge + huge if r.command == 1503 else b"")])
    with pytest.raises(LimitExceededError) as caught:
        play.run(read_table(ATTENDANCE))
    assert caught.value.limit == MAX_TABLE_BYTES


def test_more_data_than_was_asked_for_is_refused():
    terminal = Terminal(RECORDS)
    terminal.spoil = lambda _number, _packets: [
        packet(1501, bytes(4000), session=index) for index in range(9)
    ]
    with pytest.raises(LimitExceededError):
        Play(terminal).run(read_table(ATTENDANCE))


@pytest.mark.parametrize("announcement", [b"", words(5124, 0), words(99_999, 1008)])
def test_senseless_announcements(announcement):
    terminal = Terminal(RECORDS)
    terminal.spoil = lambda _number, _packets: [packet(1500, announcement)]
    play = Play(terminal)
    with pytest.raises(ProtocolError):
        play.run(read_table(ATTENDANCE))
    assert play.commands[-1] == FREE_DATA


def test_a_closed_dialogue_asks_nothing_more():
    dialogue = read_table(ATTENDANCE)
    next(dialogue)
    dialogue.close()  # a RuntimeError here would mean that it yielded again


def test_a_streamed_table_is_handed_on_chunk_by_chunk():
    """What has arrived is with the reader before the next chunk is asked for."""
    terminal = Terminal(RECORDS)
    written, arrived = [], []
    terminal.spoil = lambda _number, packets: arrived.append(sum(map(len, written))) or packets
    play = Play(terminal)
    assert play.run(stream_table(ATTENDANCE, written.append, chunk_bytes=1024)) is None
    assert b"".join(written) == RECORDS
    assert arrived == [0, 1020, 2044, 3068, 4092, 5116]
    assert play.commands[-1] == FREE_DATA


@pytest.mark.parametrize("chunk_bytes", [1, 3, 5])
def test_the_size_word_may_come_in_pieces(chunk_bytes):
    written = []
    Play(Terminal(b"records")).run(stream_table(USERS, written.append, chunk_bytes=chunk_bytes))
    assert b"".join(written) == b"records"


def test_a_streamed_table_that_ends_early_is_told_at_its_end():
    written = []
    short = words(len(RECORDS) + 40) + RECORDS
    play = Play(lambda _: [packet(1501, short)])
    with pytest.raises(TruncatedError) as caught:
        play.run(stream_table(ATTENDANCE, written.append))
    assert (caught.value.missing, b"".join(written)) == (40, RECORDS)
