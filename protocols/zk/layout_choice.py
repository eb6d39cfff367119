"""Which layout a table has (protocol.md 8.5): terminals do not say, so the bytes decide.

Every layout reads sampled records; the one that makes sense of most of them wins. A choice below
the threshold is not trusted: keep the raw bytes, clear nothing, raise an alarm. A layout that was
pinned, by what was stored before or by a person, is never exchanged for another.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from msgspec import Struct

from protocols.zk.clock import unpack_time
from protocols.zk.layouts import Layout, Row, is_filled, unpack_rows, user_id_text
from protocols.zk.meanings import METHODS, STATES

_SAMPLES = 64  # enough to tell six layouts apart, cheap on a log of 100,000
# Samples are neighbours, because a wrong width meets the rows again every so often: every tenth
# ATT36 record lies on the start of an ATT40 one, and a constant stride may hit just those.
_NEIGHBOURS = 4
_TRUST_FROM = 0.5  # a wrong layout makes sense of a few records in a hundred
_MAX_SENSELESS = 1 / 4  # of the rows: more, and this is no log, or one of two layouts
_SENSE_FROM = 0.25  # strange in all but its text id is 0.3, a number by accident 0.1
# Who is not pinned must fit better where small numbers are easily a row, and where nobody has seen
# real bytes.
_TRUST_UNPINNED_FROM: Final = {Layout.ATT8A: 0.8, Layout.ATT8B: 0.8, Layout.ATT36: 0.9}

_FIRST_SANE_YEAR = 2010
_STRANGE_NUMBER = 0.7  # an unknown verify or state: firmware invents numbers, but rarely
_STALE_ID = 0.7  # bytes after the NUL that ends an id: left over from another, or no id at all
_EARLY_YEAR = 0.6  # the clock may have lost its battery
_EARLY_YEAR_BY_UID = 0.1  # without a text id small numbers read as times in 2000: no evidence
_MAX_WORK_CODE = 99_999_999  # eight digits; a packed time of this century's teens is larger


class LayoutChoice(Struct, frozen=True, kw_only=True):
    """`score` is the mean plausibility, 0 to 1, of the sampled records under `layout`.

    pinned  the layout that had to fit, and does not: then `layout` is what would fit best
    """

    layout: Layout
    score: float
    trusted: bool
    pinned: Layout | None = None


class TableBytes(Protocol):
    """What is asked of a table here: `bytes`, or whatever keeps them elsewhere."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


def choose_layout(
    table: TableBytes,
    *,
    pinned: Layout | None = None,
    hint: Layout | None = None,
    count: int | None = None,
    now_year: int,
    shown_year: int | None = None,
) -> LayoutChoice:
    """The layout of `table` (without size word). `hint` (the profile) and then `count` (what the
    device says it holds) only break ties; no other layout than `pinned` is trusted. A table that
    is no multiple of the width is not trusted.

    shown_year  of the device's own clock: when that is wrong, so are the rows, and they are its rows
    """
    if len(table) == 0:
        return LayoutChoice(layout=pinned or hint or Layout.ATT40, score=1.0, trusted=True)
    if pinned is not None:
        fit = _Fit.of(table, pinned, now_year, shown_year)
        if fit.from_score(_TRUST_FROM):
            return LayoutChoice(layout=pinned, score=fit.score, trusted=True)
    fits = {layout: _Fit.of(table, layout, now_year, shown_year) for layout in Layout}

    def rank(layout: Layout) -> tuple[bool, float, float, bool, bool]:
        by_count = bool(count) and count == len(table) / layout.width
        fit = fits[layout]
        return trusted(layout), round(fit.score, 3), -fit.filled, layout == hint, by_count

    def trusted(layout: Layout) -> bool:
        return fits[layout].from_score(_TRUST_UNPINNED_FROM.get(layout, _TRUST_FROM))

    best = max(Layout, key=rank)
    return LayoutChoice(
        layout=best,
        score=fits[best].score,
        trusted=trusted(best) and pinned is None,
        pinned=pinned,
    )


