"""Who comes near a limit: a real database, days so far and the plan for the rest."""

import json
import time
from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.hours.outlook import hour_limits, posts_of
from hr_core.attendance.hours.planned import leave_minutes, planned_hours
from hr_core.attendance.hours.windows import DateSpan
from hr_core.attendance.live.recomputing import Recomputer
from hr_core.attendance.plan.model import (
    ApprovedOvertime,
    DayPart,
    LeaveSpan,
    PlannedDay,
    ShiftChoice,
)
from hr_core.cli import main
from hr_core.clock import DAY_S
from hr_core.errors import NoLawError
from hr_core.people.model import Shift
from hr_core.store.database import open_database
from tests.hr_core.cli.conftest import PEOPLE

OCTOBER = DateSpan(date(2026, 10, 1), date(2026, 11, 1))
H = 60
NOON_OF_20TH = datetime(2026, 10, 20, 4, tzinfo=UTC)  # in Shanghai

GUARD = """
[[unit]]
code = "guard"
kind = "post"
name = "Guard"
"""
PERMIT = """
[[permit]]
number = "P-1"
system = "comprehensive"
posts = ["guard"]
period = "month"
valid_from = 2026-01-01
valid_to = {}
"""


@pytest.fixture(autouse=True)
def today(monkeypatch):
    now = datetime(2026, 11, 22, 4, tzinfo=UTC)
    monkeypatch.setattr("hr_core.clock.SystemClock.now", lambda _clock: now)


@pytest.fixture
def report(plant):
    """The limits of October as they look at a moment, computed up to it."""
    engine = open_database(f"sqlite:///{plant}")

    def look(now=NOON_OF_20TH, asked=OCTOBER, **more):
        Recomputer(engine, now=lambda: now, monotonic=time.monotonic).catch_up()
        with engine.connect() as conn:
            return hour_limits(conn, asked, now, **more)

    yield look
    engine.dispose()


def month_row(found, person):
    (one,) = [row for row in found.people if row.person == person]
    return next(row for row in one.flagged if row.limit == "cn.month")


def test_eleven_hour_nights_break_the_month_before_it_is_over(report):
    found = report()

    assert (found.judged, found.not_judged, found.behind, found.over) == (2, (), False, True)
    assert [one.person for one in found.people] == ["E001", "E002"]
    row = month_row(found, "E002")
    # 9 nights of 11 h are worked (from the 8th; Saturday the 10th is a workday), 9 are planned
    assert (row.worked_min, row.planned_min) == (9 * 3 * H, 9 * 3 * H)
    assert (row.over, row.over_already, row.limit_min) == (True, False, 36 * H)
    (day,) = [one for one in found.people if one.person == "E001"]
    assert [row.limit for row in day.flagged] == ["cn.day.usual"]  # two hours on the 12th


def test_after_the_month_only_what_was_worked_counts(report):
    row = month_row(report(datetime(2026, 11, 2, tzinfo=UTC)), "E002")

    assert (row.planned_min, row.over_already) == (0, True)


def test_a_month_that_is_planned_shows_its_projection_at_each_change_of_the_plan(report):
    found = report(asked=DateSpan(date(2026, 12, 1), date(2027, 1, 1)))

    assert month_row(found, "E002").worked_min == 0
    assert found.known_until == date(2027, 1, 1)  # the notice for 2027 is not out
    with pytest.raises(NoLawError, match="working calendar"):
        report(asked=DateSpan(date(2027, 1, 1), date(2027, 2, 1)))


def test_everybody_is_listed_when_asked_for(report):
    found = report(datetime(2026, 9, 1, tzinfo=UTC), everybody=True, persons=["E001"])

    (one,) = found.people
    assert (one.flagged, one.to_clarify) == ((), 0)
    assert one.systems == ("standard hours: no post is known",)


def test_a_permit_makes_the_period_the_measure_until_it_lapses(plant, report, tmp_path):
    text = GUARD + PEOPLE.replace(
        'device_user = "1008"', 'device_user = "1008"\nunits = [{ unit = "guard" }]'
    )
    (tmp_path / "people.toml").write_text(text, encoding="utf-8")
    (tmp_path / "permits.toml").write_text(PERMIT.format("2026-10-31"), encoding="utf-8")
    assert main(["import", "people.toml"]) == 0
    assert main(["permits", "import", "permits.toml"]) == 0

    found = report(datetime(2026, 11, 2, tzinfo=UTC), persons=["E002"], everybody=True)
    (one,) = found.people
    assert one.systems == ("comprehensive hours by the month: permit P-1 until 2026-10-31",)
    (row,) = one.flagged  # 18 x 11 h = 198 h against 165:20 of the month: 32:40 of 36 h
    assert (row.limit, row.warned_at, row.percent, row.over) == ("cn.period.month", 80, 90, False)
    (account,) = one.accounts
    assert (account.worked_min, account.statutory_min) == (18 * 11 * H, 9920)
    assert account.over_min == 18 * 11 * H - 9920

    november = DateSpan(date(2026, 11, 1), date(2026, 12, 1))
    (one,) = report(datetime(2026, 11, 2, tzinfo=UTC), november, persons=["E002"]).people
    assert one.systems == ("standard hours since 2026-11-01: permit P-1 lapsed on 2026-10-31",)
    assert month_row(report(asked=november), "E002").over


