"""Piece pay, leave, top-up and scrap in a pay run by law: lines, refusals, and who is still paid."""

from datetime import date

import pytest
from msgspec.structs import replace

from hr_core.approvals.desk import Actor, approve
from hr_core.attendance.plan.request import Leave
from hr_core.pay.piece.price_desk import propose_table
from hr_core.pay.piece.table_file import parse_table
from hr_core.pay.piece.tally_sheet import import_tally
from hr_core.pay.slip import Side
from hr_core.store.database import writing
from hr_core.trace.explain import explain
from tests.hr_core.attendance.live.conftest import PEOPLE
from tests.hr_core.pay.law_plant import (
    SHANGHAI,
    agree,
    amounts,
    enter,
    law_plant,
    line_of,
    refused,
    run_month,
)

BY_PIECE = replace(
    SHANGHAI, base_fen=435_000, by_piece=True, insurance_base_fen=800_000, fund_base_fen=800_000
)
TABLE = """
schema = "clockline-pieces/1"
name = "October"
source = "price list of 2026-09"
[[price]]
product = "P1"
process = "weld"
from = 2026-10-01
price = "1.00"
rework = "0.20"
scrap = "3"
"""
HEAD = "day,person,product,process,pieces,scrap,overtime\n"


@pytest.fixture
def plant(tmp_path):
    people = PEOPLE.replace('number = "E', 'from = 2025-09-01\nnumber = "E')
    plant = law_plant(tmp_path, people=people)
    agree(plant, terms=BY_PIECE)
    agree(plant, "E2")
    with writing(plant.engine) as conn:
        read = parse_table(TABLE, file="t.toml")
        number = propose_table(conn, read, file="t.toml", at=plant.now, by=Actor("clerk")).number
        approve(conn, number, at=plant.now, by=Actor("boss"))
    yield plant
    plant.engine.dispose()


def tally(plant, *rows):
    file = plant.folder / "tally.csv"
    file.write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    with writing(plant.engine) as conn:
        import_tally(conn, file, by="clerk", at=plant.now)


def take_leave(plant, kind, first, last, person="E1"):
    plant.approve(Leave(leave=kind, first=date(2026, 10, first), last=date(2026, 10, last)), person)


def test_a_slip_by_pieces_has_its_lines_before_insurance_and_tax(plant):
    tally(
        plant,
        "2026-10-09,E1,P1,weld,5000,,",
        "2026-10-12,E1,P1,weld,300,,yes",
    )
    (run,) = run_month(plant)
    found = amounts(run)
    assert found["piece:P1:weld"] == 500_000
    assert found["piece_overtime_workday:P1:weld"] == 45_000
    # three statutory holidays by the agreed wage of 4,350 / 21.75 = 200 a day
    assert found["paid_leave:holiday"] == 60_000
    assert found["pension_employee"] == -64_000
    assert "base" not in found
    assert "overtime_workday" not in found
    assert "minimum_wage_top_up" not in found
    tax = line_of(run, "income_tax")
    assert "piece:P1:weld" in {one.code for one in tax.trace.lines}
    assert amounts(run, "E2")["base"] == 1_000_000


def test_too_few_pieces_are_topped_up_to_the_minimum_after_own_shares(plant):
    tally(plant, "2026-10-09,E1,P1,weld,1000,,")
    (run,) = run_month(plant)
    found = amounts(run)
    own = -sum(fen for code, fen in found.items() if code.endswith("_employee"))
    assert found["minimum_wage_top_up"] == 274_000 + own - 100_000 - 60_000
    line = line_of(run, "minimum_wage_top_up")
    assert [(one.city, one.item) for one in line.trace.law] == [("上海", "minimum_wage")]
    assert line.side is Side.EARNED


def test_scrap_comes_off_within_the_cap_that_it_shares_with_other_damages(plant):
    tally(plant, "2026-10-09,E1,P1,weld,9000,1000,")
    (run,) = run_month(plant)
    # 3,000 yuan of scrap; 20 % of 9,600 are 1,920
    assert amounts(run)["scrap"] == -192_000
    assert line_of(run, "scrap").trace.facts["left_fen"] == "108000"
    enter(plant, "damages", 100_000, name="a broken gauge")
    (run,) = run_month(plant)
    assert amounts(run)["damages_1"] == -100_000
    assert amounts(run)["scrap"] == -92_000


