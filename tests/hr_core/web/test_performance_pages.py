"""Goals, two-way scoring, grades and appeals on pages: who sees what, and who may do it."""

import shutil

import pytest

from hr_core.performance.agreeing import state_of
from hr_core.performance.sign_off import State
from hr_core.store.assessments import sides_of
from hr_core.store.database import open_database
from hr_core.store.score_results import newest_result
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.performance_plant import performing_core

GOALS, MARKS, GRADES = "/en/goals/4", "/en/assessments/1", "/en/grades?period=2026-10"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("performing")
    engine = performing_core(folder)
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


async def sent(engine, name, place, **fields):
    async with logged_in(engine, name) as client:
        token = field(await client.get("/en/account"), "form_token")
        return await client.post(place, data={"form_token": token} | fields)


async def acted(engine, name, act, **fields):
    return await sent(engine, name, GOALS, number="4", act=act, **fields)


async def marked(engine, name, **marks):
    return await sent(engine, name, MARKS, number="1", act="mark", **marks)


async def page_of(engine, name, place, status=200):
    async with logged_in(engine, name) as client:
        return await read(client, place, status)


def state(engine):
    with engine.connect() as conn:
        return state_of(conn, 4)


async def test_the_tree_goes_from_the_company_to_the_person(core):
    page = await page_of(core, "e1", "/zh/goals?period=2026-12")
    order = [page.text.index(word) for word in ("销售额", "Output", "次品率", "本人次品率")]
    assert order == sorted(order)
    assert "≤ 3" in page.text
    assert "等你处理" in page.text


async def test_goals_of_others_are_not_in_the_tree(core):
    page = await page_of(core, "buyer", "/en/goals?period=2026-12")
    assert "Defects" in page.text
    assert "Own defects" not in page.text
    await page_of(core, "buyer", GOALS, status=404)
    await page_of(core, "e1", "/en/goals/99", status=404)
    await page_of(core, "e1", "/en/goals/x", status=404)


async def test_an_empty_period_says_what_comes_first(core):
    page = await page_of(core, "ann", "/en/goals?period=2031-01")
    assert "hr-core performance goals import" in page.text
    await page_of(core, "ann", "/en/goals?period=someday", status=400)


async def test_three_people_sign_in_order(core):
    for name in ("e1", "lead", "head"):
        page = await page_of(core, name, GOALS)
        assert "Sign" in page.text
        assert (await acted(core, name, "sign")).status_code == 303
    assert state(core) is State.SIGNED
    page = await page_of(core, "ann", GOALS)
    assert "E1 (employee) signs" in page.text
    assert "Head (level above) signs" in page.text
    assert not page.attributes("textarea")


async def test_nobody_signs_out_of_turn_or_for_another(core):
    assert (await acted(core, "lead", "sign")).status_code == 409
    assert (await acted(core, "buyer", "sign")).status_code == 404
    assert (await acted(core, "ann", "sign")).status_code == 409
    assert (await acted(core, "e1", "propose")).status_code == 400
    assert (await acted(core, "e1", "sign", form_token="stale")).status_code == 403
    assert state(core) is State.PROPOSED


async def test_a_change_needs_words_and_gets_an_answer(core):
    refused = await acted(core, "e1", "ask_change", note=" ")
    assert refused.status_code == 409
    assert "needs words" in refused.text
    assert (await acted(core, "e1", "ask_change", note="3 % is too hard")).status_code == 303
    page = await page_of(core, "lead", GOALS)
    assert "3 % is too hard" in page.text
    assert (await acted(core, "lead", "explain", note="the new mould")).status_code == 303
    assert state(core) is State.PROPOSED


async def test_neither_side_sees_the_others_marks_first(core):
    assert (await marked(core, "e1", mark_output="91", mark_care="92")).status_code == 303
    before = await page_of(core, "lead", MARKS)
    assert "91" not in before.text
    assert "given; shown when both sides are in" in before.text
    for onlooker in ("ann", "eve"):
        assert "91" not in (await page_of(core, onlooker, MARKS)).text
    assert (await marked(core, "lead", mark_output="70", mark_care="92")).status_code == 303
    after = await page_of(core, "e1", MARKS)
    assert "lies apart" in after.row("output")
    assert "91" in after.row("output")
    assert "70" in after.row("output")
    assert "lies apart" not in after.row("care")


