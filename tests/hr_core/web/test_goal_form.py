"""Goals proposed, changed and asked for on a page: what was typed stays, the rules decide."""

import shutil
from fractions import Fraction

import pytest

from hr_core.performance.agreeing import state_of
from hr_core.performance.goals import GoalKind, Group, Level
from hr_core.performance.sign_off import State
from hr_core.store.database import open_database
from hr_core.store.goals import set_by_number, steps_of
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import Page, read
from tests.hr_core.web.performance_plant import performing_core

NEW = "/en/goals/new"
FOR_E2 = f"{NEW}?person=key:E2&period=2026-12"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("goals")
    engine = performing_core(folder)
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


async def sent(engine, name, place, **fields):
    async with logged_in(engine, name) as client:
        token = field(await client.get("/en/account"), "form_token")
        return await client.post(place, data={"form_token": token} | fields)


async def page_of(engine, name, place, status=200):
    async with logged_in(engine, name) as client:
        return await read(client, place, status)


def row(at, code, weight, **more):
    columns = {
        "code": code,
        "title": f"The {code}",
        "kind": "count",
        "target": "100",
        "weight": weight,
        "group": "KPI",
        "parent": "DEFECT",
    }
    return {f"{name}_{at}": text for name, text in (columns | more).items()}


def whole(*rows, **more):
    found = {"person": "key:E2", "period": "2026-12", "act": "propose"}
    for one in rows:
        found |= one
    return found | more


def inputs(page):
    return {one["name"]: one.get("value", "") for one in page.attributes("input") if "name" in one}


async def test_the_manager_proposes_goals_of_two_groups(core):
    page = await page_of(core, "lead", FOR_E2)
    assert "DEFECT" in page.text
    answer = await sent(
        core,
        "lead",
        NEW,
        **whole(
            row(0, "OUT", "60", target="30", measure="%", kind="at_least"),
            row(3, "CARE", "40", group="KCI", title_zh="爱护设备"),
            row(4, "TRY", "15", trial="on"),
            note="as talked over",
        ),
    )
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/en/goals/5"
    with core.connect() as conn:
        stored, (step,) = set_by_number(conn, 5), steps_of(conn, 5)
    held = stored.goals
    assert (held.level, held.owner, held.period, held.version) == (Level.PERSON, "E2", "2026-12", 1)
    assert [(one.code, one.weight, one.group, one.trial) for one in held.goals] == [
        ("OUT", Fraction(60), Group.KPI, False),
        ("CARE", Fraction(40), Group.KCI, False),
        ("TRY", Fraction(15), Group.KPI, True),
    ]
    assert held.goals[0].kind is GoalKind.AT_LEAST
    assert held.goals[1].title_zh == "爱护设备"
    assert (step.role, step.person, step.note) == ("manager", "LEAD", "as talked over")


async def test_weights_that_do_not_sum_are_refused_and_nothing_typed_is_lost(core):
    typed = whole(row(0, "OUT", "60"), row(1, "CARE", "30"), note="we agreed on it")
    answer = await sent(core, "lead", NEW, **typed)
    assert answer.status_code == 409
    page = Page(answer)
    assert "The weights are 90 % together, not 100 %" in page.text
    assert "LEAD can mend it" in page.text
    kept = inputs(page)
    assert {name: kept[name] for name in ("code_0", "weight_0", "title_1", "weight_1")} == {
        "code_0": "OUT",
        "weight_0": "60",
        "title_1": "The CARE",
        "weight_1": "30",
    }
    assert "we agreed on it" in page.text
    with core.connect() as conn:
        assert set_by_number(conn, 5) is None


async def test_the_sum_is_shown_before_anything_is_sent(core):
    typed = whole(row(0, "OUT", "60"), row(1, "CARE", "40", group="KCI"), act="check")
    answer = await sent(core, "lead", NEW, **typed)
    assert answer.status_code == 200
    page = Page(answer)
    assert "The weights are 100 % together" in page.text
    assert "KCI 40 % · KPI 60 %" in page.text
    assert "code_3" in inputs(page)
    with core.connect() as conn:
        assert set_by_number(conn, 5) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"target": "many"}, "target 'many' is no number"),
        ({"weight": "4o"}, "weight '4o' is no number"),
        ({"title": ""}, "title is empty"),
        ({"kind": "luck"}, "'luck' is not a valid GoalKind"),
        ({"code": "C" * 41}, "code is longer than 40 characters"),
        ({"parent": ""}, "has no parent"),
        ({"parent": "NOWHERE"}, "which no unit has"),
        ({"target": "-1"}, "a target of -1"),
        ({"kind": "change"}, "without what it is measured against"),
        ({"weight": "9" * 8}, "weight"),
    ],
)
async def test_what_cannot_be_a_goal_is_refused_by_its_row(core, wrong, said):
    typed = {f"{name}_0": text for name, text in wrong.items()}
    answer = await sent(core, "lead", NEW, **whole(row(0, "OUT", "100")) | typed)
    assert answer.status_code == 409
    text = Page(answer).text
    assert "OUT" in text or "C" * 41 in text
    assert said in text


async def test_an_empty_form_says_that_a_goal_is_missing(core):
    answer = await sent(core, "lead", "/en/goals/new", **whole(period="2027-01"))
    assert answer.status_code == 409
    assert "no goal of E2 is given" in answer.text
    assert "write at least one: code, name, target, weight" in answer.text