def test_pieces_without_a_price_refuse_that_person_and_pay_the_others(plant):
    tally(plant, "2026-10-09,E1,P7,weld,10,,")
    (run,) = run_month(plant)
    what, remedy = refused(run)["E1"]
    assert "no approved price of P7 / weld on 2026-10-09" in what
    assert "hr-core pay prices import" in remedy
    assert amounts(run, "E2")["base"] == 1_000_000


def test_a_line_of_pieces_is_explained_to_the_row_of_the_sheet(plant):
    tally(plant, "2026-10-09,E1,P1,weld,5000,,")
    run_month(plant)
    with plant.engine.connect() as conn:
        (line,) = explain(conn, 1, "E1", "piece:P1:weld").lines
    (row,) = line.tallies
    assert (row.file, row.row, row.entered_by, row.pieces) == ("tally.csv", 2, "clerk", 5000)
    assert line.replayed_fen == 500_000


def test_what_somebody_should_look_at_is_a_finding_of_the_run(plant):
    tally(plant, "2026-10-12,E1,P1,weld,10,,", "2026-10-11,E1,P1,weld,10,,")
    (run,) = run_month(plant)
    assert any("120 min of overtime on 2026-10-12" in one for one in run.findings.pieces)
    assert any("no minute of attendance" in one for one in run.findings.pieces)
    assert run.findings.any()


def test_sick_days_of_a_monthly_wage_are_taken_off_and_paid_by_service(plant):
    take_leave(plant, "sick", 13, 14, "E2")
    (run,) = run_month(plant)
    found = amounts(run, "E2")
    assert found["sick_leave"] == -91_954  # 10,000 x 2 / 21.75
    what = line_of(run, "sick_pay", "E2").trace
    assert what.facts["percent"] == "60"
    assert found["sick_pay"] == 55_172
    assert {one.item for one in what.law} == {"sick_pay", "minimum_wage", "overtime"}


def test_a_month_of_sick_leave_leaves_no_rest_of_the_wage(plant):
    take_leave(plant, "sick", 1, 31, "E2")
    (run,) = run_month(plant)
    found = amounts(run, "E2")
    assert found["sick_leave"] == -found["base"]


def test_sick_pay_has_its_floor_and_who_is_paid_by_pieces_gets_it_too(plant):
    agree(plant, "E2", replace(BY_PIECE, base_fen=300_000), date(2026, 2, 1))
    take_leave(plant, "sick", 21, 21, "E2")
    tally(plant, "2026-10-09,E2,P1,weld,9000,,")
    (run,) = run_month(plant)
    found = amounts(run, "E2")
    assert "sick_leave" not in found
    # 60 % of 3,000 are 1,800 a month; 80 % of 2,740 are 2,192
    assert found["sick_pay"] == 10_078


def test_a_city_without_a_row_of_sick_pay_is_refused_by_name(plant):
    agree(plant, "E2", replace(SHANGHAI, city="北京"))
    take_leave(plant, "sick", 13, 13, "E2")
    (run,) = run_month(plant, allow_unverified=True)
    assert refused(run)["E2"][0] == "北京: there is no sick_pay for 2026-10-01"


def test_paid_leave_of_piece_workers_is_paid_by_the_agreed_wage_and_unpaid_leave_is_not(plant):
    agree(plant, "E2", BY_PIECE, date(2026, 2, 1))
    take_leave(plant, "annual", 22, 23, "E2")
    take_leave(plant, "personal", 26, 26, "E2")
    tally(plant, "2026-10-09,E2,P1,weld,100,,")
    (run,) = run_month(plant)
    found = amounts(run, "E2")
    assert "unpaid_leave" not in found
    assert found["paid_leave:annual"] == 40_000
    # three holidays and two days of paid leave are owed; unpaid leave and proven absence are not
    facts = line_of(run, "minimum_wage_top_up", "E2").trace.facts
    assert (facts["days"], facts["full_days"]) == ("5", "21")
    own = -sum(fen for code, fen in found.items() if code.endswith("_employee"))
    assert found["minimum_wage_top_up"] == 65_238 + own - 110_000
