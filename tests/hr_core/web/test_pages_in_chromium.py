"""The pages as a person sees them: the system's Chromium against a served core.

Leaves pictures in tests/web/screenshots (not in git) to be looked at.
"""

import contextlib
import re

import pytest
from playwright.async_api import async_playwright, expect

from hr_core.api.app import create_app
from hr_core.web.routes import page_routes
from tests.hr_core.api.running_core import serving
from tests.hr_core.signed_batches import CORE_KEY
from tests.hr_core.web.page_faults import axe_findings
from tests.hr_core.web.plant import HOSTILE, PlantClock, running_plant

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("chromium")]

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = 1280, 360
PLACES = {
    "start": "?day=2026-11-20&month=2026-11&run=1",
    "empty": "?day=2026-11-22&month=2026-09",
    "month": "month?month=2026-10&all=1",
    "month-open": "month?month=2026-10",
    "person-month": "month/2026-10/1003",
    "day": "day/2026-10-15/1007",
    "day-open": "day/2026-10-21/1005",
    "waiting": "waiting",
    "slip": "run/1/1006",  # the last: its lines are opened next
}
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"
# Shapes of a picture are small: the same links stand as rows in the tables below it.
SMALL_TARGETS = """
[...document.querySelectorAll("a:not(svg a), button, input:not([type=hidden]), select, summary")]
  .map(one => [one, one.getBoundingClientRect()])
  .filter(([one, box]) => box.width > 0 && (box.height < 43.9 || box.width < 43.9))
  .map(([one, box]) => `${one.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)
"""


@pytest.fixture(scope="session")
def screenshots(repository):
    folder = repository / "tests/web/screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.asynccontextmanager
async def opened(engine, width, **context):
    """Yields (page, address of the core, what the console complained about)."""
    clock = PlantClock()
    app = create_app(
        engine, clock=clock, core_key=CORE_KEY, extra_routes=page_routes(engine, clock)
    )
    async with serving(app) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            tab = await browser.new_context(viewport={"width": width, "height": 800}, **context)
            page = await tab.new_page()
            page.set_default_timeout(10_000)
            complaints = []
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("dialog", lambda dialog: complaints.append(dialog.message))
            page.on("requestfailed", lambda request: complaints.append(request.url))
            yield page, address, complaints
        finally:
            await browser.close()


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_page_fits_its_screen_without_a_complaint(plant, screenshots, language, width):
    async with opened(plant, width, locale={"zh": "zh-CN", "en": "en-GB"}[language]) as seen:
        page, address, complaints = seen
        for name, place in PLACES.items():
            await page.goto(f"{address}/{language}/{place}")
            await check_and_keep(page, width, screenshots / f"{name}-{language}-{width}.png")
        for line in await page.query_selector_all("summary"):
            await line.click()
        await check_and_keep(page, width, screenshots / f"slip-open-{language}-{width}.png")
        await page.click("#line-overtime_workday a.event")
        await expect(page.locator("pre.hex")).to_contain_text("1006")
        await check_and_keep(page, width, screenshots / f"event-{language}-{width}.png")
        assert complaints == []


async def check_and_keep(page, width, file):
    await page.screenshot(path=file, full_page=True)
    assert await page.evaluate(OVERFLOW) <= 0, file.name
    assert await axe_findings(page) == [], file.name
    if width == PHONE:
        assert await page.evaluate(SMALL_TARGETS) == [], file.name


async def test_switching_the_language_keeps_the_query(plant):
    async with opened(plant, DESK) as (page, address, complaints):
        await page.goto(f"{address}/zh/{PLACES['start']}")
        await page.click("a.switch")
        assert page.url == f"{address}/en/{PLACES['start']}"
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await page.click("a.switch")
        assert page.url == f"{address}/zh/{PLACES['start']}"
        assert complaints == []


async def test_a_reader_walks_from_the_total_to_the_bytes_and_back(plant):
    async with opened(plant, PHONE) as (page, address, complaints):
        await page.goto(f"{address}/zh/")
        await page.click("#run a:has-text('杨磊')")
        await page.click("#line-grade summary")
        await page.locator("#line-grade a.event").last.click()
        await expect(page.locator("h1")).to_contain_text("计数读数")
        await page.click(".back a")
        await expect(page.locator("#punches h2")).to_contain_text("2026-10-30 周五")
        assert complaints == []


async def test_choosing_day_month_and_run_by_the_forms(plant):
    async with opened(plant, DESK) as (page, address, complaints):
        await page.goto(f"{address}/en/")
        await page.fill("#punches input[type=date]", "2026-11-19")
        await page.click("#punches button")
        await page.fill("#rates input[type=month]", "2026-10")
        await page.click("#rates button")
        assert page.url == f"{address}/en/?day=2026-11-19&month=2026-10#rates"
        await expect(page.locator("#rates h2")).to_have_text("Defect rates of 2026-10")
        await page.click("#run button")
        assert page.url == f"{address}/en/?day=2026-11-19&run=1#run"
        await expect(page.locator("#punches h2")).to_contain_text("2026-11-19 Thu")
        await page.click("#punches a[title='Day before']")
        await expect(page.locator("#punches h2")).to_contain_text("2026-11-18 Wed")
        assert complaints == []


async def test_dark_and_printed(plant, screenshots):
    async with opened(plant, DESK, color_scheme="dark") as (page, address, _):
        await page.goto(f"{address}/zh/")
        await page.screenshot(path=screenshots / "start-dark.png", full_page=True)
        ground = "getComputedStyle(document.body).backgroundColor"
        assert sum(map(int, re.findall(r"\d+", await page.evaluate(ground))[:3])) < 120
        await page.goto(f"{address}/zh/{PLACES['slip']}")
        await page.emulate_media(media="print")
        await page.screenshot(path=screenshots / "slip-printed.png", full_page=True)
        assert await page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        scheme = "getComputedStyle(document.documentElement).colorScheme"
        assert await page.evaluate(scheme) == "normal", "dark paper under black words"
        await expect(page.locator("a.switch")).to_be_hidden()
        # On paper every line shows its reason, opened or not.
        await expect(page.locator("#line-overtime_workday .trace")).to_be_visible()


async def test_a_hostile_name_runs_nothing(tmp_path):
    engine = running_plant(tmp_path, first_name=HOSTILE)
    try:
        async with opened(engine, DESK) as (page, address, complaints):
            await page.goto(f"{address}/zh/")
            assert await page.locator(f"text={HOSTILE}").count() >= 2
            assert complaints == []
    finally:
        engine.dispose()
