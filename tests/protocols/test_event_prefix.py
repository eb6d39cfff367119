"""Event ids as people type them."""

import pytest

from protocols.event_prefix import read_prefix


@pytest.mark.parametrize("typed", ["3A250A25F2", " 3a250a25-f2 ", "3a25 0a25 f2"])
def test_blanks_hyphens_and_case_do_not_count(typed):
    prefix = read_prefix(typed)
    assert prefix.digits == "3a250a25f2"
    assert prefix.names(bytes.fromhex("3a250a25f2" + "00" * 11))
    assert not prefix.names(bytes.fromhex("3a250a25f3" + "00" * 11))
    assert not prefix.is_whole


def test_an_odd_number_of_digits_bounds_half_a_byte():
    prefix = read_prefix("3a250a25f")
    assert prefix.first.hex() == "3a250a25f".ljust(32, "0")
    assert prefix.last.hex() == "3a250a25f".ljust(32, "f")
    assert read_prefix("ab" * 16).is_whole


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "these are 0"), ("1234567", "are 7"), ("a" * 33, "33"), ("0x12345678", "'x'")],
)
def test_what_is_no_id_says_why(typed, said):
    with pytest.raises(ValueError, match=said):
        read_prefix(typed)
