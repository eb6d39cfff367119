"""A long table in pages: nothing is left out without the page saying so."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct

Row = TypeVar("Row")

ROWS_PER_PAGE = 200  # about 20 KB gzip of punches: inside the 45 KB budget with the other tables


class Paged(Struct, Generic[Row], frozen=True, kw_only=True):
    """`page` of `pages`, both from 1; `total` rows in all."""

    rows: Sequence[Row]
    page: int
    pages: int
    total: int


def paged(rows: Sequence[Row], page: int, per_page: int = ROWS_PER_PAGE) -> Paged[Row]:
    """A page past the end is the last one."""
    pages = max(1, -(-len(rows) // per_page))
    page = min(page, pages)
    start = (page - 1) * per_page
    return Paged(rows=rows[start : start + per_page], page=page, pages=pages, total=len(rows))
