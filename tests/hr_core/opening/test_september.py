"""September from opening balances is September computed from January, to the fen, by the store too."""

from datetime import UTC, date, datetime
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from hr_core.approvals.desk import Actor, approve
from hr_core.approvals.effects import take_effect
from hr_core.attendance.calendar import load_calendar
from hr_core.clock import Month
from hr_core.law.loading import built_in_law
from hr_core.law.national import national_law
from hr_core.opening.desk import propose_opening
from hr_core.opening.rows import (
    OpeningFile,
    OpeningRow,
    TaxOpening,
)
from hr_core.pay.cn.income_tax import TaxYear
from hr_core.pay.cn.month import EmployerRates, Law, MonthFacts, Person
from hr_core.pay.cn.month_pay import pay_month
from hr_core.pay.cn.month_wage import Employment, WageSpan, paid_days
from hr_core.pay.slip import Slip, SlipLine
from hr_core.pay.year_so_far import YearSoFar, paid_tax, year_so_far
from hr_core.store.database import writing
from hr_core.store.results import NewRun, RunFindings, add_run

LAW = Law(built_in_law(), national_law())
CALENDAR = load_calendar()
RATES = EmployerRates(injury=Fraction(2, 1000), fund=Fraction(7, 100))
AT = datetime(2026, 9, 1, 8, tzinfo=UTC)
ANN, BOB = Actor("ann"), Actor("bob")
MONTHS = [Month(2026, number) for number in range(1, 10)]


def person_paid(wage, **more):
    work = Employment(hired=date(2024, 3, 1), wages=(WageSpan(wage, date(2024, 3, 1)),))
    special = {"child_education": 200_000}
    return Person(
        city="上海", work=work, insurance_base=wage, fund_base=wage, special=special, **more
    )


def pay(person, month, year, bonus=0, apart=0):
    facts = MonthFacts(
        month=month, days=paid_days(month, CALENDAR), rates=RATES, bonus=bonus, bonus_apart=apart
    )
    return pay_month(person, facts, year, LAW)


def opening(year, **more):
    fields = {"months": 8, "first_month": "2026-09", "year": 2026} | more
    return TaxOpening(
        income=year.income,
        contributions=year.contributions,
        special=year.special,
        withheld=year.withheld,
        **fields,
    )


def file_of(*rows, name="opening.toml"):
    return OpeningFile(file=name, source="old payroll", first_month="2026-09", rows=rows)


def row(balance, person="P1"):
    return OpeningRow(person=person, balance=balance, source="old payroll, opening.toml row 2")


def imported(conn, *rows, approver=BOB):
    done = propose_opening(conn, file_of(*rows), at=AT, by=ANN)
    take_effect(conn, approve(conn, done.approval, at=AT, by=approver))
    return done


def stored_run(conn, month, paid, person="P1"):
    """A run whose slip holds the lines as pay has them; only the tax line's trace is asked for."""
    lines = [
        SlipLine(
            code=line.kind, label="", label_zh="", amount_fen=line.fen, note="", trace=line.trace
        )
        for line in (paid.income_tax, *([paid.bonus_tax] if paid.bonus_tax else []))
    ]
    run = NewRun(
        month=str(month),
        scheme="cn",
        scheme_version="cn/1",
        created_at=AT,
        slips=(Slip(number=person, name="Li", lines=tuple(lines), to_clarify=()),),
        days={},
        findings=RunFindings(),
    )
    return add_run(conn, run)


@given(
    wage=st.integers(400_000, 8_000_000),
    bonuses=st.lists(st.integers(0, 9_000_000), min_size=9, max_size=9),
    switch=st.integers(1, 9),
)
def test_september_is_the_same_from_any_switch(wage, bonuses, switch):
    person, year, from_january = person_paid(wage), TaxYear(), {}
    for month, bonus in zip(MONTHS, bonuses, strict=True):
        paid = pay(person, month, year, bonus)
        own = paid_tax(paid.income_tax.trace)
        assert own.withheld == paid.income_tax.fen
        assert YearSoFar(year=year).with_month(own, "").year == paid.year
        from_january[month.month] = (year, paid)
        year = paid.year
    told = opening(from_january[switch][0], months=switch - 1)
    year = YearSoFar().with_opening(told, "opening 1").year
    for month, bonus in list(zip(MONTHS, bonuses, strict=True))[switch - 1 :]:
        paid = pay(person, month, year, bonus)
        assert paid == from_january[month.month][1]
        year = paid.year


def test_the_store_gives_the_same_year_both_ways(engine):
    """P1 was paid here from January, P2 came with an opening balance in July."""
    person, year = person_paid(2_500_000), TaxYear()
    with writing(engine) as conn:
        for month in MONTHS[:8]:
            if month == Month(2026, 7):
                told = row(opening(year, months=6, first_month="2026-07"), "P2")
                imported(conn, told)
            paid = pay(person, month, year, apart=900_000 if month.month == 2 else 0)
            run = stored_run(conn, month, paid)
            if month.month >= 6:  # June beside the old system: its opening balance covers it
                stored_run(conn, month, paid, "P2")
                run = stored_run_of_both(conn, month, paid)
            year = paid.year
        found = year_so_far(conn, Month(2026, 9))
    assert found["P1"].year == found["P2"].year == year
    assert (found["P1"].months, found["P2"].months) == (8, 8)
    assert (found["P1"].bonus_apart_taken, found["P2"].bonus_apart_taken) == (True, False)
    assert found["P1"].origin[-1] == f"run {run} of 2026-08"
    assert found["P2"].origin[0].startswith("opening 1 (old payroll")
    assert len(found["P2"].origin) == 3


def stored_run_of_both(conn, month, paid):
    line = SlipLine(
        code="income_tax", label="", label_zh="", amount_fen=0, note="", trace=paid.income_tax.trace
    )
    slips = tuple(
        Slip(number=number, name="", lines=(line,), to_clarify=()) for number in ("P1", "P2")
    )
    return add_run(
        conn,
        NewRun(
            month=str(month),
            scheme="cn",
            scheme_version="cn/1",
            created_at=AT,
            slips=slips,
            days={},
            findings=RunFindings(),
        ),
    )


def test_a_new_year_begins_empty(engine):
    with writing(engine) as conn:
        imported(conn, row(opening(TaxYear(income=10))))
        assert year_so_far(conn, Month(2027, 1)) == {}
        assert year_so_far(conn, Month(2026, 10))["P1"].year == TaxYear(income=10)
