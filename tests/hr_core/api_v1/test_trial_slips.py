"""A run that nobody approved is for who computes runs: programs of a worker do not see its slips."""

import pytest
import sqlalchemy as sa

from hr_core.clock import Month
from hr_core.pay.run import compute_run
from hr_core.store.database import writing
from hr_core.store.results import add_run, pay_lines, pay_runs, pay_slips, run_days
from tests.hr_core.web.plant import NOW

API = "/api/v1"


@pytest.fixture
def trial(paid):
    """Run 1 is approved, this one of the same month is not."""
    with writing(paid) as conn:
        number = add_run(conn, compute_run(conn, Month(2026, 10), NOW))
    yield number
    with writing(paid) as conn:
        for table in (pay_lines, run_days, pay_slips):
            conn.execute(sa.delete(table).where(table.c.run == number))
        conn.execute(sa.delete(pay_runs).where(pay_runs.c.number == number))


@pytest.fixture
def ask(paid, served, bearer):
    async def asked(name, path):
        async with served(paid) as client:
            return await client.get(f"{API}/{path}", headers=bearer(name))

    return asked


async def test_a_worker_sees_the_approved_run_and_not_the_trial(ask, trial):
    slips = (await ask("worker", "people/1002/slips")).json()["slips"]
    assert [one["run"] for one in slips] == [1]
    for run, status in ((1, 200), (trial, 404)):
        for path in (f"people/1002/slips/{run}", f"pay/runs/{run}/slips/1002/trace"):
            assert (await ask("worker", path)).status_code == status, path
    assert (await ask("worker", f"pay/runs/{trial}/slips")).json()["people"] == []
    assert "1002" not in (await ask("worker", f"pay/runs/{trial}/slips.csv")).text
    (own,) = (await ask("worker", "pay/runs/1/slips")).json()["people"]
    assert own["total_fen"] > 0


async def test_a_manager_sees_whose_days_are_open_but_not_the_own_trial(ask, trial):
    people = (await ask("manager", f"pay/runs/{trial}/slips")).json()["people"]
    assert "1002" in {one["person"] for one in people}
    assert "1001" not in {one["person"] for one in people}
    assert all(one["total_fen"] is None for one in people)


async def test_hr_sees_both(ask, trial):
    slips = (await ask("hr", "people/1002/slips")).json()["slips"]
    assert [one["run"] for one in slips] == [trial, 1]
    assert (await ask("hr", f"people/1002/slips/{trial}")).status_code == 200
