"""A whole run computed again from its stored traces, and its sums from its lines."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import NotFoundError
from hr_core.pay.retro import OF_OTHER_SLIPS
from hr_core.pay.slip import Side
from hr_core.store.results import pay_lines, pay_slips, run_by_number
from hr_core.trace.calculation import Trace, TraceMismatchError, replay

_FETCHED = 2_000  # rows held at once: a run of 100,000 people has millions
_decode = msgspec.json.Decoder(Trace).decode


class Mismatch(Struct, frozen=True, kw_only=True):
    """`line` empty: of the slip's sum; `number` empty too: of the run's."""

    number: str
    line: str
    what: str


class ReplayedRun(Struct, frozen=True, kw_only=True):
    run: int
    month: str
    people: int
    lines: int
    total_fen: int
    mismatches: tuple[Mismatch, ...]

    @property
    def holds(self) -> bool:
        return not self.mismatches


def line_count(conn: sa.Connection, run: int) -> int:
    query = sa.select(sa.func.count()).where(pay_lines.c.run == run)
    return int(conn.execute(query).scalar_one())


def replay_run(
    conn: sa.Connection, run: int, told: Callable[[int], None] = lambda _lines: None
) -> ReplayedRun:
    """`told` hears after each slip how many lines are done. Raises NotFoundError."""
    row = run_by_number(conn, run)
    if row is None:
        raise NotFoundError(f"there is no pay run {run}", remedy="list them: hr-core pay runs")
    found: list[Mismatch] = []
    nets: dict[str, int] = {}
    lines = 0
    for person, slip in _slips(conn, run):
        found += _of_slip(slip)
        nets[person] = sum(one.amount_fen for one in slip if one.side != Side.EMPLOYER)
        lines += len(slip)
        told(lines)
    mine = pay_slips.c.run == run
    stored = conn.execute(sa.select(pay_slips.c.number, pay_slips.c.total_fen).where(mine))
    totals = {one.number: one.total_fen for one in stored}
    found += _of_sums(totals, nets, row.total_fen)
    return ReplayedRun(
        run=run,
        month=row.month,
        people=len(totals),
        lines=lines,
        total_fen=sum(nets.values()),
        mismatches=tuple(found),
    )


def _slips(conn: sa.Connection, run: int) -> Iterator[tuple[str, list[Any]]]:
    """The lines of each person, read as they are needed."""
    there = pay_lines.c
    query = sa.select(pay_lines).where(there.run == run).order_by(there.number, there.position)
    rows = conn.execute(query, execution_options={"yield_per": _FETCHED})
    for person, lines in groupby(rows, key=lambda one: str(one.number)):
        yield person, list(lines)


def _of_slip(lines: list[Any]) -> Iterator[Mismatch]:
    amounts = {one.code: one.amount_fen for one in lines}
    for one in lines:
        for what in _of_line(one, amounts):
            yield Mismatch(number=one.number, line=one.code, what=what)


def _of_line(line: Any, amounts: dict[str, int]) -> Iterator[str]:
    try:
        trace = _decode(line.trace)
        replayed = replay(trace)
    except TraceMismatchError as exc:
        yield str(exc)
        return
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, OverflowError, IndexError) as exc:
        yield f"the trace cannot be computed: {type(exc).__name__} {exc}"
        return
    if replayed != line.amount_fen:
        yield f"the trace gives {replayed} fen, stored are {line.amount_fen}"
    for other in () if trace.rule in OF_OTHER_SLIPS else trace.lines:
        if amounts.get(other.code) != other.amount_fen:
            yield (
                f"it took line {other.code} as {other.amount_fen} fen, the slip has "
                f"{amounts.get(other.code)}"
            )


def _of_sums(totals: dict[str, int], nets: dict[str, int], total: int) -> Iterator[Mismatch]:
    for number in sorted(totals.keys() | nets.keys()):
        if totals.get(number) != nets.get(number, 0):
            what = f"its lines are {nets.get(number, 0)} fen, stored are {totals.get(number)}"
            yield Mismatch(number=number, line="", what=what)
    if sum(totals.values()) != total:
        what = f"its slips are {sum(totals.values())} fen, stored are {total}"
        yield Mismatch(number="", line="", what=what)
