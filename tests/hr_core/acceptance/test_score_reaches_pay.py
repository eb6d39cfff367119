"""E7, G1, I3, I4, I5: what is locked pays by itself; nobody writes a score or a share into pay by hand."""

from datetime import date
from fractions import Fraction

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.pay.agreement import PayAgreement
from hr_core.pay.entry import EntryKind
from hr_core.performance.appealing import appeal_score, review
from hr_core.performance.assessing import enter_marks
from hr_core.store.appeals import Outcome
from hr_core.store.attendance_locks import Lock
from hr_core.store.database import writing
from hr_core.store.results import lines_of, pay_lines
from hr_core.store.score_results import score_results
from tests.hr_core.pay.approved_runs import approve_run
from tests.hr_core.pay.law_plant import (
    NOVEMBER,
    OCTOBER,
    SHANGHAI,
    agree,
    amounts,
    enter,
    law_plant,
    line_of,
    run_month,
    slip_of,
)
from tests.hr_core.performance.score_desk import BOSS, OTHER, WORKER, act, locked
from tests.hr_core.two_people import store_lock

FLOATS = replace(SHANGHAI, floating_percent="20")


@pytest.fixture
def plant(tmp_path):
    plant = law_plant(tmp_path)
    plant.press("1 2026-09-01T07:55", "1 2026-09-01T17:05")
    plant.press("1 2026-11-02T07:55", "1 2026-11-02T17:05")
    yield plant
    plant.engine.dispose()


def lock_score_of(plant, score, period="2026-10"):
    with writing(plant.engine) as conn:
        return locked(conn, score, period=period, at=plant.now)


def lock_month(plant, month=OCTOBER):
    with writing(plant.engine) as conn:
        store_lock(
            conn, Lock(month=str(month), locked_at=plant.now, locked_by="ann", reason="paid")
        )
    approve_run(plant, month)


def test_an_appeal_that_is_granted_is_a_line_of_the_next_run(plant):
    agree(plant, terms=FLOATS)
    first = lock_score_of(plant, "85")
    (october,) = run_month(plant)
    assert amounts(october)["floating"] == 200_000
    lock_month(plant)
    with plant.engine.connect() as conn:
        paid = lines_of(conn, 1, "E1")
    with writing(plant.engine) as conn:
        number = appeal_score(conn, WORKER, "2026-10", "the press stood", act(WORKER, plant.now))
        higher = {"output": Fraction(95), "care": Fraction(95)}
        made = review(conn, number, Outcome.CHANGED, higher, "it did", act(OTHER, plant.now))
    assert (first.version, made.version, made.grade) == (1, 2, "A")
    (november,) = run_month(plant, month=NOVEMBER)
    retro = {code: fen for code, fen in amounts(november).items() if code.startswith("retro_")}
    assert retro == {"retro_2026-10_floating": 40_000}  # 2,000 x (1.2 - 1)
    with plant.engine.connect() as conn:
        assert lines_of(conn, 1, "E1") == paid, "the old slip stays"


def test_after_the_lock_nothing_writes_the_score_and_pay_names_it(plant):
    agree(plant, terms=FLOATS)
    result = lock_score_of(plant, "92")
    marks = {"output": Fraction(1), "care": Fraction(1)}
    with writing(plant.engine) as conn, pytest.raises(RefusedError, match="is locked"):
        enter_marks(conn, 1, "manager", marks, act(BOSS, plant.now), "")
    with pytest.raises(sa.exc.IntegrityError), writing(plant.engine) as conn:
        conn.execute(score_results.update().values(score="1"))
    (run,) = run_month(plant)
    facts = line_of(run, "floating").trace.facts
    assert (facts["result"], facts["result_version"], facts["score"]) == (
        str(result.number), "1", "92",
    )  # fmt: skip


def test_no_hand_in_pay_reaches_the_line_of_the_score(plant):
    """Nothing that people enter in pay names a score, a coefficient's value or the line; a run that
    two people approved is changed by nobody.
    """
    assert "floating" not in {kind.value for kind in EntryKind}
    typed = {"score", "grade", "coefficient", "result", "floating", "floating_fen"}
    assert not typed & set(PayAgreement.__struct_fields__)
    agree(plant, terms=FLOATS)
    lock_score_of(plant, "92")
    run_month(plant)
    lock_month(plant)
    change = sa.update(pay_lines).where(pay_lines.c.code == "floating").values(amount_fen=999_999)
    with pytest.raises(sa.exc.IntegrityError), writing(plant.engine) as conn:
        conn.execute(change)


def test_a_share_of_two_halves_of_a_project_counts_by_its_days_through_the_year(plant):
    """10 % until the project ends on 16 October 2026, then 20 %: two rows in force in one year."""
    agree(plant, terms=replace(FLOATS, floating_percent="10"))
    agree(plant, terms=FLOATS, since=date(2026, 10, 19))
    (september,) = run_month(plant, month=Month(2026, 9))
    (october,) = run_month(plant)
    (november,) = run_month(plant, month=NOVEMBER)
    shares = [
        Fraction(found["floating"], found["base"] + found["floating"])
        for found in map(amounts, (september, october, november))
    ]
    # 21 paid days in October, 11 of them before the 19th.
    mixed = Fraction(11 * 10 + 10 * 20, 21 * 100)
    assert (shares[0], shares[2]) == (Fraction(1, 10), Fraction(2, 10))
    assert abs(shares[1] - mixed) < Fraction(1, 1_000_000)


def test_an_instant_bonus_is_one_line_with_its_own_approval_outside_the_share(plant):
    agree(plant, terms=FLOATS)
    lock_score_of(plant, "92")
    (without,) = run_month(plant)
    number = enter(plant, "instant_bonus", 50_000)
    (run,) = run_month(plant)
    before, after = amounts(without), amounts(run)
    code = f"instant_bonus_{number}"
    assert {one for one in after if one.startswith("instant_bonus")} == {code}
    assert after[code] == 50_000, "no coefficient multiplies it"
    assert (after["base"], after["floating"]) == (before["base"], before["floating"])
    assert slip_of(run).earned_fen - slip_of(without).earned_fen == 50_000
    entry = line_of(run, code).trace.entries[0]
    assert (entry.entered_by, entry.approved_by) == ("Wu", "Zhao")
