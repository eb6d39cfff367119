"""Four eyes: whoever entered something does not approve it, by no name, in no way."""

import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from hr_core.accounts.management import Act, NewAccount, add_account, set_disabled
from hr_core.accounts.model import Role
from hr_core.approvals.actors import actor_named, approver_named, refuser_named, who_can
from hr_core.approvals.desk import (
    Actor,
    ApprovalState,
    approval,
    approvals_in,
    approve,
    open_approvals,
    propose,
    refuse,
)
from hr_core.approvals.effects import EFFECTS
from hr_core.approvals.kinds import Kind
from hr_core.audit.log import entries
from hr_core.cli import main
from hr_core.errors import CoreError, NotFoundError, RefusedError
from hr_core.store.approvals import approval_names, approvals
from hr_core.store.database import writing
from hr_core.store.guards import guard_names
from hr_core.store.people import people
from hr_core.store.person_records import merged_people
from tests.hr_core.behind_guards import without_guards

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ANN = Actor("ann", frozenset({"P7", "ann.hr"}))
BOB = Actor("bob")


@pytest.fixture
def number(engine):
    with writing(engine) as conn:
        return propose(conn, Kind.LAW, "law x", {"b": 1, "a": [2]}, at=AT, by=ANN, reason="new")


def run(engine, statement, **values):
    with writing(engine) as conn:
        conn.execute(sa.text(statement), values)


class TestDesk:
    def test_another_person_approves_what_was_entered(self, engine, number):
        with writing(engine) as conn:
            assert [one.number for one in open_approvals(conn, Kind.LAW)] == [number]
            done = approve(conn, number, at=LATER, by=BOB, reason="read it")
            assert open_approvals(conn) == []
            assert approvals_in(conn, None) == [done]
            log = entries(conn, subject="law x")
        assert done.content == {"a": [2], "b": 1}
        assert (done.state, done.decided_by, done.decided_at) == (
            ApprovalState.APPROVED, "bob", LATER,
        )  # fmt: skip
        assert [(one.action, one.actor) for one in log] == [
            ("approval.propose", "ann"),
            ("approval.approve", "bob"),
        ]
        assert log[1].after["digest"] == done.digest

    @pytest.mark.parametrize(
        "actor",
        [
            Actor("ann"),
            Actor(" ANN "),
            Actor("ａｎｎ"),
            Actor("P7"),
            Actor("second", frozenset({"P7"})),
            Actor("ann.HR"),
            Actor(" "),
        ],
    )
    def test_whoever_entered_it_does_not_by_any_name(self, engine, number, actor):
        with writing(engine) as conn, pytest.raises(RefusedError) as caught:
            approve(conn, number, at=LATER, by=actor)
        assert "let another person" in caught.value.remedy
        with engine.connect() as conn:
            assert approval(conn, number).state is ApprovalState.PROPOSED

    def test_a_decision_stays(self, engine, number):
        with writing(engine) as conn:
            approve(conn, number, at=LATER, by=BOB)
            with pytest.raises(RefusedError, match="was approved by bob"):
                refuse(conn, number, at=LATER, by=BOB, reason="no")

    def test_own_ones_are_withdrawn_others_refused_and_both_say_why(self, engine, number):
        with writing(engine) as conn:
            with pytest.raises(RefusedError, match="without a reason"):
                refuse(conn, number, at=LATER, by=BOB, reason=" ")
            second = propose(conn, Kind.LAW, "law y", 1, at=AT, by=ANN)
            own = refuse(conn, number, at=LATER, by=Actor("P7"), reason="a mistake")
            other = refuse(conn, second, at=LATER, by=BOB, reason="no source")
        assert (own.state, other.state) == (ApprovalState.WITHDRAWN, ApprovalState.REFUSED)

    def test_an_unknown_number_and_a_nameless_actor(self, engine):
        with writing(engine) as conn:
            with pytest.raises(NotFoundError):
                approve(conn, 99, at=AT, by=BOB)
            with pytest.raises(CoreError):
                propose(conn, Kind.LAW, "law x", 1, at=AT, by=Actor(""))


