"""The comparison of two runs as a page: sums first, causes, filters, refused people, two traces."""

import contextlib
import sqlite3

import pytest
import sqlalchemy as sa

from hr_core.errors import NotFoundError, RefusedError
from hr_core.pay.stored_diff import compare_runs
from hr_core.store.audit_log import audit_log
from hr_core.store.database import open_database
from hr_core.store.pay_diff_notes import notes_of_pair
from hr_core.web import kept_diffs
from hr_core.web.compare_picture import MOST_BARS, Step, waterfall
from hr_core.web.kept_diffs import KeptDiffs
from tests.hr_core.accounts.quick import account
from tests.hr_core.web.compared_plant import HOSTILE, compared_plant, write_over
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.plant import NOW


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    plant = compared_plant(tmp_path_factory.mktemp("compared"))
    yield plant.engine
    plant.engine.dispose()


@pytest.fixture
async def client(engine, browse):
    async with browse(engine) as client:
        yield client


async def test_the_sums_are_told_then_how_many_then_why(client):
    page = await read(client, "/en/pay/compare?a=1&b=2")
    at = [
        page.text.index(words)
        for words in ("= difference of the net", "People changed: 1", "People in one run only")
    ]
    assert at == sorted(at)
    assert "unchanged: 0 · in one run only: 1" in page.text
    for cause in ("Agreement", "Input", "Follows", "People"):
        assert cause in page.text


async def test_rows_hold_both_amounts_their_difference_and_their_reasons(client):
    page = await read(client, "/en/pay/compare?a=1&b=2")
    (row,) = (one for one in page.rows if one.startswith("Zhang E1 Overtime"))
    assert row.startswith("Zhang E1")
    assert "¥172.41" in row
    assert "Punch 10-13 20:05:00 new" in row
    assert "Minutes 2026-10-13 new 3:00" in row
    assert "by itself" in row
    (tax,) = (one for one in page.rows if one.startswith("Zhang E1 Income tax"))
    assert "Follows Base pay ¥10,000.00 → ¥12,000.00" in tax
    assert "Advance" not in tax, "the tax is not on advances"


async def test_a_punch_and_both_slips_are_one_step_away(client):
    page = await read(client, "/en/pay/compare?a=1&b=2")
    event = next(link for link in page.links if "/event/" in link)
    assert "2026-10-13" in (await read(client, event)).text
    assert "/en/run/1/E1#line-base" in page.links
    assert "/en/run/2/E1#line-base" in page.links


async def test_every_link_of_the_page_resolves(client):
    page = await read(client, "/en/pay/compare?a=1&b=2")
    for link in {one.partition("#")[0] for one in page.links}:
        answer = await client.get(link or "/en/")
        assert answer.status_code == 200, link


async def test_who_was_refused_comes_with_who_can_mend_it(client):
    page = await read(client, "/en/pay/compare?a=1&b=2")
    assert "Refused in #1: no pay agreement holds in 2026-10" in page.text
    assert "HR enters one and another person approves it" in page.text


async def test_filters_are_kept_in_the_address(client):
    everything = await read(client, "/en/pay/compare?a=1&b=2")
    some = await read(client, "/en/pay/compare?a=1&b=2&cause=input&least=1000")
    assert len(some.rows) < len(everything.rows)
    assert "Advance" in " ".join(some.rows)
    assert "Income tax" not in " ".join(some.rows)
    one = await read(client, "/en/pay/compare?a=1&b=2&line=income_tax")
    assert [row.split()[0] for row in one.rows[1:]] == ["Zhang", "Li"]
    none = await read(client, "/en/pay/compare?a=1&b=2&least=9999999")
    assert "No line fits the filter." in none.text
    assert "= difference of the net" in none.text, "the proof is over all, filtered or not"


