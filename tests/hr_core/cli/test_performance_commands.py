"""`hr-core performance`: one plant's quarter, from the company goal to a worker's first score."""

import json
import shutil
from datetime import UTC, datetime

import pytest

from hr_core.cli import main

UNITS = """
[site]
zone = "Asia/Shanghai"
[[shift]]
code = "D"
name = "Day"
start = "08:00"
end = "17:00"
break_min = 60
[[unit]]
code = "CO"
kind = "site"
name = "Works"
[[unit]]
code = "PROD"
kind = "department"
name = "Production"
parent = "CO"
[[unit]]
code = "T1"
kind = "team"
name = "Team 1"
parents = [{{ unit = "PROD"{until} }}]
[[unit]]
code = "T2"
kind = "team"
name = "Team 2"
parent = "PROD"
"""
PERSON = """
[[person]]
number = "{number}"
name = "{number}"
shift = "D"
base = "6000.00"
units = [{{ unit = "{unit}", role = "{role}" }}]
"""
PEOPLE = (
    ("W1", "T1", "member"),
    ("LEAD", "T1", "manager"),
    ("HEAD", "PROD", "manager"),
    ("BOSS", "CO", "manager"),
)
COMPANY = """
period = "2026"
[[goal]]
code = "SALES"
level = "company"
owner = "CO"
title = "Products sold"
kind = "count"
target = "1200"
"""
OWN = """
period = "2026-Q4"
[[goal]]
code = "products"
level = "person"
owner = "W1"
title = "Products"
kind = "count"
target = "3"
weight = "{first}"
parent = "SALES.PROD.T1"
[[goal]]
code = "overseas"
level = "person"
owner = "W1"
title = "Sales overseas"
kind = "at_least"
target = "15"
measure = "%"
weight = "{second}"
parent = "SALES.PROD.T1"
"""
TABLE = "no,period,products,overseas\nW1,2026-Q4,3,10\n"
MAP = """
source = "ERP"
subject_kind = "person"
subject = "no"
period = "period"
values = [
  { column = "products", figure = "products" },
  { column = "overseas", figure = "overseas" },
]
"""
TEMPLATE = """
code = "STAFF"
keeper = "PROD"
[[indicator]]
code = "output"
title = "Output"
kind = "count"
target = "10"
weight = "100"
parent = "SALES"
"""