class TestDatabase:
    """The same rules when a program writes the rows itself."""

    APPROVE = "UPDATE approvals SET state = 'approved', decided_at = 1, decided_by = :by"
    NAME = "INSERT INTO approval_names (approval, name, side) VALUES (1, :name, 'approver')"

    @pytest.mark.parametrize("by", ["ann", " Ann", "p7", "P7", "ann.hr"])
    def test_no_name_of_the_enterer_approves(self, engine, number, by):
        run(engine, self.NAME, name="somebody")
        with pytest.raises(sa.exc.IntegrityError, match="four eyes"):
            run(engine, self.APPROVE, by=by)

    def test_nobody_approves_without_names(self, engine, number):
        with pytest.raises(sa.exc.IntegrityError, match="four eyes"):
            run(engine, self.APPROVE, by="bob")

    def test_a_name_stands_on_one_side_only(self, engine, number):
        with pytest.raises(sa.exc.IntegrityError):
            run(engine, self.NAME, name="ann")

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE approvals SET content = '{}'",
            "UPDATE approvals SET proposed_by = 'eve'",
            "UPDATE approvals SET digest = 'x'",
            "DELETE FROM approval_names",
            "UPDATE approval_names SET name = 'eve'",
            "DELETE FROM approvals",
            "UPDATE approvals SET state = 'paid'",
            "UPDATE approvals SET state = 'refused'",  # by nobody
        ],
    )
    def test_what_was_entered_stays(self, engine, number, statement):
        with pytest.raises(sa.exc.IntegrityError):
            run(engine, statement)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE approvals SET state = 'refused'",
            "UPDATE approvals SET decided_by = 'carl'",
            "UPDATE approvals SET decision = 'x'",
            "INSERT INTO approval_names (approval, name, side) VALUES (1, 'x', 'approver')",
        ],
    )
    def test_what_was_decided_stays(self, engine, number, statement):
        with writing(engine) as conn:
            approve(conn, number, at=LATER, by=BOB)
        with pytest.raises(sa.exc.IntegrityError):
            run(engine, statement)

    def test_nothing_begins_approved(self, engine, number):
        with writing(engine) as conn:
            row = dict(conn.execute(sa.select(approvals)).mappings().one())
            row |= {"number": 7, "state": "approved", "decided_at": AT, "decided_by": "bob"}
            with pytest.raises(sa.exc.IntegrityError, match="begins as a proposal"):
                conn.execute(sa.insert(approvals).values(row))

    def test_content_changed_behind_the_guards_is_seen(self, engine, number):
        with writing(engine) as conn, without_guards(conn):
            conn.execute(sa.update(approvals).values(content="[]"))
        with engine.connect() as conn, pytest.raises(CoreError, match="is not what was proposed"):
            approval(conn, number)

    def test_guards_are_dropped_and_made_again_whole(self, engine):
        with writing(engine) as conn:
            before = guard_names(conn)
            with without_guards(conn):
                assert guard_names(conn) == []
            assert guard_names(conn) == before
        assert "guard_approvals_four_eyes" in before

    def test_the_enterers_names_are_kept_in_one_spelling(self, engine, number):
        with engine.connect() as conn:
            rows = set(conn.execute(sa.select(approval_names.c.name)).scalars())
        assert rows == {"ann", "p7", "ann.hr"}


class TestReplacing:
    """SQLite's way around DELETE."""

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT OR REPLACE INTO approval_names SELECT 1, name, 'approver' FROM approval_names",
            """INSERT OR REPLACE INTO approvals SELECT number, kind, subject, '{}', digest, state,
            proposed_at, proposed_by, reason, decided_at, decided_by, decision FROM approvals""",
        ],
    )
    def test_nothing_is_replaced(self, sqlite_engine, statement):
        with writing(sqlite_engine) as conn:
            propose(conn, Kind.LAW, "law x", 1, at=AT, by=ANN)
        with pytest.raises(sa.exc.IntegrityError):
            run(sqlite_engine, statement)


