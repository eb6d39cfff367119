"""Forms of goals and scores as people see them, at a desk and on a phone."""

import pytest
from playwright.async_api import expect

from tests.hr_core.web.performance_plant import performing_core
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