def at(year, month, day):
    return lambda _clock: datetime(year, month, day, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def today(monkeypatch):
    monkeypatch.setattr("hr_core.clock.SystemClock.now", at(2026, 9, 22))


@pytest.fixture
def ask(capfd):
    def run(*arguments, code=0):
        capfd.readouterr()
        found = main(["performance", *arguments, "--json"])
        out = capfd.readouterr()
        assert found == code, out.err
        return json.loads(out.out) if found < 2 else out.err

    return run


@pytest.fixture
def write(tmp_path):
    def make(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return make


def people(until=""):
    rows = [PERSON.format(number=n, unit=u, role=r) for n, u, r in PEOPLE]
    if until:
        rows[:2] = [PERSON.format(number=n, unit="T2", role=r) for n, _, r in PEOPLE[:2]]
    return UNITS.format(until=until) + "".join(rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A core with the people, and one with their goals too: made once, copied for each test."""
    folder = tmp_path_factory.mktemp("performance")
    for name, text in (
        ("people.toml", people()),
        ("company.toml", COMPANY),
        ("own.toml", OWN.format(first=60, second=40)),
    ):
        (folder / name).write_text(text, encoding="utf-8")

    def run(*arguments):
        assert main(["--db", str(folder / "core.db"), *arguments]) == 0

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("hr_core.clock.SystemClock.now", at(2026, 9, 22))
        run("init")
        run("import", "people.toml")
        shutil.copy("core.db", "works.db")
        run("performance", "goals", "import", "company.toml", "--by", "BOSS")
        for code, to in (("SALES", ["PROD=100"]), ("SALES.PROD", ["T1=75", "T2=25"])):
            shares = [word for one in to for word in ("--to", one)]
            split = ("performance", "goals", "split", code, "--period", "2026", *shares)
            run(*split, "--by", "BOSS")
        run("performance", "goals", "propose", "own.toml", "--by", "LEAD")
        shutil.copy("core.db", "planned.db")
    return folder


@pytest.fixture
def copied(made, tmp_path, monkeypatch):
    def copy(name):
        path = shutil.copy(made / name, tmp_path / "core.db")
        monkeypatch.setenv("CLOCKLINE_DB", str(path))
        monkeypatch.chdir(tmp_path)
        return path

    return copy


@pytest.fixture
def works(copied):
    return copied("works.db")


@pytest.fixture
def planned(copied):
    return copied("planned.db")


def number_of(ask, owner="W1"):
    (row,) = [one for one in ask("goals", "waiting")["waiting"] if one["person"] == owner]
    return str(row["number"])


def sign_all(ask, number):
    return [ask("goals", "sign", number, "--by", who)["state"] for who in ("W1", "LEAD", "HEAD")]


def test_a_quarter_from_the_company_goal_to_the_first_score(planned, ask, write):
    tree = ask("goals", "tree")["goals"]
    assert [(one["code"], one["level"], one["target"]) for one in tree[:4]] == [
        ("SALES", "company", "1200"),
        ("SALES.PROD", "department", "1200"),
        ("SALES.PROD.T1", "team", "900"),
        ("SALES.PROD.T2", "team", "300"),
    ]
    assert ask("goals", "align") == {"goals_of_people": 2, "unaligned": []}
    number = number_of(ask)
    wanted = write("wanted.toml", OWN.format(first=50, second=50))
    asked = ("goals", "ask-change", number, "--note", "the market", "--goals", wanted)
    assert ask(*asked, "--by", "W1")["state"] == "change_asked"
    assert "manager" in ask("goals", "sign", number, "--by", "W1", code=3)
    number = str(ask("goals", "answer", number, "--accept", "--by", "LEAD")["number"])
    assert sign_all(ask, number) == ["signed_by_employee", "signed_by_manager", "signed"]
    shown = ask("goals", "show", number)
    assert [one["weight"] for one in shown["set"]["goals"]] == ["50", "50"]
    assert [(one["person"], one["after"]) for one in shown["steps"]][-1] == ("HEAD", "signed")
    figures = write("figures.csv", TABLE), "--map", write("map.toml", MAP)
    loaded = ask("import", *figures)
    assert (loaded["added"], ask("import", *figures)["unchanged"]) == (2, 2)
    score = ask("first-score", "W1", "--period", "2026-Q4")
    assert score["score"] == "250/3"  # 50 % of 100 and 50 % of 66 2/3
    assert [one["tier"] for one in score["indicators"]] == ["outstanding", "base"]
    assert loaded["load"] in score["indicators"][0]["sources"][0]
    opened = ask("assess", "from-goals", "W1", "--period", "2026-Q4", "--by", "HEAD")
    assert opened == {"assessment": 1, "first_score": "250/3", "open": []}
    assessment = ask("assess", "show", "1", "--by", "LEAD", code=1)["assessment"]
    assert (assessment["rater"], assessment["goals_version"]) == ("LEAD", 2)
    assert [one["first"] for one in assessment["indicators"]] == ["100", "200/3"]
    progress = ask("progress", "--of", "W1", "--on", "2026-11-15", code=1)["goals"]
    assert [(one["goal"], one["behind"]) for one in progress] == [
        ("products", False),
        ("overseas", True),
    ]


def test_what_people_read(planned, ask, capfd, write):
    number = number_of(ask)
    sign_all(ask, number)
    ask("import", write("figures.csv", TABLE), "--map", write("map.toml", MAP))
    capfd.readouterr()
    assert main(["performance", "first-score", "W1", "--period", "2026-Q4"]) == 0
    out = capfd.readouterr().out
    assert "first score 86.666667 (goals version 1" in out
    assert "KPI overseas (Sales overseas): 10 against at least 15 % is 66.666667 %" in out
    assert main(["performance", "goals", "tree"]) == 0
    out = capfd.readouterr().out
    assert f"      products  person W1  2026-Q4  Products: count 3  [{number} signed]" in out
    assert main(["performance", "progress", "--on", "2026-11-15"]) == 1
    assert "overseas (Sales overseas): 66.7 %, 10 of 15 %" in capfd.readouterr().out
    assert main(["performance", "goals", "show", number]) == 0
    assert "LEAD (manager) propose: new -> proposed" in capfd.readouterr().out
    assert main(["performance", "goals", "align"]) == 0
    assert "2 of 2 goals of people reach a company goal" in capfd.readouterr().out
    assert main(["performance", "goal-rules"]) == 0
    assert "base from 60 %, excellent from 80 %" in capfd.readouterr().out


def test_without_signatures_there_is_no_score_and_the_message_helps(planned, ask):
    told = ask("first-score", "W1", "--period", "2026-Q4", code=2)
    assert "goals waiting shows whose signature is missing" in told


def test_weights_that_are_not_100_are_refused(planned, ask, write):
    number = number_of(ask)
    ask("goals", "ask-change", number, "--note", "x", "--by", "W1")
    wanted = write("wanted.toml", OWN.format(first=60, second=30))
    told = ask("goals", "answer", number, "--accept", "--goals", wanted, "--by", "LEAD", code=3)
    assert "are 90 % together" in told
    assert "LEAD can mend it" in told


def test_goals_that_lose_the_one_above_are_told(planned, ask, write):
    text = COMPANY.replace('"SALES"', '"PROFIT"')
    found = ask("goals", "import", write("company.toml", text), "--by", "BOSS", code=1)
    assert found["left_behind"] == ["SALES.PROD"]
    found = ask("goals", "align", code=1)
    assert [one["goal"] for one in found["unaligned"]] == ["products", "overseas"]


def test_a_team_closes_after_its_goals_moved(planned, ask, write, capfd):
    closing = write("closing.toml", people(until=", until = 2026-12-01"))
    assert main(["import", closing]) == 3
    assert "T1 cannot close on 2026-12-01: its goals SALES.PROD.T1" in capfd.readouterr().err
    to = ("--period", "2026", "--to", "T2", "--by", "HEAD")
    assert ask("goals", "move", "SALES.PROD.T1", *to)["owner"] == "T2"
    assert main(["import", closing]) == 0


def test_a_template_is_assigned(planned, ask, write):
    assert ask("template", "import", write("t.toml", TEMPLATE), "--by", "HEAD")["version"] == 1
    ask("template", "assign", "STAFF/1", "LEAD", "--period", "2026-10", "--by", "HEAD")
    assert number_of(ask, "LEAD")
    (row,) = ask("template", "list")["templates"]
    assert row["people"] == ["LEAD"]


def test_another_department_rates(works, ask, write):
    ask("goals", "import", write("company.toml", COMPANY), "--by", "BOSS")
    text = OWN.format(first=60, second=40).replace("SALES.PROD.T1", "SALES")
    text += 'scored_by = "PROD"\n'
    ask("goals", "propose", write("own.toml", text), "--by", "LEAD")
    given = ("rate", "overseas", "12", "--person", "W1", "--period", "2026-Q4")
    assert "unit PROD does" in ask(*given, "--by", "BOSS", code=3)
    assert ask(*given, "--by", "HEAD")["value"] == "12"


def test_the_rules_of_a_plant_begin_next_month(works, ask, write):
    text = (
        '[[edition]]\nversion = "p/1"\nfrom = 2026-09-01\nsource = "x"\n[edition.scoring]\n'
        'points = "tier"\ncap_percent = "100"\nbelow_first_tier = "zero"\n[edition.reminder]\n'
        'time_percent = "50"\ndone_percent = "40"\n'
    )
    assert "from 2026-10-01 on" in ask("goal-rules", "--import", write("r.toml", text), code=3)
    later = text.replace("2026-09-01", "2026-10-01")
    waits = ask("goal-rules", "--import", write("r.toml", later), "--by", "HEAD")
    assert (waits["done"], len(ask("goal-rules")["editions"])) == (False, 1)
    number = str(waits["approval"])
    assert main(["approvals", "approve", number, "--by", "HEAD"]) == 3, "the same person"
    assert main(["approvals", "approve", number, "--by", "BOSS"]) == 0
    assert [one["version"] for one in ask("goal-rules")["editions"]] == ["goals/2025-01", "p/1"]


def test_reminders_are_told_once(planned, ask, monkeypatch):
    sign_all(ask, number_of(ask))
    monkeypatch.setattr("hr_core.clock.SystemClock.now", at(2026, 11, 20))
    found = ask("remind")
    assert {"products", "SALES"} <= {row["goal"] for row in found["reminders"]}
    assert found["told"] == len(found["reminders"])
    assert ask("remind") == {"reminders": [], "waiting": [], "reviews": [], "told": 0}


def test_a_manager_is_told_of_each_turn_once(planned, ask):
    number = number_of(ask)
    ask("goals", "ask-change", number, "--note", "x", "--by", "W1")
    found = ask("remind")
    assert [(one["people"], one["acts"]) for one in found["waiting"]] == [
        (["LEAD"], ["accept", "explain"])
    ]
    assert found["told"] == len(found["reminders"]) + 1
    assert ask("remind")["told"] == 0
    ask("goals", "answer", number, "--explain", "--note", "no", "--by", "LEAD")
    assert ask("remind")["told"] == 1


def test_send_back_and_bad_words(planned, ask, write):
    number = number_of(ask)
    ask("goals", "sign", number, "--by", "W1")
    back = ("goals", "send-back", number, "--by", "LEAD")
    assert ask(*back, "--note", "too easy")["state"] == "sent_back"
    assert "not like UNIT=50" in ask(
        "goals", "split", "SALES", "--period", "2026", "--to", "=5", code=3
    )
    assert "not a period" in ask("first-score", "W1", "--period", "x", code=3)
    company = write("company.toml", COMPANY)
    assert "goals of units" in ask("goals", "propose", company, "--by", "LEAD", code=3)
    broken = write("broken.toml", COMPANY.replace('"count"', '"weight"'))
    assert "goal[0].kind" in ask("goals", "import", broken, code=3)
    assert "appeal" not in ask("goals", "explain", code=3)
