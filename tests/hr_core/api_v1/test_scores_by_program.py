"""Two-way scores by programs: each side marks alone, nobody sees the other's first, nothing after the lock."""

import itertools

import msgspec
import pytest

from hr_core.api.v1 import answers as of
from hr_core.audit import log
from hr_core.performance.assessing import excuse_side
from hr_core.performance.locking import lock_score
from hr_core.store.database import writing
from tests.hr_core.accounts.quick import bearer_of
from tests.hr_core.performance.score_desk import act, locked, opened
from tests.hr_core.web.performance_plant import performing_core
from tests.hr_core.web.plant import NOW

API = "/api/v1"
POSTS = itertools.count()
OWN = {"marks": {"output": "71", "care": "72.5"}, "note": "the press stood for a week"}
RATERS = {"marks": {"output": "93", "care": "94"}, "note": "never seen better"}


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """Assessment 1 is of E1 by LEAD for 2026-09; E2 has a locked score of 2026-10."""
    engine = performing_core(tmp_path_factory.mktemp("scores"))
    yield engine
    engine.dispose()


@pytest.fixture
def fresh(core):
    """A new assessment of E1 by LEAD, of a post of its own."""
    with writing(core) as conn:
        return opened(conn, person="E1", period="2025-01", rater="LEAD", post=f"post {next(POSTS)}")


@pytest.fixture
def ask(core, served):
    async def asked(name, path, body=None, status=200):
        async with served(core) as client:
            client.headers = bearer_of(core, name, at=NOW)
            answer = await (
                client.get(API + path) if body is None else client.post(API + path, json=body)
            )
        assert answer.status_code == status, answer.text
        return answer.json()

    return asked


async def test_neither_side_nor_hr_sees_the_others_marks_first(ask, fresh):
    place = f"/assessments/{fresh}"
    told = await ask("e1", f"{place}/marks", OWN)
    assert (told["side"], told["own"]["marks"]) == ("self", {"output": "71", "care": "145/2"})
    for name in ("lead", "ann", "eve"):
        seen = await ask(name, place)
        assert seen["own"] == {"given": True, "visible": False, "marks": None, "note": ""}, name
    told = await ask("lead", f"{place}/marks", RATERS)
    assert told["own"]["marks"] == {"output": "71", "care": "145/2"}, "both are in"
    seen = await ask("e1", place)
    assert (seen["manager"]["marks"], seen["manager"]["note"]) == (
        {"output": "93", "care": "94"},
        "never seen better",
    )
    assert seen["to_explain"] == ["output", "care"]


async def test_marks_are_given_again_until_the_other_side_is_in(ask, fresh):
    place = f"/assessments/{fresh}/marks"
    await ask("lead", place, RATERS)
    told = await ask("lead", place, RATERS | {"marks": {"output": "80", "care": "81"}})
    assert told["manager"]["marks"] == {"output": "80", "care": "81"}
    await ask("e1", place, OWN)
    for name, body in (("lead", RATERS), ("e1", OWN)):
        refused = await ask(name, place, body, 409)
        assert refused["type"].endswith("marks_frozen")


async def test_after_the_lock_nothing_is_marked(ask, core):
    with writing(core) as conn:
        locked(conn, "84", person="E1", period="2024-03")
        number = opened(conn, person="E2", period="2024-03", rater="LEAD")
        excuse_side(conn, number, "manager", act("H1"), "on leave")
    await ask("e2", f"/assessments/{number}/marks", OWN)
    with writing(core) as conn:
        lock_score(conn, "E2", "2024-03", "general", None, act("H1"))
    refused = await ask("e2", f"/assessments/{number}/marks", OWN, 409)
    assert refused["type"].endswith("marks_frozen")
    assert (await ask("e2", f"/assessments/{number}"))["locked"] is True


@pytest.mark.parametrize("name", ["e2", "head", "buyer"])
async def test_who_is_no_side_finds_nothing(ask, fresh, name):
    unknown = await ask(name, "/assessments/4711", status=404)
    assert await ask(name, f"/assessments/{fresh}", status=404) == unknown
    await ask(name, f"/assessments/{fresh}/marks", OWN, 404)
    listed = (await ask(name, "/assessments?limit=500"))["assessments"]
    assert fresh not in [one["number"] for one in listed]
    assert all(one["side"] for one in listed)


async def test_hr_looks_and_marks_for_nobody(ask, fresh):
    assert (await ask("ann", f"/assessments/{fresh}"))["side"] is None
    await ask("ann", f"/assessments/{fresh}/marks", OWN, 404)
    await ask("eve", f"/assessments/{fresh}/marks", OWN, 403)


@pytest.mark.parametrize(
    "body",
    [
        {"marks": {"output": "71"}},
        {"marks": {"output": "71", "care": "101"}},
        {"marks": {"output": "71", "care": "-1"}},
        {"marks": {"output": "71", "care": "1e999999999"}},
        {"marks": {"output": "71", "care": "1/3"}},
        {"marks": {"output": "71", "care": "9" * 5_000}},
        {"marks": {"output": "71", "care": "72", "x" * 5_000: "1"}},
        {"marks": {"output": 71, "care": 72}},
        {"marks": {}},
        OWN | {"note": "x" * 1_001},
        OWN | {"side": "manager"},
    ],
)
async def test_what_are_no_marks_is_told_and_stores_nothing(ask, fresh, body):
    refused = await ask("e1", f"/assessments/{fresh}/marks", body, 422)
    assert len(msgspec.json.encode(refused)) < 2_000
    assert not (await ask("e1", f"/assessments/{fresh}"))["own"]["given"]


async def test_the_log_names_who_marked_and_no_mark(ask, core, fresh):
    await ask("e1", f"/assessments/{fresh}/marks", OWN)
    with core.connect() as conn:
        row = log.entries(conn)[-1]
    assert (row.actor, row.action) == ("E1", "assessment.side")
    assert "71" not in str(row.after).replace(str(fresh), "")


async def test_the_own_rank_and_nobody_elses(ask):
    assert await ask("e2", "/me/rank?period=2026-10") == {
        "period": "2026-10", "unit": "", "rank": 1, "of": 1, "score": "88",
    }  # fmt: skip
    for name, query in (
        ("e1", "period=2026-10"),
        ("ann", "period=2026-10"),
        ("e2", "period=2026-11"),
        ("e2", "period=2026-10&unit=NOWHERE"),
    ):
        await ask(name, f"/me/rank?{query}", status=404)
    for query in ("", "?period=2026-13", "?period=x", "?period=2026-Q5"):
        assert (await ask("e2", f"/me/rank{query}", status=422))["where"] == "query: period"


async def test_pages_of_assessments_walk_through_everything_once(ask, core):
    with writing(core) as conn:
        for month in (1, 2, 3):
            opened(conn, person="BUY", period=f"2023-0{month}", rater="HEAD")
    found, cursor = [], ""
    while cursor is not None:
        page = await ask("head", f"/assessments?limit=2{cursor and f'&cursor={cursor}'}")
        found += [one["number"] for one in page["assessments"]]
        cursor = page["next"]
    assert found == sorted(set(found), reverse=True)
    assert len(found) == 3
    of_month = await ask("head", "/assessments?period=2023-02")
    assert msgspec.convert(of_month, of.Assessments).assessments[0].period == "2023-02"
