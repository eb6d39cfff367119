"""From counts that come in to an alert that is told, acknowledged and closed on the board."""

import asyncio
import re
from datetime import timedelta

import pytest

from hr_core.imports import import_people
from hr_core.notify import alert_watch
from hr_core.notify.alert_watch import AlertWatch
from hr_core.notify.delivery import Deliverer
from hr_core.notify.settings import LOG_ONLY
from hr_core.quality.alert_desk import acknowledge_alert
from hr_core.store import all_tables  # noqa: F401 - imported for the tables it defines
from hr_core.store.alerts import stored_alerts
from hr_core.store.database import writing
from tests.hr_core.notify.test_alert_outbox import Wire
from tests.hr_core.web.conftest import browse  # noqa: F401 - a fixture
from tests.hr_core.web.plant import NOW, people_file
from tests.hr_core.web.test_stored_board import reading, send


class Clock:
    at = NOW

    def now(self):
        return self.at


@pytest.fixture
def core(engine, tmp_path):
    with writing(engine) as conn:
        import_people(conn, people_file(tmp_path / "people.toml"))
    return engine


def bad_minutes():
    """700 pieces and 70 rejects in the ten minutes before 14:29."""
    found = []
    for minute, pieces, rejects in ((379, 5000, 100), (384, 5300, 130), (389, 5700, 170)):
        found.append(reading("1001", pieces, minute))
        found.append(reading("1001", rejects, minute, metric="rejects"))
    return found


def open_now(engine):
    with engine.connect() as conn:
        return stored_alerts(conn)


def last_roles(engine):
    return {
        (alert.role, *(step.role for step in alert.escalations))[-1]
        for alert in open_now(engine)
        if alert.hidden_by is None
    }


async def test_counts_over_the_limit_raise_store_and_tell_once(core):
    send(core, bad_minutes())
    clock, wire = Clock(), Wire()
    watch = AlertWatch(core, LOG_ONLY, clock)
    deliverer = Deliverer(core, {"log": wire}, clock.now)
    first = watch.look()
    await deliverer.send_due()
    assert first.stored >= 1
    assert len(wire.took) == first.told >= 1
    for _ in range(5):
        assert watch.look() == (0, 0, False)
        await deliverer.send_due()
    assert len(wire.took) == first.told


async def test_nobody_acknowledges_and_it_goes_on_to_the_next_role(core):
    send(core, bad_minutes())
    clock = Clock()
    watch = AlertWatch(core, LOG_ONLY, clock)
    watch.look()
    clock.at = NOW + timedelta(hours=2)
    later = watch.look()
    assert later.told >= 1
    assert any(alert.escalations for alert in open_now(core))


async def test_it_goes_on_to_the_next_role_while_the_core_is_served_and_nothing_is_counted(
    core, monkeypatch
):
    monkeypatch.setattr(alert_watch, "_LOOK_EVERY_S", 0.01)
    send(core, bad_minutes())
    clock = Clock()
    running = asyncio.create_task(AlertWatch(core, LOG_ONLY, clock).run())
    try:
        async with asyncio.timeout(10):
            while not open_now(core):
                await asyncio.sleep(0.02)
            assert not any(alert.escalations for alert in open_now(core))
            for minutes, roles in ((16, {"production_manager"}), (61, {"plant_manager"})):
                clock.at = NOW + timedelta(minutes=minutes)
                while last_roles(core) != roles:
                    await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_a_core_without_people_raises_nothing(engine):
    assert AlertWatch(engine, LOG_ONLY, Clock()).look() == (0, 0, False)


def test_who_acknowledges_during_a_look_is_not_overwritten(core, monkeypatch):
    send(core, bad_minutes())
    clock = Clock()
    watch = AlertWatch(core, LOG_ONLY, clock)
    watch.look()
    told = open_now(core)[0]
    compute = alert_watch.alerts_of_day

    def computed_while_somebody_acts(conn, roster, day, now):
        found = compute(conn, roster, day, now)
        with writing(core) as other:
            acknowledge_alert(other, told.identity, int(now.timestamp()), "1002")
        return found

    monkeypatch.setattr(alert_watch, "alerts_of_day", computed_while_somebody_acts)
    clock.at = NOW + timedelta(hours=2)  # an escalation is due in the look's own view
    assert watch.look().again
    (alert,) = [one for one in open_now(core) if one.identity == told.identity]
    assert alert.acknowledged_by == "1002"


def test_a_look_is_taken_when_counts_came_in_and_else_now_and_then(core):
    clock = Clock()
    watch = AlertWatch(core, LOG_ONLY, clock)
    looks = []
    look = watch.look
    watch.look = lambda: (looks.append(clock.at), look())[1]
    watch._look_if_due()
    watch._look_if_due()
    assert len(looks) == 1
    send(core, [reading("1001", 7, 380)])
    watch._look_if_due()
    assert len(looks) == 2
    clock.at = NOW + timedelta(seconds=30)
    watch._look_if_due()
    assert len(looks) == 3


async def test_an_alert_is_acknowledged_handed_over_and_closed_on_the_board(core, browse):  # noqa: F811
    send(core, bad_minutes())
    AlertWatch(core, LOG_ONLY, Clock()).look()
    identity = open_now(core)[0].identity
    async with browse(core) as client:
        page = (await client.get("/en/board")).text
        assert "not acknowledged" in page
        token = re.search(r'name="form_token" value="([^"]+)"', page)[1]

        async def act(verb, **said):
            form = {"form_token": token, "alert": identity, "by": "1002"} | said
            answer = await client.post(f"/en/board/alert/{verb}", data=form)
            return answer.status_code

        assert await act("acknowledge", by="4711") == 422
        assert await act("acknowledge") == 303
        assert "by 李伟" in (await client.get("/en/board")).text
        assert await act("hand-over", to="4711") == 422
        assert await act("hand-over", to="1003") == 303
        assert "owner 张敏" in (await client.get("/en/board")).text
        assert await act("close", cause="bad luck", note="n") == 422
        assert await act("close", cause="tool", note="new cutter") == 303
        assert await act("close", cause="tool", note="again") == 404
    assert identity not in {alert.identity for alert in open_now(core)}
