"""N3: every write of a crawl through the API leaves a row in the audit log, in the name of who wrote."""

import secrets
from datetime import datetime, timedelta

import pytest

from hr_core.accounts import management
from hr_core.accounts.management import Act, TokenOrder
from hr_core.accounts.model import Right
from hr_core.approvals.actors import actor_named
from hr_core.approvals.desk import propose
from hr_core.approvals.effects import EFFECTS
from hr_core.approvals.kinds import Kind
from hr_core.audit import log
from hr_core.store.database import writing
from protocols.records import Direction
from tests.hr_core.accounts.quick import account
from tests.hr_core.performance.score_desk import opened
from tests.hr_core.web.plant import GATES, NOW, ingest, observe, punch, running_plant

API = "/api/v1"
WRITES = {"post", "put", "patch", "delete"}
NAMES = {"self": "1002"}  # an account acts in its person's name


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """Four device users that are nobody's yet, two accounts of HR, an account of a worker."""
    engine = running_plant(tmp_path_factory.mktemp("crawl"))
    ingest(
        engine,
        [observe(punch(f"900{n}", datetime(2026, 11, 5, 8), Direction.IN)) for n in range(2, 6)],
    )
    account(engine, "one", "hr", at=NOW)
    account(engine, "two", "hr", at=NOW)
    account(engine, "self", "worker", person="1002", at=NOW)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def token(core):
    def of(name):
        with writing(core) as conn:
            rights = management.existing(conn, name).rights - {Right.BOARD_WALL}
            order = TokenOrder(account=name, scopes=tuple(rights), valid_for=timedelta(days=1))
            act = Act(actor="test", at=NOW)
            made = management.create_token(conn, order, act, secrets.token_bytes)
        return {"Authorization": f"Bearer {made[0]}"}

    return {name: of(name) for name in ("one", "two", "self")}


class Crawl:
    """Each `writes` is one write by the API, and looks at the rows that the log has since."""

    def __init__(self, client, core, token):
        self.client, self.core, self.token = client, core, token
        self.walked = set()
        self.users = iter(("9002", "9003", "9004", "9005"))
        self.days = iter(range(23, 31))

    async def writes(self, path, name, body, *place):
        with self.core.connect() as conn:
            before = len(log.entries(conn))
        answer = await self.client.post(
            API + path.format(*place), json=body, headers=self.token[name]
        )
        assert answer.status_code in {200, 201}, answer.text
        with self.core.connect() as conn:
            rows = log.entries(conn)[before:]
            assert log.verify(conn).faults == ()
        assert rows, f"{path} wrote and left no row in the audit log"
        assert {row.actor for row in rows} <= {name, NAMES.get(name)}, path
        self.walked.add(path)
        return answer.json()

    async def adoption(self, *verb):
        user = next(self.users)
        form = {
            "device": GATES[int(user) % 2],
            "user_id": user,
            "name": f"Person {user}",
            "hourly_fen": 2500,
        }
        made = await self.writes("/adoptions", "one", form)
        for one in verb:
            path = "/adoptions/{}/" + one
            await self.writes(path, "two", {"reason": "seen"}, made["number"])

    async def request(self, name, verb):
        day = f"2026-11-{next(self.days)}"
        body = {"type": "leave", "leave": "annual", "first": day, "last": day}
        path = "/people/{}/requests"
        made = await self.writes(path, "self", {"body": body, "reason": "family"}, "1002")
        await self.writes("/requests/{}/" + verb, name, {"reason": "seen"}, made["id"])

    async def marks(self):
        with writing(self.core) as conn:
            number = opened(conn, person="1002", rater="1003")
        body = {"marks": {"output": "80", "care": "90"}}
        await self.writes("/assessments/{}/marks", "self", body, number)

    async def approval(self, verb):
        with writing(self.core) as conn:
            by = actor_named(conn, "one")
            number = propose(conn, Kind.LAW, f"law to {verb}", {}, at=NOW, by=by)
        await self.writes("/approvals/{}/" + verb, "two", {"reason": "read"}, number)


async def test_every_write_by_the_api_has_its_row(core, served, token, monkeypatch):
    monkeypatch.setitem(EFFECTS, Kind.LAW, lambda _conn, _done: None)
    async with served(core) as client:
        told = (await client.get(f"{API}/openapi.json", headers=token["one"])).json()
        crawl = Crawl(client, core, token)
        await crawl.adoption("confirm")
        await crawl.adoption("refuse")
        await crawl.request("two", "approve")
        await crawl.request("two", "refuse")
        await crawl.request("self", "withdraw")
        await crawl.marks()
        await crawl.approval("approve")
        await crawl.approval("refuse")
    offered = {path for path, methods in told["paths"].items() if WRITES & methods.keys()}
    walked = {_shape(path) for path in crawl.walked}
    assert walked == {_shape(path) for path in offered}, "a write that this crawl does not make"


def _shape(path):
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
