"""A pay run on its way to the money: two people at each step, and nothing of it changes."""

import json
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.approvals.desk import Actor, approve, refuse
from hr_core.approvals.effects import take_effect
from hr_core.audit.log import entries
from hr_core.cli import main
from hr_core.errors import CoreError, NotFoundError, RefusedError
from hr_core.pay.run_life import (
    RunState,
    ask_payment,
    ask_reversal,
    changed_runs,
    reverse_run,
    state_of,
    states,
    submit,
)
from hr_core.pay.slip import OpenDay, Slip, SlipLine
from hr_core.pay.stored_table_diff import keep_note, new_note
from hr_core.store.database import writing
from hr_core.store.pay_run_steps import (
    RunStep,
    add_step,
    approved_run,
    approved_runs,
    pay_run_steps,
    set_approved,
)
from hr_core.store.results import (
    NewRun,
    RefusedPerson,
    RunFindings,
    add_run,
    pay_lines,
    pay_runs,
    pay_slips,
    run_days,
)
from hr_core.trace.calculation import Step, Trace
from tests.hr_core.behind_guards import without_guards

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ANN, BOB, CID = Actor("ann"), Actor("bob"), Actor("cid")
TRACE = Trace(
    rule="base", version="1", source="contract", formula="base",
    steps=(Step("base", "constant", (870000,), 870000),),
)  # fmt: skip


def slip(number="E001", open_days=()):
    line = SlipLine(
        code="base", label="Base", label_zh="基本工资", amount_fen=870000, note="", trace=TRACE
    )
    return Slip(number=number, name="张伟", lines=(line,), to_clarify=open_days)


def new_run(month="2026-10", **more):
    return NewRun(
        month=month, scheme="demo", scheme_version="demo 1", created_at=AT, slips=(slip(),),
        days={}, findings=RunFindings(), **more,
    )  # fmt: skip


@pytest.fixture
def run(engine):
    with writing(engine) as conn:
        return add_run(conn, new_run())


def approve_run(conn, run, by=BOB):
    number = submit(conn, run, at=AT, by=ANN)
    take_effect(conn, approve(conn, number, at=AT, by=by))


def execute(engine, statement):
    with writing(engine) as conn:
        conn.execute(statement)