async def test_only_who_signs_above_and_hr_propose(core):
    mine = whole(row(0, "OUT", "100"))
    for name, status in (("e1", 404), ("buyer", 404), ("e2", 404), ("eve", 404)):
        answer = await sent(core, name, NEW, **mine)
        assert answer.status_code == status, name
        await page_of(core, name, FOR_E2, status=404)
    assert "HR do it" in (await page_of(core, "e1", NEW)).text
    people = (await page_of(core, "lead", NEW)).attributes("option")
    assert [one["value"] for one in people] == ["key:E1", "key:E2"]
    assert (await sent(core, "ann", NEW, **mine)).status_code == 303
    with core.connect() as conn:
        (step,) = steps_of(conn, 5)
        assert (step.role, step.person) == ("hr", "ann")


async def test_a_broken_form_is_refused(core):
    for wrong in ({"period": "someday"}, {"period": ""}, {"act": "sign"}):
        answer = await sent(core, "lead", NEW, **whole(row(0, "OUT", "100")) | wrong)
        assert answer.status_code == 400, wrong
    stale = whole(row(0, "OUT", "100"), form_token="stale")
    assert (await sent(core, "lead", NEW, **stale)).status_code == 403
    await page_of(core, "lead", f"{NEW}?person=key:E2&period=someday", status=400)
    await page_of(core, "lead", f"{NEW}?person=key:E9&period=2026-12", status=404)


async def test_a_running_version_ends_before_another_one(core):
    page = await page_of(core, "lead", f"{NEW}?person=key:E1&period=2026-12")
    assert "/en/goals/4" in page.links
    typed = whole(row(0, "OUT", "100"), person="key:E1")
    answer = await sent(core, "lead", NEW, **typed)
    assert answer.status_code == 409
    assert "is proposed: it is agreed or sent back" in Page(answer).text


async def test_an_employee_asks_for_other_goals_and_the_manager_changes_them_once_more(core):
    change = "/en/goals/4/change"
    page = await page_of(core, "e1", change)
    assert inputs(page)["code_0"] == "OWN-DEFECT"
    asked = {"number": "4", "act": "ask_change", "note": "4 % on the old press"}
    typed = asked | row(0, "OWN-DEFECT", "100", kind="at_most", target="4")
    assert (await sent(core, "e1", change, **typed | {"note": ""})).status_code == 409
    assert (await sent(core, "lead", change, **typed)).status_code == 409
    assert (await sent(core, "e1", change, **typed)).status_code == 303
    shown = await page_of(core, "lead", change)
    assert inputs(shown)["target_0"] == "4"
    await page_of(core, "e1", change, status=404)
    taken = {"number": "4", "act": "accept", "note": "3.5 from January"}
    taken |= row(0, "OWN-DEFECT", "100", kind="at_most", target="3.5")
    answer = await sent(core, "lead", change, **taken)
    assert answer.headers["location"] == "/en/goals/5"
    with core.connect() as conn:
        assert state_of(conn, 4) is State.REPLACED
        new = set_by_number(conn, 5).goals
    assert (new.version, new.goals[0].target) == (2, Fraction(7, 2))


async def test_a_count_is_shared_out_by_who_manages_the_unit(core):
    place, parts = "/en/goals/2/split?goal=LINE", {"number": "2", "goal": "LINE", "act": "split"}
    typed = parts | {"step": "1", "part_T1": "60", "part_T2": "40"}
    assert "/en/goals/2/split?goal=LINE" in (await page_of(core, "head", "/en/goals/2")).links
    for name in ("lead", "e1", "eve"):
        assert place not in (await page_of(core, name, "/en/goals/2")).links
        await page_of(core, name, place, status=404)
        assert (await sent(core, name, place, **typed)).status_code == 404
    refused = await sent(core, "head", place, **typed | {"part_T2": "30"})
    assert refused.status_code == 409
    assert "the weights are 90 % together" in Page(refused).text
    assert inputs(Page(refused))["part_T1"] == "60"
    for wrong in ({"part_PURCH": "40"}, {"goal": "SALES"}):
        assert (await sent(core, "head", place, **typed | wrong)).status_code == 404
    assert (await sent(core, "head", place, **typed | {"step": "x"})).status_code == 409
    assert (await sent(core, "head", place, **typed)).status_code == 303
    with core.connect() as conn:
        found = [set_by_number(conn, number).goals for number in (5, 6)]
    assert [(one.owner, one.goals[-1].target) for one in found] == [
        ("T1", Fraction(60)),
        ("T2", Fraction(40)),
    ]


async def test_a_new_version_begins_with_the_signed_goals(core):
    for name in ("e1", "lead", "head"):
        await sent(core, name, "/en/goals/4", number="4", act="sign")
    page = await page_of(core, "lead", "/en/goals/4")
    assert "/en/goals/new?person=key%3AE1&period=2026-12" in page.links
    form = await page_of(core, "lead", f"{NEW}?person=key:E1&period=2026-12")
    kept = inputs(form)
    assert (kept["code_0"], kept["target_0"], kept["weight_0"]) == ("OWN-DEFECT", "3", "100")
