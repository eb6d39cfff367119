"""Whether a run may go to the money."""

import sqlalchemy as sa

from hr_core.errors import RefusedError
from hr_core.pay.run_life import changed_runs
from hr_core.store.pay_run_steps import approved_run
from hr_core.store.results import RunRow


def approved(conn: sa.Connection, run: RunRow) -> bool:
    """Whether two people approved this run of its month and nobody reversed it since.

    Raises RefusedError when it is not any more what they approved.
    """
    if approved_run(conn, run.month) != run.number:
        return False
    if run.number in changed_runs(conn):
        raise RefusedError(
            f"run {run.number} is not what was approved: its rows were changed in the database",
            remedy="pay nothing by it; restore the database, and see hr-core audit verify",
        )
    return True
