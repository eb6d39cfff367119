"""The one change that the API takes: a request. By token and by session, for whom one may."""

import re
import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hr_core.accounts.login import csrf_token
from hr_core.accounts.secret_text import SESSION, spell
from tests.hr_core.accounts.quick import PASSWORD

LEAVE = {"type": "leave", "leave": "annual", "first": "2026-12-01", "last": "2026-12-02"}


def path(person):
    return f"/api/v1/people/{person}/requests"


def new(day=1, **changes):
    body = LEAVE | {"first": f"2026-12-{day:02d}", "last": f"2026-12-{day:02d}"}
    return {"body": body | changes, "reason": "family"}


def code(answer):
    return answer.json()["type"].rpartition(":")[2]


async def log_in(client, name):
    page = await client.get("/en/login")
    token = re.search(r'name="form_token" value="([^"]*)"', page.text)[1]
    form = {"form_token": token, "name": name, "password": PASSWORD}
    assert (await client.post("/en/login", data=form)).status_code == 303


async def test_a_worker_asks_for_itself_in_its_persons_name(paid, served, bearer):
    async with served(paid) as client:
        answer = await client.post(path("1002"), json=new(1), headers=bearer("worker"))
        assert answer.status_code == 201, answer.text
        asked = answer.json()
        assert (asked["person"], asked["asked_by"], asked["state"]) == ("1002", "1002", "asked")
        listed = await client.get(path("1002"), headers=bearer("worker"))
        assert asked in listed.json()["requests"]


async def test_asking_for_others_follows_who_is_seen(paid, served, bearer):
    async with served(paid) as client:
        for name, person, status in [
            ("worker", "1003", 404),
            ("worker", "nobody", 404),
            ("manager", "1003", 201),
            ("manager", "1006", 404),
            ("hr-of-d1", "1006", 404),
            ("hr", "1006", 201),
            ("auditor", "1006", 403),
        ]:
            scopes = () if name != "auditor" else ("requests:read",)
            answer = await client.post(path(person), json=new(3), headers=bearer(name, *scopes))
            assert answer.status_code == status, (name, person, answer.text)


async def test_a_reversal_tells_nothing_of_other_peoples_requests(paid, served, bearer):
    async with served(paid) as client:
        every = (await client.get("/api/v1/requests", headers=bearer("admin"))).json()["requests"]
        others = next(one["id"] for one in every if one["person"] == "1006")
        answers = [
            await client.post(
                path("1002"),
                json={
                    "body": {
                        "type": "reversal", "of": of, "first": "2026-10-13", "until": "2026-10-14"
                    },
                    "reason": "x",
                },
                headers=bearer("worker"),
            )
            for of in (others, 99_999, 0, -1, 2**40)
        ]  # fmt: skip
    assert {one.status_code for one in answers} == {404}
    assert len({one.content for one in answers}) == 1


async def test_a_token_without_the_scope_asks_for_nothing(paid, served, bearer):
    async with served(paid) as client:
        header = bearer("worker", "requests:read")
        answer = await client.post(path("1002"), json=new(4), headers=header)
    assert (answer.status_code, code(answer)) == (403, "right_missing")


async def test_a_session_needs_its_own_token_for_a_change(paid, served):
    async with served(paid) as client:
        await log_in(client, "worker")
        other = csrf_token(spell(SESSION, secrets.token_bytes(32)))
        for header in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": other}):
            answer = await client.post(path("1002"), json=new(5), headers=header)
            assert (answer.status_code, code(answer)) == (403, "csrf")
        mine = (await client.get("/api/v1/me")).json()["csrf_token"]
        answer = await client.post(path("1002"), json=new(5), headers={"X-CSRF-Token": mine})
        assert answer.status_code == 201


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 422),
        (b"", "application/json", 422),
        (b"\xff", "application/json", 422),
        (b"[" * 5_000, "application/json", 422),
        (b'{"body": {"type": "what"}, "reason": "x"}', "application/json", 422),
        (b"x" * 65_537, "application/json", 413),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
    ],
)
async def test_bodies_that_are_none(paid, served, bearer, content, kind, status):
    async with served(paid) as client:
        headers = bearer("worker") | {"Content-Type": kind}
        answer = await client.post(path("1002"), content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["remedy"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (new(6, leave="holiday on mars"), "request_"),
        (new(6, last="2026-11-01"), "request_span"),
        (new(6) | {"reason": " "}, "request_reason"),
        (new(6) | {"reason": "x" * 1001}, "bad_body"),
        (new(6) | {"reason": "a\0b"}, "bad_body"),
        (new(6) | {"by": "boss"}, "bad_body"),
    ],
)
async def test_what_the_rules_refuse_is_told(paid, served, bearer, body, told):
    async with served(paid) as client:
        answer = await client.post(path("1002"), json=body, headers=bearer("worker"))
    assert answer.status_code == 422, answer.text
    assert code(answer).startswith(told)


