"""Open tasks and the own rank on the page of grades."""

import shutil

import pytest

from hr_core.performance.follow_up import follow_up
from hr_core.performance.locking import lock_score
from hr_core.performance.open_tasks import open_tasks
from hr_core.performance.periods import Period
from hr_core.performance.team_scores import open_for_many
from hr_core.store.consequences import ConsequenceKind
from hr_core.store.database import open_database, writing
from tests.hr_core.performance.score_desk import HR, act, locked, marked
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.team_plant import PERIOD, team_core

HERE = f"/en/grades?period={PERIOD}"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """E1 of 2026-08: first score 80, both sides 50: a missed goal, and grade D."""
    folder = tmp_path_factory.mktemp("tasks")
    engine = team_core(folder)
    with writing(engine) as conn:
        ((_, number),) = open_for_many(conn, ["E1"], Period.parse(PERIOD), act(HR)).made
        marked(conn, number, "50", "50", person="E1", rater="LEAD")
        lock_score(conn, "E1", PERIOD, "general", None, act(HR))
        locked(conn, 88, person="HEAD", period=PERIOD)
        locked(conn, 88, person="BUY", period=PERIOD)
        follow_up(conn, PERIOD, act(HR))
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return folder / "core.db"


@pytest.fixture
def core(database, tmp_path):
    shutil.copy(database, tmp_path / "core.db")
    engine = open_database(f"sqlite:///{tmp_path}/core.db")
    yield engine
    engine.dispose()


async def page_of(engine, name, place=HERE, status=200):
    async with logged_in(engine, name) as client:
        return await read(client, place, status)


async def ended(engine, name, task, note="talked over: the new mould"):
    async with logged_in(engine, name) as client:
        token = field(await client.get("/en/account"), "form_token")
        typed = {"form_token": token, "act": "done", "task": task, "period": PERIOD}
        return await client.post("/en/grades", data=typed | {"reason": note})


def review(engine):
    with engine.connect() as conn:
        return [str(one.row.number) for one in open_tasks(conn, (ConsequenceKind.GOAL_REVIEW,))]


async def test_the_manager_sees_a_missed_goal_with_its_figures_and_ends_the_task(core):
    (number,) = review(core)
    page = await page_of(core, "lead")
    assert "E1 · 2026-08 · missed goals to be talked over" in page.text
    assert "output: From data 80 · Weight 100 % · Target 100 · Reached 80" in page.text
    assert "ERP row 2" in page.text
    assert (await ended(core, "lead", number, " ")).status_code == 409
    assert (await ended(core, "lead", number)).status_code == 303
    assert "Open tasks" not in (await page_of(core, "lead")).text
    assert review(core) == []
    assert (await ended(core, "lead", number)).status_code == 409


async def test_what_is_hrs_alone_is_not_on_a_managers_page(core):
    assert "notice to HR · grade D" in (await page_of(core, "ann")).text
    manager = (await page_of(core, "head")).text
    assert "missed goals" in manager
    assert "notice to HR" not in manager
    with core.connect() as conn:
        (notice,) = open_tasks(conn, (ConsequenceKind.HR_NOTICE,))
    assert (await ended(core, "head", str(notice.row.number))).status_code == 404


async def test_nobody_else_sees_or_ends_a_task(core):
    (number,) = review(core)
    for name in ("e1", "e2", "buyer", "eve"):
        assert "Open tasks" not in (await page_of(core, name)).text
        assert (await ended(core, name, number)).status_code == 404
    assert (await ended(core, "ann", "999")).status_code == 404
    assert (await ended(core, "ann", "x")).status_code == 400
    assert review(core) == [number]


async def test_the_own_rank_stands_on_the_own_result_and_names_nobody(core):
    page = await page_of(core, "e1")
    assert "Rank 3 of 3" in page.text
    assert "Buy" not in page.text
    assert "88" not in page.text
    assert "Rank 1 of 3" in (await page_of(core, "buyer")).text
    assert "Rank" not in (await page_of(core, "ann")).text
