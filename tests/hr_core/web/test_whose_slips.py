"""A slip of a run that nobody approved is nobody's payslip: on pages and in its events."""

import shutil
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from hr_core.clock import Month
from hr_core.pay.run import compute_run
from hr_core.pay.run_life import ask_payment, ask_reversal
from hr_core.store.database import open_database, writing
from hr_core.store.results import add_run, lines_of, pay_lines
from protocols.identity import event_id
from protocols.records import Count
from tests.hr_core.accounts.quick import account
from tests.hr_core.web.logged_in import field, logged_in
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.plant import NOW, approve_run, decide, ingest, observe, running_plant

OWN = "/en/run/1/1006"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whose")
    engine = running_plant(folder)
    account(engine, "ann", "hr", at=NOW)
    account(engine, "zhao", "worker", person="1006", at=NOW)
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


async def test_a_trial_is_for_hr_alone(core):
    async with logged_in(core, "zhao") as client:
        account_page = await read(client, "/en/account")
        assert "There is no payslip yet." in account_page.text
        await read(client, OWN, status=404)
        form = {"form_token": field(await client.get("/en/account"), "form_token")}
        form |= {"run": "1", "person": "1006", "act": "object", "reason": "too little"}
        assert (await client.post("/en/slip-answer", data=form)).status_code == 404
        with core.connect() as conn:
            line = next(one for one in lines_of(conn, 1, "1006") if one.trace.work)
        event = line.trace.work[0].first_event
        await read(client, f"/en/event/{event}?run=1&person=1006", status=404)
    async with logged_in(core, "ann") as client:
        assert "◇ Trial Nobody approved it" in (await read(client, OWN)).text


async def test_the_state_of_the_run_stands_on_the_slip_until_it_is_taken_back(core):
    approve_run(core)
    async with logged_in(core, "zhao") as client:
        assert "/en/run/1/1006" in (await read(client, "/en/account")).links
        assert "● Approved" in (await read(client, OWN)).text
        decide(core, ask_payment)
        assert "● Paid" in (await read(client, OWN)).text
        decide(core, ask_reversal, reason="wrong bank file")
        with writing(core) as conn:
            add_run(conn, compute_run(conn, Month(2026, 10), NOW))
        taken_back = await read(client, OWN)
        assert "The whole run was taken back" in taken_back.text
        assert "What counts now" not in taken_back.text
        await read(client, "/en/run/2/1006", status=404)
        approve_run(core, 2)
        assert "/en/run/2/1006" in (await read(client, OWN)).links
        assert "● Approved" in (await read(client, "/en/run/2/1006")).text


async def test_a_colleagues_badge_behind_the_own_slip_stays_hidden(core):
    """The reading with which the own stretch begins carries whoever logged in before."""
    colleague = Count(
        source="line-2",
        tag="1006.good",
        metric="pieces",
        value=40_000,
        boot_id="b1",
        seq=10**8,
        source_time=datetime(2026, 10, 31, 0, 5, tzinfo=UTC),
        badge="1007",
        raw=b'{"operator": "1007", "total": 40000}',
    )
    ingest(core, [observe(colleague)])
    theirs = event_id(colleague).hex()
    with writing(core) as conn:
        wanted = (pay_lines.c.code == "grade") & (pay_lines.c.number == "1006")
        trace = conn.execute(sa.select(pay_lines.c.trace).where(wanted)).scalar_one()
        line = next(one for one in lines_of(conn, 1, "1006") if one.code == "grade")
        own = line.trace.work[0].last_event
        first = line.trace.work[0].first_event
        forged = trace.replace(first.encode(), theirs.encode())
        conn.execute(sa.update(pay_lines).where(wanted).values(trace=forged))
    approve_run(core)
    place = f"/en/event/{theirs}?run=1&person=1006"
    async with logged_in(core, "zhao") as client:
        page = await client.get(place)
        assert page.status_code == 200
        hidden = page.text.replace(theirs, "")
        assert "Somebody else (not shown)" in hidden
        for told in ("1007", colleague.raw.hex(), "何", "郭"):
            assert told not in hidden.replace("person=1006", "")
        mine = await read(client, f"/en/event/{own}?run=1&person=1006")
        assert "Badge 1006" in mine.text
    async with logged_in(core, "ann") as client:
        whole = await read(client, place)
    assert "Badge 1007" in whole.text
    assert "operator" in whole.text
