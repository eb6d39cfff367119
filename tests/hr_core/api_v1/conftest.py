"""The API over a paid plant with accounts of every role. Team D1 is 1001-1005, D2 1006-1010."""

import asyncio
import itertools
import secrets
from datetime import date, timedelta
from time import monotonic

import httpx
import pytest

from hr_core.accounts import management
from hr_core.accounts.login import LoginDesk
from hr_core.accounts.management import Act, TokenOrder
from hr_core.accounts.model import Right
from hr_core.api.app import create_app
from hr_core.api.v1.app import api_routes
from hr_core.attendance.live.recomputing import Recomputer
from hr_core.attendance.plan.request import Leave, Relation, Request, RequestState
from hr_core.people.records import Membership, Role, Unit, UnitKind
from hr_core.store.database import writing
from hr_core.store.organisation import Organisation, save_organisation
from hr_core.store.requests import add_request
from hr_core.store.watermarks import note_watermarks
from hr_core.web.admission import Admission
from hr_core.web.routes import page_routes
from protocols.uplink import Watermark
from tests.hr_core.accounts.quick import QUICK, Hours, account
from tests.hr_core.signed_batches import CORE_KEY
from tests.hr_core.web.plant import NOW, PlantClock, approved_plant

TEAMS = {"D1": [f"{n}" for n in range(1001, 1006)], "D2": [f"{n}" for n in range(1006, 1011)]}
# account: role, its person, its departments
ACCOUNTS = {
    "admin": ("admin", None, ()),
    "hr": ("hr", None, ()),
    "auditor": ("auditor", None, ()),
    "hr-of-d1": ("hr", None, ("D1",)),
    "manager": ("manager", "1001", ()),
    "worker": ("worker", "1002", ()),
}
SEES = {
    "admin": {"1002", "1003", "1006"},
    "hr": {"1002", "1003", "1006"},
    "auditor": {"1002", "1003", "1006"},
    "hr-of-d1": {"1002", "1003"},
    "manager": {"1002", "1003"},
    "worker": {"1002"},
}


# until before this day 1004 was in D2, and from it on in D1
MOVED = date(2026, 10, 12)


def organisation():
    members = [
        Membership(person=person, unit=code)
        for code, persons in TEAMS.items()
        for person in persons
        if person != "1004"
    ]
    members += [
        Membership(person="1004", unit="D2", valid_until=MOVED),
        Membership(person="1004", unit="D1", valid_from=MOVED),
        Membership(person="1001", unit="D1", role=Role.MANAGER),
    ]
    units = {code: Unit(code=code, kind=UnitKind.DEPARTMENT, name=code) for code in TEAMS}
    return Organisation(units=units, memberships=tuple(members))


@pytest.fixture(scope="session")
def paid(tmp_path_factory):
    engine = approved_plant(tmp_path_factory.mktemp("api"))
    Recomputer(
        engine, now=PlantClock().now, monotonic=monotonic
    ).catch_up()  # as hr-core serve does
    with writing(engine) as conn:
        save_organisation(conn, organisation())
    for name, (role, person, departments) in ACCOUNTS.items():
        account(engine, name, role, person=person, departments=departments, at=NOW)
    with writing(engine) as conn:
        for number in ("1002", "1003", "1006"):
            day = date(2026, 10, 13)
            add_request(
                conn,
                Request(
                    id=0,
                    person=number,
                    body=Leave(leave="annual", first=day, last=day),
                    state=RequestState.ASKED,
                    asked_at=NOW,
                    asked_by=number,
                    relation=Relation.SELF,
                    reason="family",
                ),
            )
        marks = [
            Watermark(serial=serial, complete_until=NOW, on_device=9, fetched=9, stored=9)
            for serial in ("ZK-1", "ZK-2")
        ]
        note_watermarks(conn, "gw-1", 7, marks, at=NOW)
    yield engine
    engine.dispose()


@pytest.fixture
def hours():
    return Hours(NOW)


@pytest.fixture
def served(hours):
    """Makes a client of the API and the pages of an engine."""

    def client(engine, *, address="127.0.0.1"):
        admission = Admission(engine, hours)
        login = LoginDesk(engine, QUICK, now=hours.now, entropy=secrets.token_bytes)
        ticks = itertools.count()
        app = create_app(
            engine,
            clock=hours,
            core_key=CORE_KEY,
            extra_routes=[
                *api_routes(
                    engine,
                    hours,
                    admission=admission,
                    monotonic=lambda: next(ticks) / 1e6,
                ),
                *page_routes(engine, hours, admission=admission, login=login),
            ],
        )
        transport = httpx.ASGITransport(app, client=(address, 50_000))
        return httpx.AsyncClient(transport=transport, base_url="http://localhost")

    return client


@pytest.fixture(scope="session")
def bearer(paid):
    """The header of a token of an account, with all that its role may have or some of it."""
    kept = {}

    def header(name, *scopes, days=30):
        with writing(paid) as conn:
            rights = scopes or tuple(management.existing(conn, name).rights - {Right.BOARD_WALL})
            order = TokenOrder(
                account=name,
                scopes=tuple(Right(one) for one in rights),
                valid_for=timedelta(days=days),
            )
            text, token = management.create_token(
                conn, order, Act(actor="test", at=NOW), secrets.token_bytes
            )
        kept[text] = token
        return {"Authorization": f"Bearer {text}"}

    header.kept = kept
    return header


@pytest.fixture
def asking(paid, served, bearer):
    """Asks the API as an account, one after the other, of one served application."""
    client = served(paid)
    headers = {name: bearer(name) for name in ("admin", "worker")}
    with asyncio.Runner() as runner:

        def ask(path, query, name, json=None):
            method = "GET" if json is None else "POST"
            asked = client.request(
                method, f"/api/v1{path}", params=query, json=json, headers=headers[name]
            )
            return runner.run(asked)

        yield ask
        runner.run(client.aclose())
