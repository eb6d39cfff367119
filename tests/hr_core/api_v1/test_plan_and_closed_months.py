"""Plans, time off, limits of hours, closed months and their corrections; numbers of the day."""

from datetime import date

import msgspec
import pytest
import sqlalchemy as sa

from hr_core.api.v1 import answers as of
from hr_core.attendance.calendar import DayKind
from hr_core.attendance.lots.booking import Act, Overtime, book_overtime
from hr_core.store.attendance_days import days_of_person
from hr_core.store.attendance_locks import (
    Lock,
    attendance_corrections,
    queue_correction,
)
from hr_core.store.database import writing
from hr_core.store.person_records import employee_numbers
from tests.hr_core.api_v1.conftest import MOVED
from tests.hr_core.two_people import store_lock, take_lock
from tests.hr_core.web.plant import NOW

API = "/api/v1"


async def read(client, path, shape):
    answer = await client.get(API + path)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=shape)


async def test_a_plan_says_what_is_due_and_what_says_so(paid, served, bearer):
    async with served(paid) as client:
        client.headers = bearer("worker")
        found = await read(
            client, "/people/1002/plan?from=2026-11-20&until=2026-11-23", of.PlanAnswer
        )
    assert [one.due for one in found.days] == [True, False, False]
    assert [one.kind for one in found.days] == ["workday", "rest_day", "rest_day"]
    assert all(one.sources and one.employee_number == "1002" for one in found.days)
    assert found.days[0].shifts[0].code == "day"


async def test_a_plan_has_the_days_on_which_one_sees_the_person(paid, served, bearer):
    async with served(paid) as client:
        client.headers = bearer("manager")
        found = await read(
            client, "/people/1004/plan?from=2026-10-10&until=2026-10-15", of.PlanAnswer
        )
    assert [one.day for one in found.days] == [date(2026, 10, day) for day in (12, 13, 14)]


async def test_time_off_explains_itself_lot_by_lot(paid, served, bearer):
    day = date(2026, 10, 17)
    overtime = Overtime(day=day, kind=DayKind.REST_DAY, minutes=240, spans=(), events=("e1",))
    with writing(paid) as conn:
        book_overtime(conn, "1005", overtime, Act(actor="hr", at=NOW, reason=""))
    async with served(paid) as client:
        client.headers = bearer("manager")
        found = await read(client, "/people/1005/time-off", of.TimeOff)
        before = await read(client, "/people/1005/time-off?on=2026-10-01", of.TimeOff)
    assert (found.balance.left_min, found.lots[0].left_minutes) == (240, 240)
    assert found.lots[0].origin.events == ("e1",)
    assert before.lots == ()


async def test_limits_of_a_person_are_projected(paid, served, bearer):
    async with served(paid) as client:
        client.headers = bearer("hr")
        found = await read(client, "/people/1001/limits?month=2026-11", of.LimitsAnswer)
    assert found.limits.person == found.employee_number == "1001"
    assert (found.month, found.not_judged) == ("2026-11", "")


@pytest.fixture
def closed(paid):
    """October is locked, with a correction of three people."""
    with writing(paid) as conn:
        store_lock(conn, Lock(month="2026-10", locked_at=NOW, locked_by="hr", reason="paid"))
        for person, day in [("1002", 9), ("1004", 9), ("1004", 14), ("1006", 9)]:
            on = date(2026, 10, day)
            before = days_of_person(conn, person, on, date(2026, 10, day + 1))[on].result
            after = msgspec.structs.replace(before, regular_min=before.regular_min + 30)
            queue_correction(conn, person, before, after, cause="late punch", at=NOW)
    yield paid
    with writing(paid) as conn:
        take_lock(conn, "2026-10", at=NOW)
        conn.execute(sa.delete(attendance_corrections))


