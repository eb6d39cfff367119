"""The attendance pages of the plant: what stands there is what was computed."""

import re
import secrets
from datetime import date, timedelta

import httpx
import pytest

from hr_core.accounts.login import LoginDesk
from hr_core.api.app import create_app
from hr_core.people.records import Membership, Role, Unit, UnitKind
from hr_core.store.attendance_days import days_of_person
from hr_core.store.database import writing
from hr_core.store.organisation import Organisation, save_organisation
from hr_core.web.admission import Admission
from hr_core.web.routes import page_routes
from tests.hr_core.accounts.quick import PASSWORD, QUICK, account
from tests.hr_core.signed_batches import CORE_KEY
from tests.hr_core.web.plant import (
    HOSTILE,
    NAMES,
    NOW,
    NUMBERS,
    PlantClock,
    approve_run,
    running_plant,
)


async def page(browse, engine, place, status=200):
    async with browse(engine) as client:
        answer = await client.get(place)
    assert answer.status_code == status, answer.text
    return answer.text


async def test_the_grid_has_a_row_for_everybody_and_a_cell_for_every_day(browse, plant):
    html = await page(browse, plant, "/zh/month?month=2026-10&all=1")
    table = html[html.index("<tbody>") : html.index("</tbody>")]
    rows = table.split("<tr>")[1:]
    assert len(rows) == len(NAMES)
    for number, name, row in zip(NUMBERS, NAMES, rows, strict=True):
        assert name in row
        assert len(re.findall(r"<td class=\"(?!n\")", row)) == 31
        assert f"/zh/day/2026-10-15/{number}" in row


async def test_only_who_has_something_open_is_shown_unless_asked(browse, plant):
    html = await page(browse, plant, "/en/month?month=2026-10")
    assert "陈静" in html  # her leaving punch of the 21st is missing
    assert "王芳" not in html
    assert "马超" in html  # nothing of him on the 15th
    assert "18 of 20 people have nothing open" in html


async def test_a_month_of_nobody_says_what_to_do(browse, new_core):
    html = await page(browse, new_core, "/en/month?month=2026-10")
    assert "hr-core import" in html


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("/en/month?month=1999-10", "no working calendar of 1999"),
        ("/en/month/2026-10/9999", "Nobody has the number 9999"),
        ("/en/day/2026-10-15/9999", "Nobody has the number 9999"),
        ("/en/day/2026-02-30/1001", "/en/day/2026-02-30/1001"),
        ("/en/month/2026-13/1001", "/en/month/2026-13/1001"),
    ],
)
async def test_what_is_not_there_is_said(browse, plant, place, said):
    assert said in await page(browse, plant, place, status=404)


async def test_a_query_that_cannot_be_read_is_refused(browse, plant):
    html = await page(browse, plant, "/en/month?month=2026-1x", status=400)
    assert "2026-1x" in html


async def test_every_minute_of_a_day_adds_up(browse, plant):
    with plant.connect() as conn:
        stored = days_of_person(conn, "1007", date(2026, 10, 15), date(2026, 10, 16))
    (day,) = (one.result for one in stored.values())
    assert sum(one.minutes for one in day.intervals if one.counts == "regular") == 480
    html = await page(browse, plant, "/en/day/2026-10-15/1007")
    total = sum(one.minutes for one in day.intervals)
    assert f'<td class="n">{total // 60}:{total % 60:02d}</td>' in html
    for event_id in day.used:
        assert f"/en/event/{event_id}" in html


async def test_a_day_shows_the_way_of_each_punch_and_the_slips_that_used_it(browse, plant):
    html = await page(browse, plant, "/en/day/2026-10-15/1007")
    assert html.count("→ core") == 2
    assert "/en/run/1/1007" in html


async def test_a_day_with_incomplete_terminals_is_not_judged(browse, plant):
    html = await page(browse, plant, "/en/day/2026-10-21/1005")
    assert "Incomplete: absence is not judged yet" in html
    assert "Waiting for ZK-A4N0311" in html
    assert "Absent" not in html


async def test_a_day_that_nobody_computed_says_who_does(browse, plant):
    tomorrow = date(2026, 11, 20) + timedelta(days=5)
    html = await page(browse, plant, f"/en/day/{tomorrow}/1001")
    assert "hr-core attendance compute" in html


async def test_the_waiting_list_names_what_waits(browse, plant):
    html = await page(browse, plant, "/en/waiting")
    assert "3071" in html  # punched at noon, and no person claims it
    assert "/en/day/2026-10-21/1005" in html
    assert "ZK-A4N0311" in html[html.index('id="devices"') :]  # nothing was ever heard of it


async def test_names_are_escaped(browse, tmp_path):
    engine = running_plant(tmp_path, HOSTILE)
    try:
        for place in ("month?month=2026-10&all=1", "month/2026-10/1001", "day/2026-10-15/1001"):
            html = await page(browse, engine, f"/zh/{place}")
            assert HOSTILE not in html
            assert "&lt;script&gt;" in html
    finally:
        engine.dispose()


