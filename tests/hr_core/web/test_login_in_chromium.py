"""Login, set-up and account as a person sees them, at a desk and on a phone."""

import contextlib
import secrets

import pytest
from playwright.async_api import async_playwright, expect

from hr_core.accounts import management
from hr_core.accounts.login import LoginDesk
from hr_core.accounts.management import Act
from hr_core.api.app import create_app
from hr_core.store.database import writing
from hr_core.web.admission import Admission
from hr_core.web.routes import page_routes
from tests.hr_core.accounts.quick import PASSWORD, QUICK, Hours, account
from tests.hr_core.api.running_core import serving
from tests.hr_core.signed_batches import CORE_KEY
from tests.hr_core.web.page_faults import axe_findings
from tests.hr_core.web.plant import NOW, approved_plant
from tests.hr_core.web.test_pages_in_chromium import (
    ARGUMENTS,
    CHROMIUM,
    DESK,
    PHONE,
    check_and_keep,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("chromium")]


@pytest.fixture(scope="session")
def screenshots(repository):
    folder = repository / "tests/web/screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def owned_plant(tmp_path):
    engine = approved_plant(tmp_path)
    account(engine, "wang", "worker", person="1001", at=NOW)
    account(engine, "boss", "admin", password=None, at=NOW)
    yield engine
    engine.dispose()


@contextlib.asynccontextmanager
async def opened(engine, width):
    hours = Hours(NOW)
    login = LoginDesk(engine, QUICK, now=hours.now, entropy=secrets.token_bytes)
    routes = page_routes(engine, hours, admission=Admission(engine, hours), login=login)
    app = create_app(engine, clock=hours, core_key=CORE_KEY, extra_routes=routes)
    async with serving(app) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            tab = await browser.new_context(viewport={"width": width, "height": 800})
            page = await tab.new_page()
            page.set_default_timeout(10_000)
            yield page, address
        finally:
            await browser.close()


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_worker_logs_in_and_reads_the_own_slip(owned_plant, screenshots, language, width):
    async with opened(owned_plant, width) as (page, address):
        await page.goto(f"{address}/{language}/")
        await check_and_keep(page, width, screenshots / f"login-{language}-{width}.png")
        await page.fill("#name", "wang")
        await page.fill("#password", "not the password")
        await page.click("button.main")
        await expect(page.locator("[role=alert]")).to_be_visible()
        assert await axe_findings(page) == []
        await page.fill("#name", "wang")
        await page.fill("#password", PASSWORD)
        await page.click("button.main")
        await check_and_keep(page, width, screenshots / f"account-{language}-{width}.png")
        await page.click("section.slips a")
        await expect(page.locator("h1")).to_contain_text("王芳")
        await page.click("section.answers summary")
        await check_and_keep(page, width, screenshots / f"own-slip-{language}-{width}.png")
        await page.select_option("#objected", "base")
        await page.fill("#why", "基本工资应为 5,200")
        await page.click("button[value=object]")
        await page.click("button[value=receive]")
        await expect(page.locator(".objection")).to_contain_text("5,200")
        await check_and_keep(page, width, screenshots / f"answered-slip-{language}-{width}.png")
        await page.click("header a.button")
        await page.click("form[action$=logout] button")
        assert page.url == f"{address}/{language}/login"
        await page.goto(f"{address}/{language}/run/1/1001")
        assert "/login?next=" in page.url


async def test_a_set_up_code_leads_to_the_start_page(owned_plant, screenshots):
    with writing(owned_plant) as conn:
        act = Act(actor="test", at=NOW)
        code = management.make_setup_code(conn, "boss", act, secrets.token_bytes)
    async with opened(owned_plant, PHONE) as (page, address):
        await page.goto(f"{address}/zh/setup")
        await check_and_keep(page, PHONE, screenshots / f"setup-zh-{PHONE}.png")
        await page.fill("#code", code)
        await page.fill("#new", PASSWORD)
        await page.fill("#again", PASSWORD)
        await page.click("button.main")
        assert page.url == f"{address}/zh/"
        await check_and_keep(page, PHONE, screenshots / f"start-logged-in-zh-{PHONE}.png")
