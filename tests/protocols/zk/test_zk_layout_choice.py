"""Which of the six layouts a table has: right for every realistic log, and no trust in the rest."""

import random
from datetime import datetime, timedelta
from math import lcm

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.zk.attendance import (
    AttendanceRow,
    Layout,
    choose_layout,
    decode_attendance,
    encode_attendance,
)

ATT40 = bytes.fromhex(
    "07003130303700000000000000000000000000000000000000000f88b282330000000000ff000000"
)
# The same row as zkteco4730-java would read it of 36 bytes: no real bytes are known.
ATT36 = ATT40[:36]
NOW_YEAR = 2026


def site_log(seed: int, layout: Layout, rows: int) -> bytes:
    """A site's log: its people, how they prove who they are, and when they come."""
    chance = random.Random(seed)
    digits, letters = chance.randint(1, 9), chance.random() < 0.5
    modes = chance.choice([[1], [0], [1, 2], [0, 1, 2, 3], [15], [1, 4, 15, 25]])
    states = chance.choice([[0], [0, 1], [255], [0, 1, 2, 3, 4, 5]])
    if layout is Layout.ATT8A:  # two bits for the mode, three for the state
        modes, states = [mode for mode in modes if mode < 4] or [1], [s for s in states if s < 8]
    work_code = chance.choice([0, 0, 7, 9_999])
    people = [
        chance.choice("AZ07") + "".join(chance.choices("ABCXYZ-0123456789", k=digits))
        if letters and layout is not Layout.ATT16
        else str(chance.randrange(1, 10**digits))
        for _ in range(chance.randint(1, 200))
    ]
    log, time = [], datetime(chance.randint(2011, 2024), 1, 1, 7, 58)
    for _ in range(rows):
        time += timedelta(seconds=chance.randint(0, 4_000))
        index = chance.randrange(len(people))
        log.append(
            AttendanceRow(
                uid=index + 1,
                user_id=people[index],
                time=time,
                state=chance.choice(states or [0]),
                verify=chance.choice(modes),
                work_code=work_code,
            )
        )
    return encode_attendance(log, layout)


seeds = st.integers(0, 2**32)


@pytest.mark.parametrize("layout", list(Layout))
@settings(max_examples=40, deadline=None)
@given(seed=seeds, rows=st.integers(1, 500))
def test_the_layout_of_a_realistic_log_is_found(layout: Layout, seed: int, rows: int) -> None:
    choice = choose_layout(site_log(seed, layout, rows), now_year=NOW_YEAR)
    assert (choice.layout, choice.trusted) == (layout, True)


@pytest.mark.parametrize("layout", list(Layout))
@settings(max_examples=30, deadline=None)
@given(seed=seeds, rows=st.integers(2, 120), wrong=st.sampled_from(list(Layout)))
def test_a_wrong_hint_and_a_wrong_count_lead_nobody_astray(
    layout: Layout, seed: int, rows: int, wrong: Layout
) -> None:
    table = site_log(seed, layout, rows)
    count = len(table) // wrong.width
    choice = choose_layout(table, hint=wrong, count=count, now_year=NOW_YEAR)
    assert (choice.layout, choice.trusted) == (layout, True)


@pytest.mark.parametrize(
    ("layout", "rows"),
    [
        (Layout.ATT49, 2_560),  # every 40th record begins where an ATT40 one would
        (Layout.ATT49, 5_120),
        (Layout.ATT36, 640),
        (Layout.ATT36, 6_400),
        (Layout.ATT40, 5_760),
        (Layout.ATT16, 100_000),
    ],
)
def test_a_long_log_is_not_sampled_just_where_a_wrong_width_fits(layout: Layout, rows: int) -> None:
    log = [
        AttendanceRow(
            uid=n % 50 + 1,
            user_id=str(n % 50 + 1),
            time=datetime(2025, 1, 1) + timedelta(minutes=3 * n),
            state=n % 2,
        )
        for n in range(rows)
    ]
    choice = choose_layout(encode_attendance(log, layout), now_year=NOW_YEAR)
    assert (choice.layout, choice.trusted) == (layout, True)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, rows=st.integers(9, 200), layout=st.sampled_from(list(Layout)))
def test_random_bytes_are_not_trusted(seed: int, rows: int, layout: Layout) -> None:
    garbage = random.Random(seed).randbytes(rows * layout.width)
    assert not choose_layout(garbage, hint=layout, count=rows, now_year=NOW_YEAR).trusted


TEXT = [Layout.ATT40, Layout.ATT49, Layout.ATT36]


@pytest.mark.parametrize("first", TEXT)
@pytest.mark.parametrize("second", [*TEXT, Layout.ATT16])
@settings(max_examples=25, deadline=None)
@given(seed=seeds, times=st.integers(1, 3))
def test_a_log_of_two_layouts_is_not_trusted(
    first: Layout, second: Layout, seed: int, times: int
) -> None:
    """As one that new firmware goes on with: half of it would be published as other people's. The
    layouts of numbers alone are not so sure: half 16 and half 8 bytes pass once in twenty.
    """
    if first.width == second.width:
        return
    size = lcm(first.width, second.width) * times
    while size < 2_000:  # a handful of rows may be anything
        size *= 2
    table = b"".join(site_log(seed, layout, size // layout.width) for layout in (first, second))
    assert not choose_layout(table, hint=first, now_year=NOW_YEAR).trusted


def test_thirty_six_bytes() -> None:
    choice = choose_layout(ATT36 * 3, now_year=NOW_YEAR)
    assert (choice.layout, choice.trusted) == (Layout.ATT36, True)
    (punch,) = decode_attendance(ATT36, Layout.ATT36, serial="S1")
    assert (punch.user_id, punch.verify, punch.state) == ("1007", 15, 0)
    assert punch.device_time == datetime(2026, 11, 21, 8, 30)
    assert punch.work_code is None  # nobody knows what the last four bytes say
    assert punch.raw == ATT36


def test_a_layout_that_nobody_has_seen_must_fit_better_than_the_others() -> None:
    """Unknown verify modes and states: of real layouts believed by half, of this one not."""
    row = AttendanceRow(uid=7, user_id="1007", time=datetime(2026, 11, 21, 8, 30), verify=101)
    assert choose_layout(encode_attendance([row] * 5, Layout.ATT40), now_year=NOW_YEAR).trusted
    strange = choose_layout(encode_attendance([row] * 5, Layout.ATT36), now_year=NOW_YEAR)
    assert (strange.layout, strange.trusted) == (Layout.ATT36, False)


def test_a_pin_is_never_exchanged_for_what_fits_better() -> None:
    choice = choose_layout(ATT40 * 9, pinned=Layout.ATT49, now_year=NOW_YEAR)
    assert (choice.layout, choice.trusted, choice.pinned) == (Layout.ATT40, False, Layout.ATT49)
    assert choose_layout(ATT40 * 9, pinned=Layout.ATT40, now_year=NOW_YEAR).trusted
    empty = choose_layout(b"", pinned=Layout.ATT16, hint=Layout.ATT40, now_year=NOW_YEAR)
    assert (empty.layout, empty.trusted) == (Layout.ATT16, True)