class TestActors:
    @pytest.fixture
    def accounts(self, engine):
        with writing(engine) as conn:
            act = Act(actor="root", at=AT, reason="")
            for name, role in (("ann", Role.HR), ("bob", Role.ADMIN), ("cid", Role.AUDITOR)):
                add_account(conn, NewAccount(name=name, roles=(role,)), act)

    def test_a_name_means_itself_while_there_are_no_accounts(self, engine):
        with engine.connect() as conn:
            assert approver_named(conn, "bob", Kind.RUN).name == "bob"
            assert "another person" in who_can(conn, Kind.RUN, Actor("ann"))

    def test_with_accounts_only_one_of_them_with_the_role_approves(self, engine, accounts):
        with engine.connect() as conn:
            assert approver_named(conn, "Bob", Kind.RUN).spelled >= {"bob"}
            for name, why in (("eve", "no account"), ("cid", "role auditor")):
                with pytest.raises(RefusedError, match=why) as caught:
                    approver_named(conn, name, Kind.RUN)
                assert "ann, bob" in caught.value.remedy
            assert who_can(conn, Kind.RUN, actor_named(conn, "ann")) == "bob"

    def test_refusing_is_for_who_could_approve_or_entered_it(self, engine, accounts, number):
        """A disabled account or a stranger does not stop what waits."""
        root = Act(actor="root", at=AT, reason="left")
        with writing(engine) as conn:
            set_disabled(conn, "bob", root, disabled=True)
            assert refuser_named(conn, "P7", number).name == "P7"
            for name, why in (("eve", "no account"), ("cid", "role auditor"), ("bob", "disabled")):
                with pytest.raises(RefusedError, match=why):
                    refuser_named(conn, name, number)
                with pytest.raises(RefusedError, match=why):
                    approver_named(conn, name, Kind.LAW)

    def test_a_record_merged_after_the_proposal_is_still_the_same_human(self, engine):
        """P8 entered it, then turned out to be P9; neither key nor P9's account approves."""
        act = Act(actor="root", at=AT, reason="")
        with writing(engine) as conn:
            made = propose(conn, Kind.LAW, "law y", 1, at=AT, by=actor_named(conn, "P8"))
            conn.execute(sa.insert(merged_people).values(person="P8", into="P9"))
            row = {"number": "P9", "name": "Nina", "shift": "D", "base_fen": 0, "zone": "UTC"}
            conn.execute(sa.insert(people).values(**row, origin="test"))
            add_account(conn, NewAccount(name="nina", roles=(Role.HR,), person="P9"), act)
            for name in ("nina", "P9", "p8", "key:P9"):
                with pytest.raises(RefusedError, match="cannot approve it"):
                    approve(conn, made, at=LATER, by=actor_named(conn, name))


class TestCommands:
    @pytest.fixture
    def core(self, database_url, engine, number):
        return lambda *words: main(["--db", database_url, "approvals", *words])

    def test_list_show_approve_refuse(self, core, engine, number, capsys, monkeypatch):
        taken = []
        monkeypatch.setitem(EFFECTS, Kind.LAW, lambda _conn, done: taken.append(done.number))
        assert core("list") == 0
        assert "law x" in capsys.readouterr().out
        assert core("list", "--kind", "run") == 0
        assert "Nothing waits" in capsys.readouterr().out
        assert core("list", "--kind", "shoes") == 3
        assert core("show", str(number), "--json") == 0
        shown = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
        assert (shown["content"], shown["state"]) == ({"a": [2], "b": 1}, "proposed")
        assert core("approve", str(number), "--by", "p7") == 3
        assert "cannot approve it" in capsys.readouterr().err
        assert taken == []
        assert core("approve", str(number), "--by", "bob") == 0
        assert taken == [number]
        assert core("refuse", str(number), "--by", "bob", "--reason", "no") == 3
        assert "a decision stays" in capsys.readouterr().err

    def test_a_kind_without_an_effect_is_approved_elsewhere(
        self, core, engine, number, capsys, monkeypatch
    ):
        monkeypatch.delitem(EFFECTS, Kind.LAW, raising=False)
        assert core("approve", str(number), "--by", "bob") == 3
        assert "use the command" in capsys.readouterr().err
        with engine.connect() as conn:
            assert approval(conn, number).state is ApprovalState.PROPOSED