async def test_a_deviation_gets_its_reason(core):
    await marked(core, "e1", mark_output="91", mark_care="92")
    await marked(core, "lead", mark_output="70", mark_care="92")
    why = {"number": "1", "act": "reason", "indicator": "output", "reason": "two weeks of scrap"}
    assert (await sent(core, "lead", MARKS, **why)).status_code == 303
    page = await page_of(core, "e1", MARKS)
    assert "two weeks of scrap" in page.row("output")
    assert not page.attributes("textarea")


@pytest.mark.parametrize(
    ("name", "marks", "status"),
    [
        ("e1", {"mark_output": "x", "mark_care": "1"}, 400),
        ("e1", {"mark_output": "90"}, 409),
        ("e1", {"mark_output": "90", "mark_care": "-1"}, 409),
        ("e1", {"mark_output": "90", "mark_care": "1000"}, 409),
        ("e1", {"mark_output": "90", "mark_care": "90", "mark_more": "90"}, 409),
        ("e2", {"mark_output": "90", "mark_care": "90"}, 404),
        ("ann", {"mark_output": "90", "mark_care": "90"}, 409),
    ],
)
async def test_odd_marks_and_other_people_are_refused(core, name, marks, status):
    assert (await marked(core, name, **marks)).status_code == status
    with core.connect() as conn:
        assert sides_of(conn, 1) == {}


async def test_an_assessment_of_others_does_not_exist(core):
    for name in ("e2", "buyer", "head"):
        await page_of(core, name, MARKS, status=404)
        assert "2026-09" not in (await page_of(core, name, "/en/assessments")).text
    assert "Waits for you" in (await page_of(core, "lead", "/en/assessments")).text


async def test_a_worker_sees_the_own_grade_and_nobody_elses(core):
    own = await page_of(core, "e2", GRADES)
    assert "E2" in own.text
    assert "88" in own.text
    other = await page_of(core, "e1", GRADES)
    assert "E2" not in other.text
    assert "88" not in other.text
    board = await page_of(core, "ann", GRADES)
    assert "100 %" in board.text


async def test_an_appeal_is_reviewed_by_another_and_makes_a_new_version(core):
    appeal = {
        "act": "appeal",
        "result": "1",
        "period": "2026-10",
        "reason": "the press stood still",
    }
    assert (await sent(core, "e2", "/en/grades", **appeal)).status_code == 303
    assert (await sent(core, "e2", "/en/grades", **appeal)).status_code == 409
    review = {"act": "review", "appeal": "1", "period": "2026-10", "reason": "four hours less"}
    changed = review | {"outcome": "changed", "mark_output": "95", "mark_care": ""}
    for name, status in (("e2", 404), ("e1", 404), ("eve", 404)):
        assert (await sent(core, name, "/en/grades", **changed)).status_code == status
    assert "the press stood still" in (await page_of(core, "ann", GRADES)).text
    assert (await sent(core, "ann", "/en/grades", **changed)).status_code == 303
    with core.connect() as conn:
        assert newest_result(conn, {"E2"}, "2026-10").version == 2
    assert "reviewed" in (await page_of(core, "e2", GRADES)).text


async def test_feedback_is_kept_and_changes_nothing(core):
    said = {"act": "feedback", "result": "1", "period": "2026-10", "reason": "thank you"}
    assert (await sent(core, "e2", "/en/grades", **said)).status_code == 303
    assert (await sent(core, "e1", "/en/grades", **said)).status_code == 404
    page = await page_of(core, "ann", GRADES)
    assert "Feedback : thank you" in page.text or "Feedback: thank you" in page.text
    with core.connect() as conn:
        assert newest_result(conn, {"E2"}, "2026-10").version == 1
