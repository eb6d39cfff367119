"""Assessments opened and scores locked for a team on one page: what is missing is said, by person."""

import shutil

import pytest

from hr_core.audit.log import entries
from hr_core.store.assessments import assessments_of
from hr_core.store.database import open_database, writing
from hr_core.store.performance_figures import add_figures
from hr_core.store.score_results import newest_result
from tests.hr_core.performance.test_first_score import figure
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import Page, read
from tests.hr_core.web.team_plant import PERIOD, team_core

PLACE = "/en/team-scores"
HERE = f"{PLACE}?period={PERIOD}"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("team")
    engine = team_core(folder)
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


async def sent(engine, name, place=PLACE, **fields):
    async with logged_in(engine, name) as client:
        token = field(await client.get("/en/account"), "form_token")
        return await client.post(place, data={"form_token": token, "period": PERIOD} | fields)


async def page_of(engine, name, place=HERE, status=200):
    async with logged_in(engine, name) as client:
        return await read(client, place, status)


def opened(engine, person):
    with engine.connect() as conn:
        return assessments_of(conn, person, PERIOD)


def result(engine, person):
    with engine.connect() as conn:
        return newest_result(conn, {person}, PERIOD)


async def marked(engine, number, name, **marks):
    place = f"/en/assessments/{number}"
    answer = await sent(engine, name, place, number=str(number), act="mark", **marks)
    assert answer.status_code == 303, answer.text


async def test_a_whole_team_is_opened_at_once_and_who_lacks_a_figure_is_told(core):
    before = await page_of(core, "ann")
    assert before.text.count("to be opened") == 2
    assert "no signed goals" in before.text
    answer = await sent(core, "ann", act="open_all")
    assert answer.status_code == 200
    page = Page(answer)
    assert "opened: 1" in page.text
    assert "E2 : no first score of E2 for 2026-08" in page.text
    assert "enter what is missing" in page.text
    (one,) = opened(core, "E1")
    assert (one.rater, one.indicators[0].first, one.goals_version) == ("LEAD", "80", 1)
    assert opened(core, "E2") == []
    assert opened(core, "BUY") == []
    again = Page(await sent(core, "ann", act="open_all"))
    assert "opened: 0" in again.text


async def test_the_opening_is_in_the_audit_log_under_who_did_it(core):
    await sent(core, "ann", act="open_all")
    with core.connect() as conn:
        last = [one for one in entries(conn) if one.action == "assessment.open"][-1]
    assert (last.actor, last.subject) == ("ann", "person E1")


async def test_the_ticked_alone_are_opened_with_another_rater(core):
    with writing(core) as conn:
        add_figures(conn, [figure("output", 90, period=PERIOD, subject="person:E2")])
    answer = await sent(core, "ann", act="open_ticked", tick_E2="on", rater="HEAD")
    assert "opened: 1" in Page(answer).text
    assert opened(core, "E1") == []
    assert opened(core, "E2")[0].rater == "HEAD"


async def test_a_score_is_locked_when_nothing_is_missing(core):
    await sent(core, "ann", act="open_all")
    (one,) = opened(core, "E1")
    lock = {"act": "lock_all", "scheme": "general"}
    page = Page(await sent(core, "ann", **lock))
    assert "locked: 0" in page.text
    assert "lacks the self and the manager side" in page.text
    await marked(core, one.number, "e1", mark_output="91")
    await marked(core, one.number, "lead", mark_output="70")
    page = Page(await sent(core, "ann", **lock))
    assert "self and manager lie apart on output and nobody says why" in page.text
    assert "a reason is missing output" in page.text
    assert result(core, "E1") is None
    why = {"number": str(one.number), "act": "reason", "indicator": "output", "reason": "scrap"}
    assert (await sent(core, "lead", f"/en/assessments/{one.number}", **why)).status_code == 303
    assert "ready to be locked" in (await page_of(core, "ann")).text
    page = Page(await sent(core, "ann", **lock))
    assert "locked: 1" in page.text
    assert "76.3 · C" in page.text
    assert result(core, "E1").locked_by == "ann"


async def test_who_rates_is_rated_or_only_looks_does_not_lock(core):
    await sent(core, "ann", act="open_all")
    (one,) = opened(core, "E1")
    await marked(core, one.number, "e1", mark_output="80")
    await marked(core, one.number, "lead", mark_output="80")
    lock = {"act": "lock_ticked", "scheme": "general", "tick_E1": "on"}
    page = Page(await sent(core, "lead", **lock))
    assert "LEAD is rated or rates in this score and cannot lock it" in page.text
    for name in ("e1", "eve", "buyer"):
        assert (await sent(core, name, **lock)).status_code == 403
        await page_of(core, name, status=403)
    assert result(core, "E1") is None
    assert "locked: 1" in Page(await sent(core, "head", **lock)).text


async def test_a_manager_has_the_own_people_and_never_itself(core):
    page = await page_of(core, "lead")
    ticks = {one["name"] for one in page.attributes("input") if one.get("type") == "checkbox"}
    assert ticks == {"tick_E1", "tick_E2"}
    for other in ("tick_BUY", "tick_LEAD", "tick_nobody"):
        answer = await sent(core, "lead", act="open_ticked", **{other: "on"})
        assert answer.status_code == 404, other


async def test_a_unit_narrows_both_the_list_and_what_is_done(core):
    with writing(core) as conn:
        add_figures(conn, [figure("output", 90, period=PERIOD, subject="person:E2")])
    page = await page_of(core, "ann", f"{HERE}&unit=T2")
    ticks = {one["name"] for one in page.attributes("input") if one.get("type") == "checkbox"}
    assert ticks == {"tick_E2", "tick_LEAD"}
    await sent(core, "ann", act="open_all", unit="T2")
    assert opened(core, "E1") == []
    assert opened(core, "E2") != []


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"act": "lock_all"}, 409, "there is no scheme of grades ''"),
        ({"act": "lock_ticked", "scheme": "general"}, 409, "nobody is ticked"),
        ({"act": "open_ticked"}, 409, "nobody is ticked"),
        ({"act": "open_all", "rater": "0099"}, 409, "no employee number and no person '0099'"),
        ({"act": "lock_all", "period": ""}, 409, "no period is named"),
        ({"act": "lock_all", "period": "someday"}, 400, "Form"),
        ({"act": "pay_all"}, 400, "Form"),
    ],
)
async def test_what_cannot_be_done_says_why_and_keeps_the_form(core, form, status, said):
    answer = await sent(core, "ann", **form)
    assert answer.status_code == status
    assert said.casefold() in Page(answer).text.casefold()
