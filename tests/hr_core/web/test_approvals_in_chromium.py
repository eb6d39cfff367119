"""Approving and the approved payslip as people see them, at a desk and on a phone."""

import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from hr_core.approvals.desk import Actor, propose
from hr_core.approvals.kinds import Kind
from hr_core.clock import Month
from hr_core.pay import run_life
from hr_core.pay.agreement import PayAgreement
from hr_core.pay.entry import EntryKind
from hr_core.pay.proposals import AgreementProposal, EntryProposal, propose_agreement, propose_entry
from hr_core.pay.run import compute_run
from hr_core.pay.run_life import ask_reversal
from hr_core.store.database import writing
from hr_core.store.results import RefusedPerson, RunFindings, add_run
from tests.hr_core.accounts.quick import account
from tests.hr_core.approvals.entered_files import LAW, SCHEME
from tests.hr_core.web.compared_plant import write_over
from tests.hr_core.web.plant import NOW, TODAY, approve_run, decide, running_plant
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
    """Run 1 was approved and taken back; run 2 has an amount that nothing explains."""
    engine = running_plant(tmp_path)
    for name, role, person in (
        ("ann", "hr", None),
        ("bob", "hr", None),
        ("zhao", "worker", "1006"),
    ):
        account(engine, name, role, person=person, at=NOW)
    approve_run(engine)
    decide(engine, ask_reversal, reason="the wrong bank file")
    bonus = EntryProposal(
        person="1003", month="2026-11", kind=EntryKind.BONUS, name="冲压机抢修",
        amount_fen=123_456, reason="两个小时修好",
    )  # fmt: skip
    terms = PayAgreement(
        city="上海", base_fen=870_000, insurance_base_fen=870_000, fund_base_fen=870_000,
        allowances={"night shift": 20_000}, bank_account="6222020200112233445",
    )  # fmt: skip
    agreed = AgreementProposal(person="1004", valid_from=TODAY, terms=terms, replaces=None)
    with writing(engine) as conn:
        propose_entry(conn, bonus, at=NOW, by=Actor("ann"))
        propose_agreement(conn, agreed, at=NOW, by=Actor("bob"), reason="promoted")
        lacks = RefusedPerson(
            number="1004",
            what="上海: no row of minimum_wage holds on 2026-10-01",
            remedy="HR imports the city's notice: hr-core law import FILE --by NAME",
        )
        made = compute_run(conn, Month(2026, 10), NOW)
        add_run(conn, replace(made, findings=RunFindings(refused=(lacks,))))
        for kind, subject, content in (
            (Kind.LAW, "law x", {"file": "shanghai-2030.toml", "text": LAW}),
            (Kind.SCHEME, "scheme own", {"code": "own", "file": "own.toml", "text": SCHEME}),
        ):
            propose(conn, kind, subject, content, at=NOW, by=Actor("ann"))
    write_over(engine, 2, 777, "1003")
    yield engine
    engine.dispose()


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_run_goes_to_the_money_on_two_pages(
    core, screenshots, monkeypatch, language, width
):
    """Its unexplained difference is as in a core where submitting asked for no cause yet."""
    monkeypatch.setattr(run_life, "refuse_unexplained", lambda *_: None)

    def file(name):
        return screenshots / f"{name}-{language}-{width}.png"

    async with opened(core, width) as (page, address):
        await log_in(page, address, "ann")
        await page.goto(f"{address}/{language}/?run=2#run")
        await check_and_keep(page, width, file("run-computed"))
        await page.click("form.submit button")
        await check_and_keep(page, width, file("approval-own"))
        await expect(page.locator("button[value=approve]")).to_have_count(0)
        await page.goto(f"{address}/{language}/account")
        await page.click("form[action$=logout] button")
        await log_in(page, address, "bob")
        await page.goto(f"{address}/{language}/approvals")
        await check_and_keep(page, width, file("approvals"))
        await page.click("article a >> nth=1")
        await check_and_keep(page, width, file("approval-agreement"))
        await page.goto(f"{address}/{language}/approvals")
        for name, nth in (("law", 2), ("scheme", 3)):
            await page.click(f"article a >> nth={nth}")
            await check_and_keep(page, width, file(f"approval-{name}"))
            await page.go_back()
        await page.click("article a >> nth=4")
        await check_and_keep(page, width, file("approval-run"))
        await page.check("input[name=seen]")
        await page.click("button[value=approve]")
        await expect(page.locator(".notice")).to_contain_text("bob")
        await page.goto(f"{address}/{language}/?run=2#run")
        await page.click("#run details.screen summary")
        await check_and_keep(page, width, file("run-approved"))
        await page.locator("#run").screenshot(path=file("run-section"))
        await page.click("form[action$=ask-payment] button")
        await page.goto(f"{address}/{language}/?run=2#run")
        await expect(page.locator("#run .notice").first).to_contain_text("bob")
        await page.goto(f"{address}/{language}/account")
        await page.click("form[action$=logout] button")
        await log_in(page, address, "zhao")
        await page.goto(f"{address}/{language}/account")
        await check_and_keep(page, width, file("account-slips"))
        await page.goto(f"{address}/{language}/run/1/1006")
        await check_and_keep(page, width, file("slip-taken-back"))
        await page.goto(f"{address}/{language}/run/2/1006")
        for line in await page.query_selector_all("main summary"):
            await line.click()
        await check_and_keep(page, width, file("slip-own"))


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_payslip_left_open_closes_itself(core, screenshots, language, width):
    async with opened(core, width) as (page, address):
        complaints = []
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if said.type in {"error", "warning"} else None
            ),
        )
        await page.clock.install(time=NOW)
        await log_in(page, address, "zhao")
        await page.goto(f"{address}/{language}/run/1/1006")
        await expect(page.locator("#idle-close")).to_be_hidden()
        await page.clock.fast_forward(245_000)
        await expect(page.locator("#idle-close")).to_be_visible()
        await check_and_keep(page, width, screenshots / f"slip-idle-{language}-{width}.png")
        await page.click("#idle-close button")
        await page.clock.fast_forward(1_000)
        await expect(page.locator("#idle-close")).to_be_hidden()
        await page.clock.fast_forward(200_000)
        await expect(page.locator("#idle-close")).to_be_hidden()
        await page.clock.fast_forward(101_000)
        await page.wait_for_url(f"**/{language}/login")
        await page.goto(f"{address}/{language}/run/1/1006")
        assert "/login" in page.url
        assert complaints == []
