"""Which layout a table has (protocol.md 8.5): terminals do not say, so the bytes decide.

Every layout reads sampled records; the one that makes sense of most of them wins. A choice below
the threshold is not trusted: keep the raw bytes, clear nothing, raise an alarm.
"""

from typing import Protocol

from msgspec import Struct

from protocols.zk.clock import unpack_time
from protocols.zk.layouts import Layout, is_filled, unpack_rows, user_id_text
from protocols.zk.meanings import METHODS, STATES

_SAMPLES = 64  # enough to tell five layouts apart, cheap on a log of 100,000
_TRUST_FROM = 0.5  # a wrong layout makes sense of a few records in a hundred

_FIRST_SANE_YEAR = 2010
_STRANGE_NUMBER = 0.7  # an unknown verify or state: firmware invents numbers, but rarely
_EARLY_YEAR = 0.6  # the clock may have lost its battery
_EARLY_YEAR_BY_UID = 0.1  # without a text id small numbers read as times in 2000: no evidence
_MAX_WORK_CODE = 99_999_999  # eight digits; a packed time of this century's teens is larger


class LayoutChoice(Struct, frozen=True, kw_only=True):
    """`score` is the mean plausibility, 0 to 1, of the sampled records under `layout`."""

    layout: Layout
    score: float
    trusted: bool


class TableBytes(Protocol):
    """What is asked of a table here: `bytes`, or whatever keeps them elsewhere."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


def choose_layout(
    table: TableBytes,
    *,
    hint: Layout | None = None,
    count: int | None = None,
    now_year: int,
    shown_year: int | None = None,
) -> LayoutChoice:
    """The layout of `table` (without size word). `hint` (the profile) and then `count` (what the
    device says it holds) only break ties. A table that is no multiple of the width is not trusted.

    shown_year  of the device's own clock: when that is wrong, so are the rows, and they are its rows
    """
    if len(table) == 0:
        return LayoutChoice(layout=hint or Layout.ATT40, score=1.0, trusted=True)

    def rank(layout: Layout) -> tuple[bool, float, bool, bool]:
        divides = len(table) % layout.width == 0
        plausible = round(scores[layout], 3)
        by_count = bool(count) and count == len(table) / layout.width
        return plausible >= _TRUST_FROM and divides, plausible, layout == hint, by_count

    scores = {layout: layout_score(table, layout, now_year, shown_year) for layout in Layout}
    best = max(Layout, key=rank)
    return LayoutChoice(layout=best, score=scores[best], trusted=rank(best)[0])


def layout_score(
    table: TableBytes, layout: Layout, now_year: int, shown_year: int | None = None
) -> float:
    """The mean plausibility, 0 to 1, of sampled records of `table` read as `layout`."""
    width = layout.width
    records = len(table) // width
    if records == 0:
        return 0.0
    step = max(1, records // _SAMPLES)
    starts = range(0, records * width, step * width)
    sampled = [table[start : start + width] for start in starts]
    # Worn flash says nothing about the layout of the rows around it.
    judged = [
        plausibility(row, layout, now_year, shown_year) for row in sampled if not is_filled(row)
    ]
    return sum(judged) / len(judged) if judged else 0.0


def plausibility(
    record: bytes, layout: Layout, now_year: int, shown_year: int | None = None
) -> float:
    """0 = no terminal would write this record; 1 = nothing strange about it."""
    ((key, verify, packed, state, work_code),) = unpack_rows(record, layout)
    time = unpack_time(packed)
    last_year = max(now_year + 1, shown_year or 0)
    if time is None or time.year > last_year or not _id_makes_sense(key):
        return 0.0
    if not _reserved_makes_sense(record, layout, work_code):
        return 0.0
    weight = 1.0
    if time.year < _FIRST_SANE_YEAR:
        shown = shown_year is not None and shown_year < _FIRST_SANE_YEAR
        text = isinstance(key, bytes)
        weight *= _EARLY_YEAR if text or shown else _EARLY_YEAR_BY_UID
    if verify not in METHODS:
        weight *= _STRANGE_NUMBER
    if state not in STATES:
        weight *= _STRANGE_NUMBER
    return weight


def _id_makes_sense(key: bytes | int) -> bool:
    return key > 0 if isinstance(key, int) else user_id_text(key) is not None


def _reserved_makes_sense(record: bytes, layout: Layout, work_code: int | None) -> bool:
    match layout:
        case Layout.ATT49:
            return record[40] == 0xFF
        case Layout.ATT16:
            return record[10:12] == b"\0\0" and (work_code or 0) <= _MAX_WORK_CODE
        case Layout.ATT8A:
            return record[3] == 0
        case Layout.ATT40 | Layout.ATT8B:
            return True
