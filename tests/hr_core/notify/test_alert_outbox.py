"""The outbox: said once, at least once, through crashes and dead channels."""

import asyncio
import sys
import textwrap
from datetime import timedelta

from msgspec import structs

from hr_core.notify.channels import ChannelError
from hr_core.notify.delivery import (
    GIVE_UP_AFTER,
    LONGEST_WAIT,
    Deliverer,
    tell,
    wait_after,
)
from hr_core.notify.settings import ChannelSettings
from hr_core.quality.alert_life import Escalation
from hr_core.store import all_tables  # noqa: F401 - imported for the tables it defines
from hr_core.store.alert_outbox import DeliveryState, deliveries
from hr_core.store.database import writing
from tests.hr_core.notify.test_alert_messages import AT, LINE, PERSON, ROSTER, SHANGHAI

LOG = ChannelSettings(name="log", kind="log")
OFFICE = ChannelSettings(name="office", kind="log", roles=("production_manager",))


class Clock:
    def __init__(self):
        self.at = AT

    def now(self):
        return self.at


class Wire:
    """A channel that keeps what it took; `down` refuses."""

    def __init__(self):
        self.took, self.down = [], False

    async def send(self, message, now_s):
        if self.down:
            raise ChannelError("nobody there")
        self.took.append((message.alert, message.occasion))
        return "ok"

    async def aclose(self):
        pass


def say(engine, *alerts, at=AT, channels=(LOG, OFFICE)):
    with writing(engine) as conn:
        return tell(conn, alerts, channels, ROSTER, SHANGHAI, at)


def rows(engine):
    with engine.connect() as conn:
        return deliveries(conn, 100)


async def test_each_occasion_is_said_once_in_each_channel_that_carries_its_role(engine):
    assert say(engine, PERSON, LINE) == 3
    wires = {"log": Wire(), "office": Wire()}
    deliverer = Deliverer(engine, wires, Clock().now)
    assert await deliverer.send_due() == 3
    for _ in range(50):  # every look at the open alerts says them again
        assert say(engine, PERSON, LINE) == 0
    assert await deliverer.send_due() == 0
    assert sorted(wires["log"].took) == [(LINE.identity, "raised"), (PERSON.identity, "raised")]
    assert wires["office"].took == [(LINE.identity, "raised")]
    assert {one.state for one in rows(engine)} == {DeliveryState.SENT}
    assert all(one.said == "ok" and one.message.text_en for one in rows(engine))


async def test_an_escalation_is_said_when_it_comes(engine):
    clock, wire = Clock(), Wire()
    deliverer = Deliverer(engine, {"log": wire}, clock.now)
    say(engine, PERSON, channels=(LOG,))
    await deliverer.send_due()
    clock.at += timedelta(minutes=15)
    step = Escalation(at=int(clock.at.timestamp()), role="plant_manager", owner=None)
    say(engine, structs.replace(PERSON, escalations=(step,)), at=clock.at, channels=(LOG,))
    await deliverer.send_due()
    assert [occasion for _, occasion in wire.took] == ["raised", "escalated-1"]


async def test_a_channel_that_is_down_is_tried_ever_later_and_the_others_go_on(engine, caplog):
    clock = Clock()
    wires = {"log": Wire(), "office": Wire()}
    wires["office"].down = True
    deliverer = Deliverer(engine, wires, clock.now)
    say(engine, LINE)
    assert await deliverer.send_due() == 1
    attempts = 1
    while attempts < 6:
        clock.at += timedelta(seconds=1)
        before = {one.channel: one.attempts for one in rows(engine)}["office"]
        await deliverer.send_due()
        attempts = {one.channel: one.attempts for one in rows(engine)}["office"]
        assert attempts - before <= 1
    assert clock.at - AT >= timedelta(seconds=10 + 20 + 40 + 80 + 160)
    assert "nobody there" in caplog.text
    wires["office"].down = False
    clock.at += LONGEST_WAIT
    assert await deliverer.send_due() == 1
    assert wires["office"].took == [(LINE.identity, "raised")]


async def test_what_nobody_took_for_a_day_is_given_up_aloud(engine, caplog):
    clock, wire = Clock(), Wire()
    wire.down = True
    deliverer = Deliverer(engine, {"log": wire}, clock.now)
    say(engine, PERSON, channels=(LOG,))
    clock.at += GIVE_UP_AFTER
    await deliverer.send_due()
    (row,) = rows(engine)
    assert (row.state, row.said) == (DeliveryState.GIVEN_UP, "nobody there")
    assert "given up" in caplog.text


async def test_a_channel_that_was_taken_out_ends_what_waited_for_it(engine):
    say(engine, PERSON, channels=(LOG,))
    await Deliverer(engine, {}, Clock().now).send_due()
    (row,) = rows(engine)
    assert (row.state, row.said) == (DeliveryState.GIVEN_UP, "this channel is gone")


def test_an_old_alert_calls_nobody_through_a_new_channel(engine):
    assert say(engine, PERSON, at=AT + GIVE_UP_AFTER) == 0


def test_waits_double_up_to_ten_minutes():
    waits = [wait_after(attempts).total_seconds() for attempts in range(9)]
    assert waits == [10, 20, 40, 80, 160, 320, 600, 600, 600]


KILLED = """
    import asyncio, os, sys
    from hr_core.store.database import open_database
    from tests.hr_core.notify.test_alert_outbox import *
    class Deadly(Wire):
        async def send(self, message, now_s):
            with open(sys.argv[2], "a") as file:
                file.write(message.alert + "\\n")
                file.flush()
            os.kill(os.getpid(), 9)  # taken by the other side, not yet marked here
    engine = open_database(sys.argv[1])
    say(engine, PERSON, LINE, channels=(LOG,))
    asyncio.run(Deliverer(engine, {"log": Deadly()}, Clock().now).send_due())
"""


async def test_a_crash_while_sending_loses_nothing_and_sends_again(engine, tmp_path, repository):
    took = tmp_path / "took"
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED))
    url = engine.url.render_as_string(hide_password=False)
    done = await asyncio.create_subprocess_exec(
        sys.executable,
        script,
        url,
        took,
        cwd=repository,
        env={"PYTHONPATH": str(repository), "PATH": "/usr/bin"},
    )
    await done.wait()
    assert done.returncode == -9
    assert len(took.read_text().splitlines()) == 1
    wire = Wire()
    await Deliverer(engine, {"log": wire}, Clock().now).send_due()
    assert sorted(alert for alert, _ in wire.took) == [LINE.identity, PERSON.identity]
    assert {one.state for one in rows(engine)} == {DeliveryState.SENT}
