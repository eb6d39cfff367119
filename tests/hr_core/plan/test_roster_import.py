from datetime import date, timedelta

import pytest

from hr_core.attendance.calendar import DayKind
from hr_core.audit.log import entries
from hr_core.errors import InputFileError
from hr_core.people.changes import Signature
from hr_core.people.moves import renumber
from hr_core.people.one_or_two import merge
from hr_core.request_desk import nothing_locked
from hr_core.roster_import import RosterFileError, import_roster
from hr_core.spreadsheet import write_rows
from hr_core.store.rosters import load_places, load_policies, roster_assignments
from hr_core.store.work_plan import plan_of, plans_of
from tests.hr_core.plan.conftest import NOW, day

ROTATIONS = """
[[rotation]]
code = "two"
template = "two_shift_four_crews"
shifts = { D = "D", N = "N" }
[[rotation]]
code = "own"
cycle = ["D", "E", "rest"]
"""


@pytest.fixture
def load(conn, tmp_path):
    def from_text(text, name="roster.csv", locked=nothing_locked):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return import_roster(conn, path, "Li", NOW, locked)

    return from_text


def codes(conn, first, last, person="007"):
    planned = plan_of(conn, person, day(first), day(last) + timedelta(days=1))
    return ["|".join(s.code for s in one.shifts) if one.due else "-" for one in planned.values()]


def faults_of(load, text, **more):
    with pytest.raises(RosterFileError) as refused:
        load(text, **more)
    return [(one.origin, one.reason) for one in refused.value.faults]


def test_lines_of_a_csv_become_the_plan(conn, load):
    done = load(
        "person,name,plan,first_day,last_day\n"
        "007,Ann,E,2026-11-02,2026-11-03\n007,Ann,D|N,2026/11/4,\n"
    )
    assert (done.version, done.assignments, len(done.changed)) == (1, 2, 1)
    assert codes(conn, "11-01", "11-08") == ["-", "E", "E", "D|N", "D|N", "D|N", "-", "-"]
    planned = plan_of(conn, "007", day("11-02"), day("11-03"))[day("11-02")]
    assert planned.sources[0] == "person 007: shift E (v1 roster.csv row 2)"


def test_the_same_file_twice_changes_nothing(conn, load):
    text = "person,plan,first_day\n007,E,2026-11-02\n"
    load(text)
    rows = conn.execute(roster_assignments.select()).all()
    again = load(text)
    assert (again.version, again.changed) == (1, ())
    assert conn.execute(roster_assignments.select()).all() == rows
    assert [row.action for row in entries(conn)] == ["roster.import"]


def test_a_later_file_holds_from_its_first_day_and_the_replaced_rows_stay(conn, load):
    load(ROTATIONS, name="rotations.toml")
    load("person,plan,first_day\n007,own,2026-11-02\n")
    done = load("person,plan,first_day\n007,N,2026-11-09\n")
    assert (done.version, done.changed[0].first) == (3, day("11-09"))
    assert codes(conn, "11-02", "11-10") == ["D", "E", "-", "D", "E", "-", "D", "N", "N"]
    kept = conn.execute(roster_assignments.select().order_by(roster_assignments.c.id)).all()
    assert [(row.version, row.replaced_by) for row in kept] == [(2, 3), (3, None), (3, None)]


def test_a_table_with_a_column_a_day(conn, load, tmp_path):
    days = [f"2026-11-{n:02d}" for n in range(1, 8)]
    rows = [["工号", "姓名", *days], ["007", "安", "D", "D", "N", "N", "休", "E", "E"]]
    write_rows(tmp_path / "month.xlsx", rows)
    done = import_roster(conn, tmp_path / "month.xlsx", "Li", NOW, nothing_locked)
    assert done.assignments == 4
    assert codes(conn, "11-01", "11-07") == ["D", "D", "N", "N", "-", "E", "E"]
    sunday = plan_of(conn, "007", day("11-01"), day("11-02"))[day("11-01")]
    assert sunday.kind is DayKind.WORKDAY  # rostered by hand


HEADER = "person,plan,first_day,last_day,offset,days\n"


