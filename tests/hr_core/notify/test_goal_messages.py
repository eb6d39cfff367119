"""D13, E1: what is said of goals, to whom, and that it comes once."""

from datetime import UTC, datetime

from hr_core.notify.delivery import tell_all
from hr_core.notify.goal_message import reminder_messages, turn_messages
from hr_core.notify.settings import ChannelSettings
from hr_core.performance.agreeing import Waiting
from hr_core.performance.sign_off import Act, Role, State
from hr_core.store.alert_outbox import deliveries
from hr_core.store.database import writing
from hr_core.store.goal_templates import ReminderRow

AT = datetime(2026, 10, 16, 4, tzinfo=UTC)
WAITING = Waiting(
    number=7,
    person="E1",
    period="2026-Q4",
    version=2,
    state=State.CHANGE_ASKED,
    role=Role.MANAGER,
    people=("LEAD", "LEAD2"),
    acts=(Act.ACCEPT, Act.EXPLAIN),
    step=2,
    since=AT,
)
BEHIND = ReminderRow("E1", "G", "2026-10", "2026-W42", AT, "G (Sales), target 15 %: 20.0 % done")


def test_each_who_may_act_is_told_what_may_be_done():
    one, other = turn_messages([WAITING], {"E1": "张伟", "LEAD": "Li"})
    assert (one.owner, other.owner, one.role) == ("LEAD", "LEAD2", "manager")
    assert "张伟 2026-Q4 目标第 2 版待经理Li处理" in one.text_zh
    assert "are change asked: Li may accept or explain" in one.text_en
    assert one.occasion != other.occasion


def test_a_reminder_says_how_far_it_is():
    (one,) = reminder_messages([BEHIND], {})
    assert (one.owner, one.occasion) == ("E1", "2026-W42")
    assert "20.0 % done" in one.text_en


def test_it_comes_once_by_the_channels_that_carry_it(engine):
    channels = (
        ChannelSettings(name="log", kind="log"),
        ChannelSettings(name="boss", kind="log", roles=("plant_manager",)),
    )
    messages = [*turn_messages([WAITING], {}), *reminder_messages([BEHIND], {})]
    with writing(engine) as conn:
        told = [tell_all(conn, messages, channels, AT) for _ in range(2)]
        stored = deliveries(conn, 10)
    assert told == [3, 0]
    assert {one.channel for one in stored} == {"log"}
