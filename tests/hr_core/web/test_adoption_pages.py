"""From the waiting list to a person on pages: one asks, another confirms."""

import shutil

import pytest

from hr_core.store.database import open_database
from hr_core.store.people import load_roster
from tests.hr_core.accounts.quick import account
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.plant import NOW, running_plant

DEVICE = "ZK-A4N0311"
FORM = f"/en/waiting/adopt?device={DEVICE}&user=3071"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adopting")
    engine = running_plant(folder)
    account(engine, "ann", "hr", at=NOW)
    account(engine, "bob", "hr", at=NOW)
    account(engine, "eve", "auditor", at=NOW)
    account(engine, "li", "worker", person="1002", at=NOW)
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


def token_in(answer):
    return field(answer, "form_token")


def facts(token, **changes):
    fields = {
        "form_token": token,
        "device": DEVICE,
        "user": "3071",
        "name": "赵小明",
        "id_digits": "417X",
        "shift": "day",
        "hourly": "18.50",
    }
    return fields | changes


async def asked(engine, **changes):
    async with logged_in(engine, "ann") as client:
        token = token_in(await client.get(FORM))
        return await client.post("/en/waiting/adopt", data=facts(token, **changes))


def names(engine):
    with engine.connect() as conn:
        return {one.name for one in load_roster(conn).people.values()}


async def test_one_asks_and_another_confirms(core):
    assert (await asked(core)).status_code == 303
    assert "赵小明" not in names(core)
    async with logged_in(core, "bob") as client:
        page = await client.get("/en/waiting")
        assert "asked by ann" in page.text
        form = {"form_token": token_in(page), "adoption": "1", "verdict": "confirm"}
        assert (await client.post("/en/waiting/decide", data=form)).status_code == 303
        assert "3071" not in (await read(client, "/en/waiting")).text
    assert "赵小明" in names(core)


async def test_who_asked_does_not_confirm(core):
    await asked(core)
    async with logged_in(core, "ann") as client:
        page = await client.get("/en/waiting")
        assert 'value="confirm"' not in page.text
        form = {"form_token": token_in(page), "adoption": "1", "verdict": "confirm"}
        answer = await client.post("/en/waiting/decide", data=form)
    assert answer.status_code == 409
    assert "who asks does not confirm" in answer.text
    assert "赵小明" not in names(core)


async def test_who_asked_may_take_it_back(core):
    await asked(core)
    async with logged_in(core, "ann") as client:
        form = {"form_token": token_in(await client.get("/en/waiting")), "adoption": "1"}
        await client.post("/en/waiting/decide", data=form | {"verdict": "refuse"})
        assert "3071" in (await client.get("/en/waiting")).text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hourly": "18,50"}, "Cannot be read"),
        ({"first": "2026-02-30"}, "Cannot be read"),
        ({"hourly": ""}, "either base pay or an hourly rate"),
        ({"id_digits": "abc"}, "last ones of an id card"),
        ({"team": "no such"}, "there is no unit"),
        ({"name": "  "}, "has no name"),
    ],
)
async def test_what_is_wrong_is_said_above_the_form_with_what_was_typed(core, changes, said):
    answer = await asked(core, **changes)
    assert answer.status_code == 422
    assert said in answer.text
    if "name" not in changes:
        assert 'value="赵小明"' in answer.text


@pytest.mark.parametrize("name", ["eve", "li"])
async def test_others_may_neither_ask_nor_decide(core, name):
    async with logged_in(core, name) as client:
        assert (await client.get(FORM)).status_code == 403
        for place in ("adopt", "decide"):
            assert (await client.post(f"/en/waiting/{place}", data={})).status_code == 403


@pytest.mark.parametrize("token", ["", "another"])
async def test_a_form_of_elsewhere_is_refused(core, token):
    async with logged_in(core, "ann") as client:
        answer = await client.post("/en/waiting/adopt", data=facts(token))
    assert answer.status_code == 403
    with core.connect() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM adoptions").scalar() == 0


async def test_a_device_user_who_does_not_wait_has_no_form(core):
    async with logged_in(core, "ann") as client:
        answer = await client.get("/en/waiting/adopt?device=X&user=1")
    assert answer.status_code == 404


async def test_without_accounts_the_page_says_what_is_needed(browse, plant):
    async with browse(plant) as client:
        assert "hr-core init --admin" in (await client.get("/en/waiting")).text
        assert (await client.get(FORM)).status_code == 403
