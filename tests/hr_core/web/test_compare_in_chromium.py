"""The comparison as a person sees it, at a desk and on a phone, in both languages."""

import pytest
from playwright.async_api import expect

from tests.hr_core.accounts.quick import account
from tests.hr_core.web import test_login_in_chromium
from tests.hr_core.web.compared_plant import compared_plant
from tests.hr_core.web.plant import NOW
from tests.hr_core.web.test_pages_in_chromium import DESK, PHONE, check_and_keep, opened
from tests.hr_core.web.test_performance_in_chromium import log_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("chromium")]

PLACES = {
    "compare": "pay/compare?a=1&b=2",
    "compare-same": "pay/compare?a=2&b=3",
    "compare-unknown": "pay/compare?a=1&b=4",
    "compare-choose": "pay/compare",
    "compare-months": "pay/compare?a=1&b=5",
    "compare-line": "pay/compare/1/2/overtime_workday/E1",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    plant = compared_plant(tmp_path_factory.mktemp("compared"))
    yield plant.engine
    plant.engine.dispose()


@pytest.fixture(scope="module")
def pictures(repository):
    folder = repository / "tests/web/screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_state_fits_its_screen_without_a_complaint(engine, pictures, language, width):
    async with opened(engine, width, locale={"zh": "zh-CN", "en": "en-GB"}[language]) as seen:
        page, address, complaints = seen
        for name, place in PLACES.items():
            await page.goto(f"{address}/{language}/{place}")
            await check_and_keep(page, width, pictures / f"{name}-{language}-{width}.png")
        assert complaints == []


async def test_a_bar_filters_and_a_row_leads_to_both_traces(engine):
    async with opened(engine, DESK) as (page, address, complaints):
        await page.goto(f"{address}/en/pay/compare?a=1&b=2")
        rows = page.locator(".diffs tbody tr")
        all_of_them = await rows.count()
        await page.click("svg.waterfall a:has(rect.input)")
        await expect(page).to_have_url(f"{address}/en/pay/compare?a=1&b=2&cause=input#lines")
        assert 0 < await rows.count() < all_of_them
        await page.click(".diffs tr:has-text('Overtime') .apart a")
        await expect(page.locator("tr.first")).to_contain_text("minutes")
        await page.click(".back a")
        await expect(page.locator("h1")).to_contain_text("Run #1 beside #2")
        assert complaints == []


async def test_a_phone_shows_the_causes_as_a_list(engine):
    async with opened(engine, PHONE) as (page, address, complaints):
        await page.goto(f"{address}/zh/pay/compare?a=1&b=2")
        await expect(page.locator("svg.waterfall")).to_be_hidden()
        await expect(page.locator("ul.causes")).to_be_visible()
        assert complaints == []


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_note_is_written_where_the_difference_stands(tmp_path, pictures, language, width):
    plant = compared_plant(tmp_path)
    account(plant.engine, "ann", "hr", at=NOW)
    async with test_login_in_chromium.opened(plant.engine, width) as (page, address):
        await log_in(page, address, "ann")
        await page.goto(f"{address}/{language}/pay/compare?a=3&b=4")
        await page.click(".said a")
        await check_and_keep(page, width, pictures / f"compare-note-{language}-{width}.png")
        await page.fill("#reason", "与工会约定 · agreed with the works council")
        await page.click("form.note button")
        await expect(page.locator("#note p").first).to_contain_text("ann")
        await check_and_keep(page, width, pictures / f"compare-noted-{language}-{width}.png")
    plant.engine.dispose()
