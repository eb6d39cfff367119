"""360 degrees on a page: who names raters, who rates, and what the rated person never sees."""

import shutil

import pytest

from hr_core.audit.log import entries
from hr_core.performance.rating_360 import close_round, invite, rate
from hr_core.store.database import open_database, writing
from hr_core.store.ratings_360 import invitations, is_closed
from tests.hr_core.performance.score_desk import act
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import Page, read
from tests.hr_core.web.performance_plant import performing_core

PLACE = "/en/rate360"
PERIOD = "2026-10"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rounds")
    engine = performing_core(folder)
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return folder / "core.db"


@pytest.fixture
def core(database, tmp_path):
    shutil.copy(database, tmp_path / "core.db")
    engine = open_database(f"sqlite:///{tmp_path}/core.db")
    yield engine
    engine.dispose()


async def sent(engine, name, **fields):
    async with logged_in(engine, name) as client:
        token = field(await client.get("/en/account"), "form_token")
        common = {"form_token": token, "person": "E1", "period": PERIOD}
        return await client.post(PLACE, data=common | fields)


async def page_of(engine, name, place=f"{PLACE}?period={PERIOD}", status=200):
    async with logged_in(engine, name) as client:
        return await read(client, place, status)


async def invited(engine, name="ann", **raters):
    answer = await sent(engine, name, act="invite", **raters)
    assert answer.status_code == 303, answer.text


async def rated(engine, name, score, **more):
    return await sent(engine, name, act="rate", score=score, **more)


def raters(engine, person="E1"):
    with engine.connect() as conn:
        return {one.rater: one.relation for one in invitations(conn) if one.person == person}


def scores(engine):
    with engine.connect() as conn:
        return {one.rater: one.score for one in invitations(conn) if one.score is not None}


async def test_hr_names_raters_of_each_relation_at_once(core):
    await invited(core, superior="LEAD, HEAD", peer="E2、BUY")
    assert raters(core) == {"LEAD": "superior", "HEAD": "superior", "E2": "peer", "BUY": "peer"}
    page = await page_of(core, "ann")
    assert "waits for Buy, E2, Head, Lead" in page.text
    assert "0 in" in page.text
    with core.connect() as conn:
        logged = [one for one in entries(conn) if one.action == "rate360.invite"]
    assert {one.actor for one in logged} == {"ann"}
    assert not any(name in str(one.after) for one in logged for name in ("LEAD", "E2", "BUY"))


async def test_a_manager_runs_rounds_of_the_own_people_and_never_the_own(core):
    await invited(core, "lead", peer="E2")
    for person, status in (("LEAD", 404), ("BUY", 404), ("nobody", 404)):
        answer = await sent(core, "lead", act="invite", peer="E2", person=person)
        assert answer.status_code == status
    for name in ("e1", "e2", "eve"):
        for doing in ("invite", "close"):
            assert (await sent(core, name, act=doing, peer="BUY")).status_code == 403
    assert raters(core) == {"E2": "peer"}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "nobody is named"),
        ({"peer": "E2 E99"}, "no employee number and no person 'E99'"),
        ({"peer": "E2 E1"}, "neither rates itself"),
        ({"peer": "E2", "junior": "E2"}, "E2 is invited already"),
        ({"peer": " ".join(["E2"] * 31)}, "31 raters at once"),
    ],
)
async def test_one_wrong_name_invites_nobody_and_keeps_what_was_typed(core, form, said):
    answer = await sent(core, "ann", act="invite", **form)
    assert answer.status_code == 409
    page = Page(answer)
    assert said in page.text
    kept = {one["name"]: one.get("value") for one in page.attributes("input") if "name" in one}
    assert kept["peer"] == form.get("peer", "")
    assert raters(core) == {}


