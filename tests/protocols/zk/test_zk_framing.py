"""Framing: whole packets from any slices, only ProtocolError from any bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LimitExceededError, ProtocolError, TruncatedError
from protocols.zk.framing import (
    Packet,
    PanelError,
    SecureChannelError,
    TcpFramer,
    checksum,
    decode_packet,
    encode_packet,
    encode_tcp,
)

packets = st.builds(
    Packet,
    command=st.integers(0, 0xFFFF),
    session=st.integers(0, 0xFFFF),
    reply_id=st.integers(0, 0xFFFF),
    data=st.binary(max_size=300),
)


def slices(wire: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    return [wire[start:end] for start, end in pairwise(edges)]


@given(st.lists(packets, max_size=5), st.lists(st.integers(0, 5000), max_size=12))
def test_any_slicing_gives_the_same_packets(sent, cuts):
    wire = b"".join(map(encode_tcp, sent))
    framer = TcpFramer()
    received = [packet for part in slices(wire, cuts) for packet in framer.feed(part)]
    framer.eof()
    assert received == sent


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_random_bytes_raise_protocol_errors_only(parts):
    framer = TcpFramer()
    try:
        for part in parts:
            list(framer.feed(part))
        framer.eof()
    except ProtocolError:
        pass


@given(packets)
def test_datagram_round_trip(packet):
    assert decode_packet(encode_packet(packet)) == packet


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("e803000000000000", 0xFC17),
        ("d00700002ffb0000", 0xFCFF),
        ("d00700000200 3700", 0xF7F6),
        ("f40100000001000064", 0xFCA7),  # an odd length
    ],
)
def test_checksums_of_real_packets(body, expected):
    assert checksum(bytes.fromhex(body)) == expected


def test_a_wrong_checksum_is_an_error_or_is_counted():
    # K40, direct attendance: the device's checksum is off by two.
    wire = bytearray(encode_tcp(Packet(command=1501, session=0, reply_id=2, data=b"\x78\0\0\0")))
    wire[10] ^= 2
    with pytest.raises(ProtocolError, match="wrong checksum"):
        list(TcpFramer().feed(bytes(wire)))
    lenient = TcpFramer(verify=False)
    assert [packet.data for packet in lenient.feed(bytes(wire))] == [b"\x78\0\0\0"]
    assert lenient.wrong_checksums == 1


def test_a_stream_that_ends_inside_a_frame():
    framer = TcpFramer()
    assert list(framer.feed(bytes.fromhex("5050827d08000000e80317"))) == []
    with pytest.raises(TruncatedError) as caught:
        framer.eof()
    assert caught.value.offset == 0


@pytest.mark.parametrize(
    ("start", "error"),
    [("aa010000", PanelError), ("5050837c10000000", SecureChannelError), ("485454", ProtocolError)],
)
def test_other_protocols_on_the_port_are_named(start, error):
    with pytest.raises(error):
        list(TcpFramer().feed(bytes.fromhex(start)))


def test_an_announced_length_above_the_cap_is_refused_at_once():
    with pytest.raises(LimitExceededError) as caught:
        list(TcpFramer(max_frame_bytes=1000).feed(bytes.fromhex("5050827dffffff7f")))
    assert caught.value.limit == 1000
