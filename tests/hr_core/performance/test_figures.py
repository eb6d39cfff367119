"""D6, A7: figures from stored days, from files with source and load, and from other departments."""

from fractions import Fraction

import pytest
import sqlalchemy as sa
import xlsxwriter

from hr_core.approvals.desk import Actor
from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayResult, DayStatus
from hr_core.errors import InputFileError, RefusedError
from hr_core.performance.acting import Deed
from hr_core.performance.figure_loading import load_figures, score_figure
from hr_core.performance.figures import ATTENDANCE_RATE, DEFECT_RATE, LATE_MINUTES, Figures
from hr_core.performance.first_score import first_score
from hr_core.performance.goals import GoalKind
from hr_core.performance.periods import Period
from hr_core.store.attendance_days import StoredDay, put_days
from hr_core.store.database import writing
from tests.hr_core.performance.goal_samples import NOW, day, goal, goal_set, plant
from tests.hr_core.performance.test_first_score import store_signed

OCTOBER = Period.parse("2026-10")
HR = Deed(at=NOW, actor=Actor("hr"))
LONG = """
source = "ERP"
subject_kind = "person"
subject = "工号"
period = "月份"
figure = "指标"
value = "数值"
"""
WIDE = """
source = "CRM"
subject_kind = "unit"
subject = "部门"
fixed_period = "2026-10"
values = [
  { column = "合同额", figure = "contracts" },
  { column = "准时", figure = "on_time", of = "总数" },
]
"""
ROWS = [
    ("工号", "月份", "指标", "数值"),
    ("E1", "2026-10", "G", "1,200.5"),
    ("E2", "2026-10", "G", "7"),
]


@pytest.fixture
def core(engine):
    plant(engine)
    return engine


@pytest.fixture
def write(tmp_path):
    def make(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make


def csv(rows):
    return "\n".join(";".join(row) for row in rows)


def load(core, path, mapping=None):
    with writing(core) as conn:
        return load_figures(conn, path, mapping, HR)


def actual(core, one, period=OCTOBER):
    with core.connect() as conn:
        return Figures(conn).actual(one, period)


def test_a_value_from_a_file_carries_its_source_and_load(core, write):
    done = load(core, write("sales.csv", csv(ROWS)), write("map.toml", LONG))
    assert (done.added, done.changed, done.unchanged) == (2, 0, 0)
    found = actual(core, goal())
    assert found.value == Fraction("1200.5")
    assert found.sources == (
        f"2026-10: 1200.5, ERP sales.csv row 2, load {done.load} (revision 1)",
    )


def test_the_same_file_again_changes_nothing_and_a_correction_is_a_revision(core, write):
    path, mapping = write("sales.csv", csv(ROWS)), write("map.toml", LONG)
    first = load(core, path, mapping)
    again = load(core, path, mapping)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 2)
    path.write_text(csv([*ROWS[:2], ("E2", "2026-10", "G", "8")]), encoding="utf-8")
    corrected = load(core, path, mapping)
    assert (corrected.added, corrected.changed, corrected.unchanged) == (0, 1, 1)
    other = actual(core, goal(owner="E2"))
    assert (other.value, f"load {corrected.load} (revision 2)" in other.sources[0]) == (8, True)
    assert f"load {first.load}" in actual(core, goal()).sources[0]
    with core.connect() as conn:
        rows = "SELECT count(*) FROM audit_log WHERE action = 'performance.import'"
        assert conn.execute(sa.text(rows)).scalar() == 2


def test_a_wide_workbook_gives_several_figures_a_row(core, write, tmp_path):
    path = tmp_path / "crm.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate([("部门", "合同额", "准时", "总数"), ("T1", 80.5, 45, 50)]):
            sheet.write_row(at, 0, row)
    load(core, path, write("map.toml", WIDE))
    sales = goal("contracts", figure_of="unit:T1")
    on_time = goal("on_time", figure_of="unit:T1", kind=GoalKind.AT_LEAST)
    assert actual(core, sales).value == Fraction("80.5")
    assert actual(core, on_time).value == 90


@pytest.mark.parametrize("whole", ["0", "-50"])
def test_a_part_of_nothing_is_no_figure(core, write, whole):
    path = write("crm.csv", csv([("部门", "合同额", "准时", "总数"), ("T1", "1", "45", whole)]))
    with pytest.raises(InputFileError, match="row 2: on_time of T1 is a part of"):
        load(core, path, write("map.toml", WIDE))


def test_a_file_of_ours_needs_no_mapping(core, write):
    text = (
        'source = "board"\n[[figure]]\nsubject_kind = "person"\nsubject = "E1"\nfigure = "G"\n'
        'period = "2026-10"\nvalue = "3"\n'
    )
    load(core, write("board.toml", text))
    assert actual(core, goal()).value == 3


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([ROWS[0], ("E9", "2026-10", "G", "1")], "row 2: .*E9"),
        ([ROWS[0], ("E1", "2026/10", "G", "1")], "row 2: .*not a period"),
        ([ROWS[0], ("E1", "2026-10", "G", "much")], "row 2: column '数值' 'much' is no number"),
        ([ROWS[0], ("E1", "2026-10", "G", "")], "row 2: column '数值' is empty"),
        ([*ROWS, ROWS[1]], "row 4: .*stands in row 2 too"),
        ([ROWS[0], ("E1", "2026-10", "attendance_rate", "1")], "row 2: .*computed here"),
        ([(*ROWS[0], "数值"), (*ROWS[1], "9")], "row 1: two columns are 数值"),
        ([("工号", "月份", "指标"), ("E1", "2026-10", "G")], "row 1: there is no column '数值'"),
    ],
)
def test_a_fault_refuses_the_whole_file_with_its_row(core, write, rows, fault):
    path, mapping = write("sales.csv", csv(rows)), write("map.toml", LONG)
    with pytest.raises(InputFileError, match=fault):
        load(core, path, mapping)
    assert actual(core, goal()).value is None


