"""Comparisons of two stored runs, kept for the pages that ask for the same pair again and again.

A run never changes once it is stored. Should somebody change one in the database all the same, its
fingerprint tells it by counts and sums; what decides (submitting, approving) compares afresh. The SHA-256 that an
approval has of a run would be no better key: a run that nobody submitted has none, it says what was
submitted and not what is there now, and to sum it anew reads every trace.
"""

from collections import OrderedDict
from hashlib import sha256
from threading import Lock

import sqlalchemy as sa

from hr_core.pay.diff.model import RunDiff
from hr_core.pay.stored_diff import compare_runs, stored_run
from hr_core.store.person_records import all_numbers
from hr_core.store.results import pay_lines, pay_slips, run_days

# Two people with two pairs each. A pair in which all of 1,000 people differ takes 15 MB.
MOST_KEPT = 4
_Key = tuple[int, int, bytes]


class KeptDiffs:
    """Of one database; pages ask from several threads."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[_Key, RunDiff] = OrderedDict()
        self._lock = Lock()

    def compare(
        self, conn: sa.Connection, first: int, second: int, *, across_months: bool = False
    ) -> RunDiff:
        """As `compare_runs`. Raises NotFoundError, RefusedError."""
        key = (first, second, _fingerprint(conn, first, second))
        with self._lock:
            found = self._kept.get(key)
            if found is not None and _allowed(found, across_months=across_months):
                self._kept.move_to_end(key)
                return found
        made = compare_runs(conn, first, second, across_months=across_months)
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made


def _allowed(diff: RunDiff, *, across_months: bool) -> bool:
    return across_months or diff.before.month == diff.after.month


def _fingerprint(conn: sa.Connection, *numbers: int) -> bytes:
    """Of both runs without reading a trace, and of the numbers that people are called by."""
    told = sha256()
    for number in numbers:
        run = stored_run(conn, number)
        told.update(repr(run).encode())
        for query in _sums(number):
            told.update(repr(tuple(conn.execute(query).one())).encode())
    told.update(repr(all_numbers(conn)).encode())
    return told.digest()


def _sums(run: int) -> tuple[sa.Executable, ...]:
    line, slip, day = pay_lines.c, pay_slips.c, run_days.c
    count, total, largest = sa.func.count, sa.func.sum, sa.func.max
    return (
        sa.select(
            count(),
            total(line.amount_fen),
            total(line.amount_fen * (line.position + 1)),
            total(sa.func.length(line.trace)),
            total(sa.func.length(line.code) + sa.func.length(line.note)),
        ).where(line.run == run),
        sa.select(count(), total(slip.total_fen), largest(slip.number), largest(slip.name)).where(
            slip.run == run
        ),
        sa.select(count(), total(sa.func.length(day.result))).where(day.run == run),
    )
