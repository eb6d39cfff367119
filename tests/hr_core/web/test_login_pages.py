"""Login, sessions and forms of pages, as a browser meets them."""

import asyncio
import re
import secrets
from datetime import timedelta

import httpx
import pytest

from hr_core.accounts import management, secret_text
from hr_core.accounts.login import LoginDesk, csrf_token
from hr_core.accounts.management import Act
from hr_core.api.app import create_app
from hr_core.store.database import writing
from hr_core.store.events import punches_of_users
from hr_core.store.sessions import find_session
from hr_core.web import board_stream
from hr_core.web.admission import Admission
from hr_core.web.routes import page_routes
from tests.hr_core.accounts.quick import PASSWORD, QUICK, Hours, account
from tests.hr_core.signed_batches import CORE_KEY
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.plant import NOW, approved_plant

NEW = "another long sentence"


@pytest.fixture(scope="module")
def paid_plant(tmp_path_factory):
    """With accounts: hr over all, a manager of none, workers 1001 and 1002."""
    engine = approved_plant(tmp_path_factory.mktemp("paid"))
    account(engine, "boss", "admin", at=NOW)
    account(engine, "chen", "manager", at=NOW)
    account(engine, "wang", "worker", person="1001", at=NOW)
    account(engine, "li", "worker", person="1002", at=NOW)
    yield engine
    engine.dispose()


@pytest.fixture
def hours():
    return Hours(NOW)


@pytest.fixture
def visit(hours):
    """Makes a browser of an engine's pages; `behind_proxy` as for --allow-remote."""

    def client(engine, *, behind_proxy=False, base_url="http://localhost", address="127.0.0.1"):
        login = LoginDesk(engine, QUICK, now=hours.now, entropy=secrets.token_bytes)
        admission = Admission(engine, hours, behind_proxy=behind_proxy)
        routes = page_routes(engine, hours, admission=admission, login=login)
        app = create_app(engine, clock=hours, core_key=CORE_KEY, extra_routes=routes)
        transport = httpx.ASGITransport(app, client=(address, 50_000))
        return httpx.AsyncClient(transport=transport, base_url=base_url)

    return client


def token_in(page):
    return re.search(r'name="form_token" value="([^"]*)"', page.text)[1]


async def log_in(client, name, password=PASSWORD, place="/en/login"):
    token = token_in(await client.get(place))
    form = {"form_token": token, "name": name, "password": password}
    return await client.post(place, data=form)


def cookies_of(answer):
    return answer.headers.get_list("set-cookie")


@pytest.mark.parametrize(
    "path", ["/zh/", "/en/run/1/1001", "/zh/event/00", "/zh/board", "/en/board/work", "/zh/nowhere", "/zh/account", "/en/board/stream"]
)  # fmt: skip
async def test_from_the_first_account_on_every_page_leads_to_the_login(paid_plant, visit, path):
    async with visit(paid_plant) as client:
        answer = await client.get(path)
        login = await client.get(answer.headers["location"])
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/{path[1:3]}/login?next=%2F")
    assert login.status_code == 200
    assert "1001" not in answer.text


async def test_a_login_leads_back_to_what_was_asked_for(paid_plant, visit):
    async with visit(paid_plant) as client:
        asked = await client.get("/en/run/1/1006?x=1")
        entered = await log_in(client, "boss", place=asked.headers["location"])
        assert entered.headers["location"] == "/en/run/1/1006?x=1"
        page = await read(client, "/en/run/1/1006")
    assert "Logged in as boss." in page.text


@pytest.mark.parametrize(
    "place", ["//evil.example/", "https://evil.example", "/\\evil", "/zh/\r\nX: y", "/login", "/fr/", "/en/\\\\e"]
)  # fmt: skip
async def test_a_login_never_leads_elsewhere(paid_plant, visit, place):
    async with visit(paid_plant) as client:
        token = token_in(await client.get("/en/login"))
        form = {"form_token": token, "name": "boss", "password": PASSWORD}
        entered = await client.post("/en/login", params={"next": place}, data=form)
    assert entered.headers["location"] == "/en/"


