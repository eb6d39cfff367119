"""N4: the payroll clerk sees the salary, the line's manager does not: in API, export, trace and log."""

import csv
import io
import logging

import msgspec
import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.accounts.field_policy import (
    Field,
    field_policy,
    mask_logs,
    masked,
    masked_text,
    roles_seeing,
    sight_of,
)
from hr_core.accounts.model import Role
from hr_core.store.database import writing
from hr_core.store.organisation import save_organisation
from hr_core.store.results import lines_of, pay_lines
from hr_core.trace.calculation import EntryInput, LineInput
from tests.hr_core.accounts.quick import account, bearer_of
from tests.hr_core.api_v1.conftest import ACCOUNTS, SEES, organisation
from tests.hr_core.web.plant import NOW, running_plant

API = "/api/v1/pay/runs/1/slips"
HIDDEN = ["amounts", "bank_account", "base_pay", "identity"]


@pytest.fixture
def ask(paid, served, bearer):
    async def asked(name, path):
        async with served(paid) as client:
            client.headers = bearer(name)
            return await client.get(API + path)

    return asked


def rows_of(answer):
    return {one["person"]: one for one in answer.json()["people"]}


async def test_the_api_shows_the_clerk_amounts_and_the_manager_none(ask):
    hr = rows_of(await ask("hr", ""))
    manager = rows_of(await ask("manager", ""))
    assert set(manager) == {"1001", "1002", "1003", "1004", "1005"} & set(hr)
    assert hr["1002"]["total_fen"] > 0
    assert hr["1002"]["masked"] == []
    other = manager["1002"]
    assert (other["total_fen"], other["masked"]) == (None, HIDDEN)
    assert [line["amount_fen"] for line in other["lines"]] == [None] * len(hr["1002"]["lines"])
    assert [line["code"] for line in other["lines"]] == [
        line["code"] for line in hr["1002"]["lines"]
    ]
    assert other["days_to_clarify"] == hr["1002"]["days_to_clarify"]
    assert manager["1001"] == hr["1001"], "the own slip is one's own"


async def test_the_export_has_the_same_form_and_no_amount_for_the_manager(ask):
    hr, manager = [
        list(csv.DictReader(io.StringIO((await ask(name, ".csv")).text)))
        for name in ("hr", "manager")
    ]
    assert manager[0].keys() == hr[0].keys()
    assert all(row["amount_fen"] for row in hr)
    assert {row["person"] for row in manager if row["amount_fen"]} == {"1001"}


async def test_the_trace_ends_at_raw_bytes_and_tells_the_manager_no_amount(ask):
    hr, manager = [(await ask(name, "/1002/trace")).json() for name in ("hr", "manager")]
    assert hr["total_fen"] == sum(line["amount_fen"] for line in hr["lines"])
    assert manager["masked"] == HIDDEN
    for line in manager["lines"]:
        for name in ("amount_fen", "replayed_fen", "steps", "facts", "note"):
            assert line[name] is None
    assert [line["days"] for line in manager["lines"]] == [line["days"] for line in hr["lines"]]
    plain = (await ask("manager", "/1002/trace")).text
    amounts = {line["amount_fen"] for line in hr["lines"]} - {0}
    assert not any(f"{amount}" in plain for amount in amounts)


PRIVATE = {
    "order_7": "Court order",
    "retro_2026-09_damages_3": "Broken mould",
    "entered_bonus_4": "night of the flood",
}


@pytest.fixture(scope="module")
def owing(tmp_path_factory):
    """1002's slip has a court's order, a claim of an earlier month, and a sum with words of its own."""
    engine = running_plant(tmp_path_factory.mktemp("owing"))
    with writing(engine) as conn:
        save_organisation(conn, organisation())
        first = lines_of(conn, 1, "1002")[0]
        entry = EntryInput(
            number=4, kind="bonus", name="night of the flood", amount_fen=5, entered_by="a",
            approved_by="b", reason="",
        )  # fmt: skip
        resting = replace(first.trace, lines=(LineInput(code="order_7", amount_fen=5),))
        own = sa.update(pay_lines).where(pay_lines.c.number == "1002", pay_lines.c.position == 0)
        conn.execute(own.values(trace=msgspec.json.encode(resting)))
        for at, (code, label) in enumerate(PRIVATE.items(), 90):
            entries = (entry,) if code.startswith("entered") else ()
            conn.execute(
                sa.insert(pay_lines).values(
                    run=1, number="1002", position=at, code=code, label=label, label_zh=label,
                    side="deducted", amount_fen=5, note="",
                    trace=msgspec.json.encode(replace(first.trace, entries=entries)),
                )
            )  # fmt: skip
    account(engine, "hr", "hr", at=NOW)
    account(engine, "manager", "manager", person="1001", at=NOW)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("path", ["", ".csv", "/1002/trace"])
