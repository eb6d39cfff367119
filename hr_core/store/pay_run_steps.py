"""The life of pay runs: who submitted, approved, paid or reversed one, and which one counts for a month.

From the first step on the database refuses every change of the run, its slips, lines and days; an
approval or a payment that one person did alone; and a second approved run of a month.
"""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.approvals import APPROVED
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.results import pay_lines, pay_runs, pay_slips, run_days

pay_run_steps = sa.Table(
    "pay_run_steps",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run", sa.ForeignKey(pay_runs.c.number), nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("at", UtcInstant, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("approval", sa.Integer),  # of the second person, where the step needs one
    sa.Column("reason", sa.Text, nullable=False),
    sa.CheckConstraint("step IN ('submitted', 'approved', 'paid', 'reversed')", name="step"),
    sa.Index(None, "run", "number"),
)

# The one run of a month that counts; a reversed one leaves its place to the next version.
approved_runs = sa.Table(
    "approved_runs",
    metadata,
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("run", sa.ForeignKey(pay_runs.c.number), nullable=False, unique=True),
)


def _by_two(kind: str, subject: str) -> str:
    return (
        f"NOT EXISTS ({APPROVED} AND a.number = NEW.approval "
        f"AND a.kind = '{kind}' AND a.subject = '{subject}' || NEW.run)"
    )


_COUNTS = "SELECT 1 FROM approved_runs r WHERE r.run = NEW.run"
guard(
    pay_run_steps,
    Guard(
        "INSERT",
        "approved",
        f"NEW.step = 'approved' AND {_by_two('run', 'run ')}",
        "four eyes: this pay run was not approved",
    ),
    Guard(
        "INSERT",
        "once",
        # One approval makes one step: a second payment or a way back from reversed needs its own.
        "NEW.approval IS NOT NULL AND EXISTS "
        "(SELECT 1 FROM pay_run_steps s WHERE s.approval = NEW.approval)",
        "this approval of a pay run has had its effect",
    ),
    Guard(
        "INSERT",
        "paid",
        f"NEW.step = 'paid' AND (NOT EXISTS ({_COUNTS}) OR {_by_two('payment', 'payment of run ')})",
        "four eyes: paying this run was not approved, or it is not the approved run of its month",
    ),
    Guard(
        "INSERT",
        "reversed",
        f"NEW.step = 'reversed' AND {_by_two('reversal', 'reversal of run ')}",
        "four eyes: reversing this run was not approved",
    ),
    Guard(
        "INSERT",
        "not_replaced",
        "EXISTS (SELECT 1 FROM pay_run_steps s WHERE s.number = NEW.number)",
        "the steps of a pay run are kept",
    ),
    Guard("UPDATE", "kept", "TRUE", "the steps of a pay run are kept"),
    Guard("DELETE", "kept_too", "TRUE", "the steps of a pay run are kept"),
)
guard(
    approved_runs,
    Guard(
        "INSERT",
        "approved",
        "NOT EXISTS (SELECT 1 FROM pay_run_steps s JOIN pay_runs r ON r.number = s.run "
        "WHERE s.run = NEW.run AND s.step = 'approved' AND r.month = NEW.month)",
        "this pay run was not approved for this month",
    ),
    Guard(
        "INSERT",
        "reversed_before",
        "EXISTS (SELECT 1 FROM pay_run_steps s WHERE s.run = NEW.run AND s.step = 'reversed')",
        "this pay run was reversed: its month waits for another one",
    ),
    Guard(
        "INSERT",
        "one",
        # SQLite's INSERT OR REPLACE deletes without asking a guard.
        "EXISTS (SELECT 1 FROM approved_runs r WHERE r.month = NEW.month OR r.run = NEW.run)",
        "this month has its approved run",
    ),
    Guard(
        "DELETE",
        "reversed",
        "NOT EXISTS (SELECT 1 FROM pay_run_steps s WHERE s.run = OLD.run AND s.step = 'reversed')",
        "the approved run of a month stays until it is reversed",
    ),
    Guard("UPDATE", "kept", "TRUE", "the approved run of a month is not changed"),
)

_STAYS = "a pay run that was submitted or approved stays as it is: compute a new one"
for _table, _run in (
    (pay_runs, "number"),
    (pay_slips, "run"),
    (pay_lines, "run"),
    (run_days, "run"),
):
    _has_step = "EXISTS (SELECT 1 FROM pay_run_steps s WHERE s.run = {}.{})"
    _old, _new = _has_step.format("OLD", _run), _has_step.format("NEW", _run)
    guard(
        _table,
        Guard("UPDATE", "submitted", f"{_old} OR {_new}", _STAYS),
        Guard("DELETE", "submitted_too", _old, _STAYS),
        Guard("INSERT", "submitted_before", _new, _STAYS),
    )


class RunStep(Struct, frozen=True, kw_only=True):
    """`approval`: the number under which the second person let it happen."""

    run: int
    step: str
    at: datetime
    by: str
    approval: int | None = None
    reason: str = ""


def add_step(conn: sa.Connection, step: RunStep) -> None:
    values = {name: getattr(step, name) for name in step.__struct_fields__}
    conn.execute(sa.insert(pay_run_steps).values(values))


def steps_of(conn: sa.Connection, run: int) -> list[RunStep]:
    """Oldest first."""
    return list(_steps(conn, pay_run_steps.c.run == run))


def approved_steps(conn: sa.Connection) -> list[RunStep]:
    """Of every run that was ever approved, oldest first."""
    return list(_steps(conn, pay_run_steps.c.step == "approved"))


def issued_runs() -> sa.Select[int]:
    """For the WHERE of a query: runs that two people approved at some time, paid and reversed ones too.
    Their slips are payslips; those of any other run are trials.
    """
    return sa.select(pay_run_steps.c.run).where(pay_run_steps.c.step == "approved").distinct()


def is_issued(conn: sa.Connection, run: int) -> bool:
    one = issued_runs().where(pay_run_steps.c.run == run)
    return conn.execute(one).first() is not None


def last_steps(conn: sa.Connection) -> dict[int, str]:
    """By run; a run that was only computed has none."""
    return {step.run: step.step for step in _steps(conn, sa.true())}


def set_approved(conn: sa.Connection, month: str, run: int) -> None:
    conn.execute(sa.insert(approved_runs).values(month=month, run=run))


def remove_approved(conn: sa.Connection, run: int) -> None:
    conn.execute(sa.delete(approved_runs).where(approved_runs.c.run == run))


def approved_run(conn: sa.Connection, month: str) -> int | None:
    """The run that counts for the month."""
    query = sa.select(approved_runs.c.run).where(approved_runs.c.month == month)
    return conn.execute(query).scalar_one_or_none()


def _steps(conn: sa.Connection, condition: sa.ColumnElement[bool]) -> Iterator[RunStep]:
    there = pay_run_steps.c
    columns = (there.run, there.step, there.at, there.by, there.approval, there.reason)
    query = sa.select(*columns).where(condition).order_by(there.number)
    for row in conn.execute(query).mappings():
        yield RunStep(**row)
