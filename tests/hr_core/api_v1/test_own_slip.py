"""I7: the own slip with formula and inputs, by API and page; another person's does not exist."""

import pytest

from tests.hr_core.web.logged_in import logged_in

SLIPS = "/api/v1/pay/runs/1/slips"


async def test_the_own_amounts_come_with_their_formula_and_inputs(paid, served, bearer):
    async with served(paid) as client:
        client.headers = bearer("worker")
        own = (await client.get(f"{SLIPS}/1002/trace")).json()
        assert own["masked"] == []
        for line in own["lines"]:
            assert line["replayed_fen"] == line["amount_fen"]
            assert line["formula"]
            assert line["steps"]
        assert any(line["facts"] for line in own["lines"])
        assert any(day for line in own["lines"] for day in line["days"])
        assert sum(line["amount_fen"] for line in own["lines"]) == own["total_fen"]
        listed = (await client.get(SLIPS)).json()["people"]
        assert [one["person"] for one in listed] == ["1002"]


@pytest.mark.parametrize("other", ["1003", "1006"])
async def test_anothers_slip_answers_like_one_that_does_not_exist(paid, served, bearer, other):
    async with served(paid) as client:
        client.headers = bearer("worker")
        found = await client.get(f"{SLIPS}/{other}/trace")
        nobodys = await client.get(f"{SLIPS}/nobody/trace")
    assert (found.status_code, found.content) == (404, nobodys.content)
    async with logged_in(paid, "worker") as client:
        assert (await client.get("/en/run/1/1002")).status_code == 200
        assert (await client.get(f"/en/run/1/{other}")).status_code == 404
