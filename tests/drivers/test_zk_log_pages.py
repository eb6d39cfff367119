"""Pages of a log by columns and by rows, against one pass over all rows."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.zk_pull import log_pages
from drivers.zk_pull.log_pages import LogPages, Page
from drivers.zk_pull.packed_log import PackedLog
from firmware_profiles import load_all
from protocols.ordinals import LogOrder
from protocols.records import Flag, Punch, Quarantined
from protocols.zk.attendance import AttendanceRow, decode_attendance, encode_attendance
from protocols.zk.layouts import Layout
from protocols.zk.lone_pieces import LonePieces
from tests.drivers.zk_site import SITE_NOW

START = datetime(2026, 2, 27)
USERS = {1: "1", 2: "2"}
LAYOUTS = st.sampled_from([Layout.ATT40, Layout.ATT8B])


def row(time: datetime, user: int = 1, state: int = 0) -> AttendanceRow:
    return AttendanceRow(uid=user, user_id=str(user), time=time, state=state)


@st.composite
def logs(draw: st.DrawFn) -> list[AttendanceRow]:
    """Mostly in order; here and there a twin, a clock that goes back, a strange year or state."""
    steps = st.sampled_from([1] * 20 + [7] * 20 + [0, -3, -40, 86_400])
    strange = st.sampled_from([None] * 40 + [datetime(2003, 1, 1), datetime(2031, 1, 1)])
    time, rows = START, []
    for step in draw(st.lists(steps, max_size=60)):
        time += timedelta(seconds=step)
        user, state = draw(st.integers(1, 2)), draw(st.sampled_from([0] * 20 + [9]))
        rows.append(row(draw(strange) or time, user, state))
    return rows


PROFILE = next(profile for profile in load_all() if profile.key == "zkteco/f18")


def log_pages_of(table: bytes, layout: Layout, known: int) -> AsyncIterator[Page]:
    log = PackedLog()
    log.write(table)
    return LogPages(
        log, layout, serial="S1", profile=PROFILE, users=USERS, now=SITE_NOW, known=known
    ).pages()


async def pages_of(table: bytes, layout: Layout, known: int = 0) -> list[Page]:
    with mock.patch.multiple(log_pages, PIECE_ROWS=6, PAGE_ROWS=4, PACK_FROM_ROWS=2):
        return [page async for page in log_pages_of(table, layout, known)]


def in_one_pass(table: bytes, layout: Layout) -> list[Punch | Quarantined]:
    order = LogOrder()
    rows = decode_attendance(table, layout, serial="S1", users=USERS, now=SITE_NOW)
    return [order.place(one) if isinstance(one, Punch) else one for one in rows]


def rows_of(page: Page) -> list[Punch | Quarantined]:
    if page.packed is not None:
        return [*page.packed.punches()]
    return sorted([*page.records, *page.quarantined], key=lambda one: isinstance(one, Quarantined))


@given(logs(), LAYOUTS, st.integers(0, 60))
async def test_pages_hold_the_rows_of_one_pass(
    log: list[AttendanceRow], layout: Layout, known: int
) -> None:
    known = min(known, len(log))
    table = encode_attendance(log, layout)
    rows = in_one_pass(table, layout)
    start = known
    for page in await pages_of(table, layout, known):
        wanted = rows[start : page.end]
        assert rows_of(page) == sorted(wanted, key=lambda one: isinstance(one, Quarantined))
        start = page.end
    assert start == len(log)


@given(logs(), LAYOUTS)
async def test_no_second_of_a_packed_page_is_anywhere_else(
    log: list[AttendanceRow], layout: Layout
) -> None:
    seconds = Counter(one.time for one in log)
    for page in await pages_of(encode_attendance(log, layout), layout):
        if page.packed is not None:
            assert page.packed.in_strict_order()
            assert {seconds[punch.device_time] for punch in page.packed.punches()} == {1}


@pytest.mark.parametrize("layout", list(Layout))
async def test_a_plain_log_is_packed_but_for_a_short_rest(layout: Layout) -> None:
    table = encode_attendance((row(START + timedelta(hours=hour)) for hour in range(19)), layout)
    pages = await pages_of(table, layout)
    assert [len(page.packed or ()) for page in pages] == [6, 6, 6, 0]
    assert len(pages[3].records) == 1
    assert [len(page.packed or ()) for page in await pages_of(table, layout, known=7)] == [6, 6]


async def test_strange_rows_cost_only_their_own_piece() -> None:
    """Worn flash, a clock without battery, a twin and an hour set back."""
    log = [row(START + timedelta(hours=hour)) for hour in range(60)]
    log[8] = row(datetime(2000, 1, 1))
    log[20] = log[19]
    log[31] = row(log[30].time - timedelta(minutes=30))
    table = bytearray(encode_attendance(log, Layout.ATT40))
    table[40 * 40 : 41 * 40] = b"\xff" * 40
    pages = await pages_of(bytes(table), Layout.ATT40)
    packed = [page.end - 6 for page in pages if page.packed is not None]
    assert packed == [0, 12, 24, 42, 48, 54]


async def test_a_run_ends_where_a_packed_page_stands_between() -> None:
    """The same rows again, later in the log: repeats, not twins, and no less so for the packed
    page between them.
    """
    twin = row(START)
    between = [row(START + timedelta(hours=hour)) for hour in range(1, 7)]
    first = [row(START - timedelta(hours=hour)) for hour in range(5, 0, -1)]
    log = [*first, twin, *between, twin]
    table = encode_attendance(log, Layout.ATT40)
    *_, middle, last = await pages_of(table, Layout.ATT40)
    assert middle.packed is not None
    assert [(one.ordinal, one.flags) for one in last.records] == [(1, (Flag.REPEAT,))]


@given(st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=8), max_size=12))
def test_lone_pieces(pieces: list[list[int]]) -> None:
    """Never one that shares a second, and each that stands apart from all others."""
    lone = LonePieces(Layout.ATT40)
    for piece in pieces:
        rows = (row(START + timedelta(seconds=second)) for second in piece)
        lone.add(encode_attendance(rows, Layout.ATT40))
    for number, piece in enumerate(pieces):
        others = [one for other, rows in enumerate(pieces) if other != number for one in rows]
        in_order = piece == sorted(set(piece))
        if number in lone.lone():
            assert in_order
            assert not {*piece} & {*others}
        else:
            apart = all(other < piece[0] or other > piece[-1] for other in others)
            between = any(min(rows) < piece[0] and max(rows) > piece[-1] for rows in pieces)
            assert not (in_order and apart) or between


async def test_a_log_that_goes_back_and_forth_is_placed_all_the_same() -> None:
    """More runs than are told apart."""
    log = [row(START + timedelta(seconds=second * 37 % 101)) for second in range(400)]
    table = encode_attendance(log, Layout.ATT40)
    pages = [page async for page in log_pages_of(table, Layout.ATT40, 0)]
    assert [one for page in pages for one in rows_of(page)] == in_one_pass(table, Layout.ATT40)
