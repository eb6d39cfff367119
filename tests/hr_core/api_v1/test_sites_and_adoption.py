"""Accounts that are limited to units: devices, lines and waiting users of their sites alone; and how
a waiting user becomes a person.
"""

import secrets
import shutil
from datetime import date, datetime, timedelta

import pytest

from hr_core.accounts import management
from hr_core.accounts.management import Act, TokenOrder
from hr_core.accounts.model import Right
from hr_core.people.records import DeviceSite, Membership, Unit, UnitKind, UnitParent
from hr_core.store.database import open_database, writing
from hr_core.store.organisation import Organisation, save_organisation
from hr_core.store.watermarks import note_watermarks
from protocols.records import Direction
from protocols.uplink import Watermark
from tests.hr_core.accounts.quick import account
from tests.hr_core.web.plant import GATES, NOW, ingest, observe, punch, running_plant

API = "/api/v1"
SPAN = "from=2026-11-01&until=2026-11-21"
# Even ids punch at gate 0 (site S1), odd ones at gate 1, which moved from S2 to S1 on the 10th.
MOVED = date(2026, 11, 10)
ACCOUNTS = {"hr": (), "hr2": (), "hr-s1": ("S1",), "hr-d1": ("D1",), "hr-s2": ("S2",)}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sites")
    engine = running_plant(folder)
    units = {
        code: Unit(code=code, kind=kind, name=code)
        for code, kind in [
            ("S1", UnitKind.SITE),
            ("S2", UnitKind.SITE),
            ("D1", UnitKind.DEPARTMENT),
            ("D2", UnitKind.DEPARTMENT),
        ]
    }
    devices = (
        DeviceSite(serial=GATES[0], site="S1"),
        DeviceSite(serial="line-1", site="S1"),
        DeviceSite(serial="line-2", site="S2"),
        DeviceSite(serial=GATES[1], site="S2", valid_until=MOVED),
        DeviceSite(serial=GATES[1], site="S1", valid_from=MOVED),
    )
    with writing(engine) as conn:
        save_organisation(
            conn,
            Organisation(
                units=units,
                parents=(UnitParent(unit="D1", parent="S1"), UnitParent(unit="D2", parent="S2")),
                memberships=(Membership(person="1001", unit="D1"),),
                devices=devices,
            ),
        )
        marks = [
            Watermark(serial=serial, complete_until=NOW, on_device=9, fetched=9, stored=9)
            for serial in GATES
        ]
        note_watermarks(conn, "gw-1", 7, marks, at=NOW)
    ingest(
        engine,
        [
            observe(punch(user_id, datetime(2026, 11, day, 8), Direction.IN))
            for user_id, day in [("9002", 5), ("9003", 5), ("9003", 12), ("9004", 6), ("9005", 7)]
        ],
    )
    for name, departments in ACCOUNTS.items():
        account(engine, name, "hr", departments=departments, at=NOW)
    account(engine, "boss", "manager", person="1001", at=NOW)
    account(engine, "audit", "auditor", at=NOW)
    tokens = {name: token(engine, name) for name in (*ACCOUNTS, "boss", "audit")}
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return folder / "core.db", tokens


def token(engine, name):
    with writing(engine) as conn:
        order = TokenOrder(
            account=name,
            scopes=tuple(management.existing(conn, name).rights - {Right.BOARD_WALL}),
            valid_for=timedelta(days=1),
        )
        made = management.create_token(conn, order, Act(actor="test", at=NOW), secrets.token_bytes)
    return made[0]


@pytest.fixture
def plant(database, tmp_path):
    """Each test adopts in a copy of its own."""
    shutil.copy(database[0], tmp_path / "core.db")
    engine = open_database(f"sqlite:///{tmp_path}/core.db")
    yield engine
    engine.dispose()


@pytest.fixture
def header(database):
    return {name: {"Authorization": f"Bearer {made}"} for name, made in database[1].items()}


@pytest.mark.parametrize(
    ("name", "waiting", "devices", "lines"),
    [
        ("hr", {"9002": 1, "9003": 2, "9004": 1, "9005": 1}, set(GATES), {"L1", "L2"}),
        ("hr-s1", {"9002": 1, "9003": 1, "9004": 1}, set(GATES), {"L1"}),
        ("hr-d1", {"9002": 1, "9003": 1, "9004": 1}, set(GATES), {"L1"}),
        ("hr-s2", {"9003": 1, "9005": 1}, set(), {"L2"}),
    ],
)
async def test_what_belongs_to_a_site(plant, served, header, name, waiting, devices, lines):
    async with served(plant) as client:
        client.headers = header[name]
        users = (await client.get(f"{API}/waiting?{SPAN}")).json()["users"]
        found = {one["user_id"]: one["punches"] for one in users if one["user_id"] > "9"}
        marks = (await client.get(f"{API}/watermarks")).json()["devices"]
        rates = (await client.get(f"{API}/lines/rates?month=2026-10")).json()
    assert found == waiting
    assert {one["device"] for one in marks} == devices
    assert {one["line"] for one in rates["lines"]} == lines
    assert rates["total_pieces"] == sum(one["pieces"] for one in rates["lines"])


