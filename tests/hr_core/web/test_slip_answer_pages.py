"""A worker's own payslip: its sides, the receipt, the objection, the reply of somebody else."""

import shutil

import pytest

from hr_core.store.database import open_database
from hr_core.store.results import lines_of
from hr_core.store.slip_answers import SlipPlace, answers_of
from tests.hr_core.accounts.quick import account
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.plant import NOW, approved_plant

OWN = "/en/run/1/1006"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("answering")
    engine = approved_plant(folder)
    account(engine, "ann", "hr", at=NOW)
    account(engine, "zhao", "worker", person="1006", at=NOW)
    account(engine, "li", "worker", person="1002", at=NOW)
    account(engine, "zhao-hr", "hr", person="1006", at=NOW)
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


async def said(client, act="receive", **changes):
    page = await client.get(OWN)
    fields = {"form_token": field(page, "form_token"), "run": "1", "person": "1006", "act": act}
    fields["digest"] = field(page, "digest") if 'name="digest"' in page.text else ""
    return await client.post("/en/slip-answer", data=fields | changes)


def answers(engine):
    with engine.connect() as conn:
        return answers_of(conn, SlipPlace(1, "1006"))


async def test_a_worker_confirms_the_own_slip_once(core):
    async with logged_in(core, "zhao") as client:
        assert "Says only that you have it" in (await read(client, OWN)).text
        assert (await said(client, "receive")).status_code == 303
        after = await read(client, OWN)
    assert "Receipt confirmed on 2026-11" in after.text
    assert "Confirm receipt" not in after.text
    (receipt,) = answers(core)
    assert receipt.by == "1006"


async def test_an_objection_reaches_hr_and_comes_back_with_its_reply(core):
    async with logged_in(core, "zhao") as client:
        reason = "<b>14 Oct</b> & the night"
        assert (await said(client, "object", line="base", reason=reason)).status_code == 303
        assert "Waits for a reply" in (await read(client, OWN)).text
    async with logged_in(core, "ann") as client:
        listed = await client.get("/en/objections")
        assert "&lt;b&gt;14 Oct&lt;/b&gt; &amp; the night" in listed.text
        form = {
            "form_token": field(listed, "form_token"),
            "objection": field(listed, "objection"),
            "verdict": "rejected",
            "reply": "the base is as agreed",
        }
        assert (await client.post("/en/slip-answer/reply", data=form)).status_code == 303
        assert "No objection waits" in (await read(client, "/en/objections")).text
    async with logged_in(core, "zhao") as client:
        page = await read(client, OWN)
    assert "the payslip is right · ann" in page.text
    assert "the base is as agreed" in page.text


async def test_the_same_human_does_not_reply_under_another_account(core):
    async with logged_in(core, "zhao") as client:
        await said(client, "object", reason="too little")
    async with logged_in(core, "zhao-hr") as client:
        listed = await read(client, "/en/objections")
        assert "somebody else has to reply" in listed.text
        assert not listed.attributes("textarea")
        token = field(await client.get(OWN), "form_token")
        form = {"form_token": token, "objection": "1", "verdict": "accepted", "reply": "yes"}
        refused = await client.post("/en/slip-answer/reply", data=form)
    assert refused.status_code == 409
    assert "own" in refused.text
    assert answers(core)[0].open


async def test_nobody_answers_for_another_not_even_hr(core):
    for name in ("li", "ann"):
        async with logged_in(core, name) as client:
            token = field(await client.get("/en/account"), "form_token")
            form = {"form_token": token, "run": "1", "person": "1006", "act": "receive"}
            answer = await client.post("/en/slip-answer", data=form)
        assert answer.status_code == 404
    assert answers(core) == []


async def test_a_worker_may_not_list_or_reply(core):
    async with logged_in(core, "li") as client:
        assert (await client.get("/en/objections")).status_code == 403
        token = field(await client.get("/en/account"), "form_token")
        form = {"form_token": token, "objection": "1", "verdict": "accepted", "reply": "yes"}
        assert (await client.post("/en/slip-answer/reply", data=form)).status_code == 403


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"form_token": "stale"}, 403),
        ({"run": "x"}, 400),
        ({"run": "99"}, 404),
        ({"digest": "0" * 64}, 409),
        ({"act": "object", "reason": " "}, 409),
        ({"act": "object", "reason": "why", "line": "nothing"}, 409),
    ],
)
async def test_odd_forms_are_refused_in_words(core, changes, status):
    async with logged_in(core, "zhao") as client:
        assert (await said(client, **changes)).status_code == status
    assert answers(core) == []


async def test_a_worker_reaches_every_event_of_the_own_slip_and_none_of_others(core):
    with core.connect() as conn:
        own = {event for line in lines_of(conn, 1, "1006") for event in line.trace.event_ids}
        others = {event for line in lines_of(conn, 1, "1002") for event in line.trace.event_ids}
    async with logged_in(core, "zhao") as client:
        page = await read(client, OWN)
        linked = [link for link in page.links if "/event/" in link]
        assert len(set(linked)) == len(own)
        for link in linked[::7]:
            await read(client, link)
        for event in sorted(others - own)[::5]:
            for query in ("", "?run=1&person=1006", "?run=1&person=1002", "?run=x&person=1006"):
                await read(client, f"/en/event/{event}{query}", status=404)


async def test_who_looks_at_it_without_owning_it_sees_no_forms(core):
    async with logged_in(core, "ann") as client:
        page = await read(client, OWN)
    assert "Confirm receipt" not in page.text
    assert not page.attributes("textarea")
