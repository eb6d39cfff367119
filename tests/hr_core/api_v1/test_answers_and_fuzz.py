"""Contents, pages, caps, the description, and whatever a stranger may send: never a 500."""

import re
from datetime import date

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hr_core.api.v1 import answers as of
from hr_core.api.v1.parameters import LONGEST_SPAN_DAYS
from hr_core.attendance.live.rule_sets import load_engines
from hr_core.store.person_records import employee_numbers
from hr_core.trace.explain_day import explain_day_of_person
from hr_core.trace.explained_day import ExplainedDay
from tests.hr_core.web.plant import NOW

API = "/api/v1"


@pytest.fixture
async def admin(paid, served, bearer):
    async with served(paid) as client:
        client.headers = bearer("admin")
        yield client


async def read(client, path, shape, status=200):
    answer = await client.get(API + path)
    assert answer.status_code == status, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return msgspec.json.decode(answer.content, type=shape)


async def test_a_day_names_every_punch_and_what_it_did(admin):
    one = await read(admin, "/people/1001/days/2026-10-09", ExplainedDay)
    assert (one.person, one.arrived) == ("1001", "2026-10-09T07:42:09")
    assert one.devices  # what it waits for, and until when each device is complete
    assert [punch.role for punch in one.punches] == ["arrived", "left"]
    assert all(punch.counted and len(punch.way) >= 2 for punch in one.punches)
    assert sum(part.minutes for part in one.minutes) > 0
    alone = await read(admin, "/people/1005/days/2026-10-21", ExplainedDay)
    assert [punch.role for punch in alone.punches] == ["arrived"]
    assert (await admin.get(f"{API}/people/1001/days/2027-01-04")).status_code == 409


async def test_a_key_is_never_taken_for_somebody_elses_number(admin, paid):
    """1005's number since November is "1001": the key still means the person of the key."""
    one = await read(admin, "/people/1001/days/2026-10-09", ExplainedDay)
    with paid.connect() as conn:
        transaction = conn.begin_nested()
        conn.execute(
            employee_numbers.update()
            .where(employee_numbers.c.employee_number == "1001")
            .values(person="1005")
        )
        found = explain_day_of_person(conn, load_engines(conn), "1001", date(2026, 10, 9), NOW)
        transaction.rollback()
    assert (found.person, found.name) == (one.person, one.name) == ("1001", "王芳")


async def test_days_agree_with_the_month_of_the_command_line(admin, paid):
    from hr_core.clock import Month
    from hr_core.views import attendance_of
    from tests.hr_core.web.plant import NOW

    months = await read(admin, "/people/1013/days?from=2026-10-01&until=2026-11-01", of.Days)
    with paid.connect() as conn:
        days = attendance_of(conn, "1013", Month(2026, 10), NOW).days
    assert {one.employee_number for one in months.days} == {"1013"}
    told = [msgspec.to_builtins(one) for one in months.days]
    assert [
        {name: value for name, value in one.items() if name != "employee_number"} for one in told
    ] == [msgspec.to_builtins(one) for one in days]


async def test_pages_walk_through_everything_once(admin):
    for path, field, shape, whole in [
        ("/people?limit=7", "people", of.People, 20),
        ("/punches?from=2026-10-08&until=2026-10-09&limit=9", "punches", of.Punches, 40),
        ("/requests?limit=2", "requests", of.Requests, None),
        ("/watermarks?limit=1", "devices", of.Watermarks, 2),
        ("/waiting?from=2026-11-01&until=2026-12-01&limit=1", "users", of.Waiting, 1),
    ]:
        found, cursor, rounds = [], "", 0
        while cursor is not None:
            page = await read(admin, path + (f"&cursor={cursor}" if cursor else ""), shape)
            found += getattr(page, field)
            cursor, rounds = page.next, rounds + 1
            assert rounds < 50
        at_once = whole or len((await read(admin, "/requests?limit=500", of.Requests)).requests)
        assert len(found) == at_once, path
        assert len({msgspec.json.encode(one) for one in found}) == at_once, path


async def test_people_are_found_by_part_of_name_or_number(admin):
    assert [one.person for one in (await read(admin, "/people?words=王", of.People)).people] == [
        "1001"
    ]
    assert len((await read(admin, "/people?words=101", of.People)).people) == 10
    assert (await read(admin, "/people?words=%25", of.People)).people == ()