AWARE = "2026-12-09T08:00:00+08:00"
NAIVE = "2026-12-09T18:00:00"


@pytest.mark.parametrize(
    "body",
    [
        {"type": "leave", "leave": "annual", "first": "9999-12-31", "last": "9999-12-31"},
        {"type": "leave", "leave": "annual", "first": "0001-01-01", "last": "0001-01-01"},
        {"type": "trip", "first": "2026-12-09", "last": "9999-12-31", "place": "x"},
        {"type": "overtime", "day": "2026-12-09", "start": AWARE, "end": NAIVE},
        {"type": "overtime", "day": "2026-12-09", "start": AWARE, "end": AWARE},
        {"type": "overtime", "day": "9999-12-31", "start": NAIVE, "end": NAIVE},
        {"type": "overtime", "day": "2026-12-09", "start": AWARE, "end": "2026-12-09T10:00:00Z"},
        {"type": "missing_punch", "day": "2026-12-09", "at": AWARE, "direction": "in", "cause": "x"},
        {"type": "missing_punch", "day": "0001-01-01", "at": "0001-01-01T00:00:00", "direction": "in", "cause": "forgot"},
        {"type": "manual_day", "day": "2026-12-09", "regular_min": 2**62, "overtime_min": 0},
        {"type": "manual_day", "day": "9999-12-31", "regular_min": 1, "overtime_min": 0},
        {"type": "mobile_punch", "day": "2026-11-20", "at": AWARE, "direction": "in", "latitude": 1e308, "longitude": 0, "accuracy_m": 1},
        {"type": "mobile_punch", "day": "2026-11-20", "at": "2026-11-20T14:30:00+08:00", "direction": "in", "latitude": 1, "longitude": 1, "accuracy_m": 1e300},
        {"type": "reversal", "of": 1, "first": "2026-10-13", "until": "0001-01-01"},
    ],
)  # fmt: skip
async def test_the_edges_of_what_may_be_asked(paid, served, bearer, body):
    async with served(paid) as client:
        answer = await client.post(
            path("1002"), json={"body": body, "reason": "edge"}, headers=bearer("worker")
        )
    assert answer.status_code == 422, answer.text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
KINDS = ["leave", "overtime", "missing_punch", "manual_day", "trip", "mobile_punch", "reversal"]
FIELDS = st.sampled_from(
    ["leave", "first", "last", "until", "day", "at", "start", "end", "direction", "cause", "of",
     "regular_min", "overtime_min", "latitude", "longitude", "accuracy_m", "place", "start_min"]
)  # fmt: skip
dates = st.dates().map(str) | st.sampled_from(["0001-01-01", "9999-12-31", "2026-12-09"])
moments = st.datetimes().map(lambda one: one.isoformat()) | st.just("2026-12-09T08:00:00+08:00")
likely = dates | moments | st.integers(-5, 3000) | st.sampled_from(["annual", "in", "forgot"])


@pytest.mark.slow
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kind=st.sampled_from(KINDS),
    fields=st.dictionaries(FIELDS, likely | json_values, max_size=8),
    reason=st.text(max_size=30),
)
def test_whatever_is_asked_never_ends_as_a_500(asking, kind, fields, reason):
    body = {"body": fields | {"type": kind}, "reason": reason}
    answer = asking(path("1005").removeprefix("/api/v1"), {}, "admin", json=body)
    assert answer.status_code in {201, 404, 409, 422}, answer.text
