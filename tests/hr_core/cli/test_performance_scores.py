"""`hr-core performance`: a score from its two sides to its consequences, as people type it."""

import json
from datetime import UTC, date, datetime

import pytest

from hr_core.cli import main
from hr_core.clock import Month
from hr_core.data_files import read_text
from hr_core.pay.agreement import PayAgreement, on_day
from hr_core.performance.counted_work import counted_work
from hr_core.performance.periods import Period
from hr_core.performance.results import locked_results
from hr_core.performance.score_rules import shipped_rules
from hr_core.store.database import open_database, writing
from hr_core.store.pay_agreements import agreements_until
from hr_core.store.pay_entries import entries_of_month
from tests.hr_core.performance.score_desk import NOW
from tests.hr_core.two_people import agreement_by_two

PEOPLE = """
[site]
zone = "Asia/Shanghai"
[[shift]]
code = "D"
name = "Day"
start = "08:00"
end = "17:00"
"""
PERSON = """
[[person]]
number = "{0}"
name = "{0}"
shift = "D"
base = "6000.00"
device_user = "{0}"
"""
MONTH = ("--period", "2025-10")


def run(*words):
    return main(["performance", *words])


def shown(capfd, *words):
    capfd.readouterr()
    code = main(["performance", *words, "--json"])
    return code, json.loads(capfd.readouterr().out)


@pytest.fixture
def staff(empty, tmp_path):
    """E1 is rated by M1; H1 is HR, X1 anybody else."""
    text = PEOPLE + "".join(PERSON.format(one) for one in ("E1", "M1", "H1", "X1"))
    (tmp_path / "staff.toml").write_text(text, encoding="utf-8")
    assert main(["import", "staff.toml"]) == 0
    return f"sqlite:///{empty}"


@pytest.fixture
def marked(staff, capfd):
    """Assessment 1, both sides in, of one mind but for care."""
    weights = ("--weight", "output=60", "--weight", "care=40", "--first", "output=75")
    assert run("assess", "open", "E1", *MONTH, "--rater", "M1", *weights, "--by", "H1") == 0
    own = ("--mark", "output=85", "--mark", "care=90", "--by", "E1")
    assert run("assess", "enter", "1", "--side", "self", *own) == 1
    theirs = ("--mark", "output=85", "--mark", "care=80", "--by", "M1")
    assert run("assess", "enter", "1", "--side", "manager", *theirs) == 1
    return staff


def test_each_side_sees_its_own_first(staff, capfd):
    run("assess", "open", "E1", *MONTH, "--rater", "M1", "--weight", "all=100", "--by", "H1")
    run("assess", "enter", "1", "--side", "manager", "--mark", "all=70", "--by", "M1")
    code, seen = shown(capfd, "assess", "show", "1", "--by", "E1")
    assert code == 1
    assert seen["manager"] == {"given": True, "visible": False, "marks": None, "note": ""}
    assert run("assess", "show", "1", "--by", "E1") == 1
    assert "manager: in, hidden until both are" in capfd.readouterr().out
    assert shown(capfd, "assess", "list", *MONTH)[1]["assessments"][0]["in"] == ["manager"]