async def test_corrections_are_those_of_days_on_which_one_sees_the_person(closed, served, bearer):
    async with served(closed) as client:
        for name, expected in [
            ("worker", [("1002", 9)]),
            ("manager", [("1002", 9), ("1004", 14)]),
            ("hr-of-d1", [("1002", 9), ("1004", 14)]),
            ("hr", [("1002", 9), ("1004", 9), ("1006", 9), ("1004", 14)]),
        ]:
            client.headers = bearer(name)
            assert (await read(client, "/attendance/locks", of.Locks)).locks[0].month == "2026-10"
            path, rows = "/attendance/corrections?month=2026-10&limit=1", []
            cursor = ""
            while cursor is not None:
                page = await read(client, path + (cursor and f"&cursor={cursor}"), of.Corrections)
                rows += page.corrections
                cursor = page.next
            assert [(one.person, one.day.day) for one in rows] == expected, name
            assert all(one.employee_number == one.person for one in rows)
        empty = await read(
            client, "/attendance/corrections?month=2026-10&state=taken", of.Corrections
        )
    assert MOVED.day == 12
    assert empty.corrections == ()


@pytest.fixture
def renumbered(paid):
    """1003 has the number 7001 since the 12th of October, and 1006 has 1003 since then."""
    there = employee_numbers.c
    with writing(paid) as conn:
        kept = [dict(row) for row in conn.execute(sa.select(employee_numbers)).mappings()]
        conn.execute(
            sa.update(employee_numbers)
            .where(there.employee_number == "1003")
            .values(valid_until=MOVED)
        )
        for number, person in [("7001", "1003"), ("1003", "1006")]:
            conn.execute(
                sa.insert(employee_numbers).values(
                    employee_number=number, person=person, valid_from=MOVED, valid_until=None
                )
            )
    yield paid
    with writing(paid) as conn:
        conn.execute(sa.delete(employee_numbers))
        conn.execute(sa.insert(employee_numbers), kept)


async def test_the_number_is_that_of_the_day_and_finds_its_person(renumbered, served, bearer):
    async with served(renumbered) as client:
        client.headers = bearer("admin")
        for query, persons in [
            ("employee_number=1003&on=2026-10-01", [("1003", "1003")]),
            ("employee_number=1003&on=2026-10-12", [("1006", "1003")]),
            ("employee_number=7001", [("1003", "7001")]),
            ("employee_number=7001&on=2026-10-01", []),
            ("employee_number=700", []),
            ("words=700", [("1003", "7001")]),
        ]:
            found = (await read(client, f"/people?{query}", of.People)).people
            assert [(one.person, one.employee_number) for one in found] == persons, query
        # In a path there are keys only.
        nobody = await client.get(f"{API}/people/nobody")
        unknown = await client.get(f"{API}/people/7001")
        assert (unknown.status_code, unknown.content) == (404, nobody.content)
        assert (await read(client, "/people/1003", of.PersonAnswer)).employee_number == "7001"
        span = "from=2026-10-11&until=2026-10-14"
        days = (await read(client, f"/people/1003/days?{span}", of.Days)).days
        assert [one.employee_number for one in days] == ["1003", "7001", "7001"]
        plan = (await read(client, f"/people/1003/plan?{span}", of.PlanAnswer)).days
        assert [one.employee_number for one in plan] == ["1003", "7001", "7001"]
        punches = (await read(client, f"/people/1003/punches?{span}", of.Punches)).punches
        assert {one.employee_number for one in punches} == {"7001"}
        day = (await client.get(f"{API}/people/1003/days/2026-10-13")).json()
        assert (day["person"], day["employee_number"]) == ("1003", "7001")
        slip = await read(client, "/people/1003/slips/1", of.SlipAnswer)
        assert slip.employee_number == "7001"


async def test_a_number_of_somebody_unseen_finds_nobody(renumbered, served, bearer):
    async with served(renumbered) as client:
        client.headers = bearer("manager")
        other = await client.get(f"{API}/people?employee_number=1003&on=2026-10-13")
        nobody = await client.get(f"{API}/people?employee_number=9999&on=2026-10-13")
    assert other.content == nobody.content
