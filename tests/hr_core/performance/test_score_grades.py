"""From scores and rates to grades, how they spread, who is up for promotion, the own rank."""

from datetime import UTC, date, datetime
from fractions import Fraction

import msgspec
import pytest

from hr_core.data_files import read_text
from hr_core.errors import InputFileError, NotFoundError, RefusedError
from hr_core.people.records import Membership, Role, Unit, UnitKind
from hr_core.performance.follow_up import follow_up
from hr_core.performance.grading import graded, spread
from hr_core.performance.locking import lock_score
from hr_core.performance.promotion import eligible
from hr_core.performance.ranking import own_rank
from hr_core.performance.score_rules import (
    parse_score_rules,
    rules_of_version,
    rules_on,
    shipped_rules,
)
from hr_core.quality.grades import load_grades
from hr_core.quality.month import Tally
from hr_core.store.database import writing
from hr_core.store.organisation import Organisation, save_organisation
from tests.hr_core.performance.score_desk import (
    BOSS,
    HR,
    NOW,
    WORKER,
    act,
    indicators,
    locked,
    marked,
    opened,
)
from tests.hr_core.two_people import rules_by_two

DAY = date(2026, 10, 1)
RULES = shipped_rules().on(DAY)
TEXT = read_text("performance_scores.toml")


@pytest.mark.parametrize(
    ("score", "grade", "coefficient"),
    [
        ("90", "A", "1.2"),
        ("89.999", "B", "1"),
        ("80", "B", "1"),
        ("60", "C", "0.9"),
        ("0", "D", "0.8"),
    ],
)
def test_a_grade_begins_at_its_edge(score, grade, coefficient):
    found = graded(Fraction(score), None, "general", RULES, DAY)
    assert (found.grade, found.coefficient) == (grade, Fraction(coefficient))


@pytest.mark.parametrize(
    ("rejects", "grade"), [(19, "A"), (20, "B"), (30, "B"), (31, "C"), (50, "C"), (51, "D")]
)
def test_a_defect_rate_grades_by_its_table(rejects, grade):
    found = graded(Fraction(100), Tally(1000, rejects), "workshop", RULES, DAY)
    assert found.grade == grade
    assert found.coefficient == RULES.coefficient(grade)
    assert (found.evidence.pieces, found.evidence.rejects) == (1000, rejects)


@pytest.mark.parametrize(("included", "grade"), [(True, "B"), (False, "C")])
def test_to_which_grade_three_percent_belongs_is_a_setting(included, grade):
    table = load_grades()
    (edition,) = table.edition
    rows = tuple(
        msgspec.structs.replace(row, upper_included=included) if row.code == "B" else row
        for row in edition.grade
    )
    changed = msgspec.structs.replace(
        table, edition=(msgspec.structs.replace(edition, grade=rows),)
    )
    assert graded(Fraction(0), Tally(100, 3), "workshop", RULES, DAY, changed).grade == grade


def test_nobody_is_graded_by_too_few_pieces():
    for tally in (None, Tally(49, 0)):
        found = graded(Fraction(100), tally, "workshop", RULES, DAY)
        assert (found.grade, found.coefficient) == (None, None)
        assert "not rated" in found.evidence.reason


def test_the_spread_is_the_count():
    found = spread(["A"] * 2 + ["B"] * 5 + ["C"] * 3 + [None], RULES)
    assert (found.graded, found.not_rated) == (10, 1)
    assert [(row.grade, row.count, row.percent, row.even_percent) for row in found.rows] == [
        ("A", 2, 20, 20),
        ("B", 5, 50, None),
        ("C", 3, 30, 30),
        ("D", 0, 0, None),
    ]
    assert spread([], RULES).graded == 0


def rule(code):
    return next(one for one in RULES.promotion if one.code == code)


@pytest.mark.parametrize(
    ("grades", "wanted"),
    [("AAA", True), ("ABA", False), ("AA", False), ("BAAA", True)],
)
def test_finance_needs_three_years_of_a(grades, wanted):
    by_year = {2026 - back: grade for back, grade in enumerate(reversed(grades))}
    assert eligible(rule("finance-manager"), by_year, 2026, RULES, None) is wanted


def test_a_director_needs_the_result_of_the_team_too():
    by_year = {2025: "A", 2026: "A"}
    for team, wanted in (("A", True), ("B", True), ("C", False), (None, False)):
        assert eligible(rule("director"), by_year, 2026, RULES, team) is wanted


def year_of(conn, person, year, score, post="", rater=BOSS):
    number = opened(conn, person, str(year), post=post, rater=rater, of=indicators(("all", "100")))
    marked(conn, number, score, score, person, rater)
    lock_score(conn, person, str(year), "general", None, act(HR, datetime(2027, 1, 9, tzinfo=UTC)))


def candidates(conn, year):
    found = follow_up(conn, str(year), act(HR, datetime(2027, 1, 9, tzinfo=UTC)))
    return {
        (one.person, one.detail["to"]) for one in found.made if one.kind == "promotion_candidate"
    }


