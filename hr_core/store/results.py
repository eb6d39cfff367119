"""Tables of computed results: pay runs with their slips, lines, traces, days and rates.

A run is numbered and immutable: this module has functions to add one and to read, none to change.
Traces and days are stored as JSON of their structs, so that what was computed is what is read.
"""

from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.day import DayResult, Ignored
from hr_core.pay.slip import OpenDay, Side, Slip, SlipLine
from hr_core.store.database import UtcInstant, metadata
from hr_core.trace.calculation import Trace

pay_runs = sa.Table(
    "pay_runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("scheme", sa.Text, nullable=False),
    sa.Column("scheme_version", sa.Text, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("findings", sa.Text, nullable=False),  # JSON of RunFindings
    # SHA-256, hex, of all that was put in beside scheme and law; "" of runs before it was kept
    sa.Column("inputs_digest", sa.Text, nullable=False, server_default="unknown"),
)

pay_slips = sa.Table(
    "pay_slips",
    metadata,
    sa.Column("run", sa.ForeignKey(pay_runs.c.number), primary_key=True),
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("to_clarify", sa.Text, nullable=False),  # JSON list of OpenDay
)

pay_lines = sa.Table(
    "pay_lines",
    metadata,
    sa.Column("run", sa.Integer, primary_key=True),
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("label_zh", sa.Text, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("trace", sa.LargeBinary, nullable=False),  # JSON of Trace
    sa.Column("side", sa.Text, nullable=False, server_default=Side.EARNED.value),
    sa.ForeignKeyConstraint(["run", "number"], [pay_slips.c.run, pay_slips.c.number]),
)

run_days = sa.Table(
    "run_days",
    metadata,
    sa.Column("run", sa.ForeignKey(pay_runs.c.number), primary_key=True),
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("result", sa.LargeBinary, nullable=False),  # JSON of DayResult
)


class UnmappedUser(Struct, frozen=True, kw_only=True):
    """A user id on a device that no person claims: listed with its punches, never invented."""

    serial: str
    user_id: str
    punches: int


class DistrustedPunch(Struct, frozen=True, kw_only=True):
    """A punch received in the month whose device time is not to be believed."""

    event_id: str
    serial: str
    user_id: str
    number: str | None
    device_time: str
    reason: str


class UnknownCounter(Struct, frozen=True, kw_only=True):
    source: str
    tag: str
    readings: int


class CounterFinding(Struct, frozen=True, kw_only=True):
    source: str
    tag: str
    metric: str
    event_id: str
    flag: str


class WithoutSlip(Struct, frozen=True, kw_only=True):
    """A person with days and no payslip, or with one for a part of the month; and why."""

    number: str
    why: str


class RefusedPerson(Struct, frozen=True, kw_only=True):
    """Somebody who is owed pay that cannot be computed: `remedy` says who can mend it and how."""

    number: str
    what: str
    remedy: str


class ZoneConflict(Struct, frozen=True, kw_only=True):
    """Punches of a device whose gateway told another zone than its site has on those days."""

    serial: str
    site: str
    zone_of_punches: str
    zone_of_site: str
    punches: int


class WaitingFor(Struct, frozen=True, kw_only=True):
    """`days` of people cannot be told before `device` is read; it told all until `since` (aware UTC;
    None: nothing is known of it).
    """

    device: str
    since: datetime | None
    days: int


class LockedCorrection(Struct, frozen=True, kw_only=True):
    """What a day of a locked month would be now; `before` as it was paid (docs/attendance.md)."""

    number: int
    person: str
    day: str
    before: str
    after: str
    cause: str


class EarnedTimeOff(Struct, frozen=True, kw_only=True):
    """The overtime of this day is on the slip, and a lot of time off holds `minutes` of it too."""

    person: str
    day: str
    minutes: int


class RunFindings(Struct, frozen=True, kw_only=True):
    """What a person should look at, beside the open days of each slip.

    `without_slip`: nobody has to look; `to_check`: somebody is owed pay that this run does not hold,
    or has a slip of a whole month for a part of one. `still_to_compute`: something came in while the
    run was made that its days may not hold. `unverified_law`: rows that nobody checked could pay.
    `tax_year_not_known`: people with earlier months of the tax year of which nothing is known here.
    `month_goes_on`: days of the month were still to come when the run was made. `pieces`:
    what to look at in piece pay, in words.
    """

    unmapped_users: tuple[UnmappedUser, ...] = ()
    distrusted_punches: tuple[DistrustedPunch, ...] = ()
    unknown_counters: tuple[UnknownCounter, ...] = ()
    unknown_badges: dict[str, int] = {}
    counter_notes: tuple[CounterFinding, ...] = ()
    unattributed_pieces: int = 0
    unattributed_rejects: int = 0
    without_slip: tuple[WithoutSlip, ...] = ()
    to_check: tuple[WithoutSlip, ...] = ()
    zone_conflicts: tuple[ZoneConflict, ...] = ()
    waiting_for: tuple[WaitingFor, ...] = ()
    locked_corrections: tuple[LockedCorrection, ...] = ()
    still_to_compute: bool = False
    earned_time_off: tuple[EarnedTimeOff, ...] = ()
    refused: tuple[RefusedPerson, ...] = ()
    unverified_law: bool = False
    tax_year_not_known: tuple[str, ...] = ()
    month_goes_on: bool = False
    pieces: tuple[str, ...] = ()

    def any(self) -> bool:
        """Unattributed work alone is normal: every hand-over leaves some."""
        return bool(
            self.unmapped_users
            or self.distrusted_punches
            or self.unknown_counters
            or self.unknown_badges
            or self.counter_notes
            or self.to_check
            or self.zone_conflicts
            or self.waiting_for
            or self.locked_corrections
            or self.still_to_compute
            or self.earned_time_off
            or self.refused
            or self.tax_year_not_known
            or self.month_goes_on
            or self.pieces
        )


class NewRun(Struct, frozen=True, kw_only=True):
    month: str
    scheme: str
    scheme_version: str
    created_at: datetime
    slips: tuple[Slip, ...]
    days: dict[str, tuple[DayResult, ...]]
    findings: RunFindings
    inputs_digest: str = "unknown"

    @property
    def unassigned(self) -> tuple[str, ...]:
        """Event ids of punches that lie in no shift window."""
        return tuple(
            ignored.event_id
            for days in self.days.values()
            for day in days
            for ignored in day.ignored
            if ignored.reason == Ignored.OUTSIDE_WINDOW
        )

    @property
    def needs_a_look(self) -> bool:
        open_days = any(slip.to_clarify for slip in self.slips)
        return open_days or bool(self.unassigned) or self.findings.any()


class RunRow(Struct, frozen=True, kw_only=True):
    number: int
    month: str
    scheme: str
    scheme_version: str
    created_at: datetime
    total_fen: int
    findings: RunFindings
    inputs_digest: str = "unknown"


class SlipRow(Struct, frozen=True, kw_only=True):
    run: int
    number: str
    name: str
    total_fen: int
    to_clarify: tuple[OpenDay, ...]


_encode = msgspec.json.Encoder().encode
_decode_trace = msgspec.json.Decoder(Trace).decode
_decode_day = msgspec.json.Decoder(DayResult).decode
_decode_findings = msgspec.json.Decoder(RunFindings).decode
_decode_open_days = msgspec.json.Decoder(tuple[OpenDay, ...]).decode


def add_run(conn: sa.Connection, run: NewRun) -> int:
    """Stores the run in the caller's write transaction and gives its number."""
    last = conn.execute(sa.select(sa.func.max(pay_runs.c.number))).scalar()
    number = (last or 0) + 1
    conn.execute(
        sa.insert(pay_runs).values(
            number=number,
            month=run.month,
            scheme=run.scheme,
            scheme_version=run.scheme_version,
            created_at=run.created_at,
            total_fen=sum(slip.total_fen for slip in run.slips),
            findings=_encode(run.findings).decode(),
            inputs_digest=run.inputs_digest,
        )
    )
    slips, lines = [], []
    for slip in run.slips:
        slips.append(_slip_columns(number, slip))
        lines += [
            _line_columns(number, slip.number, at, line) for at, line in enumerate(slip.lines)
        ]
    days = [
        {"run": number, "number": who, "day": day.day, "result": _encode(day)}
        for who, results in run.days.items()
        for day in results
    ]
    for table, rows in ((pay_slips, slips), (pay_lines, lines), (run_days, days)):
        if rows:
            conn.execute(sa.insert(table), rows)
    return number


def runs(conn: sa.Connection) -> list[RunRow]:
    """Newest first."""
    newest = sa.select(pay_runs).order_by(pay_runs.c.number.desc())
    return [_run_row(row) for row in conn.execute(newest)]


def month_has_run(conn: sa.Connection, month: str) -> bool:
    one = sa.select(pay_runs.c.number).where(pay_runs.c.month == month).limit(1)
    return conn.execute(one).one_or_none() is not None


def run_by_number(conn: sa.Connection, number: int) -> RunRow | None:
    row = conn.execute(sa.select(pay_runs).where(pay_runs.c.number == number)).one_or_none()
    return None if row is None else _run_row(row)


def slips_of_run(conn: sa.Connection, run: int) -> list[SlipRow]:
    of_run = sa.select(pay_slips).where(pay_slips.c.run == run).order_by(pay_slips.c.number)
    return [_slip_row(row) for row in conn.execute(of_run)]


def slip_of(conn: sa.Connection, run: int, number: str) -> SlipRow | None:
    one = sa.select(pay_slips).where(pay_slips.c.run == run, pay_slips.c.number == number)
    row = conn.execute(one).one_or_none()
    return None if row is None else _slip_row(row)


def slip_heads(
    conn: sa.Connection, number: str, *, limit: int, of_runs: sa.Select[int] | None = None
) -> list[dict[str, Any]]:
    """run, month, total_fen, created_at of a person's slips, newest run first. `of_runs`: only those."""
    query = (
        sa.select(pay_slips.c.run, pay_runs.c.month, pay_slips.c.total_fen, pay_runs.c.created_at)
        .join_from(pay_slips, pay_runs, pay_runs.c.number == pay_slips.c.run)
        .where(pay_slips.c.number == number)
        .order_by(pay_slips.c.run.desc())
        .limit(limit)
    )
    if of_runs is not None:
        query = query.where(pay_slips.c.run.in_(of_runs))
    return [dict(row) for row in conn.execute(query).mappings()]


def lines_of(conn: sa.Connection, run: int, number: str) -> list[SlipLine]:
    ordered = (
        sa.select(pay_lines)
        .where(pay_lines.c.run == run, pay_lines.c.number == number)
        .order_by(pay_lines.c.position)
    )
    return [_slip_line(row) for row in conn.execute(ordered)]


def lines_of_run(conn: sa.Connection, run: int) -> dict[str, list[SlipLine]]:
    """By person, in the order of their slips."""
    there = pay_lines.c
    query = sa.select(pay_lines).where(there.run == run).order_by(there.number, there.position)
    found: dict[str, list[SlipLine]] = {}
    for row in conn.execute(query):
        found.setdefault(row.number, []).append(_slip_line(row))
    return found


def days_of(conn: sa.Connection, run: int, number: str) -> list[DayResult]:
    ordered = (
        sa.select(run_days.c.result)
        .where(run_days.c.run == run, run_days.c.number == number)
        .order_by(run_days.c.day)
    )
    return [_decode_day(result) for (result,) in conn.execute(ordered)]


def runs_with_day(conn: sa.Connection, number: str, day: date) -> list[int]:
    """The runs that paid by this day, oldest first."""
    there = run_days.c
    query = sa.select(there.run).where(there.number == number, there.day == day)
    return list(conn.execute(query.order_by(there.run)).scalars())


def _slip_columns(run: int, slip: Slip) -> dict[str, object]:
    return {
        "run": run,
        "number": slip.number,
        "name": slip.name,
        "total_fen": slip.total_fen,
        "to_clarify": _encode(slip.to_clarify).decode(),
    }


def _line_columns(run: int, number: str, position: int, line: SlipLine) -> dict[str, object]:
    return {
        "run": run,
        "number": number,
        "position": position,
        "code": line.code,
        "label": line.label,
        "label_zh": line.label_zh,
        "amount_fen": line.amount_fen,
        "note": line.note,
        "trace": _encode(line.trace),
        "side": line.side.value,
    }


def _slip_line(row: sa.Row[Any]) -> SlipLine:
    return SlipLine(
        code=row.code,
        label=row.label,
        label_zh=row.label_zh,
        amount_fen=row.amount_fen,
        note=row.note,
        trace=_decode_trace(row.trace),
        side=Side(row.side),
    )


def _run_row(row: sa.Row[tuple[object, ...]]) -> RunRow:
    columns = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
    return RunRow(**{**columns, "findings": _decode_findings(columns["findings"])})


def _slip_row(row: sa.Row[tuple[object, ...]]) -> SlipRow:
    columns = dict(row._mapping)  # noqa: SLF001 - as above
    return SlipRow(**{**columns, "to_clarify": _decode_open_days(columns["to_clarify"])})
