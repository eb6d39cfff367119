"""Receipts of payslips and objections to them, on both databases."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from hr_core.audit.log import entries
from hr_core.errors import NotFoundError, RefusedError
from hr_core.pay.objection_verdict import Verdict
from hr_core.pay.slip import Slip, SlipLine
from hr_core.pay.slip_answers import confirm, object_to, reply, slip_digest
from hr_core.people.changes import Signature
from hr_core.store.database import writing
from hr_core.store.results import NewRun, RunFindings, add_run, lines_of
from hr_core.store.slip_answers import SlipPlace, answers_of, objections, slip_answers
from hr_core.trace.calculation import Calculation, Trace

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
WORKER = Signature(at=AT, by="1007", also=frozenset({"wang"}))
HR = Signature(at=AT, by="li")
PLACE = SlipPlace(1, "1007")


def line(code="base", fen=320_000):
    steps = Calculation()
    steps.step("amount", "constant", fen)
    trace = Trace(rule=code, version="1", source="", formula="", steps=steps.steps)
    return SlipLine(code=code, label=code, label_zh=code, amount_fen=fen, note="", trace=trace)


@pytest.fixture
def paid(engine):
    slip = Slip(number="1007", name="王芳", lines=(line(), line("grade", 9_900)), to_clarify=())
    run = NewRun(
        month="2026-10",
        scheme="demo",
        scheme_version="demo/1",
        created_at=AT,
        slips=(slip,),
        days={},
        findings=RunFindings(),
    )
    with writing(engine) as conn:
        add_run(conn, run)
    return engine


def digest(conn):
    return slip_digest(1, "1007", lines_of(conn, 1, "1007"))


def test_a_receipt_names_the_slip_that_was_seen_and_is_given_once(paid):
    with writing(paid) as conn:
        first = confirm(conn, PLACE, digest(conn), WORKER)
        again = confirm(conn, PLACE, digest(conn), WORKER)
        logged = entries(conn, subject="payslip 1/1007")
    assert first == again
    assert [one.action for one in logged] == ["payslip received"]
    assert logged[0].after == first.digest


def test_a_slip_that_is_another_by_now_is_not_signed(paid):
    with writing(paid) as conn, pytest.raises(RefusedError, match="not the one"):
        confirm(conn, PLACE, "0" * 64, WORKER)


def test_the_digest_tells_every_change():
    same = slip_digest(1, "1007", [line(), line("grade")])
    assert same == slip_digest(1, "1007", [line(), line("grade")])
    others = (
        slip_digest(2, "1007", [line(), line("grade")]),
        slip_digest(1, "1008", [line(), line("grade")]),
        slip_digest(1, "1007", [line(), line("grade", 320_001)]),
        slip_digest(1, "1007", [line("grade"), line()]),
    )
    assert len({same, *others}) == 5


def test_an_objection_stays_open_until_somebody_else_replies(paid):
    with writing(paid) as conn:
        made = object_to(conn, PLACE, "grade", " 14 October is missing ", WORKER)
        assert [one.number for one in objections(conn, only_open=True)] == [made.number]
        replied = reply(conn, made.number, Verdict.ACCEPTED, "the punch came late", HR)
        assert objections(conn, only_open=True) == []
        logged = [one.action for one in entries(conn, subject="payslip 1/1007")]
    assert made.reason == "14 October is missing"
    assert (replied.verdict, replied.replied_by, replied.open) == ("accepted", "li", False)
    assert logged == ["payslip objection", "payslip reply"]


@pytest.mark.parametrize(
    "who",
    [WORKER, Signature(at=AT, by="wang-hr", also=frozenset({"1007"}))],
    ids=["the same name", "another account of the same person"],
)
def test_nobody_replies_to_the_own_objection(paid, who):
    with writing(paid) as conn:
        made = object_to(conn, PLACE, "", "too little", WORKER)
        with pytest.raises(RefusedError, match="own"):
            reply(conn, made.number, Verdict.REJECTED, "it is right", who)


def test_the_database_refuses_it_too(paid):
    with writing(paid) as conn:
        made = object_to(conn, PLACE, "", "too little", WORKER)
    change = sa.update(slip_answers).where(slip_answers.c.number == made.number)
    with pytest.raises(sa.exc.IntegrityError), writing(paid) as conn:
        conn.execute(change.values(reply="fine", replied_by="1007"))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE slip_answers SET reason = 'nothing'",
        "UPDATE slip_answers SET reply = 'another', verdict = 'rejected'",
        "DELETE FROM slip_answers",
    ],
)
def test_an_objection_and_its_reply_stay(paid, change):
    with writing(paid) as conn:
        made = object_to(conn, PLACE, "", "too little", WORKER)
        reply(conn, made.number, Verdict.ACCEPTED, "it is wrong", HR)
    with pytest.raises(sa.exc.IntegrityError, match="stays"), writing(paid) as conn:
        conn.execute(sa.text(change))


def test_a_reply_is_given_once(paid):
    with writing(paid) as conn:
        made = object_to(conn, PLACE, "", "too little", WORKER)
        reply(conn, made.number, Verdict.REJECTED, "it is right", HR)
        with pytest.raises(RefusedError, match="has its reply"):
            reply(conn, made.number, Verdict.ACCEPTED, "after all", HR)


@pytest.mark.parametrize(
    ("line_code", "reason", "why"),
    [
        ("bonus", "where is it", "no line 'bonus'"),
        ("", "   ", "needs a reason"),
        ("", "x" * 1_001, "needs a reason"),
        ("", "a\0b", "needs a reason"),
    ],
)
def test_an_objection_that_says_nothing_is_refused(paid, line_code, reason, why):
    with writing(paid) as conn:
        with pytest.raises(RefusedError, match=why):
            object_to(conn, PLACE, line_code, reason, WORKER)
        assert answers_of(conn, PLACE) == []


def test_a_second_objection_to_the_same_waits_for_the_first(paid):
    with writing(paid) as conn:
        object_to(conn, PLACE, "base", "too little", WORKER)
        with pytest.raises(RefusedError, match="open already"):
            object_to(conn, PLACE, "base", "really", WORKER)
        object_to(conn, PLACE, "grade", "another line", WORKER)


def test_unknown_slips_and_objections_are_told(paid):
    with writing(paid) as conn:
        with pytest.raises(NotFoundError, match="no payslip"):
            confirm(conn, SlipPlace(7, "1007"), "", WORKER)
        confirmed = confirm(conn, PLACE, digest(conn), WORKER)
        with pytest.raises(NotFoundError, match="no objection"):
            reply(conn, confirmed.number, Verdict.ACCEPTED, "yes", HR)