@pytest.mark.parametrize(("line", "reason"), [
    ("099,D,2026-11-02,,,", "unknown_person"),
    (",D,2026-11-02,,,", "subject"),
    ("007,Q,2026-11-02,,,", "unknown_shift"),
    ("007,,2026-11-02,,,", "hole"),
    ("007,D,,,,", "span"),
    ("007,D,2026-13-02,,,", "date"),
    ("007,D,2026-11-31,,,", "date"),
    ("007,D,2026-11-02,2026-11-01,,", "span"),
    ("007,D,2026-11-02,,3,", "offset"),
    ("007,own,2026-11-02,,-1,", "offset"),
    ("007,D,2026-11-02,,,weekly", "days"),
    ("007,D+D,2026-11-02,,,", "plan"),
    ("007,D|,2026-11-02,,,", "plan"),
    ("007,D+X,2026-11-02,,,", "shift_overlap"),
])  # fmt: skip
def test_each_bad_line_is_refused_with_its_row_and_a_reason(conn, load, line, reason):
    load(ROTATIONS, name="rotations.toml")
    (fault,) = faults_of(load, f"{HEADER}008,D,2026-11-02,,,\n{line}\n")
    assert fault[0].endswith("row 3")
    assert fault[1] == reason
    assert codes(conn, "11-02", "11-02", "008") == ["D"]  # the own shift: nothing was stored
    assert conn.execute(roster_assignments.select()).all() == []


@pytest.mark.parametrize("column", ["site", "rules"])
def test_sites_and_rule_sets_are_those_that_exist(load, column):
    text = f"person,plan,first_day,{column}\n007,D,2026-11-02,nowhere\n"
    assert faults_of(load, text) == [("row 2", f"unknown_{column}")]
    load("person,plan,first_day,rules\n007,D,2026-11-02,attendance\n")


def test_holes_and_overlaps_are_refused_also_against_what_is_stored(load):
    hole = "007,D,2026-11-02,2026-11-05,,\n007,N,2026-11-08,,,\n"
    assert faults_of(load, HEADER + hole) == [("row 3", "hole")]
    both = "007,D,2026-11-02,,,\n007,N,2026-11-08,,,\n"
    assert faults_of(load, HEADER + both) == [("row 3", "two_plans")]
    early = "007,N,2026-11-02,2026-11-05,,\n007,X,2026-11-06,,,\n"
    assert faults_of(load, HEADER + early) == [("row 3", "shift_overlap")]
    load(f"{HEADER}007,N,2026-11-02,2026-11-05,,\n")
    assert faults_of(load, f"{HEADER}007,D,2026-11-10,,,\n") == [("row 2", "hole")]
    assert faults_of(load, f"{HEADER}007,X,2026-11-06,,,\n") == [("row 2", "shift_overlap")]
    load(f"{HEADER}007,rest,2026-11-06,2026-11-09,,\n007,D,2026-11-10,,,\n")


def test_every_fault_of_a_file_is_told_and_none_that_is_only_a_follow_up(load):
    """The row of 008 that cannot be read would have filled the hole."""
    lines = (
        "099,D,2026-11-02,,,\n"
        "007,D,2026-11-02,2026-11-03,,\n007,D,2026-11-05,,,\n"
        "008,D,2026-11-02,2026-11-03,,\n008,D,2026-11-31,2026-11-04,,\n008,D,2026-11-05,,,\n"
    )
    assert faults_of(load, HEADER + lines) == [
        ("row 2", "unknown_person"), ("row 4", "hole"), ("row 6", "date")
    ]  # fmt: skip


@pytest.mark.parametrize("header", [
    "plan,first_day", "person,plan", "person,plan,first_day,colour", "person,工号,plan,first_day",
    "person,2026-11-01,2026-11-03", "person,plan,first_day,2026-11-01", "person,2026-11-31",
])  # fmt: skip
def test_a_header_that_says_too_little_or_too_much(load, header):
    assert {reason for _, reason in faults_of(load, f"{header}\n007,D,D,D\n")} == {"header"}


def test_an_empty_cell_of_a_days_table_is_a_hole(load):
    text = "person,2026-11-01,2026-11-02\n007,D,\n"
    assert faults_of(load, text) == [("row 2", "hole")]


def test_a_locked_day_keeps_its_plan(load):
    def locked(on):
        return on < day("11-05")

    text = f"{HEADER}007,N,2026-11-02,,,\n"
    assert faults_of(load, text, locked=locked) == [("row 2", "locked")]
    load(text.replace("11-02", "11-05"), locked=locked)
    load(f"{HEADER}007,N,2026-11-05,2026-11-08,,\n007,D,2026-11-09,,,\n", locked=lambda on: on < day("11-09"))  # fmt: skip


def test_a_roster_that_ends_before_a_locked_day_is_refused_too(load):
    load(f"{HEADER}007,N,2026-11-05,,,\n")
    shorter = f"{HEADER}007,N,2026-11-05,2026-11-08,,\n"
    assert faults_of(load, shorter, locked=lambda on: on == day("11-20")) == [("row 2", "locked")]


