"""Reading the end of a table: the right bytes, or an error; the buffer is freed either way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ProtocolError, TruncatedError
from protocols.zk.refusals import AccessControlModeError
from protocols.zk.table_end import MAX_END_BYTES, EndRequest, TableEnd, read_end
from protocols.zk.tables import ATTENDANCE
from tests.protocols.zk.scripted_terminal import Play, packet
from tests.protocols.zk.test_zk_tables import FREE_DATA, RECORDS, Terminal, words

SIZE = len(RECORDS)


def asking(start: int, *, head_bytes: int = 40, **link) -> EndRequest:
    return EndRequest(table=ATTENDANCE, start=start, head_bytes=head_bytes, **link)


@given(
    start=st.integers(0, SIZE),
    head_bytes=st.integers(0, 100),
    chunk_bytes=st.integers(100, 6_000),
    packet_bytes=st.sampled_from([1008, 1024, 65528]),
    datagrams=st.booleans(),
    prepared=st.sampled_from([None, b"", words(SIZE + 4)]),
)
def test_any_part(start, head_bytes, chunk_bytes, packet_bytes, datagrams, prepared):
    play = Play(Terminal(RECORDS, packet_bytes=packet_bytes, prepared=prepared))
    asked = asking(start, head_bytes=head_bytes, chunk_bytes=chunk_bytes, datagrams=datagrams)
    assert play.run(read_end(asked)) == TableEnd(
        size=SIZE, start=start, records=RECORDS[start:], head=RECORDS[:head_bytes]
    )
    assert play.commands[-1] == FREE_DATA


def test_only_what_was_asked_for_is_read():
    terminal = Terminal(RECORDS)
    Play(terminal).run(read_end(asking(SIZE - 80)))
    assert terminal.chunks == 2


@pytest.mark.parametrize("size", [0, 30, SIZE - 1])
def test_a_table_that_ends_before(size):
    play = Play(Terminal(RECORDS[:size]))
    end = play.run(read_end(asking(SIZE)))
    assert (end.size, end.records, end.head) == (size, None, RECORDS[: min(40, size)])


def test_more_than_a_poll_should_hold_is_not_read():
    terminal = Terminal(bytes(MAX_END_BYTES + 41))
    assert Play(terminal).run(read_end(asking(40))).records is None
    assert terminal.chunks == 1
    assert len(Play(terminal).run(read_end(asking(41))).records) == MAX_END_BYTES


@pytest.mark.parametrize("datagrams", [False, True])
def test_what_comes_at_once_is_the_whole_table(datagrams):
    whole = TableEnd(size=SIZE, start=0, records=RECORDS, head=RECORDS[:40])
    asked = asking(SIZE - 80, datagrams=datagrams)
    inline = Play(lambda _: [packet(1501, words(SIZE) + RECORDS)])
    assert inline.run(read_end(asked)) == whole
    assert inline.commands == [1503]
    terminal = Terminal(RECORDS)
    unasked = Play(
        lambda request: terminal.chunk(0, SIZE + 4) if request.command == 1503 else [packet(2000)]
    )
    assert unasked.run(read_end(asked)) == whole
    assert unasked.commands == [1503, FREE_DATA]


@pytest.mark.parametrize("announced", [SIZE + 3, SIZE + 44])
def test_two_words_that_contradict_each_other(announced):
    play = Play(Terminal(RECORDS, prepared=words(announced)))
    with pytest.raises(ProtocolError, match="size word"):
        play.run(read_end(asking(SIZE - 80)))
    assert play.commands[-1] == FREE_DATA


def test_a_refusal_and_a_short_chunk_are_errors():
    refused = Play(lambda request: [packet(4989 if request.command == 1503 else 2000)])
    with pytest.raises(AccessControlModeError):
        refused.run(read_end(asking(80)))
    short = Terminal(RECORDS)
    short.content = short.content[:-1]
    short.prepared = words(SIZE + 4)
    play = Play(short)
    with pytest.raises(TruncatedError):
        play.run(read_end(asking(SIZE - 80)))
    assert play.commands[-1] == FREE_DATA


def test_on_udp_a_late_copy_of_free_data_costs_one_more_request():
    terminal = Terminal(RECORDS)
    terminal.spoil = lambda number, packets: [packet(2001)] if number == 2 else packets
    play = Play(terminal)
    end = play.run(read_end(asking(SIZE - 80, datagrams=True)))
    assert end.records == RECORDS[-80:]
    assert play.commands == [1503, 1504, 1504, 1503, 1504, 1504, FREE_DATA]