async def test_a_slip_tells_its_lines_and_rules(admin):
    heads = await read(admin, "/people/1001/slips", of.Slips)
    slip = await read(admin, f"/people/1001/slips/{heads.slips[0].run}", of.SlipAnswer)
    assert slip.total_fen == sum(line.amount_fen for line in slip.lines)
    assert all(line.rule and line.source for line in slip.lines)
    assert (await admin.get(f"{API}/people/1001/slips/9")).status_code == 404


async def test_line_rates_and_the_waiting_list(admin):
    rates = await read(admin, "/lines/rates?month=2026-10", of.LineRates)
    assert [one.line for one in rates.lines] == ["L1", "L2"]
    assert sum(one.pieces for one in rates.lines) == rates.total_pieces
    waiting = await read(admin, "/waiting?from=2026-11-20&until=2026-11-21", of.Waiting)
    assert [(one.user_id, one.punches) for one in waiting.users] == [("3071", 1)]


async def test_a_user_id_waits_on_the_days_on_which_it_was_nobodys(tmp_path, served):
    from datetime import date, datetime

    from hr_core.api.v1.reading import waiting_users
    from hr_core.store.database import writing
    from hr_core.store.people import device_users
    from protocols.records import Direction
    from tests.hr_core.web.plant import empty_core, ingest, observe, punch

    engine = empty_core(tmp_path)
    days = [observe(punch("3071", datetime(2026, 11, day, 8), Direction.IN)) for day in (2, 10, 18)]
    ingest(engine, days)
    with writing(engine) as conn:
        for first, until in ((date(2026, 1, 1), date(2026, 11, 5)), (date(2026, 11, 15), None)):
            conn.execute(
                device_users.insert().values(
                    serial="*", user_id="3071", number="1001", valid_from=first, valid_until=until
                )
            )
        november = (date(2026, 11, 1), date(2026, 12, 1))
        assert [one[2:4] for one in waiting_users(conn, *november)] == [
            (1, datetime(2026, 11, 10, 8))
        ]
        assert waiting_users(conn, date(2026, 11, 1), date(2026, 11, 10)) == []
    engine.dispose()


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/people?limit=0", "query: limit"),
        ("/people?limit=501", "query: limit"),
        ("/people?cursor=!", "query: cursor"),
        ("/people?cursor=_____w", "query: cursor"),
        ("/requests?cursor=YWJj", "query: cursor"),
        ("/watermarks?cursor=YWJj", "query: cursor"),
        ("/people?cursor=" + "a" * 300, "query: cursor"),
        ("/people?words=%00", "query: words"),
        ("/people/1001/days", "query: from"),
        ("/people/1001/days?from=2026-10-01&until=2026-10-01", "query: from, until"),
        ("/people/1001/days?from=2026-10-02&until=2026-10-01", "query: from, until"),
        ("/people/1001/days?from=2026-01-01&until=2026-12-01", "query: from, until"),
        ("/people/1001/days?from=0001-01-01&until=9999-12-31", "query: from"),
        ("/people/1001/days?from=1700000000&until=1700000000", "query: from"),
        ("/people/1001/days/2026-02-30", "path: day"),
        ("/people/1001/slips/0", "path: run"),
        ("/people/1001/slips/99999999999999", "path: run"),
        ("/people/" + "x" * 65, "path: person"),
        ("/people/%00", "path: person"),
        ("/lines/rates?month=2026-13", "query: month"),
        ("/lines/rates?month=9999-01", "query: month"),
        ("/requests?state=lost", "query: state"),
    ],
)
async def test_what_cannot_be_read_is_told_with_its_place(admin, path, where):
    answer = await admin.get(API + path)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["where"] == where
    assert problem["remedy"]
    assert len(answer.content) < 1000


async def test_a_span_at_the_cap_is_answered(admin):
    assert LONGEST_SPAN_DAYS == 62
    await read(admin, "/people/1001/days?from=2026-10-01&until=2026-12-02", of.Days)


async def test_a_year_without_a_calendar_is_a_problem_with_its_remedy(admin):
    answer = await admin.get(f"{API}/people/1001/days?from=1999-01-04&until=1999-01-05")
    assert answer.status_code == 409
    assert "calendar" in answer.json()["detail"]