def test_years_of_a_make_a_candidate_by_the_rule_of_the_post(engine):
    with writing(engine) as conn:
        for year in (2024, 2025, 2026):
            year_of(conn, "E1", year, "95")
            year_of(conn, "F1", year, "95", post="finance")
            year_of(conn, "F2", year, "85" if year == 2025 else "95", post="finance")
        assert candidates(conn, 2024) == set()
        assert candidates(conn, 2025) == {("E1", "manager")}
        assert candidates(conn, 2026) == {("E1", "manager"), ("F1", "manager")}
        assert candidates(conn, 2026) == set()


@pytest.mark.parametrize(("team", "wanted"), [("85", {(BOSS, "director")}), ("70", set())])
def test_the_team_of_a_manager_is_who_was_led_at_the_end_of_the_year(engine, team, wanted):
    with writing(engine) as conn:
        units = {"T1": Unit(code="T1", kind=UnitKind.TEAM, name="T1")}
        members = (
            Membership(person=BOSS, unit="T1", role=Role.MANAGER),
            Membership(person=WORKER, unit="T1"),
        )
        save_organisation(conn, Organisation(units=units, memberships=members))
        for year in (2025, 2026):
            year_of(conn, BOSS, year, "95", post="manager", rater="C1")
        year_of(conn, WORKER, 2026, team)
        assert {one for one in candidates(conn, 2026) if one[1] == "director"} == wanted


def test_the_own_rank_has_no_names(engine):
    with writing(engine) as conn:
        for person, score in (("E1", "80"), ("E2", "90"), ("E3", "80"), ("E4", "70")):
            locked(conn, score, person=person)
        found = own_rank(conn, "E1", "2026-10")
        assert (found.rank, found.of, found.score) == (2, 4, 80)
        assert own_rank(conn, "E4", "2026-10").rank == 4
        assert not {"E2", "E3", "E4"} & set(repr(found).split("'"))
        with pytest.raises(NotFoundError, match="no score of E9"):
            own_rank(conn, "E9", "2026-10")
        units = {"T1": Unit(code="T1", kind=UnitKind.TEAM, name="T1")}
        members = tuple(Membership(person=one, unit="T1") for one in ("E1", "E4"))
        save_organisation(conn, Organisation(units=units, memberships=members))
        in_team = own_rank(conn, "E1", "2026-10", "T1")
        assert (in_team.rank, in_team.of) == (1, 2)
        with pytest.raises(NotFoundError, match="in T1"):
            own_rank(conn, "E2", "2026-10", "T1")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('manager = "70"', 'manager = "60"', "combination: its parts are not 100 %"),
        ('peer = "30"', 'peer = "40"', "rate360: not 100 %"),
        ("least_raters = 3", "least_raters = 1", "fewer than 2 raters"),
        ('tolerance = "0"', "tolerance = 0", "is not a number as text"),
        ('tolerance = "0"', 'tolerance = "-1"', "not below 0"),
        ('from_score = "90"', 'from_score = "79"', "best grade first"),
        ('code = "C"\nfrom_score = "60"\n', 'code = "C"\n', "only the last grade has no edge"),
        ("years = 3", "years = 0", "years are 1 or more"),
        ("plan_months", "plan_mouths", "plan_mouths"),
    ],
)
def test_rules_that_do_not_add_up_are_refused(old, new, message):
    assert old in TEXT
    with pytest.raises(InputFileError, match=message):
        parse_score_rules(TEXT.replace(old, new, 1), file="own.toml")


def test_a_house_has_its_own_rules_and_a_locked_score_keeps_its_own(engine, tmp_path):
    def bring(conn, text):
        (tmp_path / "own.toml").write_text(text, encoding="utf-8")
        rules_by_two(conn, "scores", tmp_path / "own.toml", at=NOW)

    softer = TEXT.replace('tolerance = "0"', 'tolerance = "5"').replace("scores/2025-01", "own/1")
    with writing(engine) as conn:
        assert rules_on(conn, DAY).tolerance == 0
        bring(conn, softer)
        assert rules_on(conn, DAY).tolerance == 5
        number = opened(conn)
        marked(conn, number, "90", "85")
        lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
        stricter = softer.replace("own/1", "own/2").replace(
            'from_score = "90"', 'from_score = "99"'
        )
        bring(conn, stricter)
        assert rules_of_version(conn, "own/1").grade_of(Fraction(95)).code == "A"
        assert rules_on(conn, DAY).grade_of(Fraction(95)).code == "B"
        with pytest.raises(InputFileError, match="no stored rules have the version"):
            rules_of_version(conn, "own/3")


def test_a_scheme_that_the_rules_do_not_name_is_refused():
    with pytest.raises(RefusedError, match="do not say what grades"):
        graded(Fraction(90), None, "board", RULES, DAY)
