"""What waits for a second person, decided on a page: as the session's account, never by one's own."""

import re
import shutil

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.approvals.desk import Actor, approval, propose
from hr_core.approvals.kinds import Kind
from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.pay import run_life
from hr_core.pay.agreement import PayAgreement
from hr_core.pay.entry import EntryKind
from hr_core.pay.proposals import (
    AgreementProposal,
    EntryProposal,
    agreement_on,
    propose_agreement,
    propose_entry,
)
from hr_core.pay.run import compute_run
from hr_core.pay.run_life import RunState, ask_reversal, state_of, submit
from hr_core.pay.stored_table_diff import keep_note, new_note
from hr_core.store.approvals import approvals
from hr_core.store.database import open_database, writing
from hr_core.store.pay_entries import entries_of_month
from hr_core.store.results import RefusedPerson, RunFindings, WithoutSlip, add_run
from hr_core.web.approval_content import MOST_ROWS, MOST_TEXT, readable
from hr_core.web.words import Words
from tests.hr_core.accounts.quick import account
from tests.hr_core.behind_guards import without_guards
from tests.hr_core.web.compared_plant import write_over
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.plant import NOW, TODAY, approve_run, decide, running_plant

BONUS = EntryProposal(
    person="1003",
    month="2026-11",
    kind=EntryKind.BONUS,
    name="<b>press</b> saved",
    amount_fen=123_456,
    reason="the press stood still & he mended it",
)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("approving")
    engine = running_plant(folder)
    account(engine, "ann", "hr", at=NOW)
    account(engine, "bob", "hr", at=NOW)
    account(engine, "zhao-hr", "hr", person="1006", at=NOW)
    account(engine, "zhao-too", "admin", person="1006", at=NOW)
    account(engine, "li", "worker", person="1002", at=NOW)
    account(engine, "chen", "manager", person="1001", at=NOW)
    account(engine, "audit", "auditor", at=NOW)
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


def entered(engine, by="ann", what=BONUS):
    with writing(engine) as conn:
        return propose_entry(conn, what, at=NOW, by=Actor(by))


def agree(engine, terms, by="ann"):
    with writing(engine) as conn:
        held = agreement_on(conn, "1003", TODAY)
        new = AgreementProposal(person="1003", valid_from=TODAY, terms=terms, replaces=held)
        return propose_agreement(conn, new, at=NOW, by=Actor(by), reason="")


def stored(engine, number):
    with engine.connect() as conn:
        return approval(conn, number)


async def decided(client, place, act="approve", **more):
    page = await client.get(f"/en/approvals/{place}")
    form = {"form_token": field(page, "form_token"), "number": str(place), "act": act}
    return await client.post(f"/en/approvals/{place}", data=form | more)


async def test_what_waits_is_told_in_words_in_both_languages(core):
    number = entered(core)
    async with logged_in(core, "bob") as client:
        assert "/en/approvals" in (await read(client, "/en/")).links
        english = await read(client, "/en/approvals")
        chinese = await read(client, "/zh/approvals")
        one = await client.get(f"/en/approvals/{number}")
        told = await read(client, f"/en/approvals/{number}")
        zh = await read(client, f"/zh/approvals/{number}")
    assert "Single sum <b>press</b> saved of 2026-11: 张敏 1003 ¥1,234.56" in english.text
    assert "entered by ann · 2026-11-20 14:30" in english.text
    assert "单笔金额 2026-11 <b>press</b> saved:张敏 1003 ¥1,234.56" in chinese.text
    assert "<b>press" not in one.text
    assert "Reason: the press stood still & he mended it" in told.text
    assert (
        "Month 2026-11 Person 张敏 1003 Kind Bonus Name <b>press</b> saved Amount ¥1,234.56"
        in told.text
    )
    assert "月份 2026-11 人员 张敏 1003 种类 奖金" in zh.text
    assert stored(core, number).digest in told.text


async def test_the_list_says_month_amount_and_what_changes(core):
    entered(core)
    agree(core, PayAgreement(city="上海", base_fen=800_000))
    with writing(core) as conn:
        law = '[[row]]\nitems = ["minimum_wage"]\nfrom = 2030-01-01\nstatus = "official"\n'
        law = f'schema = "clockline-law/1"\ncity = "上海"\n{law}source = "n"\namount = "3000"\n'
        propose(conn, Kind.LAW, "law x", {"file": "a.toml", "text": law}, at=NOW, by=Actor("ann"))
    async with logged_in(core, "bob") as client:
        chinese = (await read(client, "/zh/approvals")).text
        english = (await read(client, "/en/approvals")).text
        law_page = await client.get("/zh/approvals/3")
    assert "2026-11 ¥1,234.56" in english
    assert "from 2026-11-20 ¥8,000.00 Agreed month wage ¥8,000.00; City 上海" in english
    assert "2026-11-20 起 ¥8,000.00 约定月工资 ¥8,000.00; 城市 上海" in chinese
    assert "1 个城市 1 行:替换 1 行,新增 0 行,不生效 0 行" in chinese
    table = " ".join(re.sub("<[^>]+>", " ", law_page.text).split())
    assert "上海 最低工资 2030-01-01 – 官方原文 上海/minimum_wage/" in table
    assert "金额 ¥2,740.00 → ¥3,000.00" in table


