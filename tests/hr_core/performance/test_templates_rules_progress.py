"""D4, D7, D10, D11, D13: templates in versions, dated rules, live progress and one reminder a week."""

from datetime import timedelta
from fractions import Fraction

import pytest
from msgspec.structs import replace

from hr_core.approvals.desk import Actor
from hr_core.errors import InputFileError, NotFoundError, RefusedError
from hr_core.performance.acting import Deed
from hr_core.performance.agreeing import sign_goals
from hr_core.performance.first_score import first_score
from hr_core.performance.goal_book import signed_sets
from hr_core.performance.goals import GoalKind, Level
from hr_core.performance.periods import Period
from hr_core.performance.planning import store_unit_goals
from hr_core.performance.progress import percent_shown, progress_of, remind
from hr_core.performance.rule_desk import goal_rules
from hr_core.performance.templates import assign, import_template
from hr_core.store.database import writing
from hr_core.store.performance_figures import add_figures
from tests.hr_core.performance.goal_samples import NOW, day, goal, goal_set, plant
from tests.hr_core.performance.test_first_score import figure, store_signed
from tests.hr_core.two_people import rules_by_two

LEAD = Deed(at=NOW, actor=Actor("LEAD"))
TEMPLATE = """
code = "STAFF"
keeper = "PROD"
groups = ["KPI", "KCI"]
[[indicator]]
code = "output"
title = "Output"
kind = "count"
target = "100"
weight = "{kpi}"
parent = "CO-1"
[[indicator]]
code = "conduct"
title = "Conduct"
kind = "at_least"
target = "90"
weight = "30"
group = "{group}"
parent = "CO-1"
"""
RULES = """
[[edition]]
version = "plant/1"
from = {since}
source = "board of directors 12"
[edition.scoring]
points = "tier"
cap_percent = "100"
below_first_tier = "zero"
[edition.reminder]
time_percent = "50"
done_percent = "40"
[[edition.tier]]
code = "base"
from_percent = "70"
"""


@pytest.fixture
def core(engine):
    plant(engine)
    company = goal("CO-1", owner="CO", period="2026", level=Level.COMPANY, weight=Fraction(0))
    with writing(engine) as conn:
        store_unit_goals(conn, (company,), LEAD)
    return engine


@pytest.fixture
def write(tmp_path):
    def make(text):
        path = tmp_path / "file.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return make


def template(core, path):
    with writing(core) as conn:
        return import_template(conn, path, LEAD)


def agree(core, name, people, period, at=NOW):
    deed = replace(LEAD, at=at)
    with writing(core) as conn:
        for one in assign(conn, name, people, period, deed):
            for who in (one.goals.owner, "LEAD", "HEAD"):
                sign_goals(conn, one.number, Deed(at=at, actor=Actor(who)))


def test_people_on_version_1_keep_it_until_version_2_is_assigned(core, write):
    first = template(core, write(TEMPLATE.format(kpi=70, group="KCI")))
    agree(core, "STAFF", ["E1", "E2"], "2026-Q4")
    assert template(core, write(TEMPLATE.format(kpi=70, group="KCI"))) == first
    text = TEMPLATE.format(kpi=70, group="KCI").replace('target = "100"', 'target = "120"')
    assert template(core, write(text)).version == 2
    agree(core, "STAFF/2", ["E2"], "2026-Q4", NOW + timedelta(days=1))
    with core.connect() as conn:
        held = {who: signed_sets(conn, who)[-1].goals.goals[0] for who in ("E1", "E2")}
    assert {who: (one.template, one.target) for who, one in held.items()} == {
        "E1": ("STAFF/1", 100),
        "E2": ("STAFF/2", 120),
    }


def test_a_template_whose_weights_are_not_100_is_refused_with_who_can_mend_it(core, write):
    path = write(TEMPLATE.format(kpi=60, group="KCI"))
    with pytest.raises(RefusedError, match=r"90 % together \(KPI 60, KCI 30\)") as refused:
        template(core, path)
    assert "the department PROD can mend it" in refused.value.remedy


def test_a_template_has_both_of_its_groups(core, write):
    path = write(TEMPLATE.format(kpi=70, group="KPI"))
    with pytest.raises(RefusedError, match="no weight on KCI"):
        template(core, path)


