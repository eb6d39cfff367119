"""N1: who entered something does not approve it by the API either, under no other account."""

import pytest

from hr_core.approvals.actors import actor_named
from hr_core.approvals.desk import propose
from hr_core.approvals.effects import EFFECTS
from hr_core.approvals.kinds import Kind
from hr_core.store.database import writing
from tests.hr_core.accounts.quick import account
from tests.hr_core.web.plant import NOW

API = "/api/v1/approvals"


@pytest.fixture(scope="module")
def two_of_one(paid):
    """1009 has two accounts, both of HR."""
    for name in ("clerk", "clerk-too"):
        account(paid, name, "hr", person="1009", at=NOW)
    return paid


@pytest.fixture
def entered(two_of_one, monkeypatch):
    """What `name` entered; gives its number. Approving it is noted in `taken`."""
    taken = []
    monkeypatch.setitem(EFFECTS, Kind.LAW, lambda _conn, done: taken.append(done.number))

    def enter(name, content=None):
        with writing(two_of_one) as conn:
            by = actor_named(conn, name)
            return propose(conn, Kind.LAW, f"law of {name}", content, at=NOW, by=by)

    enter.taken = taken
    return enter


async def post(served, paid, headers, path, reason=""):
    async with served(paid) as client:
        return await client.post(f"{API}/{path}", json={"reason": reason}, headers=headers)


@pytest.mark.parametrize("name", ["clerk", "clerk-too"])
async def test_no_account_of_the_enterer_approves(two_of_one, served, bearer, entered, name):
    number = entered("clerk")
    answer = await post(served, two_of_one, bearer(name), f"{number}/approve")
    assert (answer.status_code, answer.json()["type"].endswith("approval")) == (422, True)
    assert "another person" in answer.json()["remedy"]
    assert entered.taken == []
    taken_back = await post(served, two_of_one, bearer(name), f"{number}/refuse", "a mistake")
    assert taken_back.json()["state"] == "withdrawn"


async def test_another_human_approves_and_it_takes_effect(two_of_one, served, bearer, entered):
    number = entered("clerk", {"a": 1})
    answer = await post(served, two_of_one, bearer("hr"), f"{number}/approve", "read")
    assert answer.json()["state"] == "approved"
    assert (answer.json()["content"], answer.json()["decided_by"]) == ({"a": 1}, "hr")
    assert entered.taken == [number]
    again = await post(served, two_of_one, bearer("admin"), f"{number}/refuse", "no")
    assert again.status_code == 422


async def test_the_list_is_whole_in_pages_and_for_those_over_everybody(
    two_of_one, served, bearer, entered
):
    numbers = [entered("clerk") for _ in range(3)]
    async with served(two_of_one) as client:
        client.headers = bearer("admin")
        found, cursor = [], ""
        while cursor is not None:
            page = (await client.get(f"{API}?state=proposed&limit=2{cursor}")).json()
            found += [one["number"] for one in page["approvals"]]
            cursor = page["next"] and f"&cursor={page['next']}"
        assert found[-3:] == numbers
        assert (await client.get(f"{API}/{numbers[0]}")).json()["subject"] == "law of clerk"
        assert (await client.get(f"{API}/999999")).status_code == 404
        client.headers = bearer("hr-of-d1")
        assert (await client.get(API)).json()["approvals"] == []
        assert (await client.get(f"{API}/{numbers[0]}")).status_code == 404
        for name in ("manager", "worker", "auditor"):
            client.headers = bearer(name)
            assert (await client.get(API)).status_code == 403
