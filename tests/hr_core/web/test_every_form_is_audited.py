"""N3: every form of the pages that writes leaves its row in the audit log; a form without a walk fails."""

from datetime import datetime

import pytest
from starlette.routing import Route

from hr_core.accounts import management
from hr_core.approvals.desk import Actor
from hr_core.audit import log
from hr_core.pay.entry import EntryKind
from hr_core.pay.proposals import EntryProposal, propose_entry
from hr_core.quality.alert_life import Alert
from hr_core.quality.alert_states import Subject
from hr_core.store.alerts import save_alerts
from hr_core.store.database import writing
from hr_core.web.routes import page_routes
from hr_core.web.words import LANGUAGES
from protocols.records import Direction
from tests.hr_core.accounts.quick import PASSWORD, account
from tests.hr_core.web.compared_plant import compared_plant
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.performance_plant import performing_core
from tests.hr_core.web.plant import (
    GATES,
    NOW,
    PlantClock,
    approved_plant,
    ingest,
    observe,
    punch,
    running_plant,
)
from tests.hr_core.web.team_plant import PERIOD, team_core
from tests.hr_core.web.test_goal_form import row as goal_row

NEW_PASSWORD = "a longer and another one"
ALERT = "line/L2/2026-11-20/day/1"
BONUS = EntryProposal(
    person="1003", month="2026-11", kind=EntryKind.BONUS, name="press saved", amount_fen=123_456,
    reason="the press stood still",
)  # fmt: skip


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    """An approved October, two device users that are nobody's, an alert of a line, two runs."""
    engine = approved_plant(tmp_path_factory.mktemp("plant"))
    ingest(engine, [observe(punch("9002", datetime(2026, 11, 5, 8), Direction.IN))])
    for name, role, person in (
        ("ann", "hr", None),
        ("bob", "hr", None),
        ("zhao", "worker", "1006"),
        ("chen", "manager", "1001"),
    ):
        account(engine, name, role, person=person, at=NOW)
    with writing(engine) as conn:
        raised_at = int(NOW.timestamp()) - 600
        alert = Alert(
            identity=ALERT, subject=Subject("line", "L2", "L2"), shift="2026-11-20/day", level=1,
            limit_percent="3", pieces=100, rejects=9, raised_at=raised_at, rule_version="v1",
            role="leader", owner="1001",
        )  # fmt: skip
        save_alerts(conn, [alert])
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    engine = performing_core(tmp_path_factory.mktemp("scored"))
    yield engine
    engine.dispose()


class Walk:
    """Each `send` posts one form, and looks at the rows that the log has since."""

    def __init__(self, plant, scored):
        self.cores = {"plant": plant, "scored": scored}
        self.walked = set()

    async def send(self, core, name, form, place, fields, status=303):
        """`form`: as `page_routes` has it; `place`: where it is sent to."""
        engine = self.cores[core]
        async with logged_in(engine, name) as client:
            fields = fields | {"form_token": field(await client.get("/en/account"), "form_token")}
            return await self.sent(client, engine, form, place, fields, status)

    async def sent(self, client, engine, form, place, fields, status=303):
        with engine.connect() as conn:
            before = len(log.entries(conn))
        answer = await client.post(f"/en/{place}", data=fields)
        assert answer.status_code == status, (place, answer.text)
        with engine.connect() as conn:
            rows = log.entries(conn)[before:]
            assert log.verify(conn).faults == ()
        assert rows, f"the form {form} wrote and left no row in the audit log"
        self.walked.add(form)
        return rows


async def walk_logins(walk, plant):
    with writing(plant) as conn:
        act = management.Act(actor="test", at=NOW)
        management.add_account(
            conn, management.NewAccount(name="fresh", roles=(management.Role.HR,)), act
        )
        code = management.make_setup_code(conn, "fresh", act, lambda size: b"\7" * size)
    async with logged_in(plant, "ann") as client:
        await client.post(
            "/en/logout", data={"form_token": field(await client.get("/en/account"), "form_token")}
        )
        token = field(await client.get("/en/login"), "form_token")
        form = {"form_token": token, "name": "ann", "password": PASSWORD}
        await walk.sent(client, plant, "login", "login", form)
        token = field(await client.get("/en/account"), "form_token")
        await walk.sent(client, plant, "logout", "logout", {"form_token": token})
        token = field(await client.get("/en/setup"), "form_token")
        form = {"form_token": token, "code": code, "new": NEW_PASSWORD, "again": NEW_PASSWORD}
        await walk.sent(client, plant, "setup", "setup", form)
    chosen = {"password": PASSWORD, "new": NEW_PASSWORD, "again": NEW_PASSWORD}
    await walk.send("plant", "chen", "account/password", "account/password", chosen)


async def walk_people(walk):
    facts = {"device": GATES[0], "user": "9002", "name": "Zhao Min", "hourly": "18.50"}
    await walk.send("plant", "ann", "waiting/adopt", "waiting/adopt", facts | {"shift": "day"})
    chosen = {"adoption": "1", "verdict": "confirm"}
    await walk.send("plant", "bob", "waiting/decide", "waiting/decide", chosen)


