"""Each role, each route, own team, other team, nobody: who is not seen is like who does not exist."""

import pytest

from tests.hr_core.api_v1.conftest import ACCOUNTS, SEES

OF_A_PERSON = [
    "/people/{}",
    "/people/{}/days?from=2026-10-08&until=2026-10-10",
    "/people/{}/days/2026-10-09",
    "/people/{}/punches?from=2026-10-08&until=2026-10-10",
    "/people/{}/requests",
    "/people/{}/plan?from=2026-10-08&until=2026-10-10",
    "/people/{}/time-off",
    "/people/{}/limits?month=2026-10",
    "/people/{}/slips",
    "/people/{}/slips/1",
    "/people/{}/slips/1/versions",
]
PERSONS = ["1002", "1003", "1006"]
# wrong parameters must not tell either
ODD = [
    "/people/{}/slips/99",
    "/people/{}/slips/99/versions",
    "/people/{}/requests?state=approved",
    "/people/{}/days/2031-01-01",
]
SPAN = "from=2026-10-08&until=2026-10-10"
LISTS = {
    f"/punches?{SPAN}&limit=500": lambda body: [one["person"] for one in body["punches"]],
    "/people?limit=500": lambda body: [one["person"] for one in body["people"]],
    "/requests": lambda body: [one["person"] for one in body["requests"]],
}
PLANT = {
    f"/waiting?{SPAN}": {"admin", "hr", "auditor", "hr-of-d1"},
    "/lines/rates?month=2026-10": {"admin", "hr", "auditor", "hr-of-d1", "manager"},
    "/watermarks": {"admin", "hr", "auditor", "hr-of-d1", "manager"},
}


def sees_pay(name, person):
    if ACCOUNTS[name][0] in {"manager", "worker"}:
        return ACCOUNTS[name][1] == person
    return person in SEES[name]


@pytest.mark.parametrize("name", ACCOUNTS)
@pytest.mark.parametrize("route", OF_A_PERSON)
async def test_the_matrix(paid, served, bearer, name, route):
    async with served(paid) as client:
        client.headers = bearer(name)
        nobody = await client.get("/api/v1" + route.format("nobody"))
        assert nobody.status_code == 404
        assert nobody.headers["content-type"] == "application/problem+json"
        for person in PERSONS:
            answer = await client.get("/api/v1" + route.format(person))
            sees = sees_pay(name, person) if "slips" in route else person in SEES[name]
            if sees:
                assert answer.status_code == 200, (person, answer.text)
                assert person in answer.text
            else:
                assert answer.status_code == 404
                assert answer.content == nobody.content  # byte for byte
                assert answer.headers == nobody.headers


@pytest.mark.parametrize("route", ODD)
async def test_odd_questions_about_others_tell_no_more(paid, served, bearer, route):
    async with served(paid) as client:
        client.headers = bearer("worker")
        other, nobody = [
            await client.get("/api/v1" + route.format(one)) for one in ("1006", "nobody")
        ]
    assert other.status_code == nobody.status_code == 404
    assert other.content == nobody.content


@pytest.mark.parametrize("name", ACCOUNTS)
@pytest.mark.parametrize("route", LISTS)
async def test_lists_hold_only_who_is_seen(paid, served, bearer, name, route):
    async with served(paid) as client:
        client.headers = bearer(name)
        body = (await client.get("/api/v1" + route)).json()
    listed = set(LISTS[route](body))
    assert listed & set(PERSONS) == SEES[name] & listed
    assert SEES[name] <= listed
    if name == "worker":
        assert listed == {"1002"}
    if name in {"manager", "hr-of-d1"}:
        assert listed <= {f"{n}" for n in range(1001, 1006)}


@pytest.mark.parametrize("name", ACCOUNTS)
@pytest.mark.parametrize("route", PLANT)
async def test_what_belongs_to_the_plant_needs_a_role(paid, served, bearer, name, route):
    async with served(paid) as client:
        client.headers = bearer(name)
        answer = await client.get("/api/v1" + route)
    assert answer.status_code == (200 if name in PLANT[route] else 403)


async def test_who_is_seen_follows_the_organisation_of_the_day(paid, served, bearer):
    """1004 came to D1 on the 12th: its manager sees the days since then, and none before."""
    async with served(paid) as client:
        client.headers = bearer("manager")
        days = await client.get("/api/v1/people/1004/days?from=2026-10-09&until=2026-10-15")
        assert [one["day"] for one in days.json()["days"]] == [
            "2026-10-12", "2026-10-13", "2026-10-14"
        ]  # fmt: skip
        for path in ("days/2026-10-09", "days?from=2026-10-08&until=2026-10-12"):
            before = await client.get(f"/api/v1/people/1004/{path}")
            nobody = await client.get(f"/api/v1/people/nobody/{path}")
            assert (before.status_code, before.content) == (404, nobody.content)
        span = "from=2026-10-09&until=2026-10-15&limit=500"
        for path in (f"people/1004/punches?{span}", f"punches?{span}"):
            body = (await client.get(f"/api/v1/{path}")).json()
            of_1004 = [one["device_time"] for one in body["punches"] if one["person"] == "1004"]
            assert min(of_1004) > "2026-10-12", path
        assert "1006" not in {one["person"] for one in body["punches"]}


async def test_pages_of_a_limited_account_walk_through_everything_once(paid, served, bearer):
    async with served(paid) as client:
        client.headers = bearer("manager")
        path = "/api/v1/punches?from=2026-10-08&until=2026-10-15"
        whole = (await client.get(f"{path}&limit=500")).json()
        assert whole["next"] is None
        found, cursor = [], ""
        while cursor is not None:
            page = (await client.get(f"{path}&limit=7{cursor and '&cursor=' + cursor}")).json()
            found += page["punches"]
            cursor = page["next"]
    assert found == whole["punches"]


async def test_an_id_with_a_slash_or_an_odd_spelling_is_nobody(paid, served, bearer):
    async with served(paid) as client:
        client.headers = bearer("worker")
        expected = (await client.get("/api/v1/people/nobody")).content
        for key in ("1006%2F", "%2E%2E%2F1006", "1006%20", "10%C3%A96", "1006/x", "' OR 1=1 --"):
            answer = await client.get(f"/api/v1/people/{key}")
            assert (answer.status_code, answer.content) == (404, expected), key


async def test_the_query_of_a_stranger_and_of_nobody_is_one_and_the_same(paid, served, bearer):
    """The same statements run: there is no longer way for an id that exists."""
    import sqlalchemy as sa

    said = []

    def note(conn, cursor, statement, *rest):
        said.append(statement)

    async with served(paid) as client:
        client.headers = bearer("worker")
        await client.get("/api/v1/people/1002")  # notes the token's use
        sa.event.listen(paid, "before_cursor_execute", note)
        try:
            for route in OF_A_PERSON:
                said.clear()
                await client.get("/api/v1" + route.format("1006"))
                other = list(said)
                said.clear()
                await client.get("/api/v1" + route.format("nobody"))
                assert other == said, route
        finally:
            sa.event.remove(paid, "before_cursor_execute", note)
