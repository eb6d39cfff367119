"""Tables of payslips that were wrong: each reversal takes a whole slip back, line by line, and puts a
new version in its place. The slip of the run stays as it was paid. Rows are added, never changed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.pay.slip import Side, SlipLine, net_fen
from hr_core.store.approvals import approvals
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.results import pay_runs
from hr_core.store.unchanging import keep_unchanged
from hr_core.trace.calculation import Trace

REVERSED = "reversed"
NEW = "new"

pay_reversals = sa.Table(
    "pay_reversals",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("run", sa.ForeignKey(pay_runs.c.number), nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),  # of the new slip; the run's is 1
    sa.Column("before_fen", sa.BigInteger, nullable=False),
    sa.Column("after_fen", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("approval", sa.ForeignKey(approvals.c.number), nullable=False),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("at", UtcInstant, nullable=False),
    sa.UniqueConstraint("run", "person", "version"),
    sa.CheckConstraint("entered_by <> approved_by", name="four_eyes"),
    sa.Index(None, "month", "person"),
)
pay_reversal_lines = sa.Table(
    "pay_reversal_lines",
    metadata,
    sa.Column("reversal", sa.ForeignKey(pay_reversals.c.number), primary_key=True),
    sa.Column("slip", sa.Text, primary_key=True),  # REVERSED or NEW
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("label_zh", sa.Text, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("trace", sa.LargeBinary, nullable=False),  # JSON of Trace
    sa.CheckConstraint(f"slip IN ('{REVERSED}', '{NEW}')", name="slip"),
)
guard(
    pay_reversals,
    Guard(
        "INSERT",
        "approved",
        "NOT EXISTS (SELECT 1 FROM approvals a WHERE a.number = NEW.approval "
        "AND a.state = 'approved' AND a.kind = 'reversal')",
        "a reversal needs its approval",
    ),
)
for _table in (pay_reversals, pay_reversal_lines):
    keep_unchanged(_table, "a reversal stays: reverse the new version")

_encode = msgspec.json.Encoder().encode
_decode_trace = msgspec.json.Decoder(Trace).decode


class Reversal(Struct, frozen=True, kw_only=True):
    """`reversed_lines` are the old ones with the other sign, `new_lines` make the new version."""

    number: int
    run: int
    month: str
    person: str
    version: int
    reason: str
    approval: int
    entered_by: str
    approved_by: str
    at: datetime
    reversed_lines: tuple[SlipLine, ...]
    new_lines: tuple[SlipLine, ...]

    @property
    def before_fen(self) -> int:
        return -net_fen(self.reversed_lines)

    @property
    def after_fen(self) -> int:
        return net_fen(self.new_lines)

    @property
    def difference_fen(self) -> int:
        """Above zero: the person is owed it; below: the person has it to give back."""
        return self.after_fen - self.before_fen


def next_number(conn: sa.Connection) -> int:
    return (conn.execute(sa.select(sa.func.max(pay_reversals.c.number))).scalar() or 0) + 1


def add_reversal(conn: sa.Connection, new: Reversal) -> None:
    columns = {
        name: getattr(new, name)
        for name in ("number", "run", "month", "person", "version", "reason", "approval",
                     "entered_by", "approved_by", "at", "before_fen", "after_fen")
    }  # fmt: skip
    conn.execute(sa.insert(pay_reversals).values(columns))
    rows = [
        _line_columns(new.number, slip, at, line)
        for slip, lines in ((REVERSED, new.reversed_lines), (NEW, new.new_lines))
        for at, line in enumerate(lines)
    ]
    conn.execute(sa.insert(pay_reversal_lines), rows)


def reversals(
    conn: sa.Connection,
    *,
    runs: Collection[int] | None = None,
    person: str | None = None,
) -> list[Reversal]:
    """In the order in which they were made."""
    there = pay_reversals.c
    query = sa.select(pay_reversals).order_by(there.number)
    if runs is not None:
        query = query.where(there.run.in_(sorted(runs)))
    if person is not None:
        query = query.where(there.person == person)
    heads = conn.execute(query).mappings().all()
    lines = _lines(conn, [head["number"] for head in heads])
    stored = ("before_fen", "after_fen")
    return [
        Reversal(
            **{name: value for name, value in head.items() if name not in stored},
            reversed_lines=tuple(lines[head["number"], REVERSED]),
            new_lines=tuple(lines[head["number"], NEW]),
        )
        for head in heads
    ]


def _lines(
    conn: sa.Connection, numbers: Iterable[int]
) -> defaultdict[tuple[int, str], list[SlipLine]]:
    there = pay_reversal_lines.c
    query = (
        sa.select(pay_reversal_lines)
        .where(there.reversal.in_(list(numbers)))
        .order_by(there.reversal, there.slip, there.position)
    )
    found: defaultdict[tuple[int, str], list[SlipLine]] = defaultdict(list)
    for row in conn.execute(query):
        found[row.reversal, row.slip].append(
            SlipLine(
                code=row.code,
                label=row.label,
                label_zh=row.label_zh,
                amount_fen=row.amount_fen,
                note=row.note,
                trace=_decode_trace(row.trace),
                side=Side(row.side),
            )
        )
    return found


def _line_columns(number: int, slip: str, position: int, line: SlipLine) -> dict[str, object]:
    return {
        "reversal": number,
        "slip": slip,
        "position": position,
        "code": line.code,
        "label": line.label,
        "label_zh": line.label_zh,
        "side": line.side.value,
        "amount_fen": line.amount_fen,
        "note": line.note,
        "trace": _encode(line.trace),
    }