async def test_the_sessions_cookie_is_hidden_lax_and_secure_over_tls(paid_plant, visit):
    async with visit(paid_plant) as client:
        plain = cookies_of(await log_in(client, "boss"))[0]
    remote = visit(
        paid_plant, behind_proxy=True, base_url="https://core.example", address="9.9.9.9"
    )
    async with remote as client:
        secure = cookies_of(await log_in(client, "boss"))[0]
        assert (await client.get("/en/account")).status_code == 200
    for cookie in (plain, secure):
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert plain.startswith("clockline_session=s_")
    assert secure.startswith("__Host-clockline=s_")
    assert "Secure" in secure.split("; ")
    assert "Domain" not in secure


@pytest.mark.parametrize("name", ["boss", "nobody"])
async def test_a_wrong_password_and_a_name_of_nobody_answer_alike(paid_plant, visit, hours, name):
    async with visit(paid_plant) as client:
        answers = [await log_in(client, name, f"wrong password {n}") for n in range(6)]
        hours.pass_(minutes=30)
        await log_in(client, "boss")
    assert [one.status_code for one in answers] == [403] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "31"
    assert "Name or password is wrong" in answers[0].text
    assert name not in answers[0].text
    assert "wrong password" not in answers[0].text


async def test_an_address_gets_few_attempts_over_all_names(paid_plant, visit):
    remote = visit(
        paid_plant, behind_proxy=True, base_url="https://core.example", address="9.9.9.9"
    )
    async with remote as client:
        answers = [await log_in(client, f"guess{n}", "wrong password") for n in range(22)]
    assert [one.status_code for one in answers] == [403] * 20 + [429] * 2


async def test_a_session_planted_in_the_browser_is_never_taken_over(paid_plant, visit, hours):
    planted = secret_text.spell(secret_text.SESSION, b"\xee" * 32)
    async with visit(paid_plant) as client:
        client.cookies.set("clockline_session", planted)
        assert (await client.get("/en/")).status_code == 303
        mine = cookies_of(await log_in(client, "boss"))[0]
        again = cookies_of(await log_in(client, "boss"))[0]
    given = {re.match("[^=]+=([^;]+)", one)[1] for one in (mine, again)}
    assert planted not in given
    assert len(given) == 2
    first = secret_text.digest_of(secret_text.SESSION, re.match("[^=]+=([^;]+)", mine)[1])
    with paid_plant.connect() as conn:
        assert find_session(conn, secret_text.digest(b"\xee" * 32), hours.now()) is None
        assert find_session(conn, first, hours.now()) is None


async def test_a_login_form_of_another_browser_is_refused(paid_plant, visit):
    async with visit(paid_plant) as attacker:
        token = token_in(await attacker.get("/en/login"))
    form = {"form_token": token, "name": "boss", "password": PASSWORD}
    async with visit(paid_plant) as victim:
        await victim.get("/en/login")
        assert (await victim.post("/en/login", data=form)).status_code == 403
        form["form_token"] = token_in(await victim.get("/en/login"))
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert (await victim.post("/en/login", data=form, headers=elsewhere)).status_code == 403
        victim.cookies.clear()
        form["form_token"] = ""
        assert (await victim.post("/en/login", data=form)).status_code == 403


@pytest.mark.parametrize("place", ["/en/logout", "/en/account/password", "/en/board/alert/acknowledge"])  # fmt: skip
@pytest.mark.parametrize("token", ["", "x", "é", "of another session"])
async def test_every_form_of_a_session_needs_its_own_token(paid_plant, visit, place, token):
    async with visit(paid_plant) as client:
        await log_in(client, "boss")
        form = {"password": PASSWORD, "new": NEW, "again": NEW, "alert": "a", "by": "1001"}
        if token == "of another session":
            token = csrf_token(secret_text.spell(secret_text.SESSION, b"\1" * 32))
        answer = await client.post(place, data=form | {"form_token": token})
        still = await client.get("/en/account")
    assert answer.status_code == 403
    assert still.status_code == 200


