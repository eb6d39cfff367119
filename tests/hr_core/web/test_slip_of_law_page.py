"""A payslip by law on its page: what changed since last month, facts in words, a version that replaced it."""

import ast
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

import hr_core
from hr_core.accounts.field_policy import Field, Sight, sight_of
from hr_core.approvals.desk import approve
from hr_core.approvals.effects import take_effect
from hr_core.attendance.lots.booking import Act, open_lot, take
from hr_core.pay.reversal import propose_reversal
from hr_core.store.database import writing
from hr_core.store.results import lines_of_run
from hr_core.web import routes
from hr_core.web.fact_words import FACTS, VALUES, fact_in_words, shown_facts
from hr_core.web.words import CODES, Words
from tests.hr_core.accounts.quick import account
from tests.hr_core.attendance.lots.lot_samples import origin
from tests.hr_core.pay.approved_runs import ANN, BOB, approve_run
from tests.hr_core.pay.law_plant import (
    NOVEMBER,
    OCTOBER,
    SHANGHAI,
    agree,
    enter,
    law_plant,
    run_month,
)
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.plant import NOW

# What a person never reads: whole traces of corrected lines.
_FOR_PROGRAMS = {"paid_trace", "now_trace"}
# Written into the audit log or a digest under the same variable names.
_NO_FACTS = {
    *("person", "agreements", "entries", "work", "corrections", "contracts", "bonus_before"),
    *("approval", "content", "objection", "order", "verdict"),
}
_CHINESE = range(0x4E00, 0xA000)


@pytest.fixture
def plant(tmp_path):
    made = law_plant(tmp_path)
    agree(made)
    enter(made, "bonus", 500_000)
    run_month(made)
    yield made
    made.engine.dispose()


def paid_november(plant):
    approve_run(plant, OCTOBER)
    plant.press("1 2026-11-02T07:55", "1 2026-11-02T17:05", until="2026-11-20T00:00")
    run_month(plant, month=NOVEMBER)


async def test_a_slip_says_why_it_is_less_than_the_month_before(plant, browse):
    paid_november(plant)
    async with browse(plant.engine) as client:
        chinese = await read(client, "/zh/run/2/E1")
        english = await read(client, "/en/run/2/E1")
        first = await read(client, "/en/run/1/E1")
    assert "比 2026-10 少" in chinese.text
    assert "主要因为: 奖金 −5,000.00 本月没有这一项" in chinese.text
    assert "less than in 2026-10, because: Bonus −5,000.00 not on this slip" in english.text
    assert "because:" not in first.text


async def test_a_worker_compares_with_no_trial(plant):
    """October is a trial, November is approved."""
    plant.press("1 2026-11-02T07:55", "1 2026-11-02T17:05", until="2026-11-20T00:00")
    run_month(plant, month=NOVEMBER)
    approve_run(plant, NOVEMBER)
    account(plant.engine, "zhang", "worker", person="E1", at=NOW)
    account(plant.engine, "ann-hr", "hr", at=NOW)
    async with logged_in(plant.engine, "zhang") as client:
        assert "2026-10, because" not in (await read(client, "/en/run/2/E1")).text
    async with logged_in(plant.engine, "ann-hr") as client:
        assert "2026-10, because" in (await read(client, "/en/run/2/E1")).text


async def test_facts_and_law_are_told_in_words(plant, browse):
    async with browse(plant.engine) as client:
        chinese = await read(client, "/zh/run/1/E1")
        english = await read(client, "/en/run/1/E1")
    assert "薪酬协议 2026-01-01 起,Wu 录入,Zhao 批准" in chinese.text
    assert "Pay agreement from 2026-01-01, entered by Wu, approved by Zhao" in english.text
    assert "本年以前月份 没有以前月份" in chinese.text
    assert "累计减除费用 ¥50,000.00" in chinese.text
    assert "养老保险(个人)" in chinese.text
    assert "扣除" in chinese.text
    assert "sentence_" not in chinese.text