class TestLife:
    def test_submitted_approved_paid_each_by_two(self, engine, run):
        with writing(engine) as conn:
            assert (state_of(conn, run), states(conn)) == (RunState.COMPUTED, {})
            number = submit(conn, run, at=AT, by=ANN)
            assert state_of(conn, run) is RunState.SUBMITTED
            with pytest.raises(RefusedError, match="cannot approve"):
                approve(conn, number, at=AT, by=Actor("x", frozenset({"ann"})))
            take_effect(conn, approve(conn, number, at=AT, by=BOB))
            assert state_of(conn, run) is RunState.APPROVED
            assert approved_run(conn, "2026-10") == run
            paying = ask_payment(conn, run, at=AT, by=BOB)
            take_effect(conn, approve(conn, paying, at=AT, by=CID))
            assert states(conn) == {run: RunState.PAID}
            log = [one.action for one in entries(conn, subject=f"run {run}")]
        assert log == ["approval.propose", "approval.approve", "pay.approved", "pay.paid"]

    def test_one_run_of_a_month_is_approved_and_others_are_trials(self, engine, run):
        with writing(engine) as conn:
            approve_run(conn, run)
            trial = add_run(conn, new_run())
            with pytest.raises(RefusedError, match="is a trial") as caught:
                submit(conn, trial, at=AT, by=ANN)
            assert f"pay diff {run} {trial}" in caught.value.remedy
            other_month = add_run(conn, new_run("2026-11"))
            approve_run(conn, other_month)
            assert approved_run(conn, "2026-11") == other_month

    def test_two_submitted_runs_one_wins(self, engine, run):
        with writing(engine) as conn:
            other = add_run(conn, new_run())
            first, second = (submit(conn, one, at=AT, by=ANN) for one in (run, other))
            take_effect(conn, approve(conn, first, at=AT, by=BOB))
            done = approve(conn, second, at=AT, by=BOB)
            with pytest.raises(RefusedError, match="is a trial"):
                take_effect(conn, done)

    def test_refused_goes_back_to_computed(self, engine, run):
        with writing(engine) as conn:
            refuse(conn, submit(conn, run, at=AT, by=ANN), at=AT, by=BOB, reason="E002 lacks")
            assert state_of(conn, run) is RunState.COMPUTED
            approve_run(conn, run)

    def test_steps_out_of_order_are_refused(self, engine, run):
        with writing(engine) as conn:
            with pytest.raises(RefusedError, match="is computed: only one that is approved"):
                ask_payment(conn, run, at=AT, by=ANN)
            with pytest.raises(RefusedError, match="only the approved run"):
                ask_reversal(conn, run, at=AT, by=ANN, reason="wrong")
            with pytest.raises(NotFoundError):
                submit(conn, 99, at=AT, by=ANN)
            submit(conn, run, at=AT, by=ANN)
            with pytest.raises(RefusedError, match="is submitted"):
                submit(conn, run, at=AT, by=ANN)

    def test_a_reversed_run_leaves_its_month_to_a_new_version(self, engine, run):
        with writing(engine) as conn:
            approve_run(conn, run)
            number = ask_reversal(conn, run, at=AT, by=ANN, reason="wrong base")
            reverse_run(conn, approve(conn, number, at=AT, by=BOB))
            assert state_of(conn, run) is RunState.REVERSED
            newer = add_run(conn, new_run())
            approve_run(conn, newer)
            assert approved_run(conn, "2026-10") == newer

    def test_what_was_changed_behind_the_guards_is_not_approved_and_seen_later(self, engine, run):
        with writing(engine) as conn:
            number = submit(conn, run, at=AT, by=ANN)
            with without_guards(conn):
                conn.execute(sa.update(pay_lines).values(amount_fen=1))
            done = approve(conn, number, at=AT, by=BOB)
            with pytest.raises(CoreError, match="is not what was submitted"):
                take_effect(conn, done)
            with without_guards(conn):
                conn.execute(sa.update(pay_lines).values(amount_fen=870000))
            take_effect(conn, done)
            assert changed_runs(conn) == []
            with without_guards(conn):
                conn.execute(sa.update(pay_lines).values(note="x"))
            assert changed_runs(conn) == [run]


class TestDatabase:
    """The same rules when a program writes the rows itself."""

    @pytest.fixture
    def approved(self, engine, run):
        with writing(engine) as conn:
            approve_run(conn, run)
        return run

    @pytest.mark.parametrize("table", [pay_runs, pay_slips, pay_lines])
    def test_an_approved_run_is_neither_changed_nor_deleted(self, engine, approved, table):
        column = table.c["scheme" if table is pay_runs else "number"]
        with pytest.raises(sa.exc.IntegrityError, match="stays as it is"):
            execute(engine, sa.update(table).values({column: "x"}))
        with pytest.raises(sa.exc.IntegrityError, match="stays as it is"):
            execute(engine, sa.delete(table))

    @pytest.mark.parametrize(
        "statement",
        [
            sa.insert(pay_slips).values(run=1, number="X", name="X", total_fen=1, to_clarify="[]"),
            sa.insert(run_days).values(run=1, number="X", day=date(2026, 10, 1), result=b"{}"),
            sa.delete(pay_run_steps),
            sa.update(pay_run_steps).values(by="eve"),
            sa.delete(approved_runs),
            sa.update(approved_runs).values(month="2026-09"),
        ],
    )
    def test_nothing_comes_in_and_nothing_of_its_life_goes(self, engine, approved, statement):
        with pytest.raises(sa.exc.IntegrityError):
            execute(engine, statement)

    def test_a_trial_run_is_free(self, engine, approved):
        with writing(engine) as conn:
            trial = add_run(conn, new_run())
            conn.execute(sa.delete(pay_lines).where(pay_lines.c.run == trial))

    def test_no_second_approved_run_of_a_month(self, engine, approved):
        with writing(engine) as conn:
            other = add_run(conn, new_run())
            with pytest.raises(sa.exc.IntegrityError):
                set_approved(conn, "2026-10", other)

    def test_a_reversed_run_does_not_come_back(self, engine, approved):
        with writing(engine) as conn:
            number = ask_reversal(conn, approved, at=AT, by=ANN, reason="wrong law")
            take_effect(conn, approve(conn, number, at=AT, by=BOB))
        with pytest.raises(sa.exc.IntegrityError, match="was reversed"), writing(engine) as conn:
            set_approved(conn, "2026-10", approved)

    def test_one_approval_makes_one_step(self, engine, approved):
        with writing(engine) as conn:
            paying = ask_payment(conn, approved, at=AT, by=ANN)
            take_effect(conn, approve(conn, paying, at=AT, by=BOB))
        again = RunStep(run=approved, step="paid", at=AT, by="bob", approval=paying)
        with pytest.raises(sa.exc.IntegrityError, match="had its effect"), writing(engine) as conn:
            add_step(conn, again)

    @pytest.mark.parametrize("step", ["approved", "paid", "reversed"])
    def test_no_step_that_one_person_did_alone(self, engine, run, step):
        with writing(engine) as conn:
            number = submit(conn, run, at=AT, by=ANN)
            with pytest.raises(sa.exc.IntegrityError, match="four eyes"):
                add_step(conn, RunStep(run=run, step=step, at=AT, by="ann", approval=number))


