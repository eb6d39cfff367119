"""Units of the organisation as the subject of rosters and the place of calendars."""

from datetime import date

import pytest

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.plan.roster import Membership
from hr_core.attendance.plan.stays import Stay, stays_of
from hr_core.imports import import_people
from hr_core.request_desk import nothing_locked
from hr_core.roster_import import RosterFileError, import_roster
from hr_core.store.work_plan import plan_of
from tests.hr_core.plan.conftest import NOW, PEOPLE, day

UNITS = """
[[unit]]
code = "S1"
kind = "site"
name = "Suzhou"
[[unit]]
code = "S2"
kind = "site"
name = "Munich"
[[unit]]
code = "T1"
kind = "team"
name = "Team 1"
parent = "S1"
[[unit]]
code = "T2"
kind = "team"
name = "Team 2"
parent = "S2"
[[person]]
number = "007"
name = "Ann"
shift = "D"
base = "5000.00"
units = [{ unit = "T1", until = 2026-11-10 }, { unit = "T2", from = 2026-11-10 }]
"""


@pytest.fixture
def load(conn, tmp_path):
    def from_text(text, name="roster.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return import_roster(conn, path, "Li", NOW, nothing_locked)

    (tmp_path / "units.toml").write_text(PEOPLE + UNITS, encoding="utf-8")
    import_people(conn, tmp_path / "units.toml")
    return from_text


def first_codes(conn, *days):
    planned = plan_of(conn, "007", day("11-01"), day("12-01"))
    return ["|".join(shift.code for shift in planned[day(one)].shifts) for one in days]


def test_the_roster_of_the_team_of_the_day_is_the_plan(conn, load):
    load("team,plan,first_day\nT1,E,2026-11-01\nT2,N,2026-11-01\n")
    assert first_codes(conn, "11-09", "11-10") == ["E", "N"]
    load("person,plan,first_day,last_day\n007,X,2026-11-09,2026-11-09\n")
    assert first_codes(conn, "11-06", "11-09", "11-10") == ["E", "X", "N"]


def test_an_exception_may_end_where_the_team_has_a_roster(load):
    load("team,plan,first_day\nT1,E,2026-11-01\n")
    load("person,plan,first_day,last_day\n007,X,2026-11-02,2026-11-03\n")
    load("person,plan,first_day,last_day\n007,X,2026-11-09,2026-11-09\n")
    with pytest.raises(RosterFileError, match="from 2026-11-10 to 2026-11-11"):
        load("person,plan,first_day\n007,X,2026-11-12\n")


def test_an_unknown_team_is_refused(load):
    with pytest.raises(RosterFileError, match="row 2: there is no team 'T9'"):
        load("team,plan,first_day\nT9,E,2026-11-01\n")


def test_the_calendar_is_that_of_the_site_that_the_team_lies_under(conn, load):
    load(
        """
[[calendar]]
site = "S1"
first = 2026-01-01
country = "CN"
[[calendar]]
site = "S2"
first = 2026-01-01
country = "DE"
subdivision = "BY"
own_days = [{ on = 2026-11-16, kind = "rest_day", reason = "bridge" }]
""",
        name="plan.toml",
    )
    planned = plan_of(conn, "007", day("10-01"), day("12-01"))
    assert planned[day("10-01")].kind is DayKind.STATUTORY_HOLIDAY
    assert planned[day("11-16")].kind is DayKind.REST_DAY
    assert "calendar DE-BY" in planned[day("11-16")].sources[-1]


JAN, MAY, AUG = date(2026, 1, 1), date(2026, 5, 1), date(2026, 8, 1)


def test_a_stay_is_where_all_the_days_on_the_way_meet():
    parents = {
        "team": [("hall", JAN, MAY), ("other", MAY, None)],
        "hall": [("S1", date.min, None), ("team", JAN, None)],  # a circle
        "other": [("S2", date.min, AUG)],
    }
    found = stays_of([Membership("team", date.min)], parents, frozenset({"S1", "S2"}))
    assert found == (Stay("S1", JAN, MAY), Stay("S2", MAY, AUG))
    assert not stays_of([Membership("team", AUG, MAY)], parents, frozenset({"S2"}))