async def test_an_agreement_is_a_table_of_before_and_after(core):
    first = agree(core, PayAgreement(city="上海", base_fen=800_000))
    async with logged_in(core, "bob") as client:
        assert (await decided(client, first)).status_code == 303
        second = agree(core, PayAgreement(city="上海", base_fen=870_000, by_piece=True))
        page = await read(client, f"/en/approvals/{second}")
    assert (
        "Person From Field Before After 张敏 1003 2026-11-20 Agreed month wage ¥8,000.00 ¥8,700.00 "
        "张敏 1003 2026-11-20 By the piece no yes" in page.text
    )
    assert "All of it as it was entered" in page.text


async def test_another_approves_and_it_takes_effect(core):
    number = entered(core)
    async with logged_in(core, "bob") as client:
        assert (await decided(client, number, reason="seen it")).status_code == 303
        after = await read(client, f"/en/approvals/{number}")
        assert "Approved · bob · 2026-11-20 14:30 seen it" in after.text
        assert not after.attributes("textarea")
        assert "Nothing waits" in (await read(client, "/en/approvals")).text
        again = await client.post(
            f"/en/approvals/{number}",
            data={
                "form_token": field(await client.get("/en/account"), "form_token"),
                "number": str(number),
                "act": "approve",
            },
        )
        assert again.status_code == 409
    with core.connect() as conn:
        (entry,) = entries_of_month(conn, "2026-11")["1003"]
    assert (entry.entered_by, entry.approved_by, entry.amount_fen) == ("ann", "bob", 123_456)


@pytest.mark.parametrize("name", ["zhao-hr", "zhao-too"])
async def test_no_account_of_the_enterer_approves_but_takes_it_back(core, name):
    number = entered(core, by="zhao-hr")
    if name == "zhao-too":  # entered by the first account, as a session enters it
        with writing(core) as conn:
            by = Actor("1006", frozenset({"1006", "zhao-hr", "zhao-too"}))
            number = propose_entry(conn, replace(BONUS, name="2"), at=NOW, by=by)
    async with logged_in(core, name) as client:
        page = await read(client, f"/en/approvals/{number}")
        assert "somebody else has to approve it. Who can: ann, bob" in page.text
        assert {one.get("value") for one in page.attributes("button")} == {"refuse"}
        refused = await decided(client, number)
        assert refused.status_code == 409
        assert stored(core, number).state == "proposed"
        assert (await decided(client, number, "refuse", reason="a slip")).status_code == 303
    assert stored(core, number).state == "withdrawn"


async def test_nobody_approves_the_own_pay_and_nothing_is_half_done(core):
    number = entered(core, what=replace(BONUS, person="1006"))
    async with logged_in(core, "zhao-hr") as client:
        refused = await decided(client, number)
        assert refused.status_code == 409
        assert "about the pay of" in refused.text
    assert stored(core, number).state == "proposed"


async def test_refusing_needs_a_reason(core):
    number = entered(core)
    async with logged_in(core, "bob") as client:
        assert (await decided(client, number, "refuse")).status_code == 409
        assert (await decided(client, number, "refuse", reason="no source")).status_code == 303
    assert (stored(core, number).state, stored(core, number).decision) == ("refused", "no source")


@pytest.mark.parametrize("name", ["li", "chen", "audit"])
async def test_it_is_for_accounts_over_everybody_that_may_decide(core, name):
    number = entered(core)
    async with logged_in(core, name) as client:
        for place in ("/en/approvals", f"/en/approvals/{number}"):
            assert (await client.get(place)).status_code == 403
        form = {"form_token": field(await client.get("/en/account"), "form_token")}
        form |= {"number": str(number), "act": "approve", "run": "1"}
        for place in (f"/en/approvals/{number}", "/en/submit-run"):
            assert (await client.post(place, data=form)).status_code == 403
    assert stored(core, number).state == "proposed"