async def test_only_who_was_asked_rates_and_sees_the_own_mark_alone(core):
    await invited(core, peer="E2 BUY", superior="LEAD")
    assert "You are asked to rate" in (await page_of(core, "e2")).text
    assert (await rated(core, "e2", "77", note="always helps")).status_code == 303
    assert (await rated(core, "buyer", "64.5")).status_code == 303
    for name in ("e1", "head", "ann", "eve"):
        assert (await rated(core, name, "1")).status_code == 404, name
    page = await page_of(core, "e2")
    values = [one.get("value") for one in page.attributes("input")]
    assert "77" in values
    assert "64.5" not in page.text + str(values)
    assert (await rated(core, "e2", "101")).status_code == 409
    assert (await rated(core, "e2", "much")).status_code == 409
    assert (await rated(core, "e2", "80")).status_code == 303
    assert {name: str(score) for name, score in scores(core).items()} == {
        "E2": "80",
        "BUY": "129/2",
    }


async def test_whoever_runs_a_round_sees_no_mark_before_it_is_closed(core):
    await invited(core, peer="E2 BUY", superior="LEAD")
    await rated(core, "e2", "77", note="always helps")
    for name in ("ann", "lead", "head"):
        page = await page_of(core, name)
        assert "1 in" in page.text
        assert "77" not in page.text
        assert "always helps" not in page.text


async def test_the_rated_person_sees_neither_an_open_round_nor_a_rater(core):
    await invited(core, peer="E2 BUY HEAD", superior="LEAD")
    before = await page_of(core, "e1")
    assert "No round about you is closed" in before.text
    for name, score in (("e2", "90"), ("buyer", "80"), ("head", "70"), ("lead", "60")):
        assert (await rated(core, name, score, note=f"by {name}")).status_code == 303
    assert (await sent(core, "ann", act="close")).status_code == 303
    page = await page_of(core, "e1")
    # 50 and 30 of 100: (60 x 50 + 80 x 30) / 80. One superior alone is one person's mark, and the
    # peers beside it would give it away.
    assert "67.5 4 people rated" in page.text
    assert "superiors" not in page.text
    assert "peers" not in page.text
    for rater in ("E2", "Buy", "Head", "Lead", "by e2"):
        assert rater not in page.text
    other = await page_of(core, "e2")
    assert "67.5" not in other.text
    assert "67.5" in (await page_of(core, "ann")).text


async def test_fewer_than_three_are_never_shown_and_nothing_comes_after_the_close(core):
    await invited(core, peer="E2 BUY")
    await rated(core, "e2", "90")
    await rated(core, "buyer", "80")
    assert (await sent(core, "lead", act="close")).status_code == 303
    for name in ("e1", "ann", "lead"):
        page = await page_of(core, name)
        assert "2 rated: fewer than 3 are not shown" in page.text
        assert "85" not in page.text
    assert (await rated(core, "e2", "10")).status_code == 404
    assert (await sent(core, "ann", act="invite", superior="HEAD")).status_code == 409
    assert (await sent(core, "ann", act="close")).status_code == 409
    assert {name: str(score) for name, score in scores(core).items()} == {"E2": "90", "BUY": "80"}


async def test_a_round_that_nobody_began_is_not_closed(core):
    assert (await sent(core, "ann", act="close")).status_code == 404
    with core.connect() as conn:
        assert not is_closed(conn, "E1", PERIOD)
    for wrong in ({"act": "open"}, {"act": "invite", "period": "someday", "peer": "E2"}):
        assert (await sent(core, "ann", **wrong)).status_code == 400
    assert (await sent(core, "ann", act="invite", period="", peer="E2")).status_code == 409


async def test_relations_with_enough_raters_are_shown(core):
    with writing(core) as conn:
        for name, score in (("E2", 90), ("BUY", 80), ("HEAD", 70)):
            invite(conn, "E1", PERIOD, name, "peer", act("ann"))
            rate(conn, "E1", PERIOD, score, "", act(name))
        close_round(conn, "E1", PERIOD, act("ann"))
    page = await page_of(core, "e1")
    assert "peers 80" in page.text
