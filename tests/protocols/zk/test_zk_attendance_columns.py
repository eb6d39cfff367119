"""By columns or by rows: the same punches, and the way of the rows only where there is a reason."""

from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.identity import event_id
from protocols.ordinals import LogOrder
from protocols.punch_columns import MAX_ROWS, PunchColumns
from protocols.records import Punch, Quarantined
from protocols.zk.attendance import (
    LAST_PLAIN_TIME,
    AttendanceRow,
    decode_attendance,
    encode_attendance,
)
from protocols.zk.attendance_columns import ColumnDecoder
from protocols.zk.clock import pack_time, unpack_time
from protocols.zk.layouts import Layout
from protocols.zk.packed_times import PackedTimes

NOW = datetime(2026, 11, 22, 9)
USERS = dict(enumerate(["1", "0070", "A7", "8" * 24, "9", "10", "x!", "12"], start=1))
LAYOUTS = st.sampled_from(list(Layout))


def by_columns(table: bytes, layout: Layout, now: datetime | None = NOW) -> PunchColumns | None:
    return ColumnDecoder(layout, serial="S1", users=USERS, now=now).decode(table)


def by_rows(table: bytes, layout: Layout, now: datetime | None = NOW) -> list[Punch | Quarantined]:
    order = LogOrder()
    rows = decode_attendance(table, layout, serial="S1", users=USERS, now=now)
    return [order.place(row) if isinstance(row, Punch) else row for row in rows]


def remarkable(rows: list[Punch | Quarantined]) -> bool:
    times = [row.device_time for row in rows if isinstance(row, Punch)]
    return (
        not 0 < len(times) == len(rows)
        or any(row.flags for row in rows if isinstance(row, Punch))
        or times != sorted(set(times))
        or pack_time(times[-1]) > LAST_PLAIN_TIME
    )


def check(table: bytes, layout: Layout, now: datetime | None = NOW) -> None:
    rows, columns = by_rows(table, layout, now), by_columns(table, layout, now)
    if remarkable(rows):
        assert columns is None
    else:
        assert columns is not None
        assert columns.punches() == rows
        assert columns.in_strict_order()
        assert columns.event_ids() == [event_id(row) for row in rows if isinstance(row, Punch)]
        assert PunchColumns.unpack(columns.pack()) == columns


@st.composite
def plain_tables(draw: st.DrawFn) -> tuple[bytes, Layout]:
    """Steps from a second to years, so that days, months and years end between rows."""
    layout = draw(LAYOUTS)
    text_ids = st.sampled_from(sorted(USERS.values()))
    steps = st.one_of(st.integers(1, 100), st.integers(1, 40 * 86_400), st.just(86_400))
    time = draw(st.datetimes(datetime(2010, 1, 1), datetime(2026, 11, 21)))
    rows = []
    for step in draw(st.lists(steps, min_size=1, max_size=30)):
        time = time.replace(microsecond=0) + timedelta(seconds=step)
        if time > NOW:
            break
        user_id = draw(st.integers(1, 1 << 31).map(str) if layout is Layout.ATT16 else text_ids)
        work_code = draw(st.sampled_from([0, 0, 7, 0xFF00_005A, 0xFFFF_FFFE]))
        state, verify = (
            draw(st.integers(0, 5)),
            draw(st.integers(0, 3 if layout is Layout.ATT8A else 255)),
        )
        uid = draw(st.integers(1, 8))
        rows.append(
            AttendanceRow(
                uid=uid, user_id=user_id, time=time, state=state, verify=verify, work_code=work_code
            )
        )
    return encode_attendance(rows, layout), layout


@given(plain_tables())
def test_a_plain_table_gives_the_same_either_way(table_layout: tuple[bytes, Layout]) -> None:
    check(*table_layout)


ODD_BYTES = st.sampled_from([0x00, 0x01, 0x20, 0x31, 0x5A, 0x7F, 0x80, 0xFF])
ODDITIES = st.lists(st.tuples(st.integers(0, 1 << 16), ODD_BYTES, st.integers(1, 49)), max_size=4)


@given(plain_tables(), ODDITIES, st.integers(-9, 9), st.sampled_from([NOW, None]))
def test_any_oddity_goes_the_way_of_the_rows(
    table_layout: tuple[bytes, Layout],
    oddities: list[tuple[int, int, int]],
    cut: int,
    now: datetime | None,
) -> None:
    table, layout = table_layout
    changed = bytearray(table)
    for place, byte, length in oddities:
        start = place % (len(changed) or 1)
        changed[start : start + length] = bytes([byte]) * len(changed[start : start + length])
    check(bytes(changed[: len(changed) - max(cut, 0)]), layout, now)


@given(st.binary(max_size=200), LAYOUTS)
@example(b"", Layout.ATT40)
def test_random_bytes_give_the_same_either_way(table: bytes, layout: Layout) -> None:
    check(table, layout)


def of_ids(*fields: bytes) -> bytes:
    """A table of 40-byte records with these id fields."""
    rows = [
        AttendanceRow(uid=1, user_id="", time=NOW - timedelta(seconds=100 - row))
        for row in range(len(fields))
    ]
    table = bytearray(encode_attendance(rows, Layout.ATT40))
    for row, field in enumerate(fields):
        table[row * 40 + 2 : row * 40 + 26] = field.ljust(24, b"\0")
    return bytes(table)