async def walk_alerts(walk):
    form = "board/alert/{verb}"
    for verb, said in (
        ("acknowledge", {}),
        ("hand-over", {"to": "1002"}),
        ("close", {"cause": "tool", "note": "new cutter"}),
    ):
        fields = {"alert": ALERT, "by": "1001"} | said
        rows = await walk.send("plant", "ann", form, f"board/alert/{verb}", fields)
        assert [(row.actor, row.subject) for row in rows] == [("1001", f"alert {ALERT}")]


async def walk_pay(walk, plant):
    with writing(plant) as conn:
        number = propose_entry(conn, BONUS, at=NOW, by=Actor("ann"))
    form = {"number": str(number), "act": "approve"}
    await walk.send("plant", "bob", "approvals/{number}", f"approvals/{number}", form)
    answer = {"run": "1", "person": "1006", "act": "object", "reason": "too little"}
    await walk.send("plant", "zhao", "slip-answer", "slip-answer", answer)
    reply = {"objection": "1", "verdict": "rejected", "reply": "as agreed"}
    await walk.send("plant", "ann", "slip-answer/reply", "slip-answer/reply", reply)


async def walk_a_run(walk, folder):
    engine = walk.cores["running"] = running_plant(folder)
    for name in ("ann", "bob"):
        account(engine, name, "hr", at=NOW)
    asked = {"run": "1", "reason": "as agreed"}
    for number, form in enumerate(("submit-run", "ask-payment", "ask-reversal"), 1):
        await walk.send("running", "ann", form, form, asked)
        decided = {"number": str(number), "act": "approve"}
        place = f"approvals/{number}"
        await walk.send("running", "bob", "approvals/{number}", place, decided)
    engine.dispose()


async def walk_a_comparison(walk, folder):
    engine = walk.cores["compared"] = compared_plant(folder).engine
    account(engine, "ann", "hr", at=NOW)
    note = {"a": "3", "b": "4", "person": "E1", "line": "base", "reason": "as agreed", "until": ""}
    await walk.send("compared", "ann", "pay/compare/note", "pay/compare/note", note)
    engine.dispose()


async def walk_goals(walk):
    taken = {"number": "4", "act": "accept", "note": "3.5 from January"}
    taken |= goal_row(0, "OWN-DEFECT", "100", kind="at_most", target="3.5")
    await walk.send("scored", "lead", "goals/{number}/change", "goals/4/change", taken)
    parts = {"number": "2", "goal": "LINE", "act": "split", "step": "1"}
    parts |= {"part_T1": "60", "part_T2": "40"}
    place = "goals/2/split?goal=LINE"
    await walk.send("scored", "head", "goals/{number}/split", place, parts)
    new = {"person": "key:E2", "period": "2026-12", "act": "propose"} | goal_row(0, "OUT", "100")
    await walk.send("scored", "lead", "goals/new", "goals/new", new)


async def walk_rounds_and_teams(walk, folder):
    named = {"person": "E1", "period": "2026-10", "act": "invite", "peer": "E2, BUY"}
    await walk.send("scored", "ann", "rate360", "rate360", named)
    engine = walk.cores["team"] = team_core(folder)
    chosen = {"period": PERIOD, "act": "open_all"}
    await walk.send("team", "ann", "team-scores", "team-scores", chosen, status=200)
    engine.dispose()


async def walk_performance(walk):
    goals = {"number": "4", "act": "ask_change", "note": "the press is old"}
    await walk.send("scored", "e1", "goals/{number}", "goals/4", goals)
    marks = {"number": "1", "act": "mark", "mark_output": "80", "mark_care": "70"}
    await walk.send("scored", "e1", "assessments/{number}", "assessments/1", marks)
    appeal = {
        "act": "appeal",
        "result": "1",
        "period": "2026-10",
        "reason": "two days were counted",
    }
    await walk.send("scored", "e2", "grades", "grades", appeal)


def forms_of(routes, language):
    start = f"/{language}/"
    return {
        route.path.removeprefix(start)
        for route in routes
        if isinstance(route, Route) and "POST" in route.methods and route.path.startswith(start)
    }


async def test_every_form_of_the_pages_has_its_row(plant, scored, tmp_path):
    walk = Walk(plant, scored)
    await walk_people(walk)
    await walk_alerts(walk)
    await walk_pay(walk, plant)
    await walk_performance(walk)
    await walk_goals(walk)
    for walk_with, folder in (
        (walk_rounds_and_teams, "team"),
        (walk_a_run, "run"),
        (walk_a_comparison, "compared"),
    ):
        (tmp_path / folder).mkdir()
        await walk_with(walk, tmp_path / folder)
    await walk_logins(walk, plant)
    routes = page_routes(plant, PlantClock())
    offered = {language: forms_of(routes, language) for language in LANGUAGES}
    assert len(set(map(frozenset, offered.values()))) == 1, "one language has another form"
    assert walk.walked == offered["en"], "a form that this walk does not send"
    posted = [one for one in routes if isinstance(one, Route) and "POST" in (one.methods or ())]
    assert len(posted) == len(LANGUAGES) * len(offered["en"]), "a form outside the languages"