def test_from_two_sides_to_a_locked_score_an_appeal_and_pay(marked, capfd):
    code, found = shown(capfd, "lock", *MONTH, "--scheme", "general", "--by", "H1")
    assert code == 1
    assert "lie apart on care" in found["refused"][0]["what"]
    assert run("assess", "reason", "1", "care", "--reason", "two scratches", "--by", "M1") == 0
    assert run("lock", *MONTH, "--scheme", "general", "--by", "M1") == 1
    code, found = shown(capfd, "lock", *MONTH, "--scheme", "general", "--by", "H1")
    assert (code, found["refused"]) == (0, [])
    # 0.6 x 85 + 0.4 x (0.3 x 90 + 0.7 x 80)
    assert found["locked"][0]["score"] == "421/5"
    assert found["locked"][0]["grade"] == "B"
    assert run("lock", *MONTH, "--scheme", "general", "--by", "H1") == 0

    assert run("feedback", "E1", "not shown how", *MONTH, "--by", "E1") == 0
    assert run("appeal", "E1", *MONTH, "--reason", "the die was worn", "--by", "E1") == 0
    assert len(shown(capfd, "appeal")[1]["appeals"]) == 1
    answer = ("review", "1", "--changed", "--mark", "output=100", "--reason", "it was")
    assert run(*answer, "--by", "M1") == 3
    assert "cannot review" in capfd.readouterr().err
    assert run(*answer, "--by", "X1") == 0
    code, found = shown(capfd, "score", "E1", *MONTH)
    assert [one["result"]["version"] for one in found["versions"]] == [1, 2]
    assert found["versions"][1]["result"]["score"] == "466/5"
    assert found["feedback"][0]["text"] == "not shown how"
    assert run("score", "E1", *MONTH) == 0
    assert "care 40 %: first -, self 90, manager 80" in capfd.readouterr().out
    engine = open_database(marked)
    with engine.connect() as conn:
        assert locked_results(conn, Month(2025, 10))["E1"].grade == "A"
    engine.dispose()


@pytest.fixture
def graded(marked):
    """E1 has an A in October 2025, and an agreement of 6,000 yuan."""
    run("assess", "reason", "1", "care", "--reason", "scratches", "--by", "M1")
    run("lock", *MONTH, "--scheme", "general", "--by", "H1")
    run("appeal", "E1", *MONTH, "--reason", "worn", "--by", "E1")
    run("review", "1", "--changed", "--mark", "output=100", "--reason", "yes", "--by", "X1")
    engine = open_database(marked)
    with writing(engine) as conn:
        terms = PayAgreement(base_fen=600_000)
        agreement_by_two(conn, "E1", date(2025, 1, 1), terms, by=("H1", "X1"), at=NOW)
    engine.dispose()
    return marked


def test_a_raise_takes_effect_on_the_desk_of_approvals(graded, capfd):
    assert run("consequences", "run", *MONTH, "--by", "H1") == 0
    assert "3 made, 0 stood, 0 withdrawn" in capfd.readouterr().out
    assert run("consequences", "run", *MONTH, "--by", "H1") == 0
    assert "0 made, 3 stood, 0 withdrawn" in capfd.readouterr().out
    assert main(["approvals", "approve", "2", "--by", "E1"]) == 3
    assert "is about the pay of E1" in capfd.readouterr().err
    assert main(["approvals", "approve", "2", "--by", "H1"]) == 3
    assert main(["approvals", "approve", "2", "--by", "X1"]) == 0
    engine = open_database(graded)
    with engine.connect() as conn:
        held = agreements_until(conn, date(2025, 12, 1))["E1"]
        assert on_day(held, date(2025, 11, 1)).terms.base_fen == 660_000
        assert entries_of_month(conn, "2025-10") == {}
    engine.dispose()
    assert run("consequences", "done", "1", "--note", "course in May", "--by", "M1") == 0
    _, found = shown(capfd, "consequences", "list", *MONTH)
    assert {one["row"]["kind"]: one["state"] for one in found["consequences"]} == {
        "training": "done",
        "raise": "approved",
        "goal_review": "open",  # output: 75 by the data
    }
    still_open = shown(capfd, "consequences", "list", "--open")[1]["consequences"]
    assert [one["row"]["kind"] for one in still_open] == ["goal_review"]


def test_grades_and_the_own_rank(graded, capfd):
    code, found = shown(capfd, "grades", *MONTH)
    assert code == 0
    assert found["spread"]["rows"][0] == {
        "grade": "A", "count": 1, "percent": "100", "even_percent": "20",
    }  # fmt: skip
    assert run("grades", *MONTH) == 0
    assert "A  1  100.0 %  (even team: 20 %)" in capfd.readouterr().out
    assert run("rank", "E1", *MONTH) == 0
    assert "E1: 1 of 1 with 93.2" in capfd.readouterr().out
    assert run("rank", "M1", *MONTH) == 3