async def test_methods_and_paths_that_are_none(admin):
    assert (await admin.post(f"{API}/people")).status_code == 405
    assert (await admin.put(f"{API}/people/1001/requests")).status_code == 405
    assert (await admin.get(f"{API}/nowhere")).status_code == 404
    assert (await admin.delete(f"{API}/people/1001")).status_code == 405


async def test_a_dead_database_is_a_503(served, tmp_path, caplog):
    from hr_core.store.database import open_database

    engine = open_database(f"sqlite:///{tmp_path}/none/core.db")
    async with served(engine) as client:
        answer = await client.get(f"{API}/me", headers={"Authorization": "Bearer clk_" + "A" * 43})
    engine.dispose()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"


async def test_the_description_is_whole(admin):
    told = (await admin.get(f"{API}/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    assert told["servers"] == [{"url": API}]
    paths = told["paths"]
    assert len(paths) == 38
    names = set(told["components"]["schemas"])
    used = set(re.findall(r'"#/components/schemas/(\w+)"', msgspec.json.encode(told).decode()))
    assert used <= names
    for path, methods in paths.items():
        for one in methods.values():
            assert one["description"], path
            assert one["security"], path
            assert {"401", "403", "404", "422"} <= set(one["responses"])
            assert {"200", "201"} & set(one["responses"])
            assert all(parameter.get("description") for parameter in one.get("parameters", ())), (
                path
            )
            assert set(re.findall(r"\{(\w+)\}", path)) == {
                parameter["name"]
                for parameter in one.get("parameters", ())
                if parameter["in"] == "path"
            }


async def test_every_route_is_described_and_the_page_shows_each(admin, paid, served):
    from hr_core.api.v1 import (
        adoption_routes,
        approval_routes,
        pay_routes,
        people_routes,
        plan_routes,
        plant_routes,
        request_routes,
        score_routes,
    )

    told = (await admin.get(f"{API}/openapi.json")).json()
    routes = {
        route.path.replace(":path", "")
        for one in (
            adoption_routes,
            approval_routes,
            pay_routes,
            people_routes,
            plan_routes,
            plant_routes,
            request_routes,
            score_routes,
        )
        for route in one.router.routes
    }
    assert routes == set(told["paths"])
    page = await admin.get(f"{API}/docs")
    for route in routes:
        assert f"{API}{route}<" in page.text
    assert "<script" not in page.text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)
    assert "script-src 'none'" in page.headers["Content-Security-Policy"]


def values(schema):
    """Hypothesis values of a parameter: what its schema says, and anything else."""
    good = []
    for one in schema.get("anyOf", [schema]):
        if one.get("format") == "date":
            good.append(st.dates().map(str))
        elif "enum" in one or "$ref" in one:
            good.append(st.sampled_from(["asked", "approved", "x"]))
        elif one.get("type") == "integer":
            good.append(st.integers(-10, 2**40).map(str))
        elif "pattern" in one and "19|2" in one["pattern"]:
            good.append(st.from_regex(one["pattern"], fullmatch=True))
    known = st.sampled_from(["1001", "2026-10-08", "2026-10-09", "2026-10", "MTAwMg", "王", "1"])
    return st.one_of(*good, known, st.text(max_size=80))


@pytest.fixture(scope="module")
def described():
    """The paths and parameters as the API itself describes them."""
    from hr_core.api.v1.app import build

    api = build(None)
    return [
        (path, methods["get"].get("parameters", []))
        for path, methods in api.openapi()["paths"].items()
        if "get" in methods
    ]


@pytest.mark.slow
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_is_sent_never_ends_as_a_500(asking, described, data):
    path, parameters = data.draw(st.sampled_from(described))
    query = {}
    for parameter in parameters:
        if parameter["in"] == "path":
            from urllib.parse import quote

            value = data.draw(values(parameter["schema"])).encode(errors="replace").decode()
            path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
        elif parameter.get("required") or data.draw(st.booleans()):
            query[parameter["name"]] = data.draw(values(parameter["schema"])).encode(
                errors="replace"
            )
    name = data.draw(st.sampled_from(["admin", "worker"]))

    answer = asking(path, query, name)
    assert answer.status_code in {200, 403, 404, 409, 422}, answer.text
    if answer.status_code != 200 and "%0A" not in path:  # no path of the server crosses a line
        assert {"type", "status", "detail", "where", "remedy"} <= set(answer.json())
