"""Whether everything is explained that makes a run another one than its month's last approved run."""

from collections.abc import Iterator

import sqlalchemy as sa

from hr_core.errors import RefusedError
from hr_core.pay.diff.model import LineDiff
from hr_core.pay.stored_diff import compare_runs
from hr_core.pay.stored_table_diff import notes_beside_runs
from hr_core.store.pay_run_steps import approved_steps
from hr_core.store.results import RunRow, run_by_number


def refuse_unexplained(conn: sa.Connection, run: RunRow) -> None:
    """Raises RefusedError when a line differs from the run that was approved for the month and reversed,
    and neither the traces nor a note say why.
    """
    before = _approved_before(conn, run)
    found = [] if before is None else list(_unexplained(conn, before, run.number))
    if found:
        raise RefusedError(
            f"{len(found)} lines of run {run.number} differ from those of run {before}, which was "
            f"approved for {run.month} before, and nothing explains it: the first is {found[0].code} of "
            f"{found[0].number}",
            remedy=f"find out why: hr-core pay diff {before} {run.number}; or say why it is as it should "
            f"be: hr-core pay note {before} {run.number} --person … --line … --reason …",
        )


def _approved_before(conn: sa.Connection, run: RunRow) -> int | None:
    """Of the same month and scheme; the last one."""
    for step in reversed(approved_steps(conn)):
        row = run_by_number(conn, step.run)
        if row is not None and (row.month, row.scheme) == (run.month, run.scheme):
            return row.number
    return None


def _unexplained(conn: sa.Connection, before: int, run: int) -> Iterator[LineDiff]:
    notes = notes_beside_runs(conn, before, run)
    for line in compare_runs(conn, before, run).lines:
        note = notes.of(line.person, line.code)
        if line.unexplained and (note is None or not note.explains):
            yield line