async def test_a_form_without_a_session_leads_to_the_login(paid_plant, visit):
    async with visit(paid_plant) as client:
        for place in ("/en/logout", "/en/account/password", "/zh/board/alert/close"):
            answer = await client.post(place, data={"form_token": "x"})
            assert (answer.status_code, answer.headers["location"]) == (303, f"{place[:3]}/login")


async def test_logging_out_ends_the_session_on_both_sides(paid_plant, visit):
    async with visit(paid_plant) as client:
        await log_in(client, "boss")
        kept = client.cookies["clockline_session"]
        token = token_in(await client.get("/zh/account"))
        left = await client.post("/zh/logout", data={"form_token": token})
        assert (left.status_code, left.headers["location"]) == (303, "/zh/login")
        assert "Max-Age=0" in cookies_of(left)[0]
        client.cookies.set("clockline_session", kept)
        assert (await client.get("/zh/")).status_code == 303


async def test_a_session_ends_when_idle(paid_plant, visit, hours):
    async with visit(paid_plant) as client:
        await log_in(client, "boss")
        for _ in range(3):
            hours.pass_(minutes=29)
            assert (await client.get("/en/account")).status_code == 200
        hours.pass_(minutes=31)
        assert (await client.get("/en/account")).status_code == 303


async def test_each_role_sees_what_is_its_own(paid_plant, visit):
    async with visit(paid_plant) as client:
        await log_in(client, "wang")
        assert (await client.get("/en/")).headers["location"] == "/en/account"
        own = await read(client, "/en/account")
        assert "/en/run/1/1001" in own.links
        await read(client, "/en/run/1/1001")
        others = [await client.get(f"/en/run/1/{number}") for number in ("1002", "9999")]
        assert [one.status_code for one in others] == [404, 404]
        assert others[0].text.replace("1002", "X") == others[1].text.replace("9999", "X")
        slip = await read(client, "/en/run/1/1001")
        events = [link for link in slip.links if "/event/" in link]
        assert len(events) > 10
        assert "/en/event/" in events[0]
        for link in (events[0], events[-1]):
            found = await client.get(link)
            assert found.status_code == (200 if "1001" in found.text else 404)
        nobody = await client.get("/en/event/" + "0" * 32)
        with paid_plant.connect() as conn:
            other = next(punches_of_users(conn, ["1002"], NOW - timedelta(days=9), NOW))
        stranger = await client.get(f"/en/event/{other.event_id.hex()}")
        assert stranger.status_code == nobody.status_code == 404
        assert stranger.text.replace(other.event_id.hex(), "0" * 32) == nobody.text
        for path in ("/en/board", "/en/board/work", "/en/board/stream"):
            assert (await client.get(path)).status_code == 403, path
    async with visit(paid_plant) as client:
        await log_in(client, "chen")
        assert (await client.get("/en/")).headers["location"] == "/en/board"
        board = await read(client, "/en/board")
        assert "王芳" not in board.text
        assert "form_token" not in board.text
        token = token_in(await client.get("/en/account"))
        form = {"form_token": token, "alert": "a", "by": "1001"}
        for path in ("/en/board/work", "/en/run/1/1001"):
            assert (await client.get(path)).status_code in {403, 404}
        acted = await client.post("/en/board/alert/acknowledge", data=form)
        assert acted.status_code == 403
        assert "another role" in acted.text


async def test_a_password_that_must_be_changed_opens_nothing_else(paid_plant, visit, hours):
    act = Act(actor="boss", at=hours.now())
    with writing(paid_plant) as conn:
        kept = QUICK.keep(PASSWORD, name="li")
        management.set_password(conn, "li", kept, act, must_change=True)
    async with visit(paid_plant) as client:
        assert (await log_in(client, "li")).headers["location"] == "/en/account"
        assert (await client.get("/en/run/1/1002")).headers["location"] == "/en/account"
        token = token_in(page := await client.get("/en/account"))
        assert (await client.post("/en/logout")).status_code == 403  # open, with its own token
        assert "Choose a password of your own" in page.text
        form = {"form_token": token, "password": PASSWORD, "new": NEW, "again": NEW}
        for change, status, told in [
            ({"again": "other sentence"}, 422, "not the same"),
            ({"new": "short", "again": "short"}, 422, "less than 10"),
            ({"new": "1234567890", "again": "1234567890"}, 422, "first that are guessed"),
            ({"password": "wrong password"}, 403, "wrong"),
        ]:
            answer = await client.post("/en/account/password", data=form | change)
            assert answer.status_code == status, change
            assert told in answer.text
            assert NEW not in answer.text
        done = await client.post("/en/account/password", data=form)
        assert done.status_code == 303
        assert (await client.get("/en/run/1/1002")).status_code == 200


