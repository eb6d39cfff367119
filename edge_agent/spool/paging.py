"""Rows become pages: in order of their own time, short enough to be read whole."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from edge_agent.spool.page_body import (
    MAX_PAGE_JSON_BYTES,
    MAX_PAGE_ROWS,
    PageBody,
    body_of_columns,
    body_of_records,
)
from edge_agent.spool.recognition import Row
from protocols.identity import EVENT_ID_BYTES, event_moment
from protocols.punch_columns import PunchColumns
from protocols.records import Punch, Record

_FIXED_BYTES = 400  # of a record beside its raw bytes, at most


# An id of a later moment leads with this one all the same: there order and time part.
_LAST_MOMENT = event_moment(b"\xff" * EVENT_ID_BYTES)


class Page(Struct, frozen=True, kw_only=True):
    rows: int
    punches: int
    first_time: int
    last_time: int
    body: PageBody


def fit_one_page(columns: PunchColumns) -> bool:
    """Whether `columns` may be stored as they are: what does not fit a page is stored row by row."""
    return (
        0 < len(columns) <= MAX_PAGE_ROWS
        and columns.in_strict_order()
        and columns.times[-1] < _LAST_MOMENT
    )


def page_of_columns(columns: PunchColumns) -> Page:
    """Of columns that `fit_one_page`."""
    return Page(
        rows=len(columns),
        punches=len(columns),
        first_time=columns.times[0],
        last_time=columns.times[-1],
        body=body_of_columns(columns),
    )


def page_of_row(row: Row) -> Page:
    """Most deliveries of a working day are one row."""
    identity, record = row
    moment = event_moment(identity)
    return _page((record,), moment, moment)


def pages_of_rows(rows: Sequence[Row]) -> Iterator[Page]:
    """A row earlier than the one before begins a page of its own: what overlaps a page in time is
    read when rows come again, so a page must not span the years between two jumps of a clock.
    """
    run: list[Record] = []
    first = last = size = 0
    for identity, record in rows:
        moment = event_moment(identity)
        raw_bytes = _FIXED_BYTES + len(record.raw)
        full = len(run) == MAX_PAGE_ROWS or size + raw_bytes > MAX_PAGE_JSON_BYTES
        if run and (moment < last or full):
            yield _page(run, first, last)
            run, size = [], 0
        if not run:
            first = moment
        run.append(record)
        last = moment
        size += raw_bytes
    if run:
        yield _page(run, first, last)


def _page(run: Sequence[Record], first: int, last: int) -> Page:
    return Page(
        rows=len(run),
        punches=[type(record) for record in run].count(Punch),
        first_time=first,
        last_time=last,
        body=body_of_records(run),
    )