def test_people_of_another_country_are_not_judged_by_this_law(plant, tmp_path, report):
    text = PEOPLE.replace('zone = "Asia/Shanghai"', 'zone = "Europe/Berlin"')
    (tmp_path / "people.toml").write_text(text, encoding="utf-8")
    assert main(["import", "people.toml"]) == 0

    found = report()
    assert (found.judged, found.people) == (0, ())
    assert [row.person for row in found.not_judged] == ["E001", "E002"]
    assert "Europe/Berlin" in found.not_judged[0].why


def test_the_command_says_it_in_words(plant, capfd):
    assert main(["limits", "--month", "2026-10"]) == 1  # nothing was computed yet, and it is told
    assert "are not computed yet" in capfd.readouterr().out
    engine = open_database(f"sqlite:///{plant}")
    now = datetime(2026, 11, 2, tzinfo=UTC)
    Recomputer(engine, now=lambda: now, monotonic=time.monotonic).catch_up()
    engine.dispose()

    assert main(["limits", "--month", "2026-10", "--person", "E002"]) == 1
    shown = capfd.readouterr().out
    assert "E002 Li Na" in shown
    assert "cn.month 2026-10-01 to 2026-10-31: 54:00 worked" in shown
    assert "cn.day.usual 2026-10-30 (18 times; the worst)" in shown
    assert main(["limits", "--month", "2026-10", "--json"]) == 1
    found = json.loads(capfd.readouterr().out)
    rows = {row["limit"]: row for one in found["people"] for row in one["flagged"]}
    assert rows["cn.month"]["percent"] == 150
    assert rows["cn.month"]["source"].startswith("劳动法 art. 41")
    assert main(["limits", "--person", "nobody"]) == 3


def test_people_without_a_post_have_none(plant):
    engine = open_database(f"sqlite:///{plant}")
    with engine.connect() as conn:
        assert posts_of(conn, ["E001"]) == {}
    engine.dispose()


DAY = Shift(
    code="D", name="Day", start_min=8 * H, end_min=17 * H, break_min=60, break_start_min=12 * H,
    early_in_min=60, late_out_min=60,
)  # fmt: skip
LONG = Shift(
    code="L", name="Long", start_min=8 * H, end_min=20 * H, break_min=60, break_start_min=12 * H,
    early_in_min=60, late_out_min=60,
)  # fmt: skip
ON = date(2026, 10, 20)
MIDNIGHT = ON.toordinal() * DAY_S


def plan(**more):
    given = {"due": True, "shifts": (DAY,), "kind": DayKind.WORKDAY} | more
    return PlannedDay(day=ON, **given)


def approved(start_h, end_h):
    return ApprovedOvertime(request=1, start=MIDNIGHT + start_h * 3600, end=MIDNIGHT + end_h * 3600)


def leave(part, start=None, end=None):
    return LeaveSpan(request=1, kind="annual", part=part, start_min=start, end_min=end)


@pytest.mark.parametrize(
    ("planned", "hours"),
    [
        (plan(), 8),
        (plan(due=False, kind=DayKind.REST_DAY), 0),
        (plan(due=False, kind=DayKind.REST_DAY, overtime_approved=(approved(8, 13),)), 5),
        (plan(overtime_approved=(approved(17, 19), approved(18, 20), approved(9, 10))), 11),
        (plan(leaves=(leave(DayPart.WHOLE),)), 0),
        (plan(leaves=(leave(DayPart.HOURS, 8 * H, 10 * H),)), 6),
        (plan(shifts=(DAY, LONG), choice=ShiftChoice.FROM_PUNCH), 11),
    ],
)
def test_what_a_planned_day_holds(planned, hours):
    assert planned_hours(planned).minutes == hours * H


def test_a_leave_covers_due_work_and_no_break():
    morning, other = leave(DayPart.HOURS, 8 * H, 13 * H), leave(DayPart.HOURS, 13 * H, 14 * H)
    both = plan(leaves=(morning, replace(other, request=2)))

    assert (leave_minutes(both, 1), leave_minutes(both, 2)) == (4 * H, 1 * H)
    assert leave_minutes(plan(leaves=(leave(DayPart.WHOLE),), due=False), 1) == 0


def test_a_change_of_the_plan_tells_at_once_whom_it_brings_near_a_limit(plant, tmp_path, capfd):
    roster = "person,plan,first_day,last_day\nE001,N,2026-12-01,2026-12-31\n"
    (tmp_path / "roster.csv").write_text(roster, encoding="utf-8")

    assert main(["roster", "import", "roster.csv"]) == 0

    told = capfd.readouterr().err
    assert "limits: E001 张伟: OVER" in told
    assert "cn.month 2026-12-01 to 2026-12-31" in told
    assert "E002" not in told
