"""Scrap that a tally sheet told, or corrected, after its month was paid: what the month's scrap is worth
now. Later months take it, each within its own cap (hr_core.pay.debts).
"""

from collections import defaultdict
from datetime import datetime, timedelta
from fractions import Fraction

import sqlalchemy as sa

from hr_core.clock import Month
from hr_core.errors import CoreError
from hr_core.money import multiply_fen
from hr_core.pay.agreement import on_day
from hr_core.pay.piece.price_desk import price_book
from hr_core.pay.piece.prices import Goods, PriceBook
from hr_core.store.pay_agreements import agreements_until
from hr_core.store.person_records import merged_into
from hr_core.store.piece_tallies import (
    GROUP_PREFIX,
    StoredTally,
    any_scrap,
    subjects_since,
    tallies_between,
)


class LateScrap:
    """Reads a month only when a row of it came after its run."""

    def __init__(self, conn: sa.Connection) -> None:
        self._conn = conn
        self._any = any_scrap(conn)

    def worth_now(self, month: Month, since: datetime) -> dict[str, int]:
        """Fen by person, of whoever has a row that came since. Somebody whose scrap has no price is left
        out: the run lists that the month cannot be computed anew.
        """
        if not self._any:
            return {}
        merged = merged_into(self._conn)
        people = {
            merged.get(subject, subject)
            for subject in subjects_since(self._conn, month.first, month.after, since)
            if not subject.startswith(GROUP_PREFIX)
        }
        if not people:
            return {}
        agreed = agreements_until(self._conn, month.after - timedelta(days=1), people)
        rows: defaultdict[str, list[StoredTally]] = defaultdict(list)
        for row in tallies_between(self._conn, month.first, month.after):
            person = merged.get(row.subject, row.subject)
            held = on_day(agreed.get(person, ()), row.day)
            if person in people and row.scrap and held is not None and held.terms.by_piece:
                rows[person].append(row)
        book = price_book(self._conn)
        worth = {person: _worth(rows[person], book) for person in people}
        return {person: fen for person, fen in worth.items() if fen is not None}


def _worth(rows: list[StoredTally], book: PriceBook) -> int | None:
    """As the month's own line rounds it: once. None: a price is missing."""
    total = Fraction(0)
    for row in rows:
        try:
            price = book.row(Goods(row.product, row.process, row.grade), row.day).scrap
        except CoreError:
            return None
        if price is None:
            return None
        total += price * row.scrap
    return multiply_fen(total.numerator, 1, total.denominator)
