"""The lines that count of some runs: of a slip that was reversed, those of its newest version."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from hr_core.pay.slip import Side, SlipLine
from hr_core.store.pay_reversals import Reversal, reversals
from hr_core.store.results import pay_lines
from hr_core.trace.calculation import Trace

_decode_trace = msgspec.json.Decoder(Trace).decode


class CountedLine(NamedTuple):
    """`version` of the slip: 1 as the run paid it."""

    run: int
    person: str
    version: int
    line: SlipLine

    @property
    def slip(self) -> str:
        """As traces name it."""
        return f"run {self.run}" + (f" version {self.version}" if self.version > 1 else "")


def counted_lines(
    conn: sa.Connection, runs: Collection[int], prefixes: tuple[str, ...] = ("",)
) -> Iterator[CountedLine]:
    """Those whose code begins with one of the prefixes, by run and person."""
    if not runs:
        return
    newest = newest_versions(conn, runs)
    there = pay_lines.c
    begins = sa.or_(*(there.code.startswith(one, autoescape=True) for one in prefixes))
    query = (
        sa.select(pay_lines)
        .where(there.run.in_(sorted(runs)), begins)
        .order_by(there.run, there.number, there.position)
    )
    for row in conn.execute(query):
        if (row.run, row.number) not in newest:
            line = SlipLine(
                code=row.code,
                label=row.label,
                label_zh=row.label_zh,
                amount_fen=row.amount_fen,
                note=row.note,
                trace=_decode_trace(row.trace),
                side=Side(row.side),
            )
            yield CountedLine(row.run, row.number, 1, line)
    for reversal in newest.values():
        for line in reversal.new_lines:
            if line.code.startswith(prefixes):
                yield CountedLine(reversal.run, reversal.person, reversal.version, line)


def newest_versions(conn: sa.Connection, runs: Collection[int]) -> dict[tuple[int, str], Reversal]:
    """By run and person, of the slips that were reversed."""
    return {(one.run, one.person): one for one in reversals(conn, runs=runs)}
