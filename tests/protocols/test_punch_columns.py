"""Punches in columns: the same punches, the same ids, and nothing that a bad page could break."""

import tracemalloc
from array import array
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import zstandard
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols import punch_columns
from protocols.column_packing import deflated, inflated
from protocols.errors import LimitExceededError, ProtocolError
from protocols.identity import event_id
from protocols.punch_columns import (
    MAX_INFLATED_BYTES,
    MAX_RAW_BYTES,
    MAX_ROWS,
    MAX_TEXT_BYTES,
    PunchColumns,
    columns_of,
)
from protocols.records import Channel, Direction, Flag, Punch

HEAD_BYTES = 5
START = datetime(2026, 11, 22, 7, 30)


def punch(**fields: object) -> Punch:
    plain = {"serial": "S1", "user_id": "1001", "device_time": START, "state": 0, "verify": 1}
    return Punch(**(plain | fields))


def a_log(rows: int) -> list[Punch]:
    return [
        punch(
            user_id=str(1001 + row % 300),
            device_time=START + timedelta(seconds=7 * row),
            state=row % 2,
            direction=[Direction.IN, Direction.OUT][row % 2],
            work_code=0,
            raw=row.to_bytes(40, "little"),
        )
        for row in range(rows)
    ]


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=16)
NUMBER = st.integers(0, 255)


