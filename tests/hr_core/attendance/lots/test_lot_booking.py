"""The ledger in a database: dates of the site, law at its day, one way in."""

from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.hours.law import NoJurisdictionError, UnverifiedHoursLawError, load_law
from hr_core.attendance.lots import booking
from hr_core.attendance.lots.booking import Act, Overtime
from hr_core.attendance.lots.drawing import TimeOffError
from hr_core.people.changes import Signature, undo
from hr_core.people.model import Person, Roster
from hr_core.people.one_or_two import merge
from hr_core.store import all_tables
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.people import save_roster
from hr_core.store.time_off import RuleFile

assert all_tables  # imported for the tables it defines

SATURDAY = date(2026, 10, 17)
RULES = """
[[edition]]
version = "plant/1"
from = 2026-01-01
source = "works agreement 4"
order = "oldest_first"
[[edition.earns]]
kind = "rest_day"
expires_after_months = 0
until_end_of = "month"
"""


def person(number, zone="Asia/Shanghai"):
    return Person(number=number, name="N", shift="D", base_fen=1, zone=zone, origin="o")


@pytest.fixture
def engine(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/core.db")
    initialise(engine)
    people = {"E1": person("E1"), "E2": person("E2"), "D1": person("D1", "Europe/Berlin")}
    with writing(engine) as conn:
        save_roster(conn, Roster(zone="Asia/Shanghai", scheme="demo", shifts={}, people=people))
    yield engine
    engine.dispose()


def act(day=20, hour=1, reason=""):
    return Act(actor="li", at=datetime(2026, 10, day, hour, tzinfo=UTC), reason=reason)


def overtime(minutes=240, kind=DayKind.REST_DAY, day=SATURDAY, **more):
    return Overtime(day=day, kind=kind, minutes=minutes, events=("e1",), **more)


def test_expired_time_stays_due_until_it_is_paid(engine):
    with writing(engine) as conn:
        rules = RuleFile("own.toml", RULES)
        booking.import_rules(conn, "time_off", rules, "Asia/Shanghai", act())
        booking.book_overtime(conn, "E1", overtime(), act())
        assert booking.expire(conn, "E1", act(31, 15)) == []  # 23:00 of the last day in Shanghai
        booking.expire(conn, "E1", act(31, 16))
        (lot,) = booking.lots_of(conn, "E1")
        assert (lot.expired_min, lot.left_min) == (240, 0)
        booking.pay_out(conn, "E1", None, act(31, 17))
        (lot,) = booking.lots_of(conn, "E1")
        assert (lot.expired_min, lot.paid_min) == (0, 240)
        assert lot.payments[0].day == date(2026, 11, 1)
        assert booking.lots_of(conn, "E1", date(2026, 10, 31))[0].left_min == 240
        assert booking.lots_of(conn, "E1", date(2026, 10, 19)) == ()
        assert booking.lots_of(conn, "E2") == ()


def test_a_lot_keeps_the_terms_under_which_it_was_earned(engine):
    with writing(engine) as conn:
        booking.book_overtime(conn, "E1", overtime(), act())
        booking.import_rules(conn, "time_off", RuleFile("o", RULES), "Asia/Shanghai", act())
        booking.book_overtime(conn, "E1", overtime(300), act())
        (lot,) = booking.lots_of(conn, "E1")
    assert (lot.earned_min, lot.origin.last_day, lot.origin.rule) == (300, None, "time-off/2025-01")


def test_a_day_that_became_a_workday_takes_its_lot_back(engine):
    with writing(engine) as conn:
        booking.book_overtime(conn, "E1", overtime(), act())
        booking.take(conn, "E1", "L", date(2026, 11, 2), 60, act())
        booking.book_overtime(conn, "E1", overtime(0, DayKind.WORKDAY), act())
        (lot,) = booking.lots_of(conn, "E1")
    assert (lot.earned_min, lot.left_min, lot.owed_min) == (0, 0, 60)


def test_a_lot_outlives_its_contract(engine):
    with writing(engine) as conn:
        booking.book_overtime(conn, "E1", overtime(contract="A"), act())
        booking.book_overtime(conn, "E1", overtime(120, contract="B"), act())
        booking.take(conn, "E1", "L", date(2027, 3, 1), 300, act())
        first, second = booking.lots_of(conn, "E1")
    assert (first.left_min, second.left_min) == (0, 60)


def test_another_countrys_law_is_never_used(engine):
    with writing(engine) as conn, pytest.raises(NoJurisdictionError, match="Europe/Berlin"):
        booking.book_overtime(conn, "D1", overtime(), act())


def test_no_money_on_an_unverified_row(engine, monkeypatch):
    law = load_law()
    rows = tuple(replace(row, status="unverified") for row in law.time_off)
    doubtful = replace(law, time_off=rows)
    with writing(engine) as conn:
        booking.book_overtime(conn, "E1", overtime(), act())
        monkeypatch.setattr(booking, "load_law", lambda: doubtful)
        with pytest.raises(UnverifiedHoursLawError, match="rate of lot 2026-10-17/rest_day"):
            booking.pay_out(conn, "E1", None, act())
        assert booking.pay_out(conn, "E1", None, act(), unverified=True)


def test_two_records_of_one_person_have_one_ledger_until_the_merge_is_undone(engine):
    sign = Signature(at=act().at, by="li", reason="one man")
    with writing(engine) as conn:
        booking.book_overtime(conn, "E1", overtime(), act())
        booking.book_overtime(conn, "E2", overtime(120, day=date(2026, 10, 18)), act())
        change = merge(conn, "E1", "E2", sign)
        booking.take(conn, "E1", "L", date(2026, 11, 2), 300, act())
        assert [lot.left_min for lot in booking.lots_of(conn, "E1")] == [0, 60]
        assert booking.people_with_lots(conn) == ["E1"]
        undo(conn, change, sign)
        assert [lot.left_min for lot in booking.lots_of(conn, "E1")] == [0]
        (theirs,) = booking.lots_of(conn, "E2")
        assert (theirs.left_min, theirs.uses[0].leave) == (60, "L")


def test_refusals_book_nothing(engine):
    with writing(engine) as conn:
        with pytest.raises(TimeOffError):
            booking.take(conn, "E1", "L", SATURDAY, 1, act())
        with pytest.raises(TimeOffError, match="has no lot"):
            booking.settle(conn, "E1", "x", act(reason="paid"))
        assert booking.lots_of(conn, "E1") == ()
