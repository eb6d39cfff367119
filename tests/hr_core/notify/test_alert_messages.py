"""What is said about an alert, to whom, and how often."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec import structs

from hr_core.notify.message import message, occasions
from hr_core.people.model import Line, Person, Roster
from hr_core.quality.alert_life import Alert, Escalation
from hr_core.quality.alert_states import Subject

AT = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
ROSTER = Roster(
    zone="Asia/Shanghai", scheme="demo", shifts={},
    people={
        number: Person(number=number, name=name, shift="day", base_fen=0, zone="", origin="")
        for number, name in (("1003", "张敏"), ("9001", "陈建国"))
    },
    lines={"L2": Line(code="L2", name="Stamping 2", name_zh="冲压线 2")},
)  # fmt: skip
PERSON = Alert(
    identity="person/1003/2026-11-20 day/1", subject=Subject("person", "1003", "L2"),
    shift="2026-11-20 day", level=1, limit_percent="3", pieces=420, rejects=31,
    raised_at=int(AT.timestamp()), rule_version="alerts/2025-01", role="manager", owner="9001",
)  # fmt: skip
LINE = structs.replace(
    PERSON, identity="line/L2/2026-11-20 day/1", subject=Subject("line", "L2", "L2"),
    limit_percent="5", role="production_manager", owner=None, hides=(PERSON.identity,),
)  # fmt: skip


def said(alert, number=0):
    return message(alert, list(occasions(alert))[number], ROSTER, SHANGHAI)


def test_a_raised_alert_says_when_who_how_much_and_whose_it_is():
    found = said(PERSON)
    assert found.text_zh == (
        "2026-11-20 14:30 次品率提醒:张敏,7.38 % > 3 % (31/420),产线 L2,班次 2026-11-20 day。"
        "负责人:陈建国。"
    )
    assert found.text_en == (
        "2026-11-20 14:30 Defect rate alert: 张敏, 7.38 % > 3 % (31/420), line L2, "
        "shift 2026-11-20 day. Owner: 陈建国."
    )
    assert found.title == "张敏 7.38 % > 3 %"
    assert (found.role, found.owner, found.owner_name) == ("manager", "9001", "陈建国")


def test_a_lines_alert_names_whom_it_stands_for_and_that_nobody_owns_it():
    found = said(LINE)
    assert found.title == "冲压线 2 Stamping 2 7.38 % > 5 %"
    assert found.text_zh.endswith("负责人:未指定。代表:张敏。")
    assert found.text_en.endswith("Owner: nobody is named. Stands for: 张敏.")


def test_each_escalation_is_an_occasion_of_its_own_for_its_role():
    later = int(AT.timestamp()) + 900
    alert = structs.replace(
        PERSON, escalations=(Escalation(at=later, role="production_manager", owner=None),)
    )
    names = [(one.name, one.role) for one in occasions(alert)]
    assert names == [("raised", "manager"), ("escalated-1", "production_manager")]
    assert "14:45 Defect rate still not acknowledged: 张敏" in said(alert, 1).text_en


def test_what_a_lines_alert_stands_for_is_not_said_again():
    assert list(occasions(structs.replace(PERSON, hidden_by=LINE.identity))) == []


def test_without_people_codes_are_said():
    found = message(PERSON, next(occasions(PERSON)), None, SHANGHAI)
    assert "alert: 1003, 7.38 %" in found.text_en
    assert found.owner_name == "9001"
