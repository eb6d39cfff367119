"""The journal: per cost centre and kind, equal to the slips to the fen on every run."""

from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.errors import NotFoundError
from hr_core.pay.agreement import PayAgreement
from hr_core.pay.journal import (
    NET,
    Journal,
    JournalMismatchError,
    JournalRow,
    Part,
    centre_totals,
    check_journal,
    journal_of_run,
    journal_rows,
)
from hr_core.pay.run_slips import RunSlip
from hr_core.pay.slip import Side
from hr_core.store.database import writing
from hr_core.store.results import pay_lines, pay_slips
from tests.hr_core.pay.slip_samples import AT, slip, store_run, sum_off
from tests.hr_core.two_people import agreement_by_two


def agree(conn, person, since=date(2026, 1, 1), **terms):
    agreed = PayAgreement(base_fen=870_000, **terms)
    agreement_by_two(conn, person, since, agreed, by=("anna", "bo"), at=AT)


def as_run_slip(one, centre=""):
    return RunSlip(
        person=one.number, number=one.number, name=one.name, net_fen=one.total_fen, lines=one.lines,
        terms=PayAgreement(base_fen=1, cost_centre=centre),
    )  # fmt: skip


def test_a_cost_centre_spends_what_is_earned_and_the_companys_part(engine):
    with writing(engine) as conn:
        agree(conn, "E1", cost_centre="C1")
        run = store_run(conn, slip("E1", minutes=(60,), advance=10_000), slip("E2"))
        journal = journal_of_run(conn, run)
    of_c1 = [row for row in journal.rows if row.cost_centre == "C1"]
    assert of_c1 == [
        JournalRow(cost_centre="C1", part=part, kind=kind, debit_fen=debit, credit_fen=credit)
        for part, kind, debit, credit in (
            (Part.EARNED, "base", 870_000, 0),
            (Part.EARNED, "overtime_workday", 7_500, 0),
            (Part.DEDUCTED, "advance", 0, 10_000),
            (Part.DEDUCTED, "income_tax", 0, 9_237),  # 3 % of 8,775 - 696 - 5,000
            (Part.DEDUCTED, "pension_employee", 0, 69_600),
            (Part.EMPLOYER, "pension_employer", 139_200, 0),
            (Part.EMPLOYER_OWED, "pension_employer", 0, 139_200),
            (Part.NET, NET, 0, 788_663),
        )
    ]
    totals = centre_totals(journal)
    assert set(totals) == {"", "C1"}
    assert all(debit == credit for debit, credit in totals.values())


def test_the_agreement_of_the_months_last_day_says_the_cost_centre(engine):
    with writing(engine) as conn:
        agree(conn, "E1", cost_centre="C1")
        agree(conn, "E1", date(2026, 10, 16), cost_centre="C2")
        agree(conn, "E1", date(2026, 11, 1), cost_centre="C3")
        journal = journal_of_run(conn, store_run(conn, slip("E1")))
    assert {row.cost_centre for row in journal.rows} == {"C2"}


@pytest.mark.parametrize("table", [pay_lines, pay_slips])
def test_a_changed_amount_in_the_database_is_found(engine, table):
    with writing(engine) as conn:
        run = store_run(conn, slip("E1"), slip("E2"))
        column = "amount_fen" if table is pay_lines else "total_fen"
        conn.execute(
            sa.update(table).where(table.c.number == "E2").values({column: table.c[column] + 1})
        )
        with pytest.raises(JournalMismatchError, match="differ"):
            journal_of_run(conn, run)


def test_two_faults_that_level_out_are_found_too():
    one, other = as_run_slip(slip("E1")), as_run_slip(slip("E2"))
    slips = [replace(one, net_fen=one.net_fen + 1), replace(other, net_fen=other.net_fen - 1)]
    journal = Journal(run=1, month="2026-10", rows=journal_rows(slips))
    with pytest.raises(JournalMismatchError, match="net pay of E1"):
        check_journal(journal, slips, one.net_fen + other.net_fen)


def test_an_unknown_run_has_no_journal(engine):
    with engine.connect() as conn, pytest.raises(NotFoundError, match="no pay run 5"):
        journal_of_run(conn, 5)


fen = st.integers(-(10**8), 10**8)


@st.composite
def generated_slips(draw):
    made = slip(
        f"E{draw(st.integers(1, 9))}",
        base_fen=draw(st.integers(0, 10**8)),
        minutes=draw(st.lists(st.integers(0, 600), min_size=1, max_size=5)),
        advance=draw(st.integers(0, 10**7)),
    )
    sides = st.sampled_from(list(Side))
    more = tuple(
        sum_off(
            f"{draw(st.sampled_from(['retro', 'bonus', 'recovery']))}_{at}", draw(fen), draw(sides)
        )
        for at in range(draw(st.integers(0, 4)))
    )
    return as_run_slip(
        replace(made, lines=(*made.lines, *more)), draw(st.sampled_from(["", "C1", "C2"]))
    )


@given(st.lists(generated_slips(), max_size=6))
def test_the_journal_equals_the_slips_to_the_fen_on_every_run(slips):
    journal = Journal(run=1, month="2026-10", rows=journal_rows(slips))
    check_journal(journal, slips, sum(one.net_fen for one in slips))
    assert journal.debit_fen == journal.credit_fen
    for row in journal.rows:
        assert min(row.debit_fen, row.credit_fen) == 0
        if row.part in {Part.EARNED, Part.DEDUCTED, Part.EMPLOYER}:
            of_lines = sum(
                line.amount_fen
                for one in slips
                if one.cost_centre == row.cost_centre
                for line in one.lines
                if (line.side, line.code.partition("_")[0])
                == (row.part, row.kind.partition("_")[0])
            )
            assert row.debit_fen - row.credit_fen == of_lines
    assert sum(one.side_fen(Side.EARNED) for one in slips) == journal.of(Part.EARNED)
