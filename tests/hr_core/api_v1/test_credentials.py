"""Tokens and sessions at the API: scopes, expiry, revocation, and what a cookie alone may not do."""

import re

import pytest

from hr_core.accounts import management, secret_text
from hr_core.accounts.login import csrf_token
from hr_core.accounts.management import Act
from hr_core.store.database import writing
from hr_core.store.tokens import find_api_token
from tests.hr_core.accounts.quick import PASSWORD
from tests.hr_core.web.plant import NOW

ME = "/api/v1/me"
RATES = "/api/v1/lines/rates?month=2026-10"


async def log_in(client, name):
    page = await client.get("/en/login")
    token = re.search(r'name="form_token" value="([^"]*)"', page.text)[1]
    form = {"form_token": token, "name": name, "password": PASSWORD}
    assert (await client.post("/en/login", data=form)).status_code == 303


def code(answer):
    return answer.json()["type"].rpartition(":")[2]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer clk_short",
        "Bearer " + secret_text.spell("clk_", b"\1" * 32),
        "Bearer " + secret_text.spell("s_", b"\1" * 32),
        "Basic YWRtaW46YWRtaW4=",
        "Bearer clk_" + "é" * 43,
    ],
)
async def test_without_a_good_token_or_session_nothing_is_told(paid, served, header):
    headers = {"Authorization": header.encode()} if header else {}
    async with served(paid) as client:
        for path in (ME, "/api/v1/people", "/api/v1/people/1001", RATES):
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert {"type", "title", "status", "detail", "where", "remedy"} == set(answer.json())


async def test_a_token_reaches_no_further_than_its_scopes(paid, served, bearer):
    async with served(paid) as client:
        client.headers = bearer("hr", "quality:read")
        assert (await client.get(RATES)).status_code == 200
        refused = await client.get("/api/v1/people")
        assert (refused.status_code, code(refused)) == (403, "right_missing")
        assert "people:read" in refused.json()["detail"]
        assert (await client.get(ME)).json()["rights"] == ["quality:read"]


async def test_a_token_ends_with_its_time(paid, served, bearer, hours):
    header = bearer("hr", "quality:read", days=3)
    async with served(paid) as client:
        hours.pass_(days=3, seconds=-1)
        assert (await client.get(RATES, headers=header)).status_code == 200
        hours.pass_(seconds=1)
        assert (await client.get(RATES, headers=header)).status_code == 401


async def test_a_revoked_token_is_refused_at_once(paid, served, bearer):
    header = bearer("hr", "quality:read")
    token = bearer.kept[header["Authorization"].removeprefix("Bearer ")]
    async with served(paid) as client:
        assert (await client.get(RATES, headers=header)).status_code == 200
        with writing(paid) as conn:
            management.revoke_token(conn, token.id, Act(actor="t", at=NOW))
            assert find_api_token(conn, token.id).last_used == NOW
        assert code(await client.get(RATES, headers=header)) == "token_refused"


async def test_refused_tokens_are_limited_by_address(paid, served, bearer):
    good = bearer("hr", "quality:read")
    async with served(paid, address="10.1.1.1") as client:
        wrong = {"Authorization": "Bearer clk_wrong"}
        answers = [await client.get(ME, headers=wrong) for _ in range(32)]
        assert [one.status_code for one in answers] == [401] * 30 + [429] * 2
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert (await client.get(ME, headers=good)).status_code == 200


async def test_a_session_reads_with_its_roles_rights(paid, served):
    async with served(paid) as client:
        await log_in(client, "worker")
        told = (await client.get(ME)).json()
        assert (told["account"], told["person"]) == ("worker", "1002")
        assert told["csrf_token"] == csrf_token(client.cookies["clockline_session"])
        assert (await client.get("/api/v1/people/1002")).status_code == 200
        assert (await client.get(RATES)).status_code == 403


async def test_a_token_in_the_header_wins_over_a_cookie(paid, served, bearer):
    async with served(paid) as client:
        await log_in(client, "admin")
        told = await client.get(ME, headers=bearer("worker"))
        assert told.json()["account"] == "worker"
        assert told.json()["csrf_token"] is None
        refused = await client.get(ME, headers={"Authorization": "Bearer clk_wrong"})
        assert refused.status_code == 401


async def test_a_session_that_must_change_its_password_reads_nothing(paid, served, hours):
    from tests.hr_core.accounts.quick import QUICK, account

    account(paid, "starter", "hr", at=NOW)
    with writing(paid) as conn:
        kept = QUICK.keep(PASSWORD, name="starter")
        act = Act(actor="t", at=hours.now())
        management.set_password(conn, "starter", kept, act, must_change=True)
    async with served(paid) as client:
        await log_in(client, "starter")
        assert code(await client.get("/api/v1/people")) == "password_must_change"


async def test_the_gateways_paths_stay_theirs(paid, served):
    async with served(paid) as client:
        assert (await client.get("/api/v1/health")).json()["status"] == "ok"
        unsigned = await client.post("/api/v1/batches", content=b"x")
        assert "error" in unsigned.json()  # the gateways' own form of errors
        assert "error" in (await client.get("/api/v1/devices")).json()