def test_an_unknown_version_is_told(core, write):
    template(core, write(TEMPLATE.format(kpi=70, group="KCI")))
    with writing(core) as conn, pytest.raises(NotFoundError, match="STAFF/7") as refused:
        assign(conn, "STAFF/7", ["E1"], "2026-Q4", LEAD)
    assert "STAFF/1 is there" in refused.value.remedy


def test_thresholds_change_from_next_month_and_past_months_keep_theirs(core, write):
    values = [figure("G", 22, f"2026-{month}") for month in ("09", "10")]
    with writing(core) as conn:
        store_signed(conn, goal_set(goal(period="2026", target=Fraction(400), parent="CO-1")))
        add_figures(conn, values)
        before = first_score(conn, "E1", Period.parse("2026-09"))
        rules_by_two(conn, "goals", write(RULES.format(since="2026-10-01")), at=NOW)
    with core.connect() as conn:
        assert first_score(conn, "E1", Period.parse("2026-09")) == before
        after = first_score(conn, "E1", Period.parse("2026-10"))
    assert (before.score, before.indicators[0].tier) == (66, "base")
    assert (after.score, after.indicators[0].tier, after.rules.version) == (0, None, "plant/1")


@pytest.mark.parametrize("since", ["2026-09-01", "2026-08-01", "2026-10-02"])
def test_rules_of_a_month_that_goes_on_are_refused(core, write, since):
    path = write(RULES.format(since=since))
    with writing(core) as conn, pytest.raises(InputFileError, match=f"begins on {since}"):
        rules_by_two(conn, "goals", path, at=NOW)
    with core.connect() as conn:
        assert len(goal_rules(conn).edition) == 1


def overseas(**changes):
    columns = {"kind": GoalKind.AT_LEAST, "target": Fraction(15), "measure": "%", "parent": "CO-1"}
    return goal("overseas", **columns | changes)


def test_10_of_15_percent_is_66_7_and_behind_plan(core):
    with writing(core) as conn:
        store_signed(conn, goal_set(overseas()))
        add_figures(conn, [figure("overseas", 10)])
    with core.connect() as conn:
        (found,) = progress_of(conn, day("2026-10-16"), owner="E1")
    assert (percent_shown(found.achievement), found.behind, found.remind) == ("66.7", True, False)


def test_a_count_is_behind_when_more_time_than_work_is_over(core):
    with writing(core) as conn:
        store_signed(conn, goal_set(goal(period="2026-04", parent="CO-1")))
        add_figures(conn, [figure("G", 50, "2026-04")])
    with core.connect() as conn:
        (in_time,) = progress_of(conn, day("2026-04-16"), owner="E1")
        (late,) = progress_of(conn, day("2026-04-17"), owner="E1")
    assert (in_time.elapsed, in_time.behind, late.behind) == (50, False, True)


@pytest.mark.parametrize(
    ("done", "on", "expected"),
    [
        ("39.9", "2026-04-16", True),
        ("40", "2026-04-16", False),
        ("0", "2026-04-15", False),
        ("0", "2026-05-01", False),
    ],
)
def test_half_of_the_time_and_less_than_40_percent_done_is_reminded_of(core, done, on, expected):
    with writing(core) as conn:
        store_signed(conn, goal_set(goal(period="2026-04", parent="CO-1")))
        add_figures(conn, [figure("G", done, "2026-04")])
    with core.connect() as conn:
        (found,) = progress_of(conn, day(on), owner="E1", period="2026-04")
    assert found.remind is expected


def test_there_is_one_reminder_a_week(core):
    sixteenth = NOW.replace(month=4, day=16)  # a Thursday
    with writing(core) as conn:
        store_signed(conn, goal_set(goal(period="2026-04", parent="CO-1")))
        add_figures(conn, [figure("G", 10, "2026-04")])
        trial = goal("T", owner="E2", period="2026-04", trial=True)
        store_signed(conn, goal_set(trial))
        told = [
            [row.week for row in remind(conn, replace(LEAD, at=sixteenth + timedelta(days=days)))]
            for days in (0, 1, 3, 4, 5)
        ]
    assert told == [["2026-W16"], [], [], ["2026-W17"], []]
