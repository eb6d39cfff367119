"""Goals, two-way scoring and grades as a person sees them, at a desk and on a phone."""

import pytest
from playwright.async_api import expect

from tests.hr_core.accounts.quick import PASSWORD
from tests.hr_core.web.performance_plant import performing_core
from tests.hr_core.web.test_login_in_chromium import opened
from tests.hr_core.web.test_pages_in_chromium import DESK, PHONE, check_and_keep

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


async def log_in(page, address, name):
    await page.goto(f"{address}/zh/login")
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.click("button.main")


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_worker_signs_goals_and_gives_marks(core, screenshots, language, width):
    def file(name):
        return screenshots / f"{name}-{language}-{width}.png"

    async with opened(core, width) as (page, address):
        await log_in(page, address, "e1")
        await page.goto(f"{address}/{language}/goals?period=2026-12")
        await check_and_keep(page, width, file("goals"))
        await page.click("section ul.plain a")
        await check_and_keep(page, width, file("goal-set"))
        await page.click("button[value=sign]")
        await expect(page.locator("ol.steps li")).to_have_count(2)
        await page.goto(f"{address}/{language}/assessments")
        await check_and_keep(page, width, file("assessments"))
        await page.click("ul.rows a")
        await check_and_keep(page, width, file("assessment"))
        await page.fill("[name=mark_output]", "91")
        await page.fill("[name=mark_care]", "92.5")
        await page.click("button[value=mark]")
        await expect(page.locator("[name=mark_output]")).to_have_value("91")


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_worker_appeals_and_hr_reviews(core, screenshots, language, width):
    async with opened(core, width) as (page, address):
        await log_in(page, address, "e2")
        await page.goto(f"{address}/{language}/grades?period=2026-10")
        await page.click("details details summary >> nth=0")
        await check_and_keep(page, width, screenshots / f"own-grade-{language}-{width}.png")
        await page.fill("textarea >> nth=0", "冲压机停了四个小时")
        await page.click("button[value=appeal]")
        await page.goto(f"{address}/{language}/account")
        await page.click("form[action$=logout] button")
        await log_in(page, address, "ann")
        await page.goto(f"{address}/{language}/grades?period=2026-10")
        await check_and_keep(page, width, screenshots / f"grades-{language}-{width}.png")
        await page.fill("article [name=mark_output]", "95")
        await page.fill("article textarea", "四小时不计")
        await page.click("button[value=changed]")
        await expect(page.locator("details.line").first).to_contain_text("2")
