"""Approving, refusing and withdrawing by the API: whose request one sees, and four eyes."""

from datetime import date, timedelta

import pytest

from hr_core.accounts.acting import names_of
from hr_core.accounts.model import Account, Role
from hr_core.attendance.plan.request import Leave, Relation, Request, RequestState
from hr_core.store.attendance_locks import Lock
from hr_core.store.database import writing
from hr_core.store.person_records import merged_people
from hr_core.store.requests import add_request
from tests.hr_core.two_people import store_lock, take_lock
from tests.hr_core.web.plant import NOW

# After those that test_asking_for_leave asks for of the same people.
DAYS = (date(2027, 2, 1) + timedelta(days=n) for n in range(400))
VERBS = ["approve", "refuse", "withdraw"]


@pytest.fixture
def asked(paid):
    def ask(person, by=None, day=None):
        first = day or next(DAYS)
        with writing(paid) as conn:
            return add_request(
                conn,
                Request(
                    id=0,
                    person=person,
                    body=Leave(leave="annual", first=first, last=first),
                    state=RequestState.ASKED,
                    asked_at=NOW,
                    asked_by=by or person,
                    relation=Relation.SELF,
                    reason="family",
                ),
            ).id

    return ask


async def post(client, number, verb, header, reason="checked"):
    path = f"/api/v1/requests/{number}/{verb}"
    return await client.post(path, json={"reason": reason}, headers=header)


def code(answer):
    return answer.json()["type"].rpartition(":")[2]


@pytest.mark.parametrize("verb", ["approve", "refuse"])
@pytest.mark.parametrize(
    ("name", "person", "status"),
    [
        ("admin", "1006", 200),
        ("hr", "1003", 200),
        ("hr-of-d1", "1003", 200),
        ("hr-of-d1", "1006", 404),
        ("manager", "1003", 200),
        ("manager", "1006", 404),
        ("worker", "1003", 403),
        ("worker", "1002", 403),
        ("auditor", "1003", 403),
    ],
)
async def test_who_decides_whose(paid, served, bearer, asked, verb, name, person, status):
    number = asked(person)
    async with served(paid) as client:
        answer = await post(client, number, verb, bearer(name))
        assert answer.status_code == status, answer.text
        if status == 200:
            done = answer.json()
            state = {"approve": "approved", "refuse": "refused"}[verb]
            assert (done["id"], done["state"], done["decision"]) == (number, state, "checked")
            assert done["decided_by"] == {"manager": "1001"}.get(name, name)
            assert done["employee_number"] == person
            again = await post(client, number, verb, bearer("admin"))
            assert (again.status_code, code(again)) == (422, "request_decided")
        else:
            nobodys = await post(client, 999_999, verb, bearer(name))
            assert (nobodys.status_code, nobodys.content) == (status, answer.content)
            assert nobodys.headers == answer.headers
            kept = await client.get(f"/api/v1/requests/{number}", headers=bearer("admin"))
            assert kept.json()["state"] == "asked"


async def test_one_request_is_seen_like_its_person(paid, served, bearer, asked):
    numbers = {person: asked(person) for person in ("1002", "1003", "1006")}
    async with served(paid) as client:
        for name, sees in [("worker", {"1002"}), ("manager", {"1002", "1003"})]:
            client.headers = bearer(name)
            nobodys = await client.get("/api/v1/requests/999999")
            for person, number in numbers.items():
                answer = await client.get(f"/api/v1/requests/{number}")
                if person in sees:
                    assert answer.json()["person"] == person
                else:
                    assert (answer.status_code, answer.content) == (404, nobodys.content)


async def test_nobody_decides_what_it_asked_under_whichever_name(paid, served, bearer, asked):
    own = asked("1001")  # the manager's own
    by_account = asked("1003", by="manager")  # asked on the command line as the account
    by_person = asked("1003", by="1001")
    async with served(paid) as client:
        for number in (own, by_account, by_person):
            answer = await post(client, number, "approve", bearer("manager"))
            assert (answer.status_code, code(answer)) == (422, "request_four_eyes"), answer.text
        mine = asked("1003", by="hr")
        answer = await post(client, mine, "approve", bearer("hr"))
        assert code(answer) == "request_four_eyes"
        assert (await post(client, mine, "approve", bearer("admin"))).status_code == 200


def test_a_record_that_was_merged_means_the_same_human(paid):
    one = Account(name="li", roles=(Role.MANAGER,), person="1004", created_at=NOW)
    with paid.connect() as conn:
        transaction = conn.begin_nested()
        conn.execute(merged_people.insert().values(person="old", into="1004"))
        assert names_of(conn, one) == {"li", "1004", "old"}
        second = Account(name="li2", roles=(Role.HR,), person="1002", created_at=NOW)
        assert names_of(conn, second) == {"li2", "1002", "worker"}  # another account of 1002
        transaction.rollback()


async def test_withdrawing_is_for_who_asked_or_is_meant(paid, served, bearer, asked):
    number, others = asked("1002"), asked("1003")
    async with served(paid) as client:
        for name, status in [("hr", 422), ("worker", 200)]:
            answer = await post(client, number, "withdraw", bearer(name), "")
            assert answer.status_code == status, answer.text
        assert answer.json()["state"] == "withdrawn"
        stranger = await post(client, others, "withdraw", bearer("worker"))
        nobodys = await post(client, 999_999, "withdraw", bearer("worker"))
        assert (stranger.status_code, stranger.content) == (404, nobodys.content)


async def test_a_refusal_needs_a_reason(paid, served, bearer, asked):
    async with served(paid) as client:
        answer = await post(client, asked("1003"), "refuse", bearer("hr"), " ")
    assert (answer.status_code, code(answer)) == (422, "request_reason")


async def test_days_of_a_locked_month_are_queued(paid, served, bearer, asked):
    day = date(2026, 9, 28)
    lock = Lock(month="2026-09", locked_at=NOW, locked_by="hr", reason="paid")
    number = asked("1003", day=day)
    with writing(paid) as conn:
        store_lock(conn, lock)
    try:
        async with served(paid) as client:
            answer = await post(client, number, "approve", bearer("hr"))
            assert answer.json()["queued_days"] == ["2026-09-28"]
            punch = {
                "type": "mobile_punch", "day": "2026-09-29", "at": "2026-09-29T08:00:00",
                "direction": "in", "latitude": 1.0, "longitude": 1.0, "accuracy_m": 5.0,
            }  # fmt: skip
            body = {"body": punch, "reason": "phone"}
            asked_too = await client.post(
                "/api/v1/people/1003/requests", json=body, headers=bearer("hr")
            )
            assert asked_too.status_code == 201, asked_too.text
    finally:
        with writing(paid) as conn:
            take_lock(conn, "2026-09", at=NOW)


async def test_a_list_of_a_day_has_the_organisation_of_that_day(paid, served, bearer, asked):
    """1004 was in D2 until the 12th: its manager of today sees no request of before by the day."""
    before, since = asked("1004", day=date(2026, 10, 8)), asked("1004", day=date(2026, 10, 14))
    async with served(paid) as client:
        client.headers = bearer("manager")
        found = {}
        for day in ("2026-10-08", "2026-10-14"):
            body = (await client.get(f"/api/v1/requests?on={day}")).json()
            found[day] = {one["id"] for one in body["requests"]}
        people = (await client.get("/api/v1/people?on=2026-10-08")).json()["people"]
    assert before not in found["2026-10-08"]
    assert found["2026-10-14"] == {since}
    assert {one["person"] for one in people} == {"1001", "1002", "1003", "1005"}