def test_settings_of_a_plan_file(conn, load):
    done = load(
        ROTATIONS
        + """
[[calendar]]
first = 2026-01-01
until = 2026-12-01
country = "CN"
rest_weekdays = [6]
[[calendar]]
first = 2026-12-01
country = "DE"
subdivision = "BY"
[[place]]
code = "gate"
name = "Gate"
latitude = 31.2
longitude = 121.5
radius_m = 200
[[correction_policy]]
version = "plant/1"
source = "plant rule 12"
first = 2026-11-01
quota = 1
period_starts_on = 26
deadline_days = 2
may_ask = ["leader"]
[[correction_policy.kind]]
code = "forgot"
name = "Forgot"
[[assignment]]
person = "007"
plan = "two"
first_day = 2026-11-02
offset = 1
""",
        name="plan.toml",
    )
    assert (done.rotations, done.calendars, done.places, done.policies) == (2, 2, 1, 1)
    assert codes(conn, "11-02", "11-06") == ["N", "-", "-", "D", "N"]
    kinds = [one.kind for one in plan_of(conn, "008", day("12-05"), day("12-07")).values()]
    assert kinds == [DayKind.REST_DAY, DayKind.REST_DAY]
    saturday = plan_of(conn, "008", day("11-07"), day("11-08"))[day("11-07")]
    assert saturday.kind is DayKind.WORKDAY
    assert [one.code for one in load_places(conn)] == ["gate"]
    assert [one.version for one in load_policies(conn)] == ["plant/1"]


@pytest.mark.parametrize(("text", "reason"), [
    ('[[rotation]]\ncode = "D"\ncycle = ["D"]', "name"),
    ('[[rotation]]\ncode = "r"\ncycle = ["Q"]', "unknown_shift"),
    ('[[rotation]]\ncode = "r"\ncycle = ["N", "X"]', "shift_overlap"),
    ('[[rotation]]\ncode = "r"', "rotation"),
    ('[[rotation]]\ncode = "r"\ntemplate = "none"', "rotation"),
    ('[[rotation]]\ncode = "r"\ntemplate = "two_shift_weekly"\nshifts = { D = "D" }', "template_slots"),
    ('[[calendar]]\nfirst = 2026-01-01\ncountry = "ZQ"', "calendar"),
    ('[[place]]\ncode = "p"\nname = ""\nlatitude = nan\nlongitude = 1\nradius_m = 50', "place"),
    ('[[place]]\ncode = "p"\nname = ""\nlatitude = 1\nlongitude = 1\nradius_m = 0', "place"),
    ('[[calendar]]\nfirst = 2026-01-01\ncountry = "CN"\n' * 2, "twice"),
    ('[[calendar]]\nfirst = 2026-01-01\ncountry = "CN"\n[[calendar]]\nfirst = 2026-02-01\ncountry = "CN"', "overlap"),
])  # fmt: skip
def test_each_bad_setting_is_refused_with_a_reason(load, text, reason):
    assert [found for _, found in faults_of(load, text, name="plan.toml")] == [reason]


@pytest.mark.parametrize(
    "text",
    [
        "[[rotation]]\ncolour = 1",
        '[[rotation]]\ncode = "\\u0000"',
        "[[rotation",
        '[[assignment]]\nplan = "D"',
    ],
)
def test_what_is_no_plan_file_is_refused(load, text):
    with pytest.raises(InputFileError):
        load(text, name="plan.toml")


def test_a_rotation_in_use_is_not_changed_under_its_rosters(load):
    load(ROTATIONS + '[[assignment]]\nperson = "007"\nplan = "own"\nfirst_day = 2026-11-02', name="p.toml")  # fmt: skip
    changed = ROTATIONS.replace('"E", "rest"', '"E", "E", "rest"')
    assert faults_of(load, changed, name="p.toml") == [("rotation own", "rotation_in_use")]
    load(ROTATIONS, name="p.toml")


def test_a_number_means_who_had_it_on_the_first_day(conn, load):
    renumber(conn, "007", "700", day("11-05"), Signature(at=NOW, by="Li"))
    load("person,plan,first_day\n700,N,2026-11-05\n")
    assert codes(conn, "11-04", "11-05") == ["D", "N"]
    assert faults_of(load, "person,plan,first_day\n700,N,2026-11-01\n") == [
        ("row 2", "unknown_person")
    ]


def test_plans_of_a_merged_record_are_the_ones_that_is_kept(conn, load):
    load("person,plan,first_day\n008,N,2026-11-02\n")
    merge(conn, "007", "008", Signature(at=NOW, by="Li"))
    assert codes(conn, "11-02", "11-03") == ["N", "N"]


def test_many_plans_are_the_plans_of_each(conn, load):
    load("person,plan,first_day\n008,N,2026-11-02\n009,E,2026-11-02\n")
    span = date(2026, 11, 1), date(2026, 12, 1)
    people = ["007", "008", "009"]
    assert plans_of(conn, people, *span) == {one: plan_of(conn, one, *span) for one in people}
