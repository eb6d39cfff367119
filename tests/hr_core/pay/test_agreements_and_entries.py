"""Pay agreements and single sums: what holds on which day, and what is refused."""

from datetime import UTC, date, datetime
from fractions import Fraction

import msgspec
import pytest
import sqlalchemy as sa

from hr_core.approvals.kinds import Kind
from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.pay.agreement import DatedAgreement, PayAgreement, of_month, on_day
from hr_core.pay.entry import EntryKind, NewEntry
from hr_core.store.database import writing
from hr_core.store.pay_agreements import agreements_until
from hr_core.store.pay_entries import add_entry, entries_of_month, pay_entries
from hr_core.trace.calculation import (
    Calculation,
    EntryInput,
    LineInput,
    Trace,
    TraceMismatchError,
    replay,
)
from tests.hr_core.two_people import agreement_by_two, approved, entry_by_two

AT = datetime(2026, 10, 31, 12, tzinfo=UTC)
OCTOBER = Month(2026, 10)


def dated(number, since, base_fen):
    return DatedAgreement(
        number=number,
        person="1007",
        valid_from=since,
        terms=PayAgreement(base_fen=base_fen),
        entered_by="li",
        approved_by="chen",
    )


OLD, NEW = dated(1, date(2026, 1, 1), 300_000), dated(2, date(2026, 10, 16), 320_000)
CORRECTED = dated(3, date(2026, 10, 16), 325_000)


def test_an_agreement_holds_until_the_next():
    assert on_day((OLD, NEW), date(2026, 10, 15)) is OLD
    assert on_day((NEW, OLD), date(2026, 10, 16)) is NEW
    assert on_day((OLD, NEW), date(2025, 12, 31)) is None


def test_of_two_that_begin_together_the_later_entered_one_holds():
    assert on_day((OLD, CORRECTED, NEW), date(2026, 10, 20)) is CORRECTED
    assert of_month((OLD, CORRECTED, NEW), OCTOBER) == (OLD, CORRECTED)


def test_agreements_come_back_as_they_were_entered(engine):
    terms = PayAgreement(
        base_fen=320_000, city="上海", floating_percent="12.5", allowances={"岗位津贴": 30_000}
    )
    with writing(engine) as conn:
        number = agreement_by_two(conn, "1007", date(2026, 10, 1), terms, by=("li", "chen"), at=AT)
        found = agreements_until(conn, date(2026, 10, 31), {"1007", "3071"})
        before = agreements_until(conn, date(2026, 9, 30))
    assert [(one.number, one.terms) for one in found["1007"]] == [(number, terms)]
    assert before == {}
    assert terms.floating_share == Fraction(1, 8)


def test_a_misspelt_term_is_not_read_as_none():
    with pytest.raises(msgspec.ValidationError, match="fund_bas"):
        msgspec.convert({"base_fen": 1, "fund_bas": 2}, PayAgreement)


def bonus(**changed):
    words = {
        "person": "1007",
        "month": "2026-10",
        "kind": EntryKind.INSTANT_BONUS,
        "name": "saved a mould",
        "amount_fen": 50_000,
        "reason": "night of 14 October",
        "entered_by": "li",
        "approved_by": "chen",
    }
    return NewEntry(**words | changed)


def test_an_entry_is_stored_once_for_its_subject(engine):
    with writing(engine) as conn:
        entry_by_two(conn, bonus(subject="score 7"), at=AT)
        with pytest.raises(RefusedError, match="before"):
            entry_by_two(conn, bonus(subject="score 7", amount_fen=1), at=AT)
        entry_by_two(conn, bonus(), at=AT)
        entry_by_two(conn, bonus(), at=AT)
        found = entries_of_month(conn, "2026-10")
    assert [one.amount_fen for one in found["1007"]] == [50_000] * 3
    assert found["1007"][0].subject == "score 7"


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"amount_fen": 0}, "above zero"), ({"approved_by": "li"}, "cannot approve")],
)
def test_an_entry_that_nobody_may_make_is_refused(engine, changed, why):
    with writing(engine) as conn, pytest.raises(RefusedError, match=why):
        add_entry(conn, bonus(**changed), at=AT, approval=1)


def test_the_database_refuses_one_human_too(engine):
    row = msgspec.structs.asdict(bonus(approved_by="li")) | {"subject": None, "added_at": AT}
    with writing(engine) as conn:
        made = approved(conn, Kind.PAY_ENTRY, "bonus", bonus(), AT).number
    insert = sa.insert(pay_entries).values(**row, approval=made)
    with pytest.raises(sa.exc.IntegrityError, match="four_eyes"), writing(engine) as conn:
        conn.execute(insert)


def trace_over(lines=(), entries=(), operation="amount_of_lines"):
    steps = Calculation(lines=lines, entries=entries)
    steps.step("amount", operation)
    return Trace(
        rule="tax",
        version="1",
        source="",
        formula="",
        steps=steps.steps,
        lines=lines,
        entries=entries,
    )


def test_other_lines_and_entries_replay_from_the_trace_alone():
    lines = (LineInput(code="base", amount_fen=320_000), LineInput(code="ot", amount_fen=60_687))
    assert replay(trace_over(lines=lines)) == 380_687
    one = EntryInput(
        number=4, kind="bonus", name="n", amount_fen=5, entered_by="a", approved_by="b"
    )
    trace = trace_over(entries=(one, one), operation="amount_of_entries")
    assert replay(trace) == 10
    with pytest.raises(TraceMismatchError):
        replay(msgspec.structs.replace(trace, entries=(one,)))