async def test_a_set_up_code_opens_the_account_once(paid_plant, visit, hours):
    account(paid_plant, "fresh", "auditor", password=None, at=NOW)
    with writing(paid_plant) as conn:
        act = Act(actor="boss", at=hours.now())
        code = management.make_setup_code(conn, "fresh", act, lambda size: b"\7" * size)
    async with visit(paid_plant) as client:
        form = {"code": code, "new": NEW, "again": NEW}
        form["form_token"] = token_in(await client.get("/zh/setup"))
        entered = await client.post("/zh/setup", data=form)
        assert entered.headers["location"] == "/zh/"
        assert (await client.get("/zh/")).status_code == 200
    async with visit(paid_plant) as client:
        form["form_token"] = token_in(await client.get("/zh/setup"))
        again = await client.post("/zh/setup", data=form)
    assert again.status_code == 403
    assert "设置码不对" in again.text
    assert code not in again.text


async def test_beyond_this_machine_nothing_opens_before_the_first_account(new_core, visit):
    async with visit(new_core, behind_proxy=True) as client:
        for path in ("/zh/", "/en/board", "/zh/login", "/zh/setup"):
            assert (await client.get(path)).status_code == 403
        assert "hr-core account add" in (await client.get("/en/")).text


async def test_on_this_machine_all_is_as_ever_before_the_first_account(new_core, visit):
    async with visit(new_core) as client:
        assert "No login yet: only on this machine" in (await client.get("/en/")).text
        assert (await client.get("/en/account")).headers["location"] == "/en/"


@pytest.mark.parametrize(("address", "base_url"), [("10.0.0.9", "http://localhost"), ("127.0.0.1", "http://evil.example")])  # fmt: skip
async def test_without_allow_remote_other_machines_do_not_even_get_the_login(
    paid_plant, visit, address, base_url
):
    async with visit(paid_plant, address=address, base_url=base_url) as client:
        assert (await client.get("/en/login")).status_code == 403
        assert (await client.post("/en/login", data={})).status_code == 403


async def test_a_large_form_is_cut(paid_plant, visit):
    async with visit(paid_plant) as client:
        token = token_in(await client.get("/en/login"))
        form = {"form_token": token, "name": "boss", "password": "x" * 20_000}
        assert (await client.post("/en/login", data=form)).status_code == 413


async def test_an_open_stream_ends_with_its_session(paid_plant, visit, monkeypatch):
    told_once, real = asyncio.Event(), board_stream._wait

    async def waited(stopping, seconds):
        told_once.set()
        await real(stopping, seconds)

    monkeypatch.setattr(board_stream, "_wait", waited)
    async with visit(paid_plant) as client:
        await log_in(client, "boss")
        token = token_in(await client.get("/en/account"))
        stream = asyncio.create_task(client.get("/en/board/stream"))
        await asyncio.wait_for(told_once.wait(), 30)
        await client.post("/en/logout", data={"form_token": token})
        told = await asyncio.wait_for(stream, 5)
    assert told.status_code == 200
    assert "event: part" in told.text


async def test_no_password_reaches_the_log(paid_plant, visit, caplog):
    caplog.set_level(0)
    async with visit(paid_plant) as client:
        await log_in(client, "boss")
        await log_in(client, "boss", "wrong password 77")
    assert PASSWORD not in caplog.text
    assert "wrong password" not in caplog.text
    assert "clockline_session" not in caplog.text