@pytest.fixture(scope="module")
def two_teams(tmp_path_factory):
    """1001 to 1005 in D1, 1006 to 1010 in D2; 1004 came from D2 on 12 October."""
    engine = running_plant(tmp_path_factory.mktemp("teams"))
    moved = date(2026, 10, 12)
    members = [Membership(person=f"{n}", unit="D1") for n in (1001, 1002, 1003, 1005)]
    members += [Membership(person=f"{n}", unit="D2") for n in range(1006, 1011)]
    members += [
        Membership(person="1004", unit="D2", valid_until=moved),
        Membership(person="1004", unit="D1", valid_from=moved),
        Membership(person="1001", unit="D1", role=Role.MANAGER),
    ]
    units = {code: Unit(code=code, name=code, kind=UnitKind.TEAM) for code in ("D1", "D2")}
    with writing(engine) as conn:
        save_organisation(conn, Organisation(units=units, memberships=tuple(members)))
    account(engine, "boss", "admin", at=NOW)
    account(engine, "chen", "manager", person="1001", at=NOW)
    account(engine, "li", "worker", person="1002", at=NOW)
    yield engine
    engine.dispose()


async def seen(engine, name, place):
    """(status, text) of a page for a logged-in account."""
    login = LoginDesk(engine, QUICK, now=PlantClock().now, entropy=secrets.token_bytes)
    admission = Admission(engine, PlantClock())
    routes = page_routes(engine, PlantClock(), admission=admission, login=login)
    app = create_app(engine, clock=PlantClock(), core_key=CORE_KEY, extra_routes=routes)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        form = await client.get("/en/login")
        token = re.search(r'name="form_token" value="([^"]*)"', form.text)[1]
        words = {"form_token": token, "name": name, "password": PASSWORD}
        assert (await client.post("/en/login", data=words)).status_code == 303
        answer = await client.get(place)
    return answer.status_code, answer.text


async def test_a_manager_sees_the_team_and_a_worker_only_the_own_row(two_teams):
    grid = "/en/month?month=2026-10&all=1"
    _, manager = await seen(two_teams, "chen", grid)
    assert "<small>People: 5</small>" in manager
    assert "/en/month/2026-10/1005" in manager
    assert "/en/month/2026-10/1006" not in manager
    _, worker = await seen(two_teams, "li", grid)
    assert "<small>People: 1</small>" in worker
    _, admin = await seen(two_teams, "boss", grid)
    assert "<small>People: 20</small>" in admin


@pytest.mark.parametrize(
    ("name", "place", "status"),
    [
        ("chen", "day/2026-10-15/1004", 200),
        ("chen", "day/2026-10-09/1004", 404),  # then in the other team
        ("chen", "month/2026-10/1006", 404),
        ("chen", "day/2026-10-15/1006", 404),
        ("li", "day/2026-10-15/1002", 200),
        ("li", "day/2026-10-15/1001", 404),
        ("li", "month/2026-10/1001", 404),
        ("boss", "day/2026-10-15/1006", 200),
        ("li", "waiting", 403),
        ("chen", "waiting", 403),
        ("boss", "waiting", 200),
    ],
)
async def test_each_day_by_the_organisation_of_that_day(two_teams, name, place, status):
    assert (await seen(two_teams, name, f"/en/{place}"))[0] == status


async def test_a_person_of_another_team_is_like_one_that_never_was(two_teams):
    _, outside = await seen(two_teams, "li", "/en/day/2026-10-15/1001")
    _, unknown = await seen(two_teams, "li", "/en/day/2026-10-15/7777")
    assert outside.replace("1001", "7777") == unknown


async def test_a_month_shows_the_days_that_are_seen_alone(two_teams):
    _, html = await seen(two_teams, "chen", "/en/month/2026-10/1004")
    cells = {int(one) for one in re.findall(r'<span class="date">(\d+)</span>', html)}
    assert cells == set(range(1, 32))
    (hours,) = re.findall(r"<dt>Hours</dt><dd>(\d+):", html)
    _, whole = await seen(two_teams, "boss", "/en/month/2026-10/1004")
    (all_hours,) = re.findall(r"<dt>Hours</dt><dd>(\d+):", whole)
    assert int(hours) == int(all_hours) - 24  # the 8th, 9th and 10th were in the other team


async def test_a_manager_sees_no_slip_of_the_team(two_teams):
    assert "/en/run/1/" not in (await seen(two_teams, "chen", "/en/day/2026-10-15/1002"))[1]
    assert "/en/run/1/1002" in (await seen(two_teams, "boss", "/en/day/2026-10-15/1002"))[1]
    assert "/en/run/1/" not in (await seen(two_teams, "li", "/en/day/2026-10-15/1002"))[1]
    approve_run(two_teams)
    assert "/en/run/1/" not in (await seen(two_teams, "chen", "/en/day/2026-10-15/1002"))[1]
    assert "/en/run/1/1002" in (await seen(two_teams, "li", "/en/day/2026-10-15/1002"))[1]