@pytest.mark.parametrize(("team", "who"), [("T1", {"Zhang"}), ("W", {"Zhang"}), ("none", set())])
async def test_a_team_and_what_is_above_it(client, team, who):
    page = await read(client, f"/en/pay/compare?a=1&b=2&team={team}")
    assert {row.split()[0] for row in page.rows[1:]} == who
    choices = [told.get("value") for tag, told in page.tags if tag == "option"]
    assert {"T1", "W"} <= set(choices), "a team can be chosen without its code being known"


async def test_two_runs_that_are_the_same_say_so_with_both_digests(client):
    page = await read(client, "/zh/pay/compare?a=2&b=3")
    assert "两次完全一致:2 人" in page.text
    texts = [one for one in page.text.split() if len(one) == 64]
    assert len(texts) == 2
    assert texts[0] == texts[1]


async def test_what_nothing_explains_is_red_and_blocks(client):
    page = await read(client, "/en/pay/compare?a=3&b=4")
    assert "Lines without a known cause: 1. No approval" in page.text
    row = page.row("Base pay")
    assert "Unknown" in row
    assert "to be explained" in row
    only = await read(client, "/en/pay/compare?a=1&b=4&unexplained=1")
    assert [row.split()[:4] for row in only.rows[1:]] == [["Zhang", "E1", "Base", "pay"]]


async def test_sums_that_do_not_agree_are_told_before_anything_is_drawn(engine, browse, tmp_path):
    copy = tmp_path / "core.db"
    with contextlib.closing(sqlite3.connect(engine.url.database)) as source:
        source.execute("VACUUM INTO ?", (str(copy),))
    other = open_database(f"sqlite:///{copy}")
    write_over(other, 4, 5)
    with other.begin() as conn:
        conn.exec_driver_sql("UPDATE pay_runs SET total_fen = total_fen + 1 WHERE number = 4")
    async with browse(other) as client:
        page = await read(client, "/en/pay/compare?a=3&b=4")
    other.dispose()
    assert "The sums do not agree" in page.text
    assert "the run's total" in page.text
    assert not page.attributes("svg")


async def test_runs_of_different_months_name_the_field_and_offer_to_go_on(client):
    page = await read(client, "/en/pay/compare?a=1&b=5")
    assert "Not comparable: the month differs. #1 is of 2026-10, #5 of 2026-11." in page.text
    assert page.rows == []
    all_the_same = await read(client, "/en/pay/compare?a=1&b=5&across=1")
    assert "Minutes of the month" in all_the_same.text or all_the_same.rows


async def test_without_two_runs_the_page_offers_the_last_two_of_a_month(client):
    page = await read(client, "/en/pay/compare?b=4")
    assert "Choose two runs" in page.text
    assert [one["value"] for one in page.attributes("option") if "selected" in one] == ["3", "4"]


async def test_two_traces_side_by_side_mark_the_first_step_that_differs(client):
    page = await read(client, "/en/pay/compare/1/2/overtime_workday/E1")
    (first,) = (row for row in page.rows if row.startswith("minutes "))
    assert "differs from here on" in first
    assert page.text.count("differs from here on") == 1
    assert "Punch 10-13 20:05:00 new" in page.text
    gone = await read(client, "/zh/pay/compare/1/2/advance_2/E1")
    assert "这次没有" in gone.text


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("pay/compare?a=1&b=99", 404),
        ("pay/compare?a=x&b=2", 400),
        ("pay/compare?a=1&b=2&cause=magic", 400),
        ("pay/compare?a=1&b=2&least=-1", 400),
        ("pay/compare?a=1&b=2&least=many", 400),
        ("pay/compare/1/2/base/E9", 404),
        ("pay/compare/1/99/base/E1", 404),
        ("pay/compare/1/x/base/E1", 404),
    ],
)
async def test_odd_addresses_are_answered_in_words(client, place, status):
    for language in ("zh", "en"):
        await read(client, f"/{language}/{place}", status)


