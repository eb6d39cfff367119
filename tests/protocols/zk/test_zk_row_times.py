"""The times of many rows at once are those of the rows one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.zk.layouts import Layout, unpack_rows
from protocols.zk.row_times import packed_times


@pytest.mark.parametrize("layout", list(Layout))
@given(records=st.binary(max_size=500))
def test_as_one_by_one(layout, records):
    assert packed_times(records, layout) == tuple(row[2] for row in unpack_rows(records, layout))