@pytest.mark.parametrize(
    ("fields", "user_ids"),
    [
        ([b"7", b"1001", b"23"], ["7", "1001", "23"]),
        ([b"7\x001", b"1001"], ["7", "1001"]),
        ([b"7\x00\xff\xff\xff\xff\xff", b"1001"], ["7", "1001"]),
        ([b"7\x00\xff\xff\xff\xff\xff"], ["7"]),
        ([b" 7 ", b"1001 "], ["7", "1001"]),
        ([b"8" * 24, b"1"], ["8" * 24, "1"]),
        ([b"7", b""], None),
        ([b"7", b"\x001"], None),
        ([b"7", b" "], None),
        ([b"7", b"1\x7f"], None),
        ([b"7", b"a b"], None),
        ([b"7", b"\xff" * 24], None),
    ],
)
def test_id_fields(fields: list[bytes], user_ids: list[str] | None) -> None:
    table = of_ids(*fields)
    check(table, Layout.ATT40)
    columns = by_columns(table, Layout.ATT40)
    assert (None if columns is None else columns.user_texts()) == user_ids


@pytest.mark.parametrize(
    "times",
    [
        [datetime(2009, 12, 31, 23, 59, 59), datetime(2010, 1, 1)],
        [NOW, NOW + timedelta(days=1, seconds=1)],
        [NOW, NOW],
        [NOW, NOW - timedelta(seconds=1)],
    ],
    ids=["before 2010", "future", "one second", "backwards"],
)
def test_times_that_are_not_plain(times: list[datetime]) -> None:
    table = encode_attendance(
        (AttendanceRow(uid=1, user_id="1", time=time) for time in times), Layout.ATT40
    )
    assert by_columns(table, Layout.ATT40) is None
    assert (
        by_columns(table[:40], Layout.ATT40, datetime(2030, 1, 1)) is not None
        or times[0].year < 2010
    )


def test_the_first_and_the_last_plain_second() -> None:
    for time in (datetime(2010, 1, 1), NOW + timedelta(days=1)):
        row = AttendanceRow(uid=1, user_id="1", time=time)
        check(table := encode_attendance([row], Layout.ATT40), Layout.ATT40)
        assert by_columns(table, Layout.ATT40) is not None


def test_a_date_of_no_calendar_between_good_ones() -> None:
    """31 June has a number in the packed clock, between 30 June and 1 July."""
    row = AttendanceRow(uid=1, user_id="1", time=NOW)
    june, july = pack_time(datetime(2026, 6, 30)), pack_time(datetime(2026, 7, 1))
    assert july - june == 2 * 86_400
    table = bytearray(encode_attendance([row] * 3, Layout.ATT40))
    for number, packed in enumerate((june, june + 86_400, july)):
        table[number * 40 + 27 : number * 40 + 31] = packed.to_bytes(4, "little")
    assert by_columns(bytes(table), Layout.ATT40) is None
    assert by_columns(bytes(table[:40] + table[80:]), Layout.ATT40) is not None
    check(bytes(table), Layout.ATT40)


def test_every_day_of_the_calendar_is_the_same_day() -> None:
    rows = [
        AttendanceRow(
            uid=1, user_id="1", time=datetime(2010, 1, 1, 23, 59, 59) + timedelta(days=day)
        )
        for day in range(MAX_ROWS)
    ]
    check(encode_attendance(rows, Layout.ATT8B), Layout.ATT8B)


def test_a_page_is_no_longer_than_its_cap() -> None:
    rows = [
        AttendanceRow(uid=1, user_id="1", time=NOW - timedelta(days=1) + timedelta(seconds=row))
        for row in range(MAX_ROWS + 1)
    ]
    table = encode_attendance(rows, Layout.ATT8B)
    assert by_columns(table, Layout.ATT8B) is None
    assert by_columns(table[8:], Layout.ATT8B) is not None


@given(st.lists(st.integers(0, 0xFFFF_FFFF), min_size=1, max_size=20), st.booleans(), st.booleans())
def test_packed_times(numbers: list[int], in_order: bool, once: bool) -> None:  # noqa: FBT001 - given by hypothesis
    numbers = sorted(numbers) if in_order else numbers
    numbers = list(dict.fromkeys(numbers)) if once else numbers
    table = b"".join(bytes(4) + number.to_bytes(4, "little") + bytes(8) for number in numbers)
    times = PackedTimes(table, Layout.ATT16)
    assert (times.first, times.last) == (numbers[0], numbers[-1])
    assert times.in_strict_order() == (numbers == sorted(set(numbers)))
    assert list(times.numbers()) == numbers
    if times.in_strict_order():
        dates = [unpack_time(number) for number in numbers]
        known = [date for date in dates if date is not None]
        milliseconds = times.milliseconds()
        assert (milliseconds is None) == (len(known) < len(dates))
        if milliseconds is not None:
            epoch = datetime(1970, 1, 1)
            assert [epoch + timedelta(milliseconds=number) for number in milliseconds] == known
