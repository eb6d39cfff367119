"""Overtime of stored days becomes lots of time off where the plant's own rules say so."""

from datetime import UTC, date, datetime

import pytest

from hr_core.attendance.lots.booking import Act, import_rules, lots_of, take
from hr_core.attendance.lots.ledger import EntryKind
from hr_core.attendance.plan.request import DayByHand
from hr_core.audit.log import entries, verify
from hr_core.clock import Month
from hr_core.pay.run import compute_run
from hr_core.people.changes import Signature
from hr_core.people.moves import leave
from hr_core.people.one_or_two import merge
from hr_core.store.database import writing
from hr_core.store.time_off import RuleFile
from tests.hr_core.attendance.live.conftest import Plant
from tests.hr_core.two_people import lock_by_two, unlock_by_two

SATURDAY = date(2026, 10, 24)
RULES = """
[[edition]]
version = "plant/1"
from = 2026-10-20
source = "works agreement 4"
order = "oldest_first"
[[edition.earns]]
kind = "rest_day"
"""
READ = "2026-11-02T00:00"
CAME = "1 2026-10-24T08:00"
LEFT = "1 2026-10-24T17:05"


@pytest.fixture
def plant(tmp_path):
    plant = Plant(tmp_path, now=datetime(2026, 11, 2, 4, tzinfo=UTC))
    yield plant
    plant.engine.dispose()


@pytest.fixture
def earning(plant):
    with writing(plant.engine) as conn:
        rules = RuleFile("own.toml", RULES)
        import_rules(conn, "time_off", rules, "Asia/Shanghai", Act(actor="Wu", at=plant.now))
    return plant


def lots(plant, person="E1"):
    with plant.engine.connect() as conn:
        return {lot.lot: lot for lot in lots_of(conn, person)}


def earned(plant, person="E1"):
    return {name: lot.earned_min for name, lot in lots(plant, person).items()}


def press(plant, *texts):
    plant.press(*texts, until=READ)
    plant.catch_up()


def test_a_rest_days_overtime_is_a_lot_with_its_punches_and_cause(earning):
    press(earning, CAME, LEFT, "1 2026-10-26T07:55", "1 2026-10-26T19:10")
    (lot,) = lots(earning).values()
    assert (lot.lot, lot.earned_min) == ("2026-10-24/rest_day", 480)
    assert len(lot.origin.events) == 2
    assert lot.origin.rule == "plant/1"
    with earning.engine.connect() as conn:
        (row,) = [one for one in entries(conn) if one.action == "timeoff.earn"]
        assert verify(conn).faults == ()
    assert (row.actor, row.subject) == ("attendance", "person E1")
    assert row.reason.startswith("punch ")


def test_a_pay_run_names_overtime_that_it_pays_and_that_is_time_off_too(earning):
    press(earning, CAME, LEFT, "1 2026-10-26T07:55", "1 2026-10-26T19:10")
    with earning.engine.connect() as conn:
        (told,) = compute_run(conn, Month(2026, 10), earning.now).findings.earned_time_off
    assert (told.person, told.day, told.minutes) == ("E1", "2026-10-24", 480)


def test_by_the_rules_that_ship_overtime_is_paid_and_no_lot(plant):
    press(plant, CAME, LEFT)
    assert plant.day("E1", 24).result.overtime_min == 480
    assert earned(plant) == {}


def test_days_before_the_first_edition_earn_nothing(earning):
    press(earning, "1 2026-10-17T08:00", "1 2026-10-17T17:00")
    assert earning.day("E1", 17).result.overtime_min == 480
    assert earned(earning) == {}


def test_a_day_that_earns_less_than_was_taken_leaves_a_shortfall_in_sight(earning):
    press(earning, CAME, LEFT)
    with writing(earning.engine) as conn:
        act = Act(actor="Wu", at=earning.now, reason="asked")
        take(conn, "E1", "slip 4", date(2026, 10, 28), 300, act)
    earning.approve(DayByHand(day=SATURDAY, regular_min=0, overtime_min=120))
    earning.catch_up()
    (lot,) = lots(earning).values()
    assert (lot.earned_min, lot.used_min, lot.shortfall_min, lot.left_min) == (120, 300, 180, 0)
    assert [one.kind for one in lot.history][-2:] == [EntryKind.ADJUSTED, EntryKind.SHORTFALL]


def test_a_day_earns_when_it_is_over_and_waiting_takes_nothing_back(tmp_path):
    plant = Plant(tmp_path, now=datetime(2026, 10, 24, 10, tzinfo=UTC))  # 18:00 of the Saturday
    try:
        with writing(plant.engine) as conn:
            rules = RuleFile("own.toml", RULES)
            import_rules(conn, "time_off", rules, "Asia/Shanghai", Act(actor="Wu", at=plant.now))
        press(plant, CAME, LEFT)
        assert plant.day("E1", 24).result.overtime_min == 480
        assert earned(plant) == {}
        plant.now = datetime(2026, 10, 26, 4, tzinfo=UTC)
        plant.catch_up()
        assert earned(plant) == {"2026-10-24/rest_day": 480}
        with writing(plant.engine) as conn:
            sign = Signature(at=plant.now, by="ann", reason="left on Friday")
            leave(conn, "E1", SATURDAY, sign)
        plant.catch_up()
        assert earned(plant) == {"2026-10-24/rest_day": 0}
    finally:
        plant.engine.dispose()


def test_a_locked_day_earns_what_it_earned_until_it_is_unlocked(earning):
    press(earning, CAME, LEFT)
    earning.recomputer.compute(["E1", "E2"], date(2026, 10, 1), date(2026, 11, 1))
    october = Month(2026, 10)
    with writing(earning.engine) as conn:
        lock_by_two(conn, october, by="Wu", reason="closed", at=earning.now, with_open=True)
    press(earning, "1 2026-10-24T19:05")
    assert earned(earning) == {"2026-10-24/rest_day": 480}
    with writing(earning.engine) as conn:
        unlock_by_two(conn, october, by="Wu", reason="late data", at=earning.now)
    earning.catch_up()
    assert earned(earning) == {"2026-10-24/rest_day": 600}


def test_the_lot_of_a_merged_record_is_set_right_and_not_doubled(earning):
    press(earning, "2 2026-10-24T17:55", "2 2026-10-25T02:05")
    before = earned(earning, "E2")
    assert before == {"2026-10-24/rest_day": 420}
    with writing(earning.engine) as conn:
        merge(conn, "E1", "E2", Signature(at=earning.now, by="ann", reason="one human"))
    earning.catch_up()
    day = earning.day("E1", 24).result
    assert earned(earning, "E1") == {"2026-10-24/rest_day": day.overtime_min}
