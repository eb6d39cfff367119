"""The bad input of the brief, line by line: refused with what is wrong and who can mend it; the others
are paid as if it were not there.
"""

from fractions import Fraction

import pytest
from msgspec.structs import replace

from hr_core.approvals.desk import approve
from hr_core.errors import CoreError, RefusedError
from hr_core.pay.run_life import submit
from hr_core.store.attendance_locks import CorrectionState, Lock, corrections
from hr_core.store.database import writing
from hr_core.store.results import lines_of, runs
from tests.hr_core.pay.approved_runs import ANN, BOB, approve_run
from tests.hr_core.pay.law_plant import (
    OCTOBER,
    SHANGHAI,
    agree,
    law_plant,
    refused,
    run_month,
    slip_of,
)
from tests.hr_core.performance.score_desk import WORKER, indicators, locked, opened
from tests.hr_core.two_people import lock_by_two, store_lock

FLOATS = replace(SHANGHAI, floating_percent="20")


@pytest.fixture
def plant(tmp_path):
    plant = law_plant(tmp_path)
    yield plant
    plant.engine.dispose()


@pytest.mark.parametrize(
    ("terms", "what", "who_and_how"),
    [
        (replace(SHANGHAI, city="大阪"), "大阪: there is no pension", ("law", "hr-core law import")),
        (replace(SHANGHAI, insurance_base_fen=None), "no base of social insurance", ("HR", "agreement")),
        (replace(SHANGHAI, fund_base_fen=None), "no base of housing fund", ("HR", "agreement")),
        (replace(FLOATS, coefficient_min="0.8", coefficient_max="0.95"), "outside 0.8 to 0.95", ("manager", "HR")),
        (replace(FLOATS, floating_percent="20.1"), "20.1 %", ("HR", "share inside the range")),
    ],
)  # fmt: skip
def test_who_cannot_be_paid_is_listed_and_the_others_are_paid_alike(
    plant, terms, what, who_and_how
):
    agree(plant)
    (alone,) = run_month(plant)
    agree(plant, person="E2", terms=terms)
    (run,) = run_month(plant)
    assert refused(run).keys() == {"E2"}
    told, remedy = refused(run)["E2"]
    assert what in told
    assert all(word in remedy for word in who_and_how), remedy
    assert run.needs_a_look
    assert slip_of(run) == slip_of(alone)
    with plant.engine.connect() as conn:
        newest = next(iter(runs(conn)))
        assert [one.number for one in newest.findings.refused] == ["E2"]
        assert list(lines_of(conn, newest.number, "E2")) == []


def test_weights_that_do_not_sum_are_refused_with_their_sum(sqlite_engine):
    with writing(sqlite_engine) as conn, pytest.raises(RefusedError) as told:
        opened(conn, of=indicators(("output", "60"), ("care", "39.9")))
    assert "60 + 39.9 = 99.9 %, not 100 %" in str(told.value)
    assert told.value.remedy


def test_the_same_person_does_not_approve_and_reads_who_can(plant):
    agree(plant)
    run_month(plant)
    with writing(plant.engine) as conn:
        number = submit(conn, 1, at=plant.now, by=ANN)
        with pytest.raises(RefusedError, match="entered by ann") as told:
            approve(conn, number, at=plant.now, by=ANN)
    assert "another person" in told.value.remedy


class TestLockedMonth:
    @pytest.fixture
    def closed(self, plant):
        agree(plant)
        run_month(plant)
        lock = Lock(month=str(OCTOBER), locked_at=plant.now, locked_by="ann", reason="paid")
        with writing(plant.engine) as conn:
            store_lock(conn, lock)
        approve_run(plant, OCTOBER)
        return plant

    def test_it_has_one_run(self, closed):
        run_month(closed)
        with writing(closed.engine) as conn, pytest.raises(RefusedError) as told:
            submit(conn, 2, at=closed.now, by=BOB)
        assert "run 1" in str(told.value)
        assert "pay diff" in told.value.remedy or "reverse" in told.value.remedy

    def test_it_is_not_locked_twice(self, closed):
        with writing(closed.engine) as conn, pytest.raises(CoreError) as told:
            lock_by_two(conn, OCTOBER, at=closed.now, by="ann", reason="again", with_open=True)
        assert "2026-10 is locked already" in str(told.value)
        assert "hr-core attendance locks" in told.value.remedy

    def test_a_late_punch_changes_no_day_of_it_and_waits(self, closed):
        with closed.engine.connect() as conn:
            paid = lines_of(conn, 1, "E1")
        closed.press("1 2026-10-13T19:05")
        closed.catch_up()
        with closed.engine.connect() as conn:
            (queued,) = corrections(conn, month="2026-10", state=CorrectionState.OPEN)
            assert (queued.person, str(queued.day)) == ("E1", "2026-10-13")
            assert lines_of(conn, 1, "E1") == paid


def test_a_score_is_locked_once_and_the_remedy_is_an_appeal(sqlite_engine):
    with writing(sqlite_engine) as conn:
        assert locked(conn, "80").score == Fraction(80)
        with pytest.raises(RefusedError, match="is locked"):
            opened(conn, post="another")
        with pytest.raises(RefusedError) as told:
            locked(conn, "90")
    assert WORKER in str(told.value)
    assert "appeal" in told.value.remedy