def new(user_id, **changes):
    form = {
        "device": GATES[int(user_id) % 2],
        "user_id": user_id,
        "name": "赵六",
        "team": "D1",
        "hourly_fen": 2500,
    }
    return form | changes


async def test_one_asks_and_another_confirms(plant, served, header):
    async with served(plant) as client:
        asked = await client.post(
            f"{API}/adoptions", json=new("9002", id_digits="123X"), headers=header["hr"]
        )
        assert asked.status_code == 201, asked.text
        number = asked.json()["number"]
        assert asked.json()["facts"]["first"] == "2026-11-05"
        path = f"{API}/adoptions/{number}/confirm"
        same = await client.post(path, json={}, headers=header["hr"])
        assert (same.status_code, "who asks does not confirm" in same.text) == (422, True)
        done = await client.post(path, json={"reason": "met"}, headers=header["hr-d1"])
        assert done.status_code == 200, done.text
        person, employee_number = done.json()["person"], done.json()["employee_number"]
        one = await client.get(f"{API}/people/{person}", headers=header["boss"])
        assert one.status_code == 404  # 1001 manages nobody here
        one = await client.get(f"{API}/people/{person}", headers=header["hr-d1"])
        assert (one.json()["name"], one.json()["employee_number"]) == ("赵六", employee_number)
        listed = await client.get(f"{API}/adoptions?state=confirmed", headers=header["hr"])
        assert [row["number"] for row in listed.json()["adoptions"]] == [number]
        again = await client.post(path, json={}, headers=header["hr2"])
        assert again.status_code == 422


async def test_adoptions_of_another_site_are_like_unknown_ones(plant, served, header):
    async with served(plant) as client:
        asked = await client.post(
            f"{API}/adoptions", json=new("9005", team="D2"), headers=header["hr-s2"]
        )
        number = asked.json()["number"]
        for name in ("hr-s1", "hr-d1"):
            client.headers = header[name]
            for verb in ("confirm", "refuse"):
                other = await client.post(f"{API}/adoptions/{number}/{verb}", json={})
                nobodys = await client.post(f"{API}/adoptions/9999/{verb}", json={})
                assert (other.status_code, other.content) == (404, nobodys.content)
                assert other.headers == nobodys.headers
            # 9005 waits, on a device that was not at S1 then
            other = await client.post(f"{API}/adoptions", json=new("9005"))
            nobodys = await client.post(f"{API}/adoptions", json=new("8765"))
            assert (other.status_code, other.content) == (404, nobodys.content)
            assert (await client.get(f"{API}/adoptions?state=asked")).json()["adoptions"] == []
        client.headers = header["hr2"]
        refused = await client.post(f"{API}/adoptions/{number}/refuse", json={"reason": "who?"})
        assert refused.json()["state"] == "refused"


@pytest.mark.parametrize("team", ["D2", "nowhere", None])
async def test_who_is_limited_adopts_into_its_units(plant, served, header, team):
    async with served(plant) as client:
        answer = await client.post(
            f"{API}/adoptions", json=new("9004", team=team), headers=header["hr-s1"]
        )
    assert (answer.status_code, answer.json()["where"]) == (422, "body: team")


@pytest.mark.parametrize(
    "changes",
    [
        {"first": "9999-12-31"},
        {"first": "0001-01-01"},
        {"hourly_fen": -1},
        {"base_fen": 2**70},
        {"name": "a\0b"},
        {"name": "x" * 1001},
        {"by": "boss"},
        {"id_digits": "12345678"},
        {"shift": "none"},
    ],
)
async def test_forms_that_cannot_hold(plant, served, header, changes):
    async with served(plant) as client:
        answer = await client.post(
            f"{API}/adoptions", json=new("9004", **changes), headers=header["hr"]
        )
    assert answer.status_code == 422, answer.text
    assert answer.json()["remedy"]


@pytest.mark.parametrize("name", ["boss", "audit"])
async def test_who_may_not_change_people_reads_no_forms(plant, served, header, name):
    async with served(plant) as client:
        client.headers = header[name]
        read = await client.get(f"{API}/adoptions")
        made = await client.post(f"{API}/adoptions", json=new("9004"))
    assert {read.status_code, made.status_code} == {403}
