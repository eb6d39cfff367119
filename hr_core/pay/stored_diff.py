"""Two stored runs as the comparison wants them: only traces that differ are read whole."""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import blake2b, sha256
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from hr_core.attendance.day import DayResult
from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.diff.model import Refused, RunDiff, RunHead, RunSide, SlipSide
from hr_core.pay.diff.runs import compare
from hr_core.pay.slip import Side, SlipLine
from hr_core.people.number_of_day import NumbersOfDays
from hr_core.store.results import RunRow, days_of, pay_lines, pay_slips, run_by_number
from hr_core.trace.calculation import Trace

# Stands for a trace that both runs hold byte for byte: nothing would be told of it.
_SAME = Trace(rule="", version="", source="", formula="", steps=())
_MOST_IN = 500  # people asked for at once
_decode_trace = msgspec.json.Decoder(Trace).decode


class _LineKey(NamedTuple):
    person: str
    code: str


class _Read(NamedTuple):
    """A run without its traces: what there is, and a digest of each line's trace."""

    run: RunRow
    slips: dict[str, tuple[str, int]]
    lines: dict[str, list[dict[str, Any]]]
    digests: dict[_LineKey, bytes]
    digest: str


def compare_runs(
    conn: sa.Connection, first: int, second: int, *, across_months: bool = False
) -> RunDiff:
    """Raises NotFoundError, RefusedError for runs of different months."""
    before, after = _read(conn, first), _read(conn, second)
    differing = {
        key.person
        for key in before.digests.keys() | after.digests.keys()
        if before.digests.get(key) != after.digests.get(key)
    }
    return compare(
        _side(conn, before, differing),
        _side(conn, after, differing),
        across_months=across_months,
    )


def run_side(conn: sa.Connection, number: int) -> RunSide:
    """A run with every trace. Raises NotFoundError."""
    read = _read(conn, number)
    return _side(conn, read, set(read.slips))


def head_of(conn: sa.Connection, number: int) -> RunHead:
    """Raises NotFoundError."""
    return _head(_read(conn, number))


def stored_run(conn: sa.Connection, number: int) -> RunRow:
    """Raises NotFoundError."""
    run = run_by_number(conn, number)
    if run is None:
        raise NotFoundError(f"there is no pay run {number}", remedy="list them: hr-core pay runs")
    return run


def _read(conn: sa.Connection, number: int) -> _Read:
    run = stored_run(conn, number)
    whole = sha256()
    slips: dict[str, tuple[str, int]] = {}
    of_run = sa.select(pay_slips).where(pay_slips.c.run == number).order_by(pay_slips.c.number)
    for row in conn.execute(of_run):
        slips[row.number] = (row.name, row.total_fen)
        whole.update(f"slip {row.number} {row.total_fen}\n".encode())
    lines: dict[str, list[dict[str, Any]]] = {person: [] for person in slips}
    digests: dict[_LineKey, bytes] = {}
    there = pay_lines.c
    of_run = sa.select(pay_lines).where(there.run == number).order_by(there.number, there.position)
    for row in conn.execute(of_run):
        told = f"{row.number} {row.code} {row.side} {row.amount_fen} ".encode()
        one = blake2b(told + row.trace, digest_size=16).digest()
        whole.update(told + one)
        key = _LineKey(row.number, row.code)
        digests[key] = blake2b(digests.get(key, b"") + one, digest_size=16).digest()
        lines[row.number].append(
            {
                "code": row.code,
                "label": row.label,
                "label_zh": row.label_zh,
                "amount_fen": row.amount_fen,
                "note": row.note,
                "side": Side(row.side),
            }
        )
    return _Read(run, slips, lines, digests, whole.hexdigest())


def _head(read: _Read) -> RunHead:
    run = read.run
    return RunHead(
        number=run.number,
        month=run.month,
        scheme=run.scheme,
        scheme_version=run.scheme_version,
        created_at=run.created_at.isoformat(timespec="seconds"),
        people=len(read.slips),
        lines=sum(map(len, read.lines.values())),
        total_fen=run.total_fen,
        digest=read.digest,
    )


def _side(conn: sa.Connection, read: _Read, whole: set[str]) -> RunSide:
    """`whole`: the people whose traces are read."""
    run = read.run
    numbers = NumbersOfDays.load(conn, read.slips)
    month = Month.parse(run.month)
    first, last = month.first, month.after - timedelta(days=1)
    traces = _traces(conn, run.number, sorted(whole & read.slips.keys()))
    slips = {
        person: SlipSide(
            person=person,
            number=numbers.on(person, last) or numbers.on(person, first) or person,
            name=name,
            total_fen=total,
            lines=tuple(
                SlipLine(trace=traces.get((person, at), _SAME), **line)
                for at, line in enumerate(read.lines[person])
            ),
        )
        for person, (name, total) in read.slips.items()
    }

    def days(person: str) -> Mapping[str, DayResult]:
        return {day.day.isoformat(): day for day in days_of(conn, run.number, person)}

    return RunSide(
        head=_head(read),
        slips=slips,
        refused={
            one.number: Refused(person=one.number, what=one.what, remedy=one.remedy)
            for one in run.findings.refused
        },
        without={
            one.number: one.why for one in (*run.findings.to_check, *run.findings.without_slip)
        },
        days=days,
    )


def _traces(conn: sa.Connection, run: int, people: list[str]) -> dict[tuple[str, int], Trace]:
    there = pay_lines.c
    found: dict[tuple[str, int], Trace] = {}
    for at in range(0, len(people), _MOST_IN):
        query = sa.select(there.number, there.position, there.trace).where(
            there.run == run, there.number.in_(people[at : at + _MOST_IN])
        )
        for row in conn.execute(query.order_by(there.number, there.position)):
            found[row.number, row.position] = _decode_trace(row.trace)
    return found