async def test_the_place_without_a_language_leads_to_one(client):
    answer = await client.get("/pay/compare?a=1&b=2", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/en/pay/compare?a=1&b=2")


async def test_a_hostile_name_of_a_line_stays_text(client):
    for place in ("pay/compare?a=1&b=2", "pay/compare/1/2/allowance_1/E1"):
        answer = await client.get(f"/zh/{place}")
        assert HOSTILE not in answer.text
        assert "&lt;script&gt;" in answer.text


@pytest.fixture(scope="module")
def with_accounts(tmp_path_factory):
    plant = compared_plant(tmp_path_factory.mktemp("accounts"))
    account(plant.engine, "ann", "hr", at=NOW)
    account(plant.engine, "rita", "auditor", at=NOW)
    account(plant.engine, "max", "manager", person="E2", at=NOW)
    account(plant.engine, "zhang", "worker", person="E1", at=NOW)
    yield plant.engine
    plant.engine.dispose()


@pytest.mark.parametrize(
    ("name", "status"),
    [("ann", 200), ("rita", 200), ("max", 403), ("zhang", 403)],
)
async def test_only_who_sees_everybodys_pay_may_look(with_accounts, name, status):
    async with logged_in(with_accounts, name) as client:
        for place in ("pay/compare", "pay/compare?a=1&b=2", "pay/compare/1/2/base/E1"):
            assert (await client.get(f"/en/{place}")).status_code == status


def test_the_waterfall_has_at_most_nine_bars_and_loses_no_fen():
    causes = [Step(kind=f"c{n}", label=f"c{n}", fen=100 - n) for n in range(12)]
    total = sum(one.fen for one in causes)
    a, b = (
        Step(kind="run", label=name, fen=fen) for name, fen in (("A", 10**9), ("B", 10**9 + total))
    )
    found = waterfall(a, causes, b, "others")
    assert len(found.bars) == MOST_BARS
    parts = [bar for bar in found.bars if not bar.whole]
    assert sum(bar.step.fen for bar in parts) == total
    assert parts[-1].step.label == "others"
    assert all(bar.height >= 1 and bar.y >= 0 for bar in found.bars)
    assert all(bar.y + bar.height <= found.foot for bar in found.bars)


def test_a_step_down_hangs_from_the_level_before_it():
    a, b = Step(kind="run", label="A", fen=1000), Step(kind="run", label="B", fen=950)
    up, down = Step(kind="input", label="i", fen=100), Step(kind="rule", label="r", fen=-150)
    first, rising, falling, last = waterfall(a, [up, down], b, "").bars
    assert (rising.up, falling.up) == (True, False)
    assert rising.y + rising.height == first.y
    assert falling.y == rising.y
    assert falling.y + falling.height == last.y


class TestNotes:
    @pytest.fixture
    def core(self, tmp_path):
        plant = compared_plant(tmp_path)
        account(plant.engine, "ann", "hr", at=NOW)
        account(plant.engine, "audit", "auditor", at=NOW)
        yield plant.engine
        plant.engine.dispose()

    PLACE = "/en/pay/compare/3/4/base/E1"

    async def note(self, client, **changes):
        page = await client.get("/en/account")
        form = {"form_token": field(page, "form_token"), "a": "3", "b": "4", "person": "E1"}
        form |= {"line": "base", "reason": "agreed with the works council", "until": ""}
        return await client.post("/en/pay/compare/note", data=form | changes)

    async def test_what_nothing_explains_is_explained_on_the_page(self, core):
        async with logged_in(core, "ann") as client:
            listed = await read(client, "/en/pay/compare?a=3&b=4")
            assert f"{self.PLACE}#note" in listed.links
            sent = await self.note(client)
            assert (sent.status_code, sent.headers["location"]) == (303, self.PLACE)
            page = await read(client, self.PLACE)
            listed = await read(client, "/en/pay/compare?a=3&b=4")
        assert "✔ agreed with the works council ann · 2026-11-20 14:30" in page.text
        assert "to be explained" not in listed.text
        with core.connect() as conn:
            row = conn.execute(sa.select(audit_log).order_by(audit_log.c.number.desc())).first()
        assert (row.actor, row.action) == ("ann", "pay.diff_note")

    async def test_it_may_hold_for_everybody_and_for_later_months(self, core):
        async with logged_in(core, "ann") as client:
            sent = await self.note(client, everybody="1", until="2026-12")
            assert sent.status_code == 303
        with core.connect() as conn:
            (kept,) = notes_of_pair(conn, "runs")
        assert (kept.person, kept.until, kept.made_for) == ("*", "2026-12", "3:4")

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"reason": " "}, 409),
            ({"reason": "x" * 501}, 409),
            ({"until": "soon"}, 409),
            ({"until": "2020-01"}, 409),
            ({"line": "pension_employee"}, 404),
            ({"person": "E77"}, 404),
            ({"b": "99"}, 404),
            ({"form_token": "x"}, 403),
        ],
    )
    async def test_odd_notes_are_refused(self, core, changes, status):
        async with logged_in(core, "ann") as client:
            assert (await self.note(client, **changes)).status_code == status
        with core.connect() as conn:
            assert notes_of_pair(conn, "runs") == ()

    async def test_an_auditor_reads_and_writes_none(self, core):
        async with logged_in(core, "audit") as client:
            page = await client.get(self.PLACE)
            assert page.status_code == 200
            assert "compare/note" not in page.text
            assert (await self.note(client)).status_code == 403