def test_a_table_needs_a_mapping_that_says_one_thing(core, write):
    path = write("sales.csv", csv(ROWS))
    with pytest.raises(InputFileError, match="which column"):
        load(core, path)
    both = write("map.toml", LONG + 'fixed_period = "2026-10"\n')
    with pytest.raises(InputFileError, match="either period"):
        load(core, path, both)


def stored(person, text, status, *, late=0, kind=DayKind.WORKDAY):
    result = DayResult(
        day=day(text), kind=kind, shift="D", status=status, late_min=late, rule_version="1"
    )
    return StoredDay(person=person, revision=1, result=result, computed_at=NOW, cause="test")


@pytest.fixture
def worked(core):
    days = [
        stored("E1", "2026-10-08", DayStatus.PRESENT, late=7),
        stored("E1", "2026-10-09", DayStatus.ON_TRIP),
        stored("E1", "2026-10-10", DayStatus.OFF, kind=DayKind.REST_DAY),
        stored("E1", "2026-10-12", DayStatus.ABSENT),
        stored("E1", "2026-10-13", DayStatus.ON_LEAVE),
        stored("E1", "2026-10-14", DayStatus.MISSING_OUT),
        stored("E1", "2026-10-15", DayStatus.PRESENT, late=5),
        stored("E1", "2026-11-02", DayStatus.ABSENT),
        stored("E2", "2026-10-15", DayStatus.ABSENT),
    ]
    with writing(core) as conn:
        put_days(conn, days)
    return core


def test_attendance_comes_from_stored_days_and_names_what_is_unclear(worked):
    rate = actual(worked, goal(figure=ATTENDANCE_RATE, kind=GoalKind.AT_LEAST))
    assert rate.value == 75
    assert rate.open == (
        "E1: no computed day after 2026-10-15, until 2026-10-31",
        "E1 2026-10-14: missing_out",
    )
    assert actual(worked, goal(figure=LATE_MINUTES, kind=GoalKind.AT_MOST)).value == 12


def test_a_month_that_is_computed_to_its_end_is_not_open(worked):
    with writing(worked) as conn:
        put_days(conn, [stored("E1", "2026-10-14", DayStatus.PRESENT)])
        put_days(conn, [stored("E1", "2026-10-31", DayStatus.OFF, kind=DayKind.REST_DAY)])
    rate = actual(worked, goal(figure=ATTENDANCE_RATE, kind=GoalKind.AT_LEAST))
    assert (rate.value, rate.open) == (80, ())


def test_a_units_attendance_is_its_peoples(worked):
    one = goal(figure=ATTENDANCE_RATE, kind=GoalKind.AT_LEAST, figure_of="unit:PROD")
    assert actual(worked, one).value == 60


def test_without_days_or_pieces_there_is_no_rate(core):
    for name in (ATTENDANCE_RATE, DEFECT_RATE):
        found = actual(core, goal(figure=name, kind=GoalKind.AT_MOST))
        assert found.value is None
        assert "E1" in found.missing[0]


def test_an_indicator_of_another_department_enters_the_owners_score(core):
    """Purchase says how punctual deliveries were; it is in the production head's score."""
    own = goal("output", weight=Fraction(60))
    across = goal(
        "on_time",
        kind=GoalKind.AT_LEAST,
        target=Fraction(90),
        scored_by="PURCH",
        weight=Fraction(40),
    )
    with writing(core) as conn:
        store_signed(conn, goal_set(own, across))
        for who in ("E1", "HEAD", "E2"):
            deed = Deed(at=NOW, actor=Actor(who))
            with pytest.raises(RefusedError, match="unit PURCH does") as refused:
                score_figure(conn, across, OCTOBER, Fraction(90), deed)
        assert "BUY can" in refused.value.remedy
        score_figure(conn, across, OCTOBER, Fraction(45), Deed(at=NOW, actor=Actor("BUY")))
        with pytest.raises(RefusedError, match="not scored by another"):
            score_figure(conn, own, OCTOBER, Fraction(1), Deed(at=NOW, actor=Actor("BUY")))


def test_what_another_department_says_cannot_come_from_a_file(core, write):
    across = goal("on_time", kind=GoalKind.AT_LEAST, target=Fraction(90), scored_by="PURCH")
    rows = [ROWS[0], ("E1", "2026-10", "on_time", "99")]
    load(core, write("sales.csv", csv(rows)), write("map.toml", LONG))
    found = actual(core, across)
    assert found.value is None
    assert "people of unit PURCH say it" in found.missing[0]
    with writing(core) as conn:
        store_signed(conn, goal_set(across))
        score_figure(conn, across, OCTOBER, Fraction(45), Deed(at=NOW, actor=Actor("BUY")))
    with core.connect() as conn:
        score = first_score(conn, "E1", OCTOBER)
    assert (score.score, score.indicators[0].scored_by) == (50, "PURCH")
    assert "scored by PURCH" in score.indicators[0].sources[0]
