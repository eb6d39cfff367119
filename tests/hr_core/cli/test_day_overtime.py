"""A stored day's overtime in the three modes: punches of a real database, an approved request."""

import time
from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from hr_core import request_desk
from hr_core.attendance.hours.counted_overtime import Mode, load_counting_rules
from hr_core.attendance.hours.day_overtime import UnclearDayError, overtime_of_day
from hr_core.attendance.live.recomputing import Recomputer
from hr_core.attendance.plan.request import DayByHand, Overtime, Relation
from hr_core.errors import NotFoundError
from hr_core.request_desk import Asking, Deciding, nothing_locked
from hr_core.store.database import open_database, writing
from tests.hr_core.cli.conftest import punch, store

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
DAY = date(2026, 10, 12)  # E001 left the day shift (until 17:00) at 19:05


@pytest.fixture
def conn(plant):
    store(plant, [punch("1007", "2026-10-17T07:55:00")])  # a Saturday, and no punch out
    engine = open_database(f"sqlite:///{plant}")
    Recomputer(engine, now=lambda: NOW, monotonic=time.monotonic).catch_up()
    with writing(engine) as conn:
        yield conn
    engine.dispose()


def approve(conn, body):
    asking = Asking(person="E001", body=body, by="li", relation=Relation.LEADER, reason="order 7")
    asked = request_desk.ask(conn, asking, NOW, nothing_locked)
    request_desk.approve(conn, asked.id, Deciding("wang", NOW), nothing_locked)


def minutes(conn, mode, **more):
    shipped = load_counting_rules().edition[0]
    edition = replace(
        shipped, rule=tuple(replace(rule, mode=mode, **more) for rule in shipped.rule)
    )
    rules = replace(load_counting_rules(), edition=(edition,))
    return overtime_of_day(conn, "E001", DAY, rules, NOW)


def test_the_three_modes_of_one_evening(conn):
    start = datetime(2026, 10, 12, 16)  # an hour of it is the shift's own
    approve(conn, Overtime(day=DAY, start=start, end=start.replace(hour=18)))

    found = {mode: minutes(conn, mode) for mode in Mode}
    assert {mode: one.minutes for mode, one in found.items()} == {
        Mode.PUNCHED: 120, Mode.APPROVED: 60, Mode.SMALLER: 60,
    }  # fmt: skip
    smaller = found[Mode.SMALLER].counted
    assert [one.text for one in smaller.differences] == ["65 min punched outside the approved time"]
    assert len(found[Mode.PUNCHED].events) == 2


def test_without_approval_only_punched_counts(conn):
    assert {mode: minutes(conn, mode).minutes for mode in Mode} == {
        Mode.PUNCHED: 120, Mode.APPROVED: 0, Mode.SMALLER: 0,
    }  # fmt: skip
    assert minutes(conn, Mode.PUNCHED, unit_min=1).minutes == 125


def test_what_two_people_decided_is_counted_by_no_rule(conn):
    approve(conn, DayByHand(day=DAY, regular_min=480, overtime_min=45))

    assert minutes(conn, Mode.PUNCHED).minutes == 45


def test_a_day_that_is_not_clear_has_no_overtime_yet(conn):
    rules = load_counting_rules()
    with pytest.raises(UnclearDayError, match="its overtime is not known"):
        overtime_of_day(conn, "E001", date(2026, 10, 17), rules, NOW)
    with pytest.raises(UnclearDayError):
        overtime_of_day(conn, "E001", DAY, rules, datetime(2026, 10, 12, 11, 30, tzinfo=UTC))
    with pytest.raises(NotFoundError):
        overtime_of_day(conn, "nobody", DAY, rules, NOW)
