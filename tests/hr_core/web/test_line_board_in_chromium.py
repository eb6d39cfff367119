"""The line board as people see it: wall, desk and phone, moving by itself, honest when it cannot."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from playwright.async_api import async_playwright, expect

from hr_core.api.app import create_app
from hr_core.imports import import_people
from hr_core.store.database import writing
from hr_core.web import board_page, board_stream
from hr_core.web.routes import page_routes
from tests.hr_core.api.running_core import serving
from tests.hr_core.signed_batches import CORE_KEY
from tests.hr_core.web.board_samples import sample_board
from tests.hr_core.web.page_faults import GRID_FAULTS, axe_findings
from tests.hr_core.web.plant import NOW, PlantClock, people_file
from tests.hr_core.web.test_line_board_actions import Desk
from tests.hr_core.web.test_pages_in_chromium import (
    ARGUMENTS,
    CHROMIUM,
    OVERFLOW,
    SMALL_TARGETS,
    screenshots,  # noqa: F401 - a fixture
)
from tests.hr_core.web.test_stored_board import hours, reading, send

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("chromium")]

WALL, DESK, PHONE = 1920, 1280, 360
HEIGHTS = {WALL: 1080, DESK: 800, PHONE: 740}


@contextlib.asynccontextmanager
async def opened(app, width, **context):
    """Yields (page, address, what the console complained about)."""
    async with serving(app) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            size = {"width": width, "height": HEIGHTS[width]}
            tab = await browser.new_context(viewport=size, **context)
            page = await tab.new_page()
            page.set_default_timeout(10_000)
            complaints = []
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            yield page, address, complaints
        finally:
            await browser.close()


def app_of(engine, clock=None, **line_board):
    clock = clock or PlantClock()
    routes = page_routes(engine, clock, **line_board)
    return create_app(engine, clock=clock, core_key=CORE_KEY, extra_routes=routes)


@pytest.mark.parametrize("width", [WALL, DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_board_fits_its_screen_without_a_complaint(
    new_core, screenshots, language, width  # noqa: F811
):  # fmt: skip
    app = app_of(new_core, board=sample_board, alerts=Desk())
    locale = {"zh": "zh-CN", "en": "en-GB"}[language]
    wall = "?wall=1" if width == WALL else ""
    async with opened(app, width, locale=locale) as (page, address, complaints):
        await page.goto(f"{address}/{language}/board{wall}")
        await expect(page.locator(".chart-picture canvas")).to_be_visible()
        await page.wait_for_timeout(1200)  # the first events have replaced everything
        file = screenshots / f"board-{language}-{width}.png"
        await page.screenshot(path=file, full_page=True)
        assert await page.evaluate(OVERFLOW) <= 0
        assert await axe_findings(page) == []
        if width == PHONE:
            assert await page.evaluate(SMALL_TARGETS) == []
            assert await page.evaluate(GRID_FAULTS) == []
            for line in await page.query_selector_all("summary"):
                await line.click()
            await page.screenshot(
                path=screenshots / f"board-open-{language}-{width}.png", full_page=True
            )
            assert await page.evaluate(OVERFLOW) <= 0
            assert await page.evaluate(SMALL_TARGETS) == []
            assert await axe_findings(page) == []
        assert complaints == []


@pytest.mark.parametrize(
    "broken",
    [
        ".people .proof { grid-area: auto; grid-column: 4; }",  # a column that no area names
        ".people .picture { grid-area: who; }",
        ".people .who { width: 200%; }",
        ".people tr { grid-template-columns: 1fr 1fr 1rem !important; }",
    ],
)
async def test_a_broken_grid_is_told(new_core, broken):
    async with opened(app_of(new_core, board=sample_board), PHONE) as (page, address, _):
        await page.goto(f"{address}/en/board")
        assert await page.evaluate(GRID_FAULTS) == []
        # The last sheet's end; a style element of ours would be refused by the page's policy.
        add = "(rule) => { const s = [...document.styleSheets].at(-1); s.insertRule(rule, s.cssRules.length); }"
        await page.evaluate(add, broken)
        assert await page.evaluate(GRID_FAULTS) != []


async def test_a_grave_finding_of_axe_is_told(new_core):
    async with opened(app_of(new_core, board=sample_board), DESK) as (page, address, _):
        await page.goto(f"{address}/en/board")
        await page.evaluate("document.querySelector('select').removeAttribute('aria-label')")
        assert any(one.startswith("select-name") for one in await axe_findings(page))


async def test_words_that_are_longer_break_no_layout(new_core):
    longer = """
        for (const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
             walker.nextNode();) {
          const text = walker.currentNode.textContent.trim();
          if (text) walker.currentNode.textContent += text.slice(0, Math.ceil(text.length * 0.4));
        }"""
    async with opened(app_of(new_core, board=sample_board), PHONE) as (page, address, _):
        await page.route("**/stream*", lambda route: route.abort())
        await page.goto(f"{address}/en/board")
        await page.evaluate(f"() => {{{longer}}}")
        too_wide = """() => [...document.querySelectorAll("body *")]
          .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll"))
          .map((one) => one.outerHTML.slice(0, 100))"""
        assert await page.evaluate(OVERFLOW) <= 0, await page.evaluate(too_wide)


class MovingClock(PlantClock):
    def __init__(self):
        self.at = NOW

    def now(self):
        return self.at


@pytest.fixture
def core(new_core, tmp_path):
    with writing(new_core) as conn:
        import_people(conn, people_file(tmp_path / "people.toml"))
    send(new_core, hours("1001", [(100, 1)]))
    return new_core


async def test_a_count_that_comes_in_is_a_number_on_the_page_within_five_seconds(core):
    clock = MovingClock()
    async with opened(app_of(core, clock), DESK) as (page, address, complaints):
        await page.goto(f"{address}/zh/board")
        tile = page.locator("#tile-L1 .counts")
        await expect(tile).to_contain_text("700")
        loop = asyncio.get_running_loop()
        for minute, more in ((390, 701), (391, 720), (392, 805)):
            clock.at += timedelta(seconds=2)
            began = loop.time()
            await asyncio.to_thread(send, core, [reading("1001", 5000 + more, minute)])
            await expect(tile).to_contain_text(f"{more}", timeout=5000)
            assert loop.time() - began < 5
        person = page.locator("#person-1001 td.n").first
        await expect(person).to_contain_text("805")
        assert complaints == []


async def test_a_dead_server_is_told_and_a_new_one_goes_on(new_core, monkeypatch, screenshots):  # noqa: F811
    monkeypatch.setattr(board_page, "BEAT_MS", 400)
    monkeypatch.setattr(board_stream, "_TICKS_PER_BEAT", 1)
    monkeypatch.setattr(board_stream, "TICK_S", 0.2)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page()
        loop = asyncio.get_running_loop()
        async with serving(app_of(new_core, board=sample_board)) as address:
            await page.goto(f"{address}/zh/board")
            await page.wait_for_timeout(2500)
            await expect(page.locator("#stale")).to_be_hidden()
            began = loop.time()
        assert loop.time() - began < 3, "an open page must not hold up the server's end"
        await expect(page.locator("#stale")).to_contain_text("数据停在 06:30:00", timeout=8000)
        await expect(page.locator("#tile-L1")).to_contain_text("12,480")
        await page.screenshot(path=screenshots / "board-stale.png")
        await browser.close()


async def test_a_form_that_is_being_filled_in_is_not_taken_away(new_core):
    desk, beats = Desk(), []

    def moving(conn, choice, now):
        beats.append(1)
        return sample_board(conn, choice, now + timedelta(minutes=len(beats)))

    async with opened(app_of(new_core, board=moving, alerts=desk), DESK) as seen:
        page, address, complaints = seen
        await page.goto(f"{address}/en/board?line=L2")
        await page.locator("summary", has_text="Cause").first.click()
        form = page.locator("form[action*='alert/close']").first
        await form.locator("[name=by]").fill("1001")
        await page.wait_for_timeout(2500)
        await form.locator("[name=cause]").evaluate(
            "select => { const o = new Option('Tool', 'tool'); select.add(o); o.selected = true }"
        )
        await form.locator("[name=note]").fill("new cutter")
        await form.locator("button").click()
        await page.wait_for_url(f"{address}/en/board?line=L2#alerts")
        assert desk.done == [("close", "1001", NOW, "tool", "new cutter")]
        assert complaints == []


async def test_a_frozen_picture_stands_still_and_goes_on(new_core):
    looks = []

    def moving(conn, choice, now):
        looks.append(1)
        return sample_board(conn, choice, now + timedelta(minutes=len(looks)))

    async with opened(app_of(new_core, board=moving), DESK) as (page, address, _):
        await page.goto(f"{address}/en/board")
        await page.click("#freeze")
        await expect(page.locator("#frozen")).to_be_visible()
        before = await page.locator("#alerts").inner_text()
        await page.wait_for_timeout(2200)
        assert await page.locator("#alerts").inner_text() == before
        await page.click("#freeze")
        await expect(page.locator("#frozen")).to_be_hidden()
        assert await page.locator("#alerts").inner_text() != before


async def test_without_script_the_page_reads_and_loads_itself_again(new_core):
    app = app_of(new_core, board=sample_board)
    async with opened(app, PHONE, java_script_enabled=False) as (page, address, complaints):
        await page.goto(f"{address}/zh/board")
        await expect(page.locator("#tile-L2")).to_contain_text("5.30 %")
        await expect(page.locator("#chart-numbers table")).to_be_visible()
        await expect(page.locator("#people")).to_contain_text("王芳")
        await expect(page.locator("#freeze")).to_be_hidden()
        assert complaints == []


async def test_a_click_on_a_point_leads_to_its_hour(core):
    async with opened(app_of(core), DESK) as (page, address, _):
        await page.goto(f"{address}/zh/board?line=L1")
        over = page.locator(".u-over")
        await expect(over).to_be_visible()
        box = await over.bounding_box()
        await over.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
        await page.wait_for_url("**/zh/board/work?since=*")
        await expect(page.locator("h1")).to_contain_text("产线 L1")
