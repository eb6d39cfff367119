"""Prices and scrap that came after the month was paid: lines of a later slip, and nothing twice."""

from datetime import date, timedelta

import pytest

from hr_core.approvals.desk import Actor, approve
from hr_core.approvals.effects import take_effect
from hr_core.clock import Month
from hr_core.pay.debts import debts
from hr_core.pay.line_words import words_of
from hr_core.pay.piece.price_desk import propose_table
from hr_core.pay.piece.table_file import parse_table
from hr_core.pay.piece.tally_sheet import import_tally
from hr_core.pay.reversal import counted_slip, propose_reversal
from hr_core.store.database import writing
from hr_core.trace.replayed_run import replay_run
from tests.hr_core.attendance.live.conftest import PEOPLE
from tests.hr_core.pay.approved_runs import ANN, BOB, approve_run
from tests.hr_core.pay.law_plant import (
    NOVEMBER,
    OCTOBER,
    agree,
    amounts,
    law_plant,
    line_of,
    run_month,
    slip_of,
)
from tests.hr_core.pay.piece.test_piece_run import BY_PIECE, HEAD, TABLE

DECEMBER = Month(2026, 12)


@pytest.fixture
def plant(tmp_path):
    people = PEOPLE.replace('number = "E', 'from = 2025-09-01\nnumber = "E')
    plant = law_plant(tmp_path, people=people)
    agree(plant, terms=BY_PIECE)
    priced(plant, TABLE)
    tally(plant, "2026-10-09,E1,P1,weld,6000,,", "2026-11-09,E1,P1,weld,5000,,")
    plant.press("1 2026-11-09T07:55", "1 2026-11-09T17:05", until="2026-11-20T00:00")
    run_month(plant)
    approve_run(plant, OCTOBER)
    plant.now += timedelta(hours=1)
    yield plant
    plant.engine.dispose()


def priced(plant, text):
    with writing(plant.engine) as conn:
        read = parse_table(text, file="t.toml")
        number = propose_table(conn, read, file="t.toml", at=plant.now, by=Actor("clerk")).number
        approve(conn, number, at=plant.now, by=Actor("boss"))


def tally(plant, *rows, replace=""):
    file = plant.folder / "tally.csv"
    file.write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    with writing(plant.engine) as conn:
        import_tally(conn, file, by="clerk", at=plant.now, replace=replace)


def owed(plant, month):
    with plant.engine.connect() as conn:
        return [one for one in debts(conn, month, person="E1") if one.code == "scrap_2026-10"]


def test_a_table_of_prices_that_came_later_is_paid_as_corrections(plant):
    priced(plant, TABLE.replace('price = "1.00"', 'price = "1.05"').replace("October", "later"))
    (run,) = run_month(plant, month=NOVEMBER)
    found = {code: fen for code, fen in amounts(run).items() if code.startswith("retro_")}
    assert found == {"retro_2026-10_piece:P1:weld": 30_000}
    line = line_of(run, "retro_2026-10_piece:P1:weld")
    assert line.trace.facts["causes"] == "price"
    assert line.trace.version == "piece-price/4", "October's prices, agreement and run came before"
    for lang, said in (("zh", "6,300.00"), ("en", "6,300.00")):
        assert said in words_of(line, lang).sentence
    assert not [one for one in run.findings.to_check if "2026-10" in one.why]
    with plant.engine.connect() as conn:
        assert replay_run(conn, 2).holds
    (again,) = run_month(plant, month=NOVEMBER)
    assert amounts(again) == amounts(run), "computed again it is the same"
    approve_run(plant, NOVEMBER)
    plant.now += timedelta(hours=1)
    plant.press("1 2026-12-01T07:55", until="2026-12-02T00:00")
    (december,) = run_month(plant, month=DECEMBER)
    assert not [line for line in slip_of(december).lines if line.code.startswith("retro_")]


def test_scrap_that_came_later_is_taken_by_later_months_within_the_cap(plant):
    tally(plant, "2026-10-12,E1,P1,weld,0,1000,")
    (one,) = owed(plant, NOVEMBER)
    assert (one.owed_fen, one.taken.fen) == (300_000, 0)
    (run,) = run_month(plant, month=NOVEMBER)
    line = line_of(run, "scrap_2026-10")
    # 20 % of 5,000 are 1,000; above the minimum wage of 2,740 are 5,000 - 1,400 own shares - 2,740
    assert line.amount_fen == -86_000
    assert line.trace.facts["left_fen"] == "214000"
    approve_run(plant, NOVEMBER)
    (left,) = owed(plant, DECEMBER)
    assert left.left_fen == 214_000
    assert left.told.startswith("scrap of 2026-10 told after run 1")


def test_a_slip_that_is_put_anew_takes_no_scrap_that_later_slips_took(plant):
    tally(plant, "2026-10-12,E1,P1,weld,0,1000,")
    (run,) = run_month(plant, month=NOVEMBER)
    taken_later = -amounts(run)["scrap_2026-10"]
    approve_run(plant, NOVEMBER)
    plant.now += timedelta(hours=1)
    with writing(plant.engine) as conn:
        number, _ = propose_reversal(
            conn, 1, "E1", at=plant.now, by=ANN, reason="the scrap belongs to October"
        )
        take_effect(conn, approve(conn, number, at=plant.now, by=BOB))
    with plant.engine.connect() as conn:
        (scrap,) = (one.line for one in counted_slip(conn, 1, "E1") if one.line.code == "scrap")
    assert scrap.trace.facts["worth_fen"] == "300000"
    (left,) = owed(plant, DECEMBER)
    assert -scrap.amount_fen + taken_later + left.left_fen == 300_000
    assert left.left_fen >= 0


def test_scrap_that_turns_out_less_than_was_taken_is_told(plant):
    tally(plant, "2026-10-12,E1,P1,weld,0,100,")
    run_month(plant, month=NOVEMBER)
    approve_run(plant, NOVEMBER)
    plant.now += timedelta(hours=1)
    tally(plant, "2026-10-12,E1,P1,weld,1,0,", replace="not by fault")
    plant.press("1 2026-12-01T07:55", until="2026-12-02T00:00")
    (run,) = run_month(plant, month=DECEMBER)
    assert "scrap_2026-10" not in amounts(run)
    (told,) = [one.why for one in run.findings.to_check if "scrap" in one.why]
    assert "¥300.00 was taken" in told
    assert "hr-core pay entries add" in told


def test_scrap_of_somebody_without_a_price_is_told_and_not_taken(plant):
    tally(plant, "2026-10-12,E1,P9,weld,0,10,")
    assert owed(plant, NOVEMBER) == []
    (run,) = run_month(plant, month=NOVEMBER)
    (told,) = [one.why for one in run.findings.to_check if one.number == "E1"]
    assert "2026-10 cannot be computed anew" in told
    assert "P9" in told
    assert "scrap_2026-10" not in amounts(run)


def test_nobody_pays_for_a_day_of_monthly_wage(plant):
    terms = BY_PIECE.__class__(city="上海", base_fen=800_000)
    agree(plant, terms=terms, since=date(2026, 10, 12))
    tally(plant, "2026-10-12,E1,P1,weld,0,10,")
    assert owed(plant, NOVEMBER) == []