@st.composite
def logs(draw: st.DrawFn) -> list[Punch]:
    """Of one device: any user, time, flag, ordinal, card; one meaning to each number."""
    directions = draw(st.dictionaries(NUMBER, st.sampled_from(Direction), min_size=1, max_size=5))
    methods = draw(st.dictionaries(NUMBER, TEXT, min_size=1, max_size=5))
    work_code = draw(st.sampled_from([st.none(), st.integers(0, 0xFFFF_FFFF)]))
    serial, channel = draw(TEXT), draw(st.sampled_from(Channel))

    @st.composite
    def row(draw: st.DrawFn) -> Punch:
        state = draw(st.sampled_from(sorted(directions)))
        verify = draw(st.sampled_from(sorted(methods)))
        time = draw(st.datetimes())
        return Punch(
            serial=serial,
            user_id=draw(TEXT),
            device_time=time.replace(microsecond=time.microsecond // 1000 * 1000),
            state=state,
            verify=verify,
            direction=directions[state],
            method=methods[verify],
            work_code=draw(work_code),
            card=draw(st.none() | TEXT),
            channel=channel,
            ordinal=draw(st.sampled_from([0, 0, 1, 7])),
            flags=tuple(draw(st.lists(st.sampled_from(Flag), max_size=2))),
            raw=draw(st.binary(max_size=12)),
        )

    return draw(st.lists(row(), min_size=1, max_size=12))


@given(logs())
def test_columns_hold_the_punches_and_their_identity(log: list[Punch]) -> None:
    columns = columns_of(log)
    assume(columns is not None)
    assert len(columns) == len(log)
    assert columns.punches() == log
    assert columns.event_ids() == [event_id(one) for one in log]
    again = PunchColumns.unpack(columns.pack())
    assert again == columns
    assert again.punches() == log
    times = [one.device_time for one in log]
    assert columns.in_strict_order() == (times == sorted(set(times)))


@pytest.mark.parametrize("rows", [1, 2, 300, MAX_ROWS])
def test_a_plain_log_fits(rows: int) -> None:
    columns = columns_of(log := a_log(rows))
    assert columns is not None
    assert PunchColumns.unpack(columns.pack()).punches() == log
    assert columns.in_strict_order()
    assert columns.raw_ends is None, "rows of equal length need no ends"


def test_a_page_takes_a_tenth_of_the_room_of_its_rows() -> None:
    log = a_log(MAX_ROWS)
    columns = columns_of(log)
    assert columns is not None
    assert len(columns.pack()) < len(msgspec.json.encode(log)) / 10


def test_no_rows_are_no_columns_but_empty_columns_are_sound() -> None:
    assert columns_of([]) is None
    empty = PunchColumns(
        serial="S1",
        channel=Channel.PULL,
        times=array("q"),
        user_ids=b"",
        state=b"",
        verify=b"",
        directions={},
        methods={},
        work_code=None,
        raw=b"",
    )
    again = PunchColumns.unpack(empty.pack())
    assert (len(again), again.punches(), again.event_ids()) == (0, [], [])
    assert again.in_strict_order()


@pytest.mark.parametrize(
    "second",
    [
        {"serial": "S2"},
        {"channel": Channel.PUSH},
        {"device_time": START + timedelta(microseconds=1)},
        {"device_time": START.replace(tzinfo=UTC)},
        {"state": 256},
        {"state": -1},
        {"verify": 256},
        {"direction": Direction.OUT},
        {"method": "palm"},
        {"work_code": 7},
        {"work_code": 1 << 32},
        {"ordinal": -1},
        {"ordinal": 1 << 31},
        {"user_id": "1\x00"},
        {"user_id": "\ud800"},
        {"user_id": "9" * (MAX_TEXT_BYTES + 1)},
        {"card": "9" * (MAX_TEXT_BYTES + 1)},
        {"card": "\ud800"},
        {"flags": (Flag.REPEAT,) * (len(Flag) + 1)},
        {"raw": bytes(MAX_RAW_BYTES + 1)},
    ],
    ids="-".join,
)
def test_what_no_column_holds_travels_as_rows(second: dict[str, object]) -> None:
    assert columns_of([punch(), punch()]) is not None
    assert columns_of([punch(), punch(**second)]) is None


def test_too_many_rows_travel_as_rows() -> None:
    assert columns_of(a_log(MAX_ROWS + 1)) is None


def test_the_largest_page_is_within_the_cap() -> None:
    """Otherwise `pack` would write what `unpack` refuses."""
    widest = "\u20ac" * (MAX_TEXT_BYTES // 3)
    log = [
        punch(
            serial=widest,
            user_id=widest[:-4] + f"{row:x}",
            card=widest,
            work_code=0xFFFF_FFFF,
            ordinal=0x7FFF_FFFF,
            flags=(Flag.GATEWAY_CLOCK_SUSPECT,) * len(Flag),
            raw=bytes(MAX_RAW_BYTES // MAX_ROWS - row % 2),
        )
        for row in range(MAX_ROWS)
    ]
    columns = columns_of(log)
    assert columns is not None
    assert PunchColumns.unpack(columns.pack()) == columns


# what comes from elsewhere


@given(st.binary(max_size=200))
def test_random_bytes_are_no_columns(content: bytes) -> None:
    for packed in (content, deflated(content)):
        with pytest.raises(ProtocolError):
            PunchColumns.unpack(packed)


ODD = punch(
    state=5, user_id="\u5f20", card="7", flags=(Flag.FUTURE,), ordinal=1, work_code=0, raw=b"x"
)
SAMPLE = [*a_log(20), ODD]
SAMPLE_COLUMNS = columns_of(SAMPLE)
assert SAMPLE_COLUMNS is not None
SAMPLE_PACKED = SAMPLE_COLUMNS.pack()
SAMPLE_CONTENT = inflated(SAMPLE_PACKED, limit=MAX_INFLATED_BYTES)


@given(st.integers(0, len(SAMPLE_PACKED) - 1), st.integers(1, 255))
def test_a_damaged_page_is_refused(place: int, change: int) -> None:
    damaged = bytearray(SAMPLE_PACKED)
    damaged[place] ^= change
    try:
        columns = PunchColumns.unpack(bytes(damaged))
    except ProtocolError:
        return
    assert columns == SAMPLE_COLUMNS, "a bit of the frame's head that means nothing"


@given(st.integers(0, len(SAMPLE_PACKED) - 1))
def test_a_cut_page_is_refused(length: int) -> None:
    with pytest.raises(ProtocolError):
        PunchColumns.unpack(SAMPLE_PACKED[:length])
    with pytest.raises(ProtocolError):
        PunchColumns.unpack(SAMPLE_PACKED + SAMPLE_PACKED[:length] + b"x")


@given(st.lists(st.tuples(st.integers(0, len(SAMPLE_CONTENT) - 1), NUMBER), min_size=1, max_size=4))
def test_changed_content_is_refused_or_sound(changes: list[tuple[int, int]]) -> None:
    """Whatever passes can be unfolded, identified and packed again."""
    content = bytearray(SAMPLE_CONTENT)
    for place, value in changes:
        content[place] = value
    try:
        columns = PunchColumns.unpack(deflated(bytes(content)))
    except ProtocolError:
        return
    assert [event_id(one) for one in columns.punches()] == columns.event_ids()
    assert PunchColumns.unpack(columns.pack()) == columns


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": bytes(20)},
        {"verify": bytes(22)},
        {"times": array("q", range(20))},
        {"times": array("q", [1 << 62] * 21)},
        {"times": array("q", [-(1 << 62)] * 21)},
        {"user_ids": bytes(25)},
        {"user_ids": b"\xff" * 21},
        {"directions": {}},
        {"methods": {}},
        {"work_code": array("I", [1])},
        {"raw": b"1" * 40},
        {"raw_ends": array("I", [1])},
        {"raw_ends": array("I", range(21, 0, -1)), "raw": b"1"},
        {"ordinals": {21: 1}},
        {"ordinals": {-1: 1}},
        {"ordinals": {0: -1}},
        {"ordinals": {0: 1 << 40}},
        {"flags": {21: (Flag.REPEAT,)}},
        {"flags": {0: (Flag.REPEAT,) * 7}},
        {"cards": {21: "1"}},
    ],
    ids="-".join,
)
def test_columns_that_do_not_agree_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        PunchColumns.unpack(replace(SAMPLE_COLUMNS, **wrong).pack())


def test_more_rows_than_a_page_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(punch_columns, "MAX_ROWS", 20)
    with pytest.raises(ProtocolError, match="21 rows"):
        PunchColumns.unpack(SAMPLE_PACKED)


def test_a_page_that_inflates_without_end_takes_no_memory() -> None:
    bomb = deflated(bytes(1 << 26))
    unsized = bomb[:HEAD_BYTES] + zstandard.ZstdCompressor(write_content_size=False).compress(
        bytes(1 << 20)
    )
    fields = msgspec.msgpack.decode(SAMPLE_CONTENT)
    fields[11] = dict.fromkeys(range(1_000_000), 1)  # ordinals
    crowded = deflated(msgspec.msgpack.encode(fields))
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceededError):
            PunchColumns.unpack(bomb)
        with pytest.raises(ProtocolError, match="how long"):
            PunchColumns.unpack(unsized)
        with pytest.raises(ProtocolError):
            PunchColumns.unpack(crowded)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * MAX_INFLATED_BYTES