class TestKept:
    """A comparison is made once, and again as soon as a run is not what it was."""

    @pytest.fixture
    def core(self, tmp_path, monkeypatch):
        plant = compared_plant(tmp_path)
        self.made = []

        def counting(conn, *pair, across_months):
            self.made.append(pair)
            return compare_runs(conn, *pair, across_months=across_months)

        monkeypatch.setattr(kept_diffs, "compare_runs", counting)
        yield plant.engine
        plant.engine.dispose()

    def test_the_same_pair_is_compared_once(self, core):
        kept = KeptDiffs()
        with core.connect() as conn:
            first = kept.compare(conn, 1, 2)
            assert kept.compare(conn, 1, 2) is first
            assert first == compare_runs(conn, 1, 2)
            assert kept.compare(conn, 2, 1) != first
        assert self.made == [(1, 2), (2, 1)]

    def test_a_run_that_somebody_changed_is_compared_again(self, core):
        kept = KeptDiffs()
        with core.connect() as conn:
            before = kept.compare(conn, 2, 3)
        assert before.identical
        write_over(core, 3, 100)
        with core.connect() as conn:
            assert not kept.compare(conn, 2, 3).identical
        assert self.made == [(2, 3), (2, 3)]

    def test_it_holds_few_and_drops_what_was_asked_for_longest_ago(self, core):
        kept = KeptDiffs(most=2)
        with core.connect() as conn:
            for pair in ((1, 2), (1, 3), (1, 2), (1, 4), (1, 2), (1, 3)):
                kept.compare(conn, *pair)
        assert self.made == [(1, 2), (1, 3), (1, 4), (1, 3)]

    def test_other_months_are_still_refused_unless_asked_for(self, core):
        kept = KeptDiffs()
        with core.connect() as conn:
            kept.compare(conn, 1, 5, across_months=True)
            with pytest.raises(RefusedError, match="the field month differs"):
                kept.compare(conn, 1, 5)
            with pytest.raises(NotFoundError):
                kept.compare(conn, 1, 99)

    async def test_the_page_asks_for_what_is_kept(self, core, browse):
        async with browse(core) as client:
            for query in ("", "&cause=input", "&unexplained=1"):
                await read(client, f"/en/pay/compare?a=1&b=2{query}")
            await read(client, "/en/pay/compare/1/2/base/E1")
        assert self.made == [(1, 2)]
