"""Two stored runs as the comparison wants them: only traces and days that differ are decoded, and
those of some people at a time.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from hashlib import blake2b, sha256
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from msgspec import structs

from hr_core.attendance.day import DayResult
from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.diff.day_reasons import Results, moved_days
from hr_core.pay.diff.model import Refused, RunDiff, RunHead, RunSide, SlipSide
from hr_core.pay.diff.runs import compare
from hr_core.pay.read_ahead import ReadAhead
from hr_core.pay.slip import Side, SlipLine
from hr_core.people.number_of_day import NumbersOfDays
from hr_core.store.results import RunRow, days_of, pay_lines, pay_slips, run_by_number, run_days
from hr_core.trace.calculation import Trace

# Stands for a trace that is not read: nobody asked, or both runs hold it byte for byte.
_NOT_READ = Trace(rule="", version="", source="", formula="", steps=())
_SIDES = {side.value: side for side in Side}
_decode_trace = msgspec.json.Decoder(Trace).decode
_decode_day = msgspec.json.Decoder(DayResult).decode

Lines = tuple[SlipLine, ...]


class _LineKey(NamedTuple):
    person: str
    code: str


class _Read(NamedTuple):
    """A run without its traces: what there is, and a digest of each line's trace."""

    run: RunRow
    slips: dict[str, tuple[str, int]]
    lines: dict[str, list[SlipLine]]
    digests: dict[_LineKey, bytes]
    digest: str


def compare_runs(
    conn: sa.Connection, first: int, second: int, *, across_months: bool = False
) -> RunDiff:
    """Raises NotFoundError, RefusedError for runs of different months."""
    before, after = _read(conn, first), _read(conn, second)
    differing = {
        key
        for key in before.digests.keys() | after.digests.keys()
        if before.digests.get(key) != after.digests.get(key)
    }
    people = {key.person for key in differing} & before.slips.keys() & after.slips.keys()
    old, new = (
        ReadAhead(people, partial(_traced, conn, read, differing)) for read in (before, after)
    )

    def moved(some: Sequence[str]) -> dict[str, set[str]]:
        return {person: _moved(old.of(person), new.of(person)) for person in some}

    sides = [
        _side(conn, read, lines, ReadAhead(people, partial(_days, conn, read.run.number, moved)).of)
        for read, lines in ((before, old), (after, new))
    ]
    return compare(sides[0], sides[1], across_months=across_months)


def run_side(conn: sa.Connection, number: int) -> RunSide:
    """Raises NotFoundError."""
    read = _read(conn, number)

    def days(person: str) -> Results:
        return {day.day.isoformat(): day for day in days_of(conn, number, person)}

    everything = ReadAhead(read.slips, partial(_traced, conn, read, read.digests.keys()))
    return _side(conn, read, everything, days)


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
    lines: dict[str, list[SlipLine]] = {person: [] for person in slips}
    digests: dict[_LineKey, bytes] = {}
    there = pay_lines.c
    of_run = (
        sa.select(
            there.number,
            there.code,
            there.label,
            there.label_zh,
            there.amount_fen,
            there.note,
            there.side,
            there.trace,
        )
        .where(there.run == number)
        .order_by(there.number, there.position)
    )
    for person, code, label, label_zh, fen, note, side, trace in conn.execute(of_run):
        told = f"{person} {code} {side} {fen} ".encode()
        one = blake2b(told + trace, digest_size=16).digest()
        whole.update(told + one)
        key = _LineKey(person, code)
        digests[key] = blake2b(digests.get(key, b"") + one, digest_size=16).digest()
        lines[person].append(
            SlipLine(
                code=code,
                label=label,
                label_zh=label_zh,
                amount_fen=fen,
                note=note,
                trace=_NOT_READ,
                side=_SIDES[side],
            )
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


def _side(
    conn: sa.Connection, read: _Read, traced: ReadAhead[Lines], days: Callable[[str], Results]
) -> RunSide:
    """`traced` knows who has a line that differs, and `days` no more people than that."""
    run = read.run
    numbers = NumbersOfDays.load(conn, read.slips)
    month = Month.parse(run.month)
    first, last = month.first, month.after - timedelta(days=1)
    slips = {
        person: SlipSide(
            person=person,
            number=numbers.on(person, last) or numbers.on(person, first) or person,
            name=name,
            total_fen=total,
            lines=tuple(read.lines[person]),
        )
        for person, (name, total) in read.slips.items()
    }
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
        traced=lambda person: traced.of(person) if person in traced else slips[person].lines,
        days=days,
    )


def _traced(
    conn: sa.Connection, read: _Read, wanted: Collection[_LineKey], people: Sequence[str]
) -> dict[str, Lines]:
    """All lines of the people, those of `wanted` with their traces."""
    there = pay_lines.c
    query = (
        sa.select(there.number, there.trace)
        .where(there.run == read.run.number, there.number.in_(people))
        .order_by(there.number, there.position)
    )
    stored: dict[str, list[bytes]] = {person: [] for person in people}
    for person, trace in conn.execute(query):
        stored[person].append(trace)
    return {
        person: tuple(
            structs.replace(line, trace=_decode_trace(trace))
            if _LineKey(person, line.code) in wanted
            else line
            for line, trace in zip(read.lines[person], traces, strict=True)
        )
        for person, traces in stored.items()
    }


def _moved(before: Lines, after: Lines) -> set[str]:
    """Days that lines of another amount do not count alike."""
    was = {line.code: line for line in before}
    pairs = ((was[line.code], line) for line in after if line.code in was)
    return {
        day
        for old, new in pairs
        if old.amount_fen != new.amount_fen and old.trace.days != new.trace.days
        for day in moved_days(old.trace.days, new.trace.days)
    }


def _days(
    conn: sa.Connection,
    run: int,
    moved: Callable[[Sequence[str]], Mapping[str, set[str]]],
    people: Sequence[str],
) -> dict[str, Results]:
    """Of each person the computed days that `moved` names."""
    wanted = moved(people)
    dates = sorted({date.fromisoformat(day) for days in wanted.values() for day in days})
    there = run_days.c
    query = sa.select(there.number, there.day, there.result).where(
        there.run == run, there.number.in_(people), there.day.in_(dates)
    )
    found: dict[str, dict[str, DayResult]] = {person: {} for person in people}
    for person, on, result in conn.execute(query):
        day = on.isoformat()
        if day in wanted[person]:
            found[person][day] = _decode_day(result)
    return dict(found)
