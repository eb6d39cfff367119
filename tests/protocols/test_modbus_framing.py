import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import LimitExceededError, ProtocolError, TruncatedError
from protocols.modbus.mbap import MAX_ADU_BYTES, TcpFramer, TcpMessage, encode_tcp
from protocols.modbus.pdu import ReadRequest, ReadResponse, encode_pdu
from protocols.modbus.rtu import (
    MAX_FRAME_BYTES,
    LineNoise,
    RtuFrame,
    RtuFramer,
    Side,
    crc16,
    encode_rtu,
)

messages = st.builds(
    TcpMessage,
    transaction=st.integers(0, 0xFFFF),
    unit=st.integers(0, 255),
    pdu=st.binary(min_size=1, max_size=253),
)


def slices(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def test_the_message_that_mbpoll_sent():
    wire = bytes.fromhex("000100000006010300000008")
    message = TcpMessage(transaction=1, unit=1, pdu=bytes.fromhex("0300000008"))
    assert encode_tcp(message) == wire
    assert list(TcpFramer().feed(wire)) == [message]


@settings(deadline=None)
@given(st.lists(messages, max_size=5), st.lists(st.integers(0, 2000), max_size=20))
def test_tcp_messages_do_not_depend_on_where_the_stream_was_cut(sent, cuts):
    framer = TcpFramer()
    wire = b"".join(map(encode_tcp, sent))
    assert [m for piece in slices(wire, cuts) for m in framer.feed(piece)] == sent
    framer.eof()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_random_tcp_bytes_raise_nothing_but_protocol_errors_and_stay_bounded(pieces):
    framer = TcpFramer()
    try:
        for piece in pieces:
            list(framer.feed(piece))
            assert len(framer.pending) < MAX_ADU_BYTES
        framer.eof()
    except ProtocolError:
        pass


def test_what_is_not_modbus_tcp():
    with pytest.raises(ProtocolError, match="protocol number"):
        list(TcpFramer().feed(b"GET / HTTP/1.1\r\n"))
    with pytest.raises(LimitExceededError) as caught:
        list(TcpFramer().feed(bytes.fromhex("000100000100")))
    assert caught.value.limit == 260
    with pytest.raises(ProtocolError, match="function"):
        list(TcpFramer().feed(bytes.fromhex("00010000000101")))


def test_the_offset_of_bad_bytes_is_theirs_in_the_stream():
    framer = TcpFramer()
    good = encode_tcp(TcpMessage(transaction=1, unit=1, pdu=b"\x07"))
    taken = []
    with pytest.raises(ProtocolError) as caught:
        taken.extend(framer.feed(good + b"\0\1\xff\xff\0\2"))
    assert caught.value.offset == len(good)
    assert framer.pending == b"\0\1\xff\xff\0\2"


def test_a_stream_that_ends_inside_a_message_says_so():
    framer = TcpFramer()
    assert list(framer.feed(bytes.fromhex("0001000000060103"))) == []
    with pytest.raises(TruncatedError):
        framer.eof()


@pytest.mark.parametrize(
    ("wire", "side", "unit", "pdu"),
    [
        ("110300000008469c", Side.REQUESTS, 0x11, "0300000008"),
        ("120300000002c6a8", Side.REQUESTS, 0x12, "0300000002"),
        (
            "110310fffffffafffafffffffa00030000004dad99",
            Side.RESPONSES,
            0x11,
            "0310fffffffafffafffffffa00030000004d",
        ),
        ("118302c134", Side.RESPONSES, 0x11, "8302"),
        ("128304b136", Side.RESPONSES, 0x12, "8304"),
    ],
)
def test_captured_rtu_frames(wire, side, unit, pdu):
    frame = RtuFrame(unit=unit, pdu=bytes.fromhex(pdu), offset=0)
    assert list(RtuFramer(side).feed(bytes.fromhex(wire))) == [frame]
    assert encode_rtu(unit, bytes.fromhex(pdu)).hex() == wire


def test_the_check_value_of_the_crc():
    assert crc16(b"123456789") == 0x4B37


def test_every_request_length_that_is_known():
    pdus = [
        encode_pdu(ReadRequest(function=3, address=1, count=2)),
        bytes.fromhex("0f0013000a02cd01"),  # write coils, V1.1b3 section 6.11
        bytes.fromhex("10000100020400 0a0102"),  # write registers, section 6.12
        bytes.fromhex("050000ff00"),
    ]
    framer = RtuFramer(Side.REQUESTS)
    frames = list(framer.feed(b"".join(encode_rtu(5, pdu) for pdu in pdus)))
    assert [frame.pdu for frame in frames] == pdus
    assert list(framer.eof()) == []


def all_items(side, pieces):
    framer = RtuFramer(side)
    items = [item for piece in pieces for item in framer.feed(piece)]
    return items + list(framer.eof())


def spelled_out(item):
    return item.raw if isinstance(item, LineNoise) else encode_rtu(item.unit, item.pdu)


read_answers = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125).map(
    lambda words: encode_rtu(9, encode_pdu(ReadResponse(function=3, registers=tuple(words))))
)


@settings(deadline=None)
@given(
    st.lists(st.one_of(read_answers, st.binary(max_size=30)), max_size=6),
    st.lists(st.integers(0, 3000), max_size=20),
    st.sampled_from(Side),
)
def test_rtu_gives_every_byte_once_wherever_the_stream_was_cut(parts, cuts, side):
    wire = b"".join(parts)
    items = all_items(side, slices(wire, cuts))
    assert items == all_items(side, [wire])
    assert b"".join(map(spelled_out, items)) == wire
    at = 0
    for item in items:
        assert item.offset == at
        at += len(spelled_out(item))
        assert len(spelled_out(item)) <= MAX_FRAME_BYTES


@settings(
    derandomize=True, deadline=None
)  # one false start in 65,536 passes the CRC: no place for fresh dice
@given(st.binary(max_size=20), read_answers, st.binary(max_size=20))
def test_rtu_finds_a_frame_between_noise(before, frame, after):
    items = all_items(Side.RESPONSES, [before + frame + after])
    frames = [spelled_out(item) for item in items if isinstance(item, RtuFrame)]
    assert frame in frames


def test_rtu_finds_the_frame_behind_a_false_start():
    frame = bytes.fromhex("118302c134")
    noise = bytes.fromhex("1103fa")  # announces 250 bytes that never come
    assert all_items(Side.RESPONSES, [noise + frame]) == [
        LineNoise(offset=0, raw=noise),
        RtuFrame(unit=0x11, pdu=b"\x83\x02", offset=3),
    ]