def layout_score(
    table: TableBytes, layout: Layout, now_year: int, shown_year: int | None = None
) -> float:
    """The mean plausibility, 0 to 1, of sampled records of `table` read as `layout`."""
    return _Fit.of(table, layout, now_year, shown_year).score


class _Fit(Struct, frozen=True):
    """How well one layout reads a table: `score` the mean plausibility of its rows, `sense` whether
    the table holds whole rows and most of them say something, `filled` the share of rows that are
    no rows: too short a layout sees the empty halves of longer rows so.
    """

    score: float
    sense: bool
    filled: float

    @classmethod
    def of(cls, table: TableBytes, layout: Layout, now_year: int, shown_year: int | None) -> "_Fit":
        # Worn flash says nothing about the layout of the rows around it.
        samples = list(_samples(table, layout.width))
        records = [sample for sample in samples if not is_filled(sample)]
        rows = unpack_rows(b"".join(records), layout)
        judged = [
            _plausibility(record, layout, row, now_year, shown_year)
            for record, row in zip(records, rows, strict=True)
        ]
        if not judged:
            return cls(0.0, sense=False, filled=1.0)
        senseless = sum(each < _SENSE_FROM for each in judged)
        return cls(
            sum(judged) / len(judged),
            sense=len(table) % layout.width == 0 and senseless <= _MAX_SENSELESS * len(judged),
            filled=1 - len(judged) / len(samples),
        )

    def from_score(self, least: float) -> bool:
        """Whether it can be trusted when `least` is what it must score."""
        return self.sense and self.score >= least


def _samples(table: TableBytes, width: int) -> Iterator[bytes]:
    """Every record of a short table; of a long one a few neighbours here and there."""
    records = len(table) // width
    groups = _SAMPLES // _NEIGHBOURS
    starts: Sequence[int] = range(records)
    if records > _SAMPLES:
        starts = [
            group * (records - _NEIGHBOURS) // (groups - 1) + neighbour
            for group in range(groups)
            for neighbour in range(_NEIGHBOURS)
        ]
    for start in starts:
        yield table[start * width : (start + 1) * width]


def plausibility(
    record: bytes, layout: Layout, now_year: int, shown_year: int | None = None
) -> float:
    """0 = no terminal would write this record; 1 = nothing strange about it."""
    (row,) = unpack_rows(record, layout)
    return _plausibility(record, layout, row, now_year, shown_year)


def _plausibility(
    record: bytes, layout: Layout, row: Row, now_year: int, shown_year: int | None
) -> float:
    key, verify, packed, state, work_code = row
    time = unpack_time(packed)
    last_year = max(now_year + 1, shown_year or 0)
    if time is None or time.year > last_year or not _id_makes_sense(key):
        return 0.0
    if not _reserved_makes_sense(record, layout, work_code):
        return 0.0
    weight = 1.0
    if isinstance(key, bytes) and key.rstrip(b"\0").count(0):
        weight *= _STALE_ID
    if time.year < _FIRST_SANE_YEAR and time.year != shown_year:
        weight *= _EARLY_YEAR if isinstance(key, bytes) else _EARLY_YEAR_BY_UID
    if verify not in METHODS:
        weight *= _STRANGE_NUMBER
    if state not in STATES:
        weight *= _STRANGE_NUMBER
    return weight


def _id_makes_sense(key: bytes | int) -> bool:
    """Text ids hold a letter or digit: flag bytes are often a single punctuation mark."""
    if isinstance(key, int):
        return key > 0
    text = user_id_text(key)
    return text is not None and any(map(str.isalnum, text))


def _reserved_makes_sense(record: bytes, layout: Layout, work_code: int | None) -> bool:
    match layout:
        case Layout.ATT49:
            return record[40] == 0xFF
        case Layout.ATT16:
            return record[10:12] == b"\0\0" and (work_code or 0) <= _MAX_WORK_CODE
        case Layout.ATT8A:
            return record[3] == 0
        case Layout.ATT40 | Layout.ATT36 | Layout.ATT8B:
            return True
