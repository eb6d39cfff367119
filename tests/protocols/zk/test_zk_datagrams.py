"""One packet per datagram: bytes of real terminals, and bytes of nobody."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ProtocolError, TruncatedError
from protocols.zk.attendance import Layout, decode_attendance
from protocols.zk.datagrams import decode_datagram
from protocols.zk.framing import Packet, PanelError, SecureChannelError, encode_packet, encode_tcp
from protocols.zk.users import User, decode_users


def recorded(shared_data, name: str) -> list[Packet]:
    """Their checksums are broken: the publisher cut and anonymised them."""
    capture = json.loads((shared_data / "zk_pull" / name).read_text())
    return [
        decode_datagram(bytes.fromhex(frame["hex"]), verify=False) for frame in capture["frames"]
    ]


def test_the_recorded_user_table(shared_data) -> None:
    announced, data = recorded(shared_data, "udp_users28_packet0.json")
    assert (announced.command, announced.session, announced.reply_id) == (1500, 0xB6E2, 2)
    assert struct.unpack("<II", announced.data) == (4 + 353 * 28, 1024)
    assert (data.command, data.session, data.reply_id) == (1501, 0, 2)
    assert data.data[:4] == struct.pack("<I", 353 * 28)
    whole = data.data[4 : 4 + 18 * 28]
    users = list(decode_users(whole, encoding="cp1252", width=28))
    assert [type(user) for user in users] == [User] * 18
    assert (users[0].uid, users[0].user_id, users[0].disabled) == (0x43AE, "17326", False)


def test_the_recorded_attendance_packet_says_which_one_it_is(shared_data) -> None:
    (packet,) = recorded(shared_data, "udp_att16_packet123.json")
    assert (packet.command, packet.session, packet.reply_id) == (1501, 123, 2)
    inside_a_record = (123 * 1024 - 4) % 16
    records = packet.data[16 - inside_a_record :]
    rows = list(decode_attendance(records[: len(records) // 16 * 16], Layout.ATT16, serial="x"))
    times = [row.device_time for row in rows]
    assert len(rows) > 20
    assert times == sorted(times)
    assert {time.year for time in times} == {2018}


def test_a_recorded_datagram_with_its_broken_checksum_is_dropped(shared_data) -> None:
    capture = json.loads((shared_data / "zk_pull" / "udp_att16_packet123.json").read_text())
    with pytest.raises(ProtocolError, match="checksum"):
        decode_datagram(bytes.fromhex(capture["frames"][0]["hex"]))


packets = st.builds(
    Packet,
    command=st.integers(0, 0xFFFF),
    session=st.integers(0, 0xFFFF),
    reply_id=st.integers(0, 0xFFFF),
    data=st.binary(max_size=64),
)


@given(packets)
def test_what_goes_out_comes_in(packet: Packet) -> None:
    assert decode_datagram(encode_packet(packet)) == packet


@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=20).map(lambda tail: bytes.fromhex("aa01") + tail),
        st.binary(max_size=20).map(lambda tail: bytes.fromhex("5050837c") + tail),
    )
)
def test_random_datagrams_raise_protocol_errors_only(datagram: bytes) -> None:
    try:
        packet = decode_datagram(datagram)
    except ProtocolError:
        return
    assert encode_packet(packet)[:2] == datagram[:2]


@given(packets, st.data())
def test_a_datagram_with_one_flipped_bit_is_no_packet(packet: Packet, data) -> None:
    datagram = bytearray(encode_packet(packet))
    bit = data.draw(st.integers(0, len(datagram) * 8 - 1))
    datagram[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError):
        decode_datagram(bytes(datagram))


@pytest.mark.parametrize(
    ("datagram", "error"),
    [
        (bytes.fromhex("aa01c800000055"), PanelError),
        (bytes.fromhex("5050837c08000000"), SecureChannelError),
        (encode_tcp(Packet(command=2000, session=1, reply_id=1)), ProtocolError),
        (b"", TruncatedError),
        (bytes.fromhex("d007"), TruncatedError),
    ],
)
def test_other_protocols_and_stumps_are_named(datagram: bytes, error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        decode_datagram(datagram)