def test_a_plan_gets_goals_with_dates(staff, capfd):
    run("assess", "open", "E1", *MONTH, "--rater", "M1", "--weight", "all=100", "--by", "H1")
    run("assess", "excuse", "1", "--side", "self", "--reason", "long leave", "--by", "H1")
    run("assess", "enter", "1", "--side", "manager", "--mark", "all=65", "--by", "M1")
    run("lock", "E1", *MONTH, "--scheme", "general", "--by", "H1")
    run("consequences", "run", *MONTH, "--by", "H1")
    assert run("consequences", "goal", "1", "learn", "--due", "2025-12-01", "--by", "M1") == 0
    capfd.readouterr()
    run("consequences", "list", *MONTH)
    text = capfd.readouterr().out
    assert "until 2026-02-01: all: 65 → 80" in text
    assert "until 2025-12-01: learn" in text


def test_360_degrees(staff, capfd):
    for rater, relation in (("M1", "superior"), ("H1", "peer"), ("X1", "junior")):
        assert run("rate360", "invite", "E1", rater, "--as", relation, *MONTH, "--by", "H1") == 0
    assert run("rate360", "rate", "E1", "80", *MONTH, "--by", "M1") == 0
    assert run("rate360", "rate", "E1", "99", *MONTH, "--by", "E1") == 3
    assert run("rate360", "show", "E1", *MONTH) == 3
    assert run("rate360", "show", "E1", *MONTH, "--waiting", "--by", "E1") == 3
    assert shown(capfd, "rate360", "show", "E1", *MONTH, "--waiting", "--by", "H1")[1][
        "waiting_for"
    ] == ["H1", "X1"]
    run("rate360", "rate", "E1", "90", *MONTH, "--by", "H1")
    run("rate360", "rate", "E1", "85", *MONTH, "--by", "X1")
    assert run("rate360", "close", "E1", *MONTH, "--by", "H1") == 0
    _, found = shown(capfd, "rate360", "show", "E1", *MONTH)
    assert found == {"raters": 3, "least_raters": 3, "score": "84", "by_relation": {}}


def test_talks(staff, tmp_path, capfd, monkeypatch):
    now = datetime(2026, 1, 15, 4, tzinfo=UTC)
    monkeypatch.setattr("hr_core.clock.SystemClock.now", lambda _clock: now)
    log = ("talks", "log", "E1", "agreed", "--with", "M1", "--day", "2025-10-08", "--by", "M1")
    assert run(*log) == 0
    code, found = shown(capfd, "talks", "overdue", "E1", "--since", "2025-10-01")
    assert code == 1
    assert found["overdue"][0]["since"] == "2025-11-01"
    slot = (
        "talks",
        "book",
        "E1",
        "--with",
        "M1",
        "--start",
        "2030-01-08T14:00+08:00",
        "--by",
        "E1",
    )
    assert run(*slot, "--ical", "talk.ics") == 0
    assert b"DTSTART:20300108T060000Z\r\n" in (tmp_path / "talk.ics").read_bytes()
    assert run(*slot) == 3
    assert "has that time" in capfd.readouterr().err
    assert len(shown(capfd, "talks", "list")[1]["bookings"]) == 1
    assert run("talks", "cancel", "1", "--by", "M1", "--ical", "gone.ics") == 0
    assert b"STATUS:CANCELLED" in (tmp_path / "gone.ics").read_bytes()
    assert run(*slot[:-4], "--start", "2030-01-08T14:00", "--by", "E1") == 3


def test_a_team_meeting_has_a_summary(empty, tmp_path, capfd):
    unit = '[[unit]]\ncode = "T1"\nkind = "team"\nname = "Team 1"\n'
    text = PEOPLE + unit + PERSON.format("E1") + 'units = [{ unit = "T1" }]\n'
    (tmp_path / "staff.toml").write_text(text, encoding="utf-8")
    assert main(["import", "staff.toml"]) == 0
    code, found = shown(capfd, "talks", "summary", "--unit", "T1", "--month", "2025-10")
    assert code == 0
    assert (found["people"], found["locked"], found["overdue"]["one_to_one"]) == (1, 0, 1)
    assert run("talks", "summary", "--unit", "T1", "--month", "2025-10") == 0
    assert "T1, 2025-10 (as of 2025-10-31), people: 1" in capfd.readouterr().out
    assert run("talks", "summary", "--unit", "T9", "--month", "2025-10") == 3


