"""Comm keys and packed times: the vectors of protocol.md 3 and 4."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.zk.auth import auth_token
from protocols.zk.clock import pack_time, unpack_time


@pytest.mark.parametrize(
    ("key", "session", "token"),
    [
        (12, 0x45CF, "614d323c"),
        (45, 0x45CF, "61c9323c"),
        (0, 0x45CF, "617d323c"),
        (1, 0x0001, "61fd3279"),
        (1234, 0x1F2E, "41363266"),
        (1234, 0x1F99, "41363266"),
        (1234, 0x2E2E, "41363257"),
        (123456, 0x1234, "267f32eb"),
        (999999, 0xFFFF, "22813296"),
    ],
)
def test_auth_tokens(key, session, token):
    assert auth_token(key, session).hex() == token


@pytest.mark.parametrize("key", [-1, 1_000_000])
def test_keys_that_no_terminal_accepts(key):
    with pytest.raises(ValueError, match="comm key"):
        auth_token(key, 1)


@pytest.mark.parametrize(
    ("time", "wire"),
    [
        (datetime(2000, 1, 1), "00000000"),
        (datetime(2018, 4, 11, 9, 35, 20), "580d0423"),
        (datetime(2018, 6, 25, 17, 50, 35), "6bb36823"),
        (datetime(2024, 2, 29, 23, 59, 59), "ff69492e"),
        (datetime(2024, 12, 31, 23, 59, 59), "ffbde42f"),
        (datetime(2025, 1, 1), "00bee42f"),
        (datetime(2026, 11, 21, 8, 30), "88b28233"),
    ],
)
def test_packed_times(time, wire):
    packed = int.from_bytes(bytes.fromhex(wire), "little")
    assert unpack_time(packed) == time
    assert pack_time(time) == packed


@given(st.integers(0, 0xFFFF_FFFF))
def test_every_word_is_a_time_or_no_date(packed):
    time = unpack_time(packed)
    assert time is None or time.year > 2099 or pack_time(time) == packed


def test_the_thirty_first_of_february_is_no_date():
    assert unpack_time(pack_time(datetime(2024, 2, 29)) + 2 * 86_400) is None
