"""GET_FREE_SIZES replies seen in the field (free_sizes_replies.json)."""

import pytest

from protocols.zk.sizes import Sizes, decode_sizes, encode_sizes

F18 = bytes.fromhex(
    "00000000000000000000000000000000030000000000000003000000000000003a000000000000005a00000000000000"
    "0200000002000000b80b000088130000a0860100b50b0000851300006686010000000000000000"
    "0000000000"
)
K20 = bytes.fromhex(
    "000000000000000000000000000000000200000000000000000000000000000000000000000000000700000000000000"
    "0000000000000000f4010000f401000050c30000f4010000f201000050c30000"
)


def test_92_bytes_with_faces():
    sizes = decode_sizes(F18)
    assert len(F18) == 92
    assert (sizes.users, sizes.user_capacity) == (3, 5000)
    assert (sizes.attendance, sizes.attendance_capacity) == (58, 100_000)
    assert (sizes.attendance_free, sizes.admins, sizes.passwords) == (99_942, 2, 2)
    assert (sizes.faces, sizes.face_capacity) == (0, 0)
    assert sizes.counts_reliable


def test_80_bytes_without_faces():
    sizes = decode_sizes(K20)
    assert (sizes.users, sizes.attendance, sizes.attendance_capacity) == (2, 0, 50_000)
    assert sizes.faces is None
    assert not sizes.counts_reliable  # a zero proves nothing


@pytest.mark.parametrize("reply", [b"", bytes(4), bytes(79)])
def test_a_terminal_that_does_not_say(reply):
    assert decode_sizes(reply) == Sizes()


def test_an_h5l_in_access_control_mode_is_not_believed():
    sizes = Sizes(attendance=0, attendance_capacity=200_000, attendance_free=200_000)
    assert not sizes.counts_reliable


def test_counts_that_disagree_are_not_believed():
    sizes = Sizes(attendance=58, attendance_capacity=100_000, attendance_free=99_000)
    assert not sizes.counts_reliable


@pytest.mark.parametrize("reply_bytes", [80, 92, 112])
def test_round_trip(reply_bytes):
    sizes = decode_sizes(F18)
    again = decode_sizes(encode_sizes(sizes, reply_bytes=reply_bytes))
    assert again.attendance == sizes.attendance
    assert (again.faces is None) == (reply_bytes == 80)