def test_a_house_imports_its_own_rules(staff, tmp_path, capfd):
    text = read_text("performance_scores.toml")
    own = text.replace('tolerance = "0"', 'tolerance = "5"')
    (tmp_path / "own.toml").write_text(own, encoding="utf-8")
    assert run("score-rules", "own.toml") == 3
    assert "this version is there with another text" in capfd.readouterr().err
    (tmp_path / "own.toml").write_text(own.replace("scores/2025-01", "own/1"), encoding="utf-8")
    assert run("score-rules", "own.toml", "--by", "H1") == 0
    assert shown(capfd, "score-rules")[1]["tolerance"] == "0", "another person approves them first"
    assert main(["approvals", "approve", "1", "--by", "H1"]) == 3
    assert main(["approvals", "approve", "1", "--by", "X1"]) == 0
    capfd.readouterr()
    assert shown(capfd, "score-rules")[1]["tolerance"] == "5"
    assert run("score-rules") == 0
    assert "own/1 from 2008-01-01" in capfd.readouterr().out
    assert run("score-rules", "nowhere.toml") == 3


def test_marks_and_weights_are_read_strictly(staff, capfd):
    begin = ("assess", "open", "E1", *MONTH, "--rater", "M1")
    assert run(*begin, "--weight", "all") == 3
    assert run(*begin, "--weight", "all=50", "--weight", "all=50") == 3
    assert run(*begin, "--weight", "all=100", "--first", "none=5") == 3
    assert run(*begin, "--weight", "all=90") == 3
    assert "90 = 90 %, not 100 %" in capfd.readouterr().err
    assert run("appeal", "E1", *MONTH, "--about", "weather") == 3
    assert run("appeal", "E1", *MONTH, "--about", "goals", "--reason", "x") == 3


def test_the_rate_that_grades_is_the_one_that_pay_uses(plant):
    rules = shipped_rules().on(date(2026, 10, 1))
    engine = open_database(f"sqlite:///{plant}")
    with engine.connect() as conn:
        work = counted_work(conn, Period.parse("2026-10"), "workshop", rules)
        assert work("E001") == (1000, 15)
        assert work("E009") == (0, 0)
        assert counted_work(conn, Period.parse("2026-10"), "general", rules)("E001") is None
    engine.dispose()


def test_with_accounts_only_a_role_that_may_locks_and_reviews(marked, capfd):
    run("assess", "reason", "1", "care", "--reason", "scratches", "--by", "M1")
    for name, role, person in (("ann", "hr", "H1"), ("bob", "worker", "X1"), ("m", "hr", "M1")):
        assert main(["account", "add", name, "--role", role, "--person", person]) == 0
    lock = ("lock", "E1", *MONTH, "--scheme", "general")
    for who in ("bob", "H1", "nobody"):
        assert run(*lock, "--by", who) == 3
        assert f"{who!r} cannot approve a score" in capfd.readouterr().err
    # The rater's own account has the role, and is the rater.
    assert run(*lock, "--by", "m") == 1
    assert "cannot lock it" in capfd.readouterr().out
    assert run(*lock, "--by", "ann") == 0
    assert run("appeal", "E1", *MONTH, "--reason", "worn", "--by", "E1") == 0
    assert run("review", "1", "--upheld", "--reason", "no", "--by", "bob") == 3
    assert run("review", "1", "--upheld", "--reason", "no", "--by", "m") == 3
    assert "cannot review" in capfd.readouterr().err
    assert run("review", "1", "--upheld", "--reason", "no", "--by", "ann") == 0
