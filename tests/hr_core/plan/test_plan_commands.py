"""`hr-core roster` and `hr-core request` on a real database."""

import json
import re
from datetime import UTC, datetime

import pytest

from hr_core.cli import main
from hr_core.clock import SystemClock
from hr_core.spreadsheet import read_rows
from hr_core.store.attendance_locks import Lock
from hr_core.store.database import open_database, writing
from tests.hr_core.plan.conftest import NOW
from tests.hr_core.two_people import store_lock

NOVEMBER = ["--month", "2026-11"]


@pytest.fixture(autouse=True)
def plant(core_file, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOCKLINE_DB", str(core_file))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(SystemClock, "now", lambda _: NOW)
    return tmp_path


@pytest.fixture
def run(capfd):
    def command(*arguments):
        capfd.readouterr()
        code = main([str(one) for one in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return command


@pytest.fixture
def ask(run):
    def command(*arguments):
        code, out, err = run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return command


def test_a_roster_goes_in_is_shown_and_goes_out(run, ask, plant):
    (plant / "r.csv").write_text("person,plan,first_day\n007,N,2026-11-02\n", encoding="utf-8")
    done = ask("roster", "import", "r.csv", "--by", "Li")
    assert (done["version"], done["changed"]) == (
        1, [{"subject": {"kind": "person", "key": "007"}, "first": "2026-11-02"}]
    )  # fmt: skip
    days = ask("roster", "show", "007", *NOVEMBER)["days"]
    assert [days[1]["shifts"][0]["code"], days[1]["due"], len(days)] == ["N", True, 30]
    code, out, _ = run("roster", "show", "007", *NOVEMBER)
    assert code == 0
    assert re.search(r"2026-11-02 workday +due N +person 007: shift N \(v1 r.csv row 2\)", out)
    for name in ("plan.csv", "plan.xlsx"):
        assert ask("roster", "export", name, *NOVEMBER) == {"file": name, "people": 3, "days": 90}
        rows = read_rows(plant / name)
        assert rows[2].cells[:7] == (
            "007", rows[2].cells[1], "2026-11-02", "workday", "yes", "N", "20:00-08:00"
        )  # fmt: skip
        assert rows[2].cells[1] == ("'=name(007)" if name.endswith("csv") else "=name(007)")


def test_a_bad_roster_is_refused_with_its_rows(run, plant):
    (plant / "r.csv").write_text(
        "person,plan,first_day\n007,Q,2026-11-02\n018,D,2026-11-02\n", encoding="utf-8"
    )
    code, _, err = run("roster", "import", "r.csv")
    assert code == 3
    assert (
        "r.csv: 2 faults: row 2: no shift or rotation 'Q'\n"
        "  row 3: nobody has the number '018' on 2026-11-02\n"
    ) in err
    assert "remedy: correct these rows and import again; nothing was stored" in err


def leave(*more):
    return ["request", "ask", "leave", "007", "sick", "--from", "2026-11-10", "--reason", "flu", *more]  # fmt: skip


def test_a_request_is_asked_shown_approved_listed_and_reversed(run, ask):
    asked = ask(*leave("--to", "2026-11-11", "--by", "Li", "--as", "leader"))
    assert (asked["state"], asked["kind"], asked["until"]) == ("asked", "leave", "2026-11-12")
    code, _, err = run("request", "approve", asked["id"], "--by", "Li")
    assert code == 3
    assert "Li cannot decide it" in err
    assert ask("request", "approve", asked["id"], "--by", "Wang")["decided_by"] == "Wang"
    assert [one["id"] for one in ask("request", "list", "--state", "approved")["requests"]] == [1]
    assert ask("request", "list", "--person", "007", "--from", "2026-11-12")["requests"] == []
    assert ask("roster", "show", "007", *NOVEMBER)["days"][9]["leaves"][0]["kind"] == "sick"
    reversal = ask("request", "ask", "reversal", 1, "--reason", "came to work", "--by", "Li")
    ask("request", "approve", reversal["id"], "--by", "Wang")
    assert ask("roster", "show", "007", *NOVEMBER)["days"][9]["leaves"] == []
    code, out, _ = run("request", "show", 1)
    assert code == 0
    assert "approved  leave         007" in out
    assert "asked 2026-11-10 02:00 UTC by Li (leader): flu" in out


def test_refusing_and_withdrawing(run, ask):
    ask(*leave("--by", "Li"))
    assert ask("request", "refuse", 1, "--reason", "too many", "--by", "Wang")["state"] == "refused"
    ask(*leave("--by", "Li"))
    assert ask("request", "withdraw", 2, "--by", "Li")["state"] == "withdrawn"
    code, out, _ = run("request", "list")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [["1", "refused"], ["2", "withdrawn"]]


@pytest.fixture
def october_is_locked(plant):
    engine = open_database(f"sqlite:///{plant}/core.db")
    with writing(engine) as conn:
        store_lock(conn, Lock(month="2026-10", locked_at=NOW, locked_by="Zhao", reason="paid"))
    engine.dispose()


@pytest.mark.usefixtures("october_is_locked")
def test_a_locked_month_queues_requests_and_refuses_rosters(run, ask, plant):
    run("attendance", "compute")
    ask("request", "ask", "trip", "007", "--from", "2026-10-30", "--to", "2026-11-01",
        "--place", "Suzhou", "--reason", "fair", "--by", "Li")  # fmt: skip
    approved = ask("request", "approve", 1, "--by", "Wang")
    assert approved["queued_days"] == ["2026-10-30", "2026-10-31"]
    assert approved["settles_on"] == "2026-11-01"
    _, out, _ = run("request", "show", 1)
    assert "locked when approved: 2026-10-30, 2026-10-31; see hr-core attendance corr" in out
    code, out, _ = run("attendance", "corrections", "--month", "2026-10")
    assert code == 1
    assert [line.split()[1:3] for line in out.splitlines()[::2]] == [
        ["007", "2026-10-30"], ["007", "2026-10-31"],
    ]  # fmt: skip
    assert "request.approved, audit row" in out
    (plant / "r.csv").write_text("person,plan,first_day\n007,N,2026-10-31\n", encoding="utf-8")
    code, _, err = run("roster", "import", "r.csv")
    assert code == 3
    assert "row 2: person 007: 2026-10-31 lies in a locked period" in err


@pytest.mark.parametrize(("words", "body"), [
    (leave("--hours", "13:00-15:30"), {"start_min": 780, "end_min": 930}),
    (leave("--ends-midday"), {"ends_midday": True}),
    (["request", "ask", "overtime", "007", "--day", "2026-11-07", "--start", "2026-11-07T08:00",
      "--end", "2026-11-07T12:00", "--reason", "order"], {"kind": "rest_day"}),
    (["request", "ask", "punch", "007", "--day", "2026-11-09", "--at", "2026-11-09T08:00",
      "--direction", "in", "--cause", "forgot", "--reason", "late bus"], {"cause": "forgot"}),
    (["request", "ask", "day", "007", "--day", "2026-11-09", "--regular-min", "480",
      "--reason", "broken clock"], {"regular_min": 480, "overtime_min": 0}),
    (["request", "ask", "trip", "007", "--from", "2026-11-09", "--place", "Suzhou", "--reason",
      "fair"], {"place": "Suzhou", "last": "2026-11-09"}),
    (["request", "ask", "mobile", "007", "--day", "2026-11-10", "--at", "2026-11-10T10:00",
      "--direction", "in", "--latitude", "31", "--longitude", "121", "--accuracy-m", "9"],
     {"outside": True, "found": "no place of work is known"}),
])  # fmt: skip
def test_every_kind_can_be_asked(ask, words, body):
    asked = ask(*words, "--by", "Li")
    assert asked["state"] == "asked"
    assert body.items() <= asked["body"].items()


@pytest.mark.parametrize("words", [
    leave("--hours", "13-15"), leave("--as", "friend"), leave("--to", "soon"),
    ["request", "list", "--state", "lost"], ["request", "show", "99"],
    ["roster", "show", "099", *NOVEMBER],
])  # fmt: skip
def test_wrong_words_are_a_usage_error(run, words):
    assert run(*words)[0] == 3


def test_the_clock_of_the_tests_is_the_one_that_is_used(ask):
    assert datetime.fromisoformat(ask(*leave())["asked_at"]) == datetime(
        2026, 11, 10, 2, tzinfo=UTC
    )


LEAVE = ["request", "ask", "leave", "007", "annual", "--reason", "x"]
PUNCH = [
    "request",
    "ask",
    "punch",
    "007",
    "--direction",
    "in",
    "--cause",
    "forgot",
    "--reason",
    "x",
]
WORK = ["request", "ask", "overtime", "007", "--reason", "x"]


@pytest.mark.parametrize(
    "command",
    [
        [*LEAVE, "--from", "9999-12-31"],
        [*LEAVE, "--from", "0001-01-01"],
        [*LEAVE, "--from", "2026-11-23", "--to", "9999-12-31"],
        [*LEAVE, "--from", "2026-11-23T08:00:00+08:00"],
        [*PUNCH, "--day", "9999-12-31", "--at", "9999-12-31T08:00"],
        [*PUNCH, "--day", "2026-11-20", "--at", "0001-01-01T00:00"],
        [*PUNCH, "--day", "2026-11-20", "--at", "2026-11-20T08:00+08:00"],
        [*PUNCH, "--day", "2026-11-20", "--at", "2026-11-20T08:00Z"],
        [*WORK, "--day", "9999-12-31", "--start", "9999-12-31T18:00", "--end", "9999-12-31T20:00"],
        [*WORK, "--day", "2026-11-20", "--start", "2026-11-20T18:00", "--end", "2026-11-20T20:00Z"],
        ["request", "ask", "trip", "007", "--place", "x", "--reason", "x", "--from", "9999-12-31"],
        ["request", "list", "--to", "9999-12-31"],
    ],
)
def test_odd_days_and_offsets_are_refused_with_words(run, command):
    code, _, err = run(*command)
    assert code == 3, err
    assert "Traceback" not in err
    assert "like 2026" in err.replace("\n", " ") or "without a zone" in err.replace("\n", " ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.csv", "person,plan,first_day\n007,N,9999-12-31\n"),
        ("r.csv", "person,plan,first_day,last_day\n007,N,2026-11-02,9999-12-31\n"),
        ("r.csv", "person,plan,first_day\n007,N,0001-01-01\n"),
        ("r.csv", "person,plan,first_day\n007,N,0000-01-01\n"),
        ("r.csv", "person,plan,first_day\n007,N,2026-11-02T00:00:00+08:00\n"),
        ("r.csv", "person,9999-12-30,9999-12-31\n007,N,N\n"),
        ("r.csv", "person,0001-01-01,0001-01-02\n007,N,N\n"),
        ("r.toml", '[[assignment]]\nperson = "007"\nplan = "N"\nfirst_day = 9999-12-31\n'),
        (
            "r.toml",
            '[[assignment]]\nperson = "007"\nplan = "N"\nfirst_day = 2026-11-02T00:00:00+08:00\n',
        ),
        ("r.toml", '[[calendar]]\nsite = "S"\nfirst = 0001-01-01\ncountry = "CN"\n'),
        (
            "r.toml",
            '[[calendar]]\nsite = "S"\nfirst = 2026-01-01\nuntil = 9999-12-31\ncountry = "CN"\n',
        ),
    ],
)
def test_a_roster_with_odd_days_is_refused_with_its_row(run, plant, name, text):
    (plant / name).write_text(text, encoding="utf-8")
    code, _, err = run("roster", "import", name)
    assert code == 3, err
    assert "Traceback" not in err
    assert "row" in err or "calendar of S" in err or "first_day" in err


def test_a_roster_to_the_last_day_that_is_taken(run, plant):
    text = "person,plan,first_day,last_day\n007,N,1900-01-01,9000-12-31\n"
    (plant / "r.csv").write_text(text, encoding="utf-8")
    code, _, err = run("roster", "import", "r.csv")
    assert code == 0, err
