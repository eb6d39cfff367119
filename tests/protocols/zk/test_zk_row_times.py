"""The times of many rows at once are those of the rows one by one."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.zk.attendance import latest_time
from protocols.zk.layouts import Layout, unpack_rows
from protocols.zk.row_times import packed_times


@pytest.mark.parametrize("layout", list(Layout))
@given(records=st.binary(max_size=500))
def test_as_one_by_one(layout, records):
    assert packed_times(records, layout) == tuple(row[2] for row in unpack_rows(records, layout))


@pytest.mark.parametrize(
    "now",
    [
        datetime(1, 1, 1),
        datetime(1970, 1, 1),
        datetime(1999, 6, 1),
        datetime(2100, 6, 1),
        datetime(9999, 12, 31),
    ],
)
def test_a_reader_without_a_right_clock_calls_nothing_the_future(now):
    assert latest_time(now) == 0xFFFF_FFFF