async def test_claims_and_single_sums_are_not_even_named_to_the_manager(owing, served, path):
    told = {}
    for name in ("hr", "manager"):
        async with served(owing) as client:
            client.headers = bearer_of(owing, name, at=NOW)
            answer = await client.get(f"{API}{path}")
        assert answer.status_code == 200
        told[name] = answer.text
    for code, label in PRIVATE.items():
        assert code in told["hr"]
        for text in (code, label):
            assert text not in told["manager"]
    assert "1002" in told["manager"]


@pytest.mark.parametrize("name", ACCOUNTS)
async def test_who_is_not_seen_is_in_none_of_them(ask, name):
    seen = set(rows_of(await ask(name, "")))
    assert seen & {"1002", "1003", "1006"} == SEES[name]
    for person in ("1002", "1003", "1006", "nobody"):
        status = (await ask(name, f"/{person}/trace")).status_code
        assert status == (200 if person in SEES[name] else 404)
    assert (await ask(name, "/1002/trace")).headers["Cache-Control"] == "no-store"


async def test_an_unknown_run_is_a_404(paid, served, bearer):
    async with served(paid) as client:
        client.headers = bearer("hr")
        for path in ("/pay/runs/99/slips", "/pay/runs/99/slips.csv"):
            assert (await client.get(f"/api/v1{path}")).status_code == 404


class TestPolicy:
    def test_every_field_has_names_and_roles_and_one_rule(self):
        rules = field_policy().field
        assert sorted(rule.code for rule in rules) == sorted(Field)
        assert all(rule.names and rule.roles for rule in rules)
        assert sum(len(rule.names) for rule in rules) == len(sight_of(None).names)

    def test_a_worker_sees_nothing_of_others_and_pay_is_not_the_managers(self):
        for field in Field:
            assert Role.WORKER not in roles_seeing(field)
        assert Role.MANAGER not in roles_seeing(Field.AMOUNTS)
        assert Role.MANAGER in roles_seeing(Field.SCORES)

    def test_hidden_values_go_however_deep_they_stand(self):
        value = {"a": [{"base_fen": 1, "name": "x"}], "bank_account": {"iban": "DE"}, "n": (1,)}
        assert masked(value, sight_of(None)) == {
            "a": [{"base_fen": None, "name": "x"}], "bank_account": None, "n": [1],
        }  # fmt: skip


class TestLog:
    @pytest.mark.parametrize(
        ("told", "kept"),
        [
            ("slip base_fen=870000 of 1002", "slip base_fen=*** of 1002"),
            ('{"amount_fen": 12, "name": "x"}', '{"amount_fen": ***, "name": "x"}'),
            ("bank_account: '6222 0000', next", "bank_account: ***, next"),
            ("{'steps': [1, 2], 'x': 3}", "{'steps': ***, 'x': 3}"),
            ('"note": "8700.00 a month"', '"note": ***'),
            ("please note: 3 of total 5", "please note: 3 of total 5"),
            ("my_base_fender=3", "my_base_fender=3"),
        ],
    )
    def test_values_of_fields_never_reach_it(self, told, kept):
        assert masked_text(told) == kept

    def test_every_record_of_the_process_passes_the_mask(self, caplog, monkeypatch):
        factory = logging.getLogRecordFactory()
        try:
            mask_logs()
            mask_logs()  # once is enough
            with caplog.at_level(logging.INFO):
                logging.getLogger("hr_core.any").info("paid %s total_fen=%d", "1002", 870000)
                logging.getLogger("other").warning("%s", {"base_fen": 870000})
        finally:
            logging.setLogRecordFactory(factory)
        assert "870000" not in caplog.text
        assert "paid 1002 total_fen=***" in caplog.text

    def test_an_error_of_the_database_tells_no_values(self, engine):
        import sqlalchemy as sa

        with engine.connect() as conn, pytest.raises(sa.exc.DatabaseError) as caught:
            conn.execute(sa.text("SELECT :amount FROM no_such_table"), {"amount": 870000})
        assert "870000" not in str(caught.value)
