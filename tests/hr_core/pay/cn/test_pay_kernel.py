"""The kernel pays to the fen what month_pay pays, refuses the same people, and its trace replays."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import payslips
from hr_core.law.book import LawBook
from hr_core.law.rows import Rounding
from hr_core.pay.cn.kernel import KernelInputError, pay_everybody
from hr_core.pay.cn.kernel_tables import (
    BELOW_MINIMUM,
    ITEMS,
    NO_BASE,
    PAID,
    RATE_NOT_ALLOWED,
    UNTOLD,
    city_terms,
)
from hr_core.pay.cn.kernel_trace import Paid, lines_of
from hr_core.trace.calculation import replay


@settings(max_examples=25, deadline=None)  # a busy machine is no defect
@given(st.integers(0, 2**32 - 1))
def test_kernel_decimal_and_traced_agree_to_the_fen(seed):
    people = payslips.random_people(40, seed)
    pay = payslips.kernel(people)
    rows = payslips.as_rows(people, 40)
    law = payslips.DecimalLaw()

    assert payslips.differences(pay, [payslips.decimal_slip(row, law) for row in rows]) == 0
    traced = [payslips.traced_slip(row) for row in rows]
    assert payslips.traced_differences(people, pay, traced) == 0
    assert all(np.issubdtype(column.dtype, np.integer) for column in pay)


def test_a_single_fen_is_a_difference():
    people = payslips.random_people(50)
    pay = payslips.kernel(people)
    law = payslips.DecimalLaw()
    slips = [payslips.decimal_slip(row, law) for row in payslips.as_rows(people, 50)]
    paid = int(np.flatnonzero(pay.refused == PAID)[0])
    pay.net[paid] += 1

    assert payslips.differences(pay, slips) == 1


def test_the_compact_trace_unfolds_and_replays():
    people = payslips.random_people(300, 7)
    pay = payslips.kernel(people)
    terms = city_terms(payslips.BOOK, [payslips.CITY], payslips.MONTH)
    paid = Paid(people, pay, terms, len(payslips.DAYS.all), *payslips.LAW)
    for person in np.flatnonzero(pay.refused == PAID).tolist():
        lines = {one.kind: one for one in lines_of(paid, person)}
        assert all(replay(one.trace) == one.fen for one in lines.values())
        own = sum(one.fen for kind, one in lines.items() if kind.endswith("_employee"))
        overtime = sum(one.fen for kind, one in lines.items() if kind.startswith("overtime"))
        taxes = sum(one.fen for kind, one in lines.items() if kind.endswith("_tax"))
        entered = int(people.bonus[person] + people.untaxed[person] + people.bonus_apart[person])
        gross = lines["wages"].fen + overtime + entered
        assert gross == pay.gross[person]
        assert gross - own - taxes == pay.net[person]


def test_several_cities_are_each_paid_by_their_own_law():
    """A second city with other roundings, bounds and a fixed amount, mixed among the first's."""
    other = [
        msgspec.structs.replace(
            row,
            city="乙",
            floor=None if row.floor is None else row.floor // 2,
            employee_fixed=300 if row.item == "medical" else 0,
            rounding=row.rounding and Rounding.JIAO_UP,
        )
        for row in payslips.BOOK.rows
        if row.city == "上海"
    ]
    book = LawBook([*payslips.BOOK.rows, *other])
    people = payslips.random_people(400, 3)
    days = len(payslips.DAYS.all)
    terms = city_terms(book, ["上海", "乙"], payslips.MONTH)
    mixed = people._replace(city=np.arange(400) % 2)

    together = pay_everybody(mixed, terms, days, payslips.LAW)

    for city, name in enumerate(("上海", "乙")):
        alone_terms = city_terms(book, [name], payslips.MONTH)
        alone = pay_everybody(people, alone_terms, days, payslips.LAW)
        own = mixed.city == city
        assert (together.net[own] == alone.net[own]).all()
        assert (together.refused[own] == alone.refused[own]).all()
        assert (together.shares[:, :, own] == alone.shares[:, :, own]).all()
    assert (together.net[1::2] != payslips.kernel(people).net[1::2]).any()


def changed(**columns):
    people = payslips.random_people(30, 11)
    wage = np.full(30, 1_000_000)
    base = {
        "wage": wage, "insurance_base": wage, "fund_base": wage, "bonus": wage * 0,
        "insured": wage > 0, "in_fund": wage > 0,
    }  # fmt: skip
    return people._replace(**(base | columns))


def test_who_cannot_be_paid_is_told_with_the_reason_and_the_others_are_paid():
    wage = np.full(30, 1_000_000)
    wage[0] = 300_000
    base = np.full(30, 1_000_000)
    base[1] = UNTOLD
    rates = payslips.random_people(30, 11).rates
    rates[payslips.FUND, :, 2] = 80_000
    rates[payslips.FUND, :, 3] = 65_000

    refused = payslips.kernel(changed(wage=wage, insurance_base=base, rates=rates)).refused

    assert refused[:4].tolist() == [BELOW_MINIMUM, NO_BASE, RATE_NOT_ALLOWED, RATE_NOT_ALLOWED]
    assert set(refused[4:].tolist()) == {PAID}


@pytest.mark.parametrize("columns", [{"wage": np.full(30, 10**11)}, {"bonus": np.full(30, -2)}])
def test_figures_out_of_all_measure_stop_the_kernel(columns):
    with pytest.raises(KernelInputError):
        payslips.kernel(changed(**columns))


def test_nobody_is_paid_in_no_time():
    assert payslips.kernel(payslips.random_people(0)).net.size == 0
    assert len(ITEMS) == 7