class TestCommands:
    @pytest.fixture
    def pay(self, database_url, engine, run, capsys):
        def command(*words, code=0):
            capsys.readouterr()
            assert main(["--db", database_url, "pay", *words]) == code
            return capsys.readouterr()

        return command

    def test_submit_approve_paid(self, pay):
        assert "hr-core pay approve 1" in pay("submit", "1", "--by", "ann").out
        assert "entered by ann" in pay("approve", "1", "--by", "Ann", code=3).err
        told = json.loads(pay("approve", "1", "--by", "bob", "--json").out)
        assert (told["state"], told["submitted_by"], told["approved_by"]) == (
            "approved", "ann", "bob",
        )  # fmt: skip
        asked = json.loads(pay("paid", "1", "--by", "bob", "--json").out)
        assert (asked["done"], asked["subject"]) == (False, "payment of run 1")
        assert "cannot approve" in pay("paid", "1", "--by", "bob", code=3).err
        assert "is paid" in pay("paid", "1", "--by", "ann").out
        assert json.loads(pay("runs", "--json").out)["runs"][0]["state"] == "paid"
        assert pay("runs").out.rstrip().endswith("paid")
        assert "submit it first" not in pay("approve", "1", "--by", "bob", code=3).out

    def test_refused_people_are_told_and_do_not_hinder(self, pay, engine):
        lacks = RefusedPerson(number="E002", what="no agreement", remedy="enter one")
        with writing(engine) as conn:
            add_run(conn, replace(new_run(), findings=RunFindings(refused=(lacks,))))
        assert "NOT PAID by this run: person E002" in pay("submit", "2", "--by", "ann", code=1).out
        told = json.loads(pay("approve", "2", "--by", "bob", "--json", code=1).out)
        assert told["refused"][0]["remedy"] == "enter one"

    def test_open_days_are_told_and_do_not_hinder(self, pay, engine):
        day = OpenDay("2026-10-12", "missing_out", "no leaving punch", "none")
        with writing(engine) as conn:
            add_run(conn, replace(new_run(), slips=(slip(open_days=(day,)),)))
        assert "1 days are still to be clarified" in pay("submit", "2", "--by", "ann", code=1).out
        assert "is approved" in pay("approve", "2", "--by", "bob", code=1).out


def test_a_new_run_of_a_reversed_month_explains_what_differs_before_it_is_submitted(engine, run):
    approve_run_of(engine, run)
    with writing(engine) as conn:
        number = ask_reversal(conn, run, at=AT, by=ANN, reason="wrong")
        reverse_run(conn, approve(conn, number, at=AT, by=BOB))
        broken = slip()
        line = replace(broken.lines[0], amount_fen=870001)
        second = add_run(conn, replace(new_run(), slips=(replace(broken, lines=(line,)),)))
        with pytest.raises(
            RefusedError, match="nothing explains it: the first is base of E001"
        ) as told:
            submit(conn, second, at=AT, by=ANN)
        assert f"hr-core pay note {run} {second}" in told.value.remedy
        note = new_note(conn, (run, str(second)), ("*", "base"), reason="a fen", until="")
        keep_note(conn, note, by="ann", at=AT)
        submit(conn, second, at=AT, by=ANN)


def approve_run_of(engine, run):
    with writing(engine) as conn:
        approve_run(conn, run)