async def test_what_is_left_stands_beside_the_payslip(plant, browse):
    """NOW is 2026-11-20: the lot of May lapsed, that of September has half an hour taken."""
    act = Act(actor="ann", at=NOW)
    lots = [
        (origin(date(2026, 5, 2), last_day=date(2026, 10, 31)), 480),
        (origin(date(2026, 9, 5), last_day=date(2026, 12, 31)), 240),
        (origin(date(2026, 9, 6)), 90),
    ]
    with writing(plant.engine) as conn:
        for lot, minutes in lots:
            open_lot(conn, "E1", lot, minutes, act)
        take(conn, "E1", "leave 1", date(2026, 11, 20), 30, act)
    async with browse(plant.engine) as client:
        english = (await read(client, "/en/run/1/E1")).text
        chinese = (await read(client, "/zh/run/1/E1")).text
    assert "Time off on 2026-11-20 5:00 3:30 of 2026-09-05, lapses after 2026-12-31" in english
    assert "1:30 of 2026-09-06" in english
    assert "2026-05-02" not in english
    assert "调休 截至 2026-11-20 5:00 2026-09-05 加班所得 3:30,2026-12-31 到期" in chinese


async def test_the_tax_year_so_far_is_that_of_the_tax_line(plant, browse):
    paid_november(plant)
    with plant.engine.connect() as conn:
        months = [lines_of_run(conn, run)["E1"] for run in (1, 2)]
    taxes = [line for lines in months for line in lines if line.code == "income_tax"]
    withheld = -sum(line.amount_fen for line in taxes)
    (income,) = (step.result for step in taxes[1].trace.steps if step.name == "income")
    async with browse(plant.engine) as client:
        page = await read(client, "/en/run/2/E1")
        digest = page.text.split("SHA-256 of this payslip ")[1].split()[0]
    assert f"Tax year 2026, up to 2026-11 Income ¥{income / 100:,.2f}" in page.text
    assert f"Tax withheld ¥{withheld / 100:,.2f}" in page.text
    assert len(digest) == 64
    assert page.text.count(digest) == 2, "in letters, and as the title of the code for paper"


async def test_who_does_not_see_what_amounts_are_made_of_sees_no_tax_year(
    plant, browse, monkeypatch
):
    hidden = Sight(frozenset({Field.BASE_PAY}), frozenset({"base_fen"}))
    monkeypatch.setattr(routes, "sight_of", lambda account, own: hidden)
    async with browse(plant.engine) as client:
        assert "Tax year" not in (await read(client, "/en/run/1/E1")).text


async def test_a_workers_page_closes_by_itself_and_no_other_does(plant):
    approve_run(plant, OCTOBER)
    account(plant.engine, "zhang", "worker", person="E1", at=NOW)
    account(plant.engine, "ann-hr", "hr", at=NOW)
    async with logged_in(plant.engine, "zhang") as client:
        for place in ("/en/account", "/en/run/1/E1"):
            page = await client.get(place)
            assert 'id="idle-close"' in page.text
            assert 'action="/en/logout" data-seconds="300"' in page.text
            policy = page.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
        out = await client.post("/en/logout", data={"form_token": field(page, "form_token")})
        assert out.status_code == 303
        assert (await client.get("/en/run/1/E1")).status_code == 303
    async with logged_in(plant.engine, "ann-hr") as client:
        page = await client.get("/en/run/1/E1")
        assert "idle-close" not in page.text
        assert "script-src 'none'" in page.headers["Content-Security-Policy"]


async def test_what_is_taken_off_stands_without_a_minus(plant, browse):
    async with browse(plant.engine) as client:
        page = await read(client, "/en/run/1/E1")
    with plant.engine.connect() as conn:
        lines = lines_of_run(conn, 1)["E1"]
    (pension,) = (one for one in lines if one.code == "pension_employee")
    assert pension.amount_fen < 0
    assert f"¥{-pension.amount_fen / 100:,.2f}" in page.text
    taken = sum(one.amount_fen for one in lines if one.side == "deducted")
    assert f"Deducted ¥{-taken / 100:,.2f}" in page.text


