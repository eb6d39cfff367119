"""Forms of goals and scores as people see them, at a desk and on a phone."""

import pytest
from playwright.async_api import expect

from hr_core.performance.follow_up import follow_up
from hr_core.performance.locking import lock_score
from hr_core.performance.periods import Period
from hr_core.performance.team_scores import open_for_many
from hr_core.store.database import writing
from tests.hr_core.performance.score_desk import HR, act, marked
from tests.hr_core.web.performance_plant import performing_core
from tests.hr_core.web.team_plant import PERIOD, team_core
from tests.hr_core.web.test_login_in_chromium import opened
from tests.hr_core.web.test_pages_in_chromium import DESK, PHONE, check_and_keep
from tests.hr_core.web.test_performance_in_chromium import log_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("chromium")]


@pytest.fixture(scope="session")
def screenshots(repository):
    folder = repository / "tests/web/screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def core(tmp_path):
    engine = performing_core(tmp_path)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_manager_proposes_goals(core, screenshots, language, width):
    def file(name):
        return screenshots / f"{name}-{language}-{width}.png"

    async with opened(core, width) as (page, address):
        await log_in(page, address, "lead")
        await page.goto(f"{address}/{language}/goals?period=2026-12")
        await page.click("p.back a")
        await check_and_keep(page, width, file("goal-people"))
        await page.select_option("#person", "key:E2")
        await page.click("button.main")
        await page.fill("[name=code_0]", "OUT")
        await page.fill("[name=title_0]", "班产量")
        await page.fill("[name=target_0]", "1200")
        await page.fill("[name=weight_0]", "60")
        await page.select_option("[name=parent_0]", "DEFECT")
        await page.click("button[value=propose]")
        await expect(page.locator(".alarm")).to_contain_text("60 %")
        await expect(page.locator("[name=title_0]")).to_have_value("班产量")
        await page.click("fieldset details summary >> nth=0")
        await check_and_keep(page, width, file("goal-form"))
        await page.fill("[name=weight_0]", "100")
        await page.click("button[value=propose]")
        await expect(page.locator("ol.steps li")).to_have_count(1)
        await check_and_keep(page, width, file("goal-set-proposed"))


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_manager_shares_a_goal_out(core, screenshots, language, width):
    async with opened(core, width) as (page, address):
        await log_in(page, address, "head")
        await page.goto(f"{address}/{language}/goals/2")
        await page.click("table a.button")
        await page.fill("[name=part_T1]", "60")
        await page.click("button[value=split]")
        await expect(page.locator(".alarm")).to_contain_text("60 %")
        await check_and_keep(page, width, screenshots / f"split-{language}-{width}.png")
        await page.fill("[name=part_T2]", "40")
        await page.click("button[value=split]")
        await expect(page.locator("main")).to_contain_text("T2")


async def log_out(page, address, language):
    await page.goto(f"{address}/{language}/account")
    await page.click("form[action$=logout] button")


@pytest.fixture
def team(tmp_path):
    engine = team_core(tmp_path)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_hr_opens_for_a_team_and_locks(team, screenshots, language, width):
    def file(name):
        return screenshots / f"{name}-{language}-{width}.png"

    async with opened(team, width) as (page, address):
        await log_in(page, address, "ann")
        await page.goto(f"{address}/{language}/assessments")
        await page.click("p.back a")
        await page.goto(f"{address}/{language}/team-scores?period={PERIOD}")
        await check_and_keep(page, width, file("team-scores"))
        await page.click("button[value=open_all]")
        await expect(page.locator("[role=status]")).to_contain_text("1")
        await check_and_keep(page, width, file("team-opened"))
        await page.check("[name=tick_E1]")
        await page.select_option("[name=scheme]", "general")
        await page.click("button[value=lock_ticked]")
        await expect(page.locator("[role=status] li")).to_have_count(1)
        await check_and_keep(page, width, file("team-not-locked"))


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_round_of_360_degrees(core, screenshots, language, width):
    def file(name):
        return screenshots / f"{name}-{language}-{width}.png"

    async with opened(core, width) as (page, address):
        await log_in(page, address, "ann")
        await page.goto(f"{address}/{language}/rate360?period=2026-10")
        await page.select_option("#rated", "E1")
        await page.fill("#peer", "E2 BUY")
        await page.fill("#superior", "LEAD")
        await page.click("button[value=invite]")
        await page.click("details summary")
        await check_and_keep(page, width, file("rate360-rounds"))
        for name, mark in (("e2", "90"), ("buyer", "82.5"), ("lead", "70")):
            await log_out(page, address, language)
            await log_in(page, address, name)
            await page.goto(f"{address}/{language}/rate360")
            await page.fill("[name=score]", mark)
            if name == "e2":
                await check_and_keep(page, width, file("rate360-asked"))
            await page.click("button[value=rate]")
            await expect(page.locator("[name=score]").first).to_have_value(mark)
        await log_out(page, address, language)
        await log_in(page, address, "ann")
        await page.goto(f"{address}/{language}/rate360?period=2026-10")
        await page.click("details summary")
        await page.click("button[value=close]")
        await log_out(page, address, language)
        await log_in(page, address, "e1")
        await page.goto(f"{address}/{language}/rate360")
        await expect(page.locator("ul.tasks li")).to_have_count(1)
        await check_and_keep(page, width, file("rate360-own"))


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_manager_talks_a_missed_goal_over(team, screenshots, language, width):
    with writing(team) as conn:
        ((_, number),) = open_for_many(conn, ["E1"], Period.parse(PERIOD), act(HR)).made
        marked(conn, number, "50", "50", person="E1", rater="LEAD")
        lock_score(conn, "E1", PERIOD, "general", None, act(HR))
        follow_up(conn, PERIOD, act(HR))
    async with opened(team, width) as (page, address):
        await log_in(page, address, "lead")
        await page.goto(f"{address}/{language}/grades?period={PERIOD}")
        await page.click(".tasks details summary")
        await check_and_keep(page, width, screenshots / f"open-tasks-{language}-{width}.png")
        await page.fill(".tasks textarea", "模具已更换")
        await page.click(".tasks button[value=done]")
        await expect(page.locator(".tasks")).to_have_count(0)
