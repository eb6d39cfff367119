"""`hr-core pay replay` and what `pay explain` tells of law, agreement, entries and other lines."""

import json

import pytest
import sqlalchemy as sa

from hr_core.cli import main
from hr_core.store.database import writing
from hr_core.store.results import pay_lines
from tests.hr_core.pay.law_plant import agree, enter, law_plant, run_month


@pytest.fixture
def paid(tmp_path, monkeypatch):
    plant = law_plant(tmp_path)
    agree(plant)
    enter(plant, "bonus", 5_000_000)
    run_month(plant)
    monkeypatch.setenv("CLOCKLINE_DB", plant.engine.url.database)
    yield plant.engine
    plant.engine.dispose()


def test_replay_reports_counts_and_ends_with_two_on_a_mismatch(paid, capfd):
    assert main(["pay", "replay", "1"]) == 0
    told = capfd.readouterr().out
    assert told.startswith("run 1, 2026-10: 13 lines of 1 people replayed from their traces, every")
    with writing(paid) as conn:
        mine = pay_lines.c.code == "overtime_workday"
        conn.execute(sa.update(pay_lines).where(mine).values(amount_fen=1))
    assert main(["pay", "replay", "1", "--json"]) == 2
    found = json.loads(capfd.readouterr().out)
    assert (found["holds"], found["lines"]) == (False, 13)
    assert {(one["number"], one["line"]) for one in found["mismatches"]} == {
        ("E1", "overtime_workday"),
        ("E1", "income_tax"),
        ("E1", ""),
    }
    assert main(["pay", "replay", "9"]) == 3


def test_explain_walks_to_the_law_the_agreement_and_the_bytes(paid, capfd):
    assert main(["pay", "explain", "1", "E1"]) == 0
    told = capfd.readouterr().out
    assert "law 上海 pension, secondary, since 2026-07-01" in told
    assert "row 上海/pension/2026-07-01, notice of 2026-08-18, source: " in told
    assert "pay agreement 1 from 2026-01-01, entered by Wu, approved by Zhao" in told
    assert "line rescued: ¥50,000.00, entered by Wu, approved by Zhao" in told
    assert "of line base: ¥10,000.00" in told
    assert "raw " in told
