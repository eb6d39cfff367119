"""Opening balances hold when another person approved them, and then nobody changes them."""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from hr_core.approvals.desk import Actor, approve, open_approvals
from hr_core.approvals.effects import take_effect
from hr_core.attendance.calendar import DayKind
from hr_core.attendance.lots.booking import Act, Overtime, book_overtime, lots_of, take
from hr_core.audit.log import entries, verify
from hr_core.errors import RefusedError
from hr_core.opening.desk import propose_opening
from hr_core.opening.rows import OpeningFile, OpeningRow, TaxOpening, TimeOffOpening
from hr_core.store.database import writing
from hr_core.store.opening_balances import opening_balances, openings
from hr_core.store.people import people
from hr_core.store.person_records import merged_people

AT = datetime(2026, 9, 1, 8, tzinfo=UTC)
ANN, BOB = Actor("ann"), Actor("bob")
LOT = TimeOffOpening(
    day=date(2026, 8, 15), day_kind=DayKind.REST_DAY, minutes=450, last_day=date(2026, 12, 31)
)


def tax(income=100, person="P1"):
    balance = TaxOpening(
        year=2026, first_month="2026-09", months=8, income=income, contributions=0, special=0,
        withheld=0,
    )  # fmt: skip
    return OpeningRow(person=person, balance=balance, source="old payroll, o.toml tax_year[1]")


def lot(minutes=450):
    balance = TimeOffOpening(
        day=LOT.day, day_kind=LOT.day_kind, minutes=minutes, last_day=LOT.last_day
    )
    return OpeningRow(person="P1", balance=balance, source="old payroll, o.toml time_off[1]")


def file_of(*rows):
    return OpeningFile(file="o.toml", source="old payroll", first_month="2026-09", rows=rows)


def imported(conn, *rows):
    done = propose_opening(conn, file_of(*rows), at=AT, by=ANN)
    take_effect(conn, approve(conn, done.approval, at=AT, by=BOB))
    return done.approval


@pytest.fixture
def conn(engine):
    with writing(engine) as conn:
        conn.execute(
            sa.insert(people).values(
                number="P1", name="Li", shift="D", base_fen=0, zone="Asia/Shanghai", origin="test"
            )
        )
        yield conn


def test_nothing_holds_before_another_person_approved_it(conn):
    done = propose_opening(conn, file_of(tax(), lot()), at=AT, by=ANN)
    assert (done.rows, done.unchanged) == ({"tax_year": 1, "time_off": 1}, 0)
    assert openings(conn) == []
    assert lots_of(conn, "P1") == ()
    with pytest.raises(RefusedError, match="ann cannot approve"):
        approve(conn, done.approval, at=AT, by=ANN)
    take_effect(conn, approve(conn, done.approval, at=AT, by=BOB))
    first, second = openings(conn)
    assert (first.row, second.row) == (tax(), lot())
    assert (first.signed.entered_by, first.signed.approved_by) == ("ann", "bob")
    assert [entry.action for entry in entries(conn)][-1] == "opening.import"
    assert verify(conn).faults == ()


def test_the_same_file_again_is_harmless(conn):
    waiting = propose_opening(conn, file_of(tax()), at=AT, by=ANN)
    again = propose_opening(conn, file_of(tax()), at=AT, by=ANN)
    assert again.approval == waiting.approval
    take_effect(conn, approve(conn, waiting.approval, at=AT, by=BOB))
    last = propose_opening(conn, file_of(tax()), at=AT, by=ANN)
    assert (last.approval, last.unchanged) == (None, 1)
    assert open_approvals(conn) == []


def test_a_wrong_figure_is_a_newer_version_of_its_row(conn):
    imported(conn, tax(100), tax(7, "P2"))
    imported(conn, tax(250), tax(7, "P2"))
    assert [(one.row.person, one.version) for one in openings(conn)] == [("P2", 1), ("P1", 2)]
    assert openings(conn)[-1].row.balance.income == 250
    assert conn.execute(sa.select(sa.func.count()).select_from(opening_balances)).scalar() == 3


def test_time_off_can_be_taken_until_its_last_day_and_no_day_here_takes_it_back(conn):
    imported(conn, lot())
    (state,) = lots_of(conn, "P1")
    assert (state.left_min, state.origin.last_day) == (450, date(2026, 12, 31))
    assert state.origin.law.startswith("old payroll")
    act = Act(actor="bob", at=AT)
    book_overtime(conn, "P1", Overtime(day=LOT.day, kind=LOT.day_kind, minutes=0), act)
    assert lots_of(conn, "P1")[0].left_min == 450
    take(conn, "P1", "leave-1", date(2026, 9, 10), 400, act)
    imported(conn, lot(300))
    (state,) = lots_of(conn, "P1")
    assert (state.left_min, state.owed_min) == (0, 100)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE opening_balances SET balance = '{}'", "DELETE FROM opening_balances"],
)
def test_the_database_refuses_to_change_a_row(engine, statement):
    with writing(engine) as conn:
        imported(conn, tax())
    with pytest.raises(sa.exc.IntegrityError, match="stays"), writing(engine) as conn:
        conn.execute(sa.text(statement))


def test_the_database_refuses_a_row_without_its_approval(engine):
    with writing(engine) as conn:
        waiting = propose_opening(conn, file_of(tax()), at=AT, by=ANN)
    with pytest.raises(sa.exc.IntegrityError, match="needs its approval"), writing(engine) as conn:
        conn.execute(
            sa.insert(opening_balances).values(
                number=1, person="P1", kind="tax_year", key="2026", version=1, balance="{}",
                source="", approval=waiting.approval, entered_by="x", approved_by="y",
                approved_at=AT,
            )
        )  # fmt: skip


@pytest.mark.parametrize("name", ["P1", " p1 ", "P9"])
def test_nobody_approves_the_own_balance(conn, name):
    """P9 is a second record of P1."""
    conn.execute(sa.insert(merged_people).values(person="P9", into="P1"))
    done = propose_opening(conn, file_of(tax()), at=AT, by=ANN)
    with pytest.raises(RefusedError, match="is about the pay of"):
        take_effect(conn, approve(conn, done.approval, at=AT, by=Actor(name)))
    assert openings(conn) == []
