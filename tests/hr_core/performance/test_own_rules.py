"""H6: a house brings a third scheme of what grades lead to; two people bring every rule that makes pay."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
import sqlalchemy as sa

from hr_core.approvals.desk import Actor, approve
from hr_core.audit.log import entries
from hr_core.cli import main
from hr_core.data_files import read_text
from hr_core.errors import InputFileError
from hr_core.pay.agreement import PayAgreement
from hr_core.performance.follow_up import follow_up
from hr_core.performance.rule_desk import RuleFile, adopt_rules, house_rules, propose_rules
from hr_core.performance.score_rules import rules_on
from hr_core.store.consequences import consequences
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.goal_templates import goal_rule_files
from hr_core.store.score_rules import score_rule_files
from tests.hr_core.performance.score_desk import HR, NOW, OTHER, WORKER, act, locked
from tests.hr_core.two_people import agreement_by_two, rules_by_two

JANUARY = datetime(2027, 1, 5, 9, tzinfo=UTC)
SCHEME = """
[[edition]]
version = "shop/2026-12"
from = 2026-12-01
source = "works agreement 12 of 2026"
[[edition.scheme]]
code = "shop"
[edition.scheme.grade.A]
raise_percent = "8"
[edition.scheme.grade.C]
improvement_plan = true
"""
SCORES = (
    read_text("performance_scores.toml")
    .replace("scores/2025-01", "shop/scores")
    .replace('general = "score"', 'general = "score"\nshop = "score"')
)


@pytest.fixture
def write(tmp_path):
    def written(text, name="own.toml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return written


@pytest.fixture
def core(engine, write):
    """Its rules of scores know the scheme; E1 has an agreement of 6,000 yuan."""
    with writing(engine) as conn:
        rules_by_two(conn, "scores", write(SCORES), at=NOW)
        terms = PayAgreement(base_fen=600_000, city="上海")
        agreement_by_two(conn, WORKER, date(2026, 1, 1), terms, by=(HR, OTHER), at=NOW)
    return engine


def test_a_third_scheme_raises_by_its_own_percentage_from_its_day_on(core, write):
    with writing(core) as conn:
        rules_by_two(conn, "grades", write(SCHEME), at=NOW)
        locked(conn, "95", period="2026-12", scheme="shop", at=JANUARY)
        follow_up(conn, "2026-12", act(HR, JANUARY))
        made = conn.execute(sa.select(consequences.c.kind, consequences.c.detail)).all()
        rules = house_rules(conn)
    [raised] = [row.detail for row in made if row.kind == "raise"]
    assert '"8"' in raised
    assert "648000" in raised
    assert rules.on(date(2026, 12, 1)).consequence("shop", "A").raise_percent == 8
    assert rules.on(date(2026, 12, 1)).consequence("general", "A").raise_percent == 10, "goes on"
    assert rules.on(date(2026, 11, 30)).consequence("shop", "A") is None
    assert rules.on(date(2026, 12, 1)).tier == rules.on(date(2026, 11, 30)).tier


def test_a_later_file_replaces_a_scheme_from_its_own_day_on(core, write):
    later = SCHEME.replace("2026-12", "2027-03").replace('"8"', '"6"')
    with writing(core) as conn:
        rules_by_two(conn, "grades", write(SCHEME), at=NOW)
        rules_by_two(conn, "grades", write(later), at=NOW)
        rules = house_rules(conn)
    shares = [
        rules.on(date(2026 + at // 12, at % 12 + 1, 1)).consequence("shop", "A")
        for at in (10, 11, 13, 14)
    ]
    assert [one and one.raise_percent for one in shares] == [None, 8, 8, Fraction(6)]


@pytest.mark.parametrize("which", RuleFile)
def test_what_one_person_brought_holds_when_another_approved_it(core, write, which):
    text = {
        RuleFile.SCORES: SCORES.replace("shop/scores", "own/2").replace(
            'tolerance = "0"', 'tolerance = "5"'
        ),
        RuleFile.GOALS: read_text("goal_rules.toml")
        .replace("goals/2025-01", "own/2")
        .replace("from = 2008-01-01", "from = 2026-12-01"),
        RuleFile.GRADES: SCHEME,
    }[which]
    path = write(text)
    with writing(core) as conn:
        before = (rules_on(conn, NOW.date()), house_rules(conn))
        number = propose_rules(conn, which, path, at=NOW, by=Actor("ann"), reason="new year")
        again = propose_rules(conn, which, path, at=NOW, by=Actor("bo"))
        assert again == number, "the same text waits once"
        assert (rules_on(conn, NOW.date()), house_rules(conn)) == before
        adopt_rules(conn, approve(conn, number, at=NOW, by=Actor("bo")))
        assert propose_rules(conn, which, path, at=NOW, by=Actor("ann")) is None, "holds already"
        row = entries(conn)[-1]
    assert (row.actor, row.action, row.after["rules"]) == ("bo", "performance.rules", which)


@pytest.mark.parametrize(
    ("table", "by", "at"),
    [(score_rule_files, "author", "imported_at"), (goal_rule_files, "added_by", "added_at")],
)
def test_the_database_takes_no_rules_that_were_not_approved(core, table, by, at):
    row = {"number": 9, "name": "x", "text": SCHEME, by: "eve", at: NOW}
    with pytest.raises(sa.exc.IntegrityError, match="four eyes"), writing(core) as conn:
        conn.execute(sa.insert(table).values(row))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2026-12-01", "2026-11-01", "begins on 2026-11-01"),
        ("2026-12-01", "2026-12-02", "begins on 2026-12-02"),
        ('"8"', '"800"', "a percentage is 0 to 100"),
        ('"8"', '"-8"', "a percentage is 0 to 100"),
        ('"8"', "8", "not a number as text"),
        ("raise_percent", "rise_percent", "rise_percent"),
        ('code = "shop"', 'code = "stall"', "do not say what grades the scheme 'stall'"),
        ('source = "works agreement 12 of 2026"', 'source = " "', "no source"),
        ("[[edition.scheme]]", "[[edition.schema]]", "schem"),
        ("shop/2026-12", "performance/2025-01", "is there with another text"),
    ],
)
def test_a_file_that_is_none_is_refused_and_says_where(core, write, old, new, message):
    assert old in SCHEME
    with writing(core) as conn, pytest.raises(InputFileError, match=message):
        propose_rules(conn, RuleFile.GRADES, write(SCHEME.replace(old, new)), at=NOW, by=Actor("a"))


def test_approved_too_late_it_does_not_reach_back(core, write):
    with writing(core) as conn:
        number = propose_rules(conn, RuleFile.GRADES, write(SCHEME), at=NOW, by=Actor("ann"))
        done = approve(conn, number, at=JANUARY, by=Actor("bo"))
        with pytest.raises(InputFileError, match="begins on 2026-12-01"):
            adopt_rules(conn, done)


def test_the_commands(tmp_path, write, monkeypatch, capsys):
    monkeypatch.setattr("hr_core.clock.SystemClock.now", lambda _: NOW)
    database = f"sqlite:///{tmp_path}/core.db"
    engine = open_database(database)
    initialise(engine)
    engine.dispose()

    def core(*words):
        code = main(["--db", database, *words])
        return code, capsys.readouterr().out

    scores, scheme = str(write(SCORES, "scores.toml")), str(write(SCHEME, "scheme.toml"))
    for at, words in enumerate((("score-rules", scores), ("grade-schemes", scheme)), 1):
        code, told = core("performance", *words, "--by", "ann")
        assert (code, f"approval {at}" in told) == (0, True)
        assert core("approvals", "approve", str(at), "--by", "ann")[0] == 3
        assert core("approvals", "approve", str(at), "--by", "bo")[0] == 0
    code, told = core("performance", "grade-schemes")
    assert code == 0
    assert "A: raise_percent 10" in told
    assert "then shop/2026-12 from 2026-12-01" in told
    assert "hold already" in core("performance", "grade-schemes", scheme, "--by", "ann")[1]
