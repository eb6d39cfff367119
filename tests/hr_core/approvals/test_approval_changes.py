"""What an approval changes: before and after of agreements, law and schemes, and one line on each."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from hr_core.accounts.field_policy import Sight, field_policy
from hr_core.approvals.changes import FieldChange, changes_of
from hr_core.approvals.desk import Actor, approval, approve, open_approvals, propose
from hr_core.approvals.effects import take_effect
from hr_core.approvals.kinds import Kind
from hr_core.cli import main
from hr_core.cli.approvals_output import aligned
from hr_core.pay.agreement import PayAgreement
from hr_core.pay.entry import EntryKind
from hr_core.pay.proposals import (
    AgreementProposal,
    EntryProposal,
    agreement_on,
    propose_agreement,
    propose_entry,
)
from hr_core.pay.scheme_approval import propose_scheme
from hr_core.people.changes import Signature
from hr_core.store.database import writing
from hr_core.store.people import people, site
from tests.hr_core.approvals.entered_files import LAW, SCHEME

AT = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
ALL = Sight(frozenset(), frozenset())
ANN, BOB = Actor("ann"), Actor("bob")
NO_PAY = Sight(
    frozenset(), frozenset().union(*(r.names for r in field_policy().field if "pay" in r.code))
)


@pytest.fixture
def conn(engine):
    with writing(engine) as conn:
        row = {"name": "张敏", "shift": "D", "base_fen": 0, "zone": "UTC", "origin": "test"}
        for number in ("1003", "1004"):
            conn.execute(sa.insert(people).values(number=number, **row))
        yield conn


def agreed(conn, terms, person="1003", since=date(2026, 11, 1)):
    held = agreement_on(conn, person, since)
    new = AgreementProposal(person=person, valid_from=since, terms=terms, replaces=held)
    return propose_agreement(conn, new, at=AT, by=ANN, reason="")


def take(conn, number, at=AT):
    take_effect(conn, approve(conn, number, at=at, by=BOB))


def law(conn, text=LAW, file="own.toml"):
    from hashlib import sha256

    subject = f"law file {sha256(text.encode()).hexdigest()}"
    return propose(conn, Kind.LAW, subject, {"file": file, "text": text}, at=AT, by=ANN)


class TestAgreements:
    FIRST = PayAgreement(city="上海", base_fen=800_000, allowances={"post": 10_000, "meal": 5})
    SECOND = PayAgreement(city="上海", base_fen=870_000, allowances={"meal": 5, "night": 20_000})

    def test_the_first_one_says_what_is_not_as_usual(self, conn):
        (change,) = changes_of(conn, approval(conn, agreed(conn, self.FIRST)), ALL).agreements
        assert (change.person, change.since, change.replaces) == ("1003", "2026-11-01", None)
        assert change.fields == (
            FieldChange(("base_fen",), None, 800_000),
            FieldChange(("allowances", "meal"), None, 5),
            FieldChange(("allowances", "post"), None, 10_000),
            FieldChange(("city",), None, "上海"),
        )

    def test_the_next_one_says_what_becomes_what_and_goes_on_saying_it(self, conn):
        take(conn, agreed(conn, self.FIRST))
        number = agreed(conn, self.SECOND, since=date(2026, 12, 1))
        for _ in range(2):
            (change,) = changes_of(conn, approval(conn, number), ALL).agreements
            assert change.fields == (
                FieldChange(("base_fen",), 800_000, 870_000),
                FieldChange(("allowances", "night"), None, 20_000),
                FieldChange(("allowances", "post"), 10_000, None),
            )
            assert change.replaces is not None
            if approval(conn, number).state == "proposed":
                take(conn, number)

    def test_what_is_hidden_is_hidden_on_both_sides(self, conn):
        take(conn, agreed(conn, self.FIRST))
        new = approval(conn, agreed(conn, self.SECOND, since=date(2026, 12, 1)))
        (change,) = changes_of(conn, new, NO_PAY).agreements
        assert {(one.before, one.after) for one in change.fields} == {(None, None)}


class TestLaw:
    def test_a_row_says_what_it_replaces_and_where_it_does_not_count(self, conn):
        wage, pension, heat = changes_of(conn, approval(conn, law(conn)), ALL).law
        assert wage.before is not None
        assert (wage.before.item, wage.before.city, wage.stays) == ("minimum_wage", "上海", False)
        assert FieldChange(("amount_fen",), wage.before.amount, 300_000) in wage.fields
        assert pension.before is not None
        assert pension.stays
        assert FieldChange(("employer",), "16 %", "17 %") in pension.fields
        assert FieldChange(("rounding",), pension.before.rounding, "jiao") in pension.fields
        assert heat.before is not None
        assert (heat.before.district, heat.stays) == ("", False)

    def test_once_approved_it_still_says_what_it_replaced(self, conn):
        number = law(conn)
        before = changes_of(conn, approval(conn, number), ALL)
        take(conn, number)
        later = law(conn, LAW.replace("3000", "3100"))
        assert changes_of(conn, approval(conn, number), ALL) == before
        wage, *_ = changes_of(conn, approval(conn, later), ALL).law
        assert FieldChange(("amount_fen",), 300_000, 310_000) in wage.fields

    def test_a_row_after_one_that_ended_says_which_it_follows(self, conn):
        text = LAW.replace("from = 2026-01-01", "from = 2027-07-01")
        _, pension, _ = changes_of(conn, approval(conn, law(conn, text)), ALL).law
        assert pension.before is not None
        assert (pension.before.until, pension.stays) == (date(2027, 7, 1), False)

    def test_a_city_that_nobody_knew_is_new(self, conn):
        wage, *_ = changes_of(conn, approval(conn, law(conn, LAW.replace("上海", "甲"))), ALL).law
        assert (wage.before, wage.stays) == (None, False)

    def test_what_is_no_law_says_why(self, conn):
        found = changes_of(conn, approval(conn, law(conn, "no law")), ALL)
        assert "not TOML" in found.unreadable

    def test_another_programs_content_changes_nothing_that_is_known(self, conn):
        number = propose(conn, Kind.LAW, "law x", {"a": 1}, at=AT, by=ANN)
        assert not changes_of(conn, approval(conn, number), ALL)


class TestSchemes:
    def scheme(self, conn, tmp_path, text):
        sign = Signature(by="ann", also=frozenset(), at=AT, reason="")
        return approval(conn, propose_scheme(conn, tmp_path / "own.toml", text, sign))

    def test_a_new_one_is_laid_beside_nothing_where_nothing_is_chosen(self, conn, tmp_path):
        change = changes_of(conn, self.scheme(conn, tmp_path, SCHEME), ALL).scheme
        assert (change.code, change.against) == ("own", "")
        (edition,) = change.editions
        assert edition.before == ""
        assert FieldChange(("overtime", "workday"), None, "1.5") in edition.fields

    def test_a_change_says_each_figure_of_each_edition(self, conn, tmp_path):
        first = self.scheme(conn, tmp_path, SCHEME)
        take(conn, first.number)
        _, edition = SCHEME.split("[[edition]]")
        next_one = edition.replace("own/1", "own/2").replace("2026-01", "2027-01")
        text = SCHEME + "[[edition]]" + next_one.replace('A = "20"', 'A = "25"')
        second = self.scheme(conn, tmp_path, text.replace('rest_day = "2"', 'rest_day = "2.5"', 1))
        change = changes_of(conn, second, ALL).scheme
        old, new = change.editions
        assert (change.against, old.before, new.before) == ("own", "own/1", "own/1")
        assert old.fields == (FieldChange(("overtime", "rest_day"), "2", "2.5"),)
        assert new.fields == (FieldChange(("grade", "percent_of_base", "A"), "20", "25"),)
        take(conn, second.number, AT + timedelta(hours=1))
        assert changes_of(conn, approval(conn, second.number), ALL).scheme == change
        third = self.scheme(conn, tmp_path, SCHEME)
        gone = changes_of(conn, third, ALL).scheme.editions[-1]
        assert (gone.version, gone.gone) == ("own/2", True)

    def test_a_scheme_of_another_code_is_laid_beside_the_one_that_pays(self, conn, tmp_path):
        conn.execute(sa.insert(site).values(id=1, zone="Asia/Shanghai", scheme=""))
        take(conn, self.scheme(conn, tmp_path, SCHEME).number)
        other = self.scheme(conn, tmp_path, SCHEME.replace('"own"', '"other"'))
        change = changes_of(conn, other, ALL).scheme
        assert change.against == "own"
        assert change.editions[0].fields == ()


class TestCommands:
    @pytest.fixture
    def core(self, database_url, engine, capsys):
        with writing(engine) as conn:
            row = {"name": "张敏", "shift": "D", "base_fen": 0, "zone": "UTC", "origin": "test"}
            conn.execute(sa.insert(people).values(number="1003", **row))
            conn.execute(sa.insert(site).values(id=1, zone="Asia/Shanghai", scheme=""))
            take(conn, agreed(conn, TestAgreements.FIRST))
            agreed(conn, TestAgreements.SECOND, since=date(2026, 12, 1))
            bonus = EntryProposal(
                person="1003", month="2026-11", kind=EntryKind.BONUS, name="冲压机抢修",
                amount_fen=123_456, reason="x",
            )  # fmt: skip
            propose_entry(conn, bonus, at=AT, by=ANN)
            law(conn)
            propose(conn, Kind.LAW, "law x", {"a": 1}, at=AT, by=ANN)
            numbers = [one.number for one in open_approvals(conn)]

        def command(*words):
            capsys.readouterr()
            assert main(["--db", database_url, "approvals", *map(str, words)]) == 0
            return capsys.readouterr().out

        return command, numbers

    def test_the_list_says_who_when_how_much_and_what_changes(self, core):
        command, _ = core
        head, agreement, entry, rows, other = command("list").splitlines()
        assert head.split("  ")[0] == "no"
        assert "1003  from 2026-12-01" in agreement
        assert (
            "¥8,700.00  Agreed month wage ¥8,000.00 → ¥8,700.00; Allowance · night ¥200.00; "
            in (agreement)
        )
        assert "¥1,234.56  冲压机抢修" in entry
        assert "own.toml" in rows
        assert "rows 3, cities 1: 2 in place of another, 0 new, 1 without effect" in rows
        assert "law x" in other
        at = {line.index("2026-11-20 06:30") for line in (rows, other)}
        assert len(at) == 1

    def test_the_list_for_programs_has_the_same_line(self, core):
        command, _ = core
        told = json.loads(command("list", "--json"))["approvals"]
        assert told[1]["about"] == {
            "who": "张敏 1003",
            "month": "2026-11",
            "amount": "¥1,234.56",
            "change": "冲压机抢修",
        }
        assert "content" not in told[0]

    def test_one_is_shown_as_a_table_and_whole_for_programs(self, core):
        command, (agreement, entry, rows, other) = core
        told = command("show", agreement)
        (line,) = (line for line in told.splitlines() if line.endswith("  ¥8,700.00"))
        wanted = "张敏 1003 2026-12-01 Agreed month wage ¥8,000.00 ¥8,700.00"
        assert " ".join(line.split()) == wanted
        assert '"base_fen"' not in told
        assert '"base_fen"' in command("show", agreement, "--json")
        assert "Amount" in command("show", entry)
        table = command("show", rows)
        assert "上海/minimum_wage/" in table
        assert "does not count: 上海/pension/" in table
        assert "schema =" not in table
        assert "a" in command("show", other)


def test_columns_stand_under_each_other_with_wide_characters():
    rows = [("who", "how much", "why"), ("张敏", "¥5.00", "x\ny"), ("E1", "¥1,000.00", "")]
    assert list(aligned(rows, right=1)) == [
        "who    how much  why",
        "张敏      ¥5.00  x y",
        "E1    ¥1,000.00",
    ]
