"""E7, E8, I7, I8: what a person sees of the own score and pay, and that nobody else's is there."""

import pytest

from hr_core.performance.ranking import own_rank
from hr_core.store.assessments import sides_of
from hr_core.store.database import writing
from hr_core.store.score_results import newest_result
from tests.hr_core.performance.score_desk import locked
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.performance_plant import performing_core


@pytest.fixture
def core(tmp_path):
    engine = performing_core(tmp_path)
    yield engine
    engine.dispose()


async def posted(core, name, path, **words):
    async with logged_in(core, name) as client:
        token = field(await client.get("/en/account"), "form_token")
        return await client.post(path, data={"form_token": token, **words})


async def test_marks_after_the_lock_are_a_conflict(core):
    with core.connect() as conn:
        before = sides_of(conn, 2), newest_result(conn, ["E2"], "2026-10")
    marks = {"mark_output": "100", "mark_care": "100"}
    answer = await posted(core, "e2", "/en/assessments/2", number="2", act="mark", **marks)
    assert answer.status_code == 409
    assert "is locked" in answer.text
    with core.connect() as conn:
        assert (sides_of(conn, 2), newest_result(conn, ["E2"], "2026-10")) == before


async def test_the_own_result_has_its_rule_and_history_and_nobody_elses_is_there(core):
    with writing(core) as conn:
        locked(conn, "77", person="E2", period="2026-09")
    async with logged_in(core, "e2") as client:
        for period, score in (("2026-09", "77"), ("2026-10", "88")):
            page = (await client.get(f"/en/grades?period={period}")).text
            assert score in page
            assert "output" in page, "the indicators with their weights"
    async with logged_in(core, "e1") as client:
        others = await read(client, "/en/grades?period=2026-10")
    assert "88" not in others.text


def test_the_own_rank_names_nobody(core):
    with writing(core) as conn:
        locked(conn, "95", person="E1")
    with core.connect() as conn:
        rank = own_rank(conn, "E2", "2026-10")
    assert (rank.rank, rank.of, rank.score) == (2, 2, 88)
    assert set(rank.__struct_fields__) == {"period", "unit", "rank", "of", "score"}
