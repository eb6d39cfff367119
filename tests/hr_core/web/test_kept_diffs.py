"""The fingerprint of a kept comparison, on both databases."""

import sqlalchemy as sa

from hr_core.store.database import writing
from hr_core.store.results import add_run, pay_lines
from hr_core.web.kept_diffs import KeptDiffs
from tests.hr_core.pay.test_run_life import new_run


def test_a_kept_comparison_ends_with_the_run_that_it_was_made_of(engine):
    kept = KeptDiffs()
    with writing(engine) as conn:
        first, second = (add_run(conn, new_run()) for _ in range(2))
    with engine.connect() as conn:
        before = kept.compare(conn, first, second)
        assert kept.compare(conn, first, second) is before
    with writing(engine) as conn:
        trace = conn.execute(sa.select(pay_lines.c.trace).where(pay_lines.c.run == second)).scalar()
        longer = sa.update(pay_lines).where(pay_lines.c.run == second)
        conn.execute(longer.values(trace=trace + b" "))
    with engine.connect() as conn:
        assert kept.compare(conn, first, second) is not before