async def test_a_slip_that_was_taken_back_stands_with_its_second_version(plant):
    approve_run(plant, OCTOBER)
    agree(plant, terms=replace(SHANGHAI, base_fen=1_100_000))
    with writing(plant.engine) as conn:
        number, made = propose_reversal(
            conn, 1, "E1", at=plant.now, by=ANN, reason="<b>the wage</b> was wrong"
        )
        take_effect(conn, approve(conn, number, at=plant.now, by=BOB))
    account(plant.engine, "zhang", "worker", person="E1", at=NOW)
    async with logged_in(plant.engine, "zhang") as client:
        page = await read(client, "/en/run/1/E1")
        raw = await client.get("/en/run/1/E1")
    net = f"¥{made.after_fen / 100:,.2f}"
    assert f"This payslip was taken back. Version 2 counts, net pay {net}" in page.text
    assert "Version 2 ● This one counts" in page.text
    assert "<b>the wage</b> was wrong · entered by ann, approved by bob" in page.text
    assert f"¥{made.before_fen / 100:,.2f} → {net}" in page.text
    assert "<b>the wage" not in raw.text
    ids = [one["id"] for tag, one in page.tags if "id" in one]
    assert len(ids) == len(set(ids))
    assert {"line-base", "v2-line-base"} <= set(ids)
    assert "11,000.00" in page.text


async def test_a_role_without_base_pay_sees_amounts_and_no_reasons(plant, browse, monkeypatch):
    hidden = Sight(frozenset({Field.BASE_PAY}), frozenset({"base_fen"}))
    monkeypatch.setattr(routes, "sight_of", lambda account, own: hidden)
    async with browse(plant.engine) as client:
        page = await read(client, "/en/run/1/E1")
    assert "How this line is computed is not shown to your account" in page.text
    assert "÷" not in page.text
    assert "¥10,000.00" in page.text, "the amount of the line itself"
    assert sight_of(None, own=True).fields == frozenset()


def facts_in_code():
    """Names that hr_core/pay writes into `facts`, told there as plain text."""
    for file in sorted((Path(hr_core.__file__).parent / "pay").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        constants = {
            ast.unparse(one.targets[0]): one.value.value
            for one in tree.body
            if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "facts":
                yield from _keys(node.value)
            elif isinstance(node, ast.Assign | ast.AugAssign):
                for one in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(one, ast.Name) and one.id in {"facts", "told"}:
                        yield from _keys(node.value)
                    elif ast.unparse(one).startswith(("facts[", "told[")):
                        name = ast.unparse(one.slice)
                        yield constants[name] if name in constants else ast.literal_eval(name)


def _keys(value):
    dicts = (one for one in ast.walk(value) if isinstance(one, ast.Dict))
    return [key.value for one in dicts for key in one.keys if isinstance(key, ast.Constant)]


def test_every_fact_that_the_code_writes_has_a_name_in_both_languages():
    found = set(facts_in_code()) - _FOR_PROGRAMS
    found -= _NO_FACTS
    assert {"month_days", "law_status", "cap_percent", "left_fen", "causes"} <= found
    assert found <= set(CODES["fact"]), sorted(found - set(CODES["fact"]))
    for chinese, english in (*FACTS.values(), *VALUES.values()):
        assert any(ord(one) in _CHINESE for one in chinese), chinese
        assert english.isascii()


def test_values_that_are_words_of_the_program_are_translated():
    zh = Words("zh")
    assert fact_in_words("causes", "attendance, law", zh) == "考勤更正, 法规"
    assert fact_in_words("causes", "attendance, moon", zh) == "attendance, moon"
    assert fact_in_words("law_status", "unverified", zh) == "未核实"
    assert fact_in_words("name", "unverified", zh) == "unverified"
    assert fact_in_words("wage_fen", "500000, 620000", zh) == "¥5,000.00, ¥6,200.00"
    told = shown_facts({"floating_percent_2": "12.5", "now_trace": "{}", "reason": ""}, zh)
    assert told == (("绩效部分 %", "12.5"),)
