"""When a run is approved, the queued corrections that its lines pay are taken."""

import sqlalchemy as sa

from hr_core.approvals.desk import Approval
from hr_core.pay.counted_lines import counted_lines
from hr_core.pay.retro import RETRO
from hr_core.pay.run_life import lock_run
from hr_core.store.attendance_locks import CorrectionState, corrections, settle_correction
from hr_core.store.results import run_by_number


def lock_run_and_settle(conn: sa.Connection, approval: Approval) -> list[int]:
    """What the approval of a run does; the numbers of the corrections that it takes."""
    lock_run(conn, approval)
    return settle_corrections(conn, approval.content["run"])


def settle_corrections(conn: sa.Connection, run: int) -> list[int]:
    """Their numbers. What came in after the run was computed stays queued."""
    row = run_by_number(conn, run)
    if row is None:
        return []
    paid = {
        (one.person, one.line.trace.facts["month"]) for one in counted_lines(conn, [run], (RETRO,))
    }
    return [
        one.number
        for one in corrections(conn)
        if (one.person, one.month) in paid
        and one.found_at <= row.created_at
        and settle_correction(conn, one.number, CorrectionState.TAKEN, f"run {run}")
    ]