async def test_before_there_are_accounts_nobody_decides(plant, browse):
    async with browse(plant) as client:
        assert (await client.get("/en/approvals")).status_code == 403
        start = await read(client, "/en/")
    assert "/en/approvals" not in start.links
    assert "Submit for approval" not in start.text


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"form_token": "stale"}, 403), ({"act": "eat"}, 400), ({"number": "x"}, 400)],
)
async def test_odd_forms_are_refused(core, changes, status):
    number = entered(core)
    async with logged_in(core, "bob") as client:
        assert (await decided(client, number, **changes)).status_code == status
        for odd in ("x", "0", "99", "9" * 20):
            await read(client, f"/en/approvals/{odd}", status=404)
    assert stored(core, number).state == "proposed"


async def test_a_run_is_submitted_by_one_and_approved_by_another(core):
    async with logged_in(core, "ann") as client:
        start = await client.get("/en/?run=1")
        form = {"form_token": field(start, "form_token"), "run": "1"}
        sent = await client.post("/en/submit-run", data=form)
        assert (sent.status_code, sent.headers["location"]) == (303, "/en/approvals/1")
        own = await read(client, "/en/approvals/1")
        assert "Pay run #1 of 2026-10" in own.text
        assert "You entered it" in own.text
        assert "There is no approved run to compare it with." in own.text
        assert (await client.post("/en/submit-run", data=form)).status_code == 409
        after = await read(client, "/en/?run=1")
        assert "◐ Submitted, waits for approval" in after.text
        assert "Submit for approval" not in after.text
    async with logged_in(core, "bob") as client:
        assert "/en/approvals/1" in (await read(client, "/en/?run=1")).links
        page = await read(client, "/en/approvals/1")
        assert "People 20" in page.text
        assert (await decided(client, 1)).status_code == 303
    with core.connect() as conn:
        assert state_of(conn, 1) is RunState.APPROVED


async def test_a_run_goes_through_its_whole_life_on_pages(core):
    """Submitted and approved, paid, taken back: each asked for by one and approved by another."""
    lacks = RefusedPerson(number="1004", what="no bases on 2026-10-01", remedy="HR: enter one")
    part = WithoutSlip(number="1005", why="two days before the first agreement")
    findings = RunFindings(refused=(lacks,), to_check=(part,))
    with writing(core) as conn:
        run = add_run(conn, replace(compute_run(conn, Month(2026, 10), NOW), findings=findings))

    async def asked(client, place, **more):
        form = {"form_token": field(await client.get("/en/account"), "form_token"), "run": run}
        return await client.post(f"/en/{place}", data=form | more)

    async def approved_by_bob(number):
        async with logged_in(core, "bob") as client:
            page = await client.get(f"/en/approvals/{number}")
            form = {"form_token": field(page, "form_token"), "number": str(number)}
            done = await client.post(f"/en/approvals/{number}", data=form | {"act": "approve"})
            assert done.status_code == 303

    async with logged_in(core, "ann") as client:
        told = await read(client, f"/en/?run={run}")
        assert "■ Not paid, or to be checked: 2" in told.text
        assert "刘洋 1004 no bases on 2026-10-01 → HR: enter one" in told.text
        assert "陈静 1005 two days before the first agreement" in told.text
        assert (await asked(client, "ask-payment")).status_code == 409
        assert (await asked(client, "ask-reversal", reason="x")).status_code == 409
        sent = await asked(client, "submit-run", reason="checked with the teams")
        assert sent.headers["location"] == "/en/approvals/1"
        await approved_by_bob(1)
        page = await client.get(f"/en/?run={run}")
        assert "/en/ask-payment" in page.text
        told = await read(client, f"/en/?run={run}")
        assert "State: ● Approved" in told.text
        assert "Submitted ann 2026-11-20 14:30 · checked with the teams" in told.text
        assert (await asked(client, "ask-payment")).headers["location"] == "/en/approvals/2"
        assert (await asked(client, "ask-payment")).status_code == 409
        told = await read(client, f"/en/?run={run}")
        assert "◐ Payment: asked for by ann, waits for another person" in told.text
        await approved_by_bob(2)
        assert "State: ● Paid" in (await read(client, f"/en/?run={run}")).text
        assert (await asked(client, "ask-reversal", reason=" ")).status_code == 409
        sent = await asked(client, "ask-reversal", reason="the wrong bank file")
        assert sent.headers["location"] == "/en/approvals/3"
        await approved_by_bob(3)
        told = await read(client, f"/en/?run={run}")
        assert "State: ▲ Taken back" in told.text
        other = await read(client, "/en/?run=1")
        assert "What counts for the month" not in other.text
        buttons = {one.get("action") for one in told.attributes("form")}
        assert buttons.isdisjoint({"/en/submit-run", "/en/ask-payment", "/en/ask-reversal"})
    with core.connect() as conn:
        assert state_of(conn, run) is RunState.REVERSED


