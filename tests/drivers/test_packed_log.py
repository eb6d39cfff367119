"""A packed log reads as the bytes that went in, and takes a fraction of their memory."""

import sys
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from drivers.zk_pull.packed_log import PackedLog
from protocols.zk.attendance import Layout, encode_attendance
from tests.drivers.zk_site import rows


def packed(chunks: list[bytes]) -> PackedLog:
    log = PackedLog()
    for chunk in chunks:
        log.write(chunk)
    return log


CHUNKS = st.lists(st.binary(min_size=1, max_size=50), max_size=8)
ENDS = st.none() | st.integers(-500, 500)


@given(CHUNKS, st.lists(st.tuples(ENDS, ENDS), max_size=8))
def test_every_slice_is_that_of_the_bytes(chunks, slices) -> None:
    log, table = packed(chunks), b"".join(chunks)
    assert len(log) == len(table)
    for start, end in slices:
        assert log[start:end] == table[start:end]


@given(CHUNKS, st.integers(0, 500))
def test_a_digest_does_not_depend_on_how_the_bytes_came(chunks, end) -> None:
    table = b"".join(chunks)
    digest = blake2b(table[:end], digest_size=16).hexdigest()
    assert packed(chunks).digest(end) == packed([table]).digest(end) == digest


def test_a_digest_is_not_remembered_past_a_write() -> None:
    log = packed([b"one"])
    before = log.digest(100)
    log.write(b"two")
    assert log.digest(100) == packed([b"onetwo"]).digest(100) != before


def test_a_log_takes_less_than_a_third_of_its_bytes() -> None:
    table = encode_attendance(rows(20_000), Layout.ATT40)
    log = packed([table[start : start + 65_472] for start in range(0, len(table), 65_472)])
    # Measured by the interpreter's own account, not by len(): zstandard returns objects that are
    # larger than what is in them.
    assert sum(map(sys.getsizeof, log._blocks)) < len(table) / 3
