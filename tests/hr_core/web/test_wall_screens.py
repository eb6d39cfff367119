"""A screen on a wall: its token opens the board's wall form and nothing else."""

import itertools
import secrets
from datetime import timedelta

import httpx
import pytest

from hr_core.accounts import management
from hr_core.accounts.errors import AccountError
from hr_core.accounts.login import LoginDesk
from hr_core.accounts.management import Act, TokenOrder
from hr_core.accounts.model import Right
from hr_core.api.app import create_app
from hr_core.api.v1.app import api_routes
from hr_core.store.database import writing
from hr_core.web.admission import Admission
from hr_core.web.routes import page_routes
from tests.hr_core.accounts.quick import QUICK, Hours, account
from tests.hr_core.signed_batches import CORE_KEY
from tests.hr_core.web.plant import NOW, running_plant

ACT = Act(actor="test", at=NOW)
# of every kind of page and answer that shows people or changes something
SHUT = [
    "/zh/",
    "/zh/account",
    "/zh/month",
    "/zh/waiting",
    "/zh/run/1/1001",
    "/zh/board/work?since=1760000000&until=1760003600",
    "/zh/nothing",
]


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    engine = running_plant(tmp_path_factory.mktemp("wall"))
    account(engine, "boss", "admin", at=NOW)
    account(engine, "wang", "worker", person="1001", at=NOW)
    yield engine
    engine.dispose()


@pytest.fixture
def hours():
    return Hours(NOW)


@pytest.fixture
def token(plant):
    def make(*scopes, name="boss", days=300):
        order = TokenOrder(
            account=name, scopes=scopes or (Right.BOARD_WALL,), valid_for=timedelta(days=days)
        )
        with writing(plant) as conn:
            return management.create_token(conn, order, ACT, secrets.token_bytes)

    return make


@pytest.fixture
async def screen(plant, hours):
    admission = Admission(plant, hours)
    login = LoginDesk(plant, QUICK, now=hours.now, entropy=secrets.token_bytes)
    ticks = itertools.count()
    app = create_app(
        plant,
        clock=hours,
        core_key=CORE_KEY,
        extra_routes=[
            *api_routes(plant, hours, admission=admission, monotonic=lambda: next(ticks) / 1e6),
            *page_routes(plant, hours, admission=admission, login=login),
        ],
    )
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_a_screen_shows_the_wall_form_and_its_address_has_no_token(screen, token):
    text, _ = token()
    opened = await screen.get(f"/zh/board/wall?token={text}")
    assert (opened.status_code, opened.headers["location"]) == (303, "/zh/board?wall=1")
    assert opened.headers["referrer-policy"] == "no-referrer"
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    for address in ("/zh/board?wall=1", "/zh/board", "/zh/board?line=L1"):
        page = await screen.get(address)
        assert page.status_code == 200
        assert text not in page.text
        for shown in ("王芳", "boss", 'name="form_token"', "/zh/account"):
            assert shown not in page.text, (address, shown)
        assert 'class="board wall"' in page.text


@pytest.mark.parametrize("address", SHUT)
async def test_every_other_page_asks_for_a_login(screen, token, address):
    await screen.get(f"/zh/board/wall?token={token()[0]}")
    answer = await screen.get(address)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/zh/login")


async def test_it_acts_on_no_alert_and_reads_no_api(screen, token):
    text, _ = token()
    await screen.get(f"/zh/board/wall?token={text}")
    acted = await screen.post("/zh/board/alert/acknowledge", data={"alert": "x", "by": "1001"})
    assert (acted.status_code, acted.headers["location"]) == (303, "/zh/login")
    for path in ("/people", "/lines/rates?month=2026-10", "/watermarks"):
        assert (await screen.get(f"/api/v1{path}")).status_code == 401  # the cookie is no session
        header = {"Authorization": f"Bearer {text}"}
        assert (await screen.get(f"/api/v1{path}", headers=header)).status_code == 403


async def test_it_ends_by_revocation_at_once_and_by_its_day(screen, token, plant, hours):
    text, made = token()
    await screen.get(f"/zh/board/wall?token={text}")
    with writing(plant) as conn:
        management.revoke_token(conn, made.id, ACT)
    assert (await screen.get("/zh/board?wall=1")).status_code == 303
    await screen.get(f"/zh/board/wall?token={token(days=2)[0]}")
    hours.pass_(days=1, hours=23)
    assert (await screen.get("/zh/board?wall=1")).status_code == 200
    hours.pass_(hours=2)
    assert (await screen.get("/zh/board?wall=1")).status_code == 303


async def test_other_tokens_and_texts_open_nothing(screen, token):
    texts = (token(Right.QUALITY_READ)[0], "", "x", "clk_" + "A" * 43, "é" * 47)
    answers = [await screen.get("/zh/board/wall", params={"token": text}) for text in texts]
    assert {one.status_code for one in answers} == {403}
    assert not any("set-cookie" in one.headers for one in answers)


def test_such_a_token_has_no_other_scope_and_a_worker_makes_none(token):
    with pytest.raises(AccountError, match="nothing else"):
        token(Right.BOARD_WALL, Right.QUALITY_READ)
    with pytest.raises(AccountError, match="cannot give"):
        token(name="wang")