async def test_an_auditor_sees_the_life_of_a_run_and_asks_for_nothing(core):
    approve_run(core)
    async with logged_in(core, "audit") as client:
        page = await client.get("/zh/?run=1")
        assert "已批准" in page.text
        for place in ("submit-run", "ask-payment", "ask-reversal"):
            assert place not in page.text
            token = field(await client.get("/en/account"), "form_token")
            form = {"form_token": token, "run": "1", "reason": "x"}
            assert (await client.post(f"/en/{place}", data=form)).status_code == 403


def unexplained_run(core):
    """The month's run was taken back; the new one has an amount that nothing explains."""
    approve_run(core)
    with writing(core) as conn:
        number = add_run(conn, compute_run(conn, Month(2026, 10), NOW))
    decide(core, ask_reversal, reason="wrong")
    write_over(core, number, 777, "1003")
    return number


async def test_a_note_explains_what_the_traces_do_not(core):
    number = unexplained_run(core)
    with writing(core) as conn:
        with pytest.raises(RefusedError, match="nothing explains it: the first is base of 1003"):
            submit(conn, number, at=NOW, by=Actor("ann"))
        about = {"reason": "agreed with the works council", "until": ""}
        note = new_note(conn, (1, str(number)), ("1003", "base"), **about)
        keep_note(conn, note, by="ann", at=NOW)
        waiting = submit(conn, number, at=NOW, by=Actor("ann"))
    async with logged_in(core, "bob") as client:
        assert "■" not in (await read(client, f"/en/approvals/{waiting}")).text
        assert (await decided(client, waiting)).status_code == 303
    assert stored(core, waiting).state == "approved"


async def test_unexplained_differences_are_seen_before_a_run_is_approved(core, monkeypatch):
    """Of a run that was submitted before submitting asked for a cause."""
    number = unexplained_run(core)
    monkeypatch.setattr(run_life, "refuse_unexplained", lambda *_: None)
    with writing(core) as conn:
        waiting = submit(conn, number, at=NOW, by=Actor("ann"))
    async with logged_in(core, "bob") as client:
        page = await read(client, f"/en/approvals/{waiting}")
        assert "Differences to pay run #1 of 2026-10 the run of the month that was taken back" in (
            page.text
        )
        assert "Unexplained differences ■ 1" in page.text
        assert "张敏 1003 Base pay" in page.text
        assert f"/en/pay/compare?a=1&b={number}&unexplained=1" in page.links
        refused = await decided(client, waiting)
        assert refused.status_code == 409
        assert "1 differences to the approved run have no cause" in refused.text
        assert stored(core, waiting).state == "proposed"
        assert (await decided(client, waiting, seen="1")).status_code == 303
    assert stored(core, waiting).state == "approved"


async def test_content_that_somebody_changed_is_not_shown_as_entered(core):
    number = entered(core)
    with writing(core) as conn, without_guards(conn):
        forged = sa.update(approvals).where(approvals.c.number == number)
        conn.execute(forged.values(content='{"amount_fen":1}'))
    async with logged_in(core, "bob") as client:
        for place in ("/en/approvals", f"/en/approvals/{number}"):
            page = await read(client, place, status=409)
            assert "its SHA-256 differs" in page.text


async def test_what_another_program_proposed_is_shown_as_it_is(core):
    with writing(core) as conn:
        number = propose(conn, Kind.LAW, "law of x", {"a": 1}, at=NOW, by=Actor("ann"))
    async with logged_in(core, "bob") as client:
        page = await read(client, f"/zh/approvals/{number}")
    assert "law of x" in page.text
    assert "a 1" in page.text


def test_content_is_readable_and_what_a_cap_cuts_is_counted():
    row = {"person": "1003", "valid_from": "2026-01-01", "terms": {"base_fen": 500_000, "city": ""}}
    wide = {f"k{at}": at + 1 for at in range(9)}
    content = {
        "file": "a.toml",
        "agreements": [row] * (MOST_ROWS + 3),
        "rows": [wide],
        "text": "x\n" * MOST_TEXT,
        "terms": {"allowances": {"night": 20_000}, "tax_resident": False, "bank_account": None},
        "digest": {"sha256": "aa"},
    }
    found = readable(content, Words("zh"), {"1003": "张敏"})
    agreements, rows = found.tables
    assert agreements.columns == ("人员", "生效日期", "约定月工资")
    assert [pair.value for pair in agreements.rows[0]] == ["张敏 1003", "2026-01-01", "¥5,000.00"]
    assert (agreements.left_out, rows.columns, len(rows.rows[0])) == (3, (), 9)
    assert found.texts[0].left_out == MOST_TEXT
    assert found.cut
    assert [(one.label, one.value) for one in found.pairs] == [
        ("文件", "a.toml"),
        ("津贴 · night", "¥200.00"),
        ("居民个人", "否"),
        ("银行账号", "–"),
    ]
    assert not readable({"a": [1, 2]}, Words("en"), {}).cut
