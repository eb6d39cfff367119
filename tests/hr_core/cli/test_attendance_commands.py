"""`hr-core attendance …` and `import --device` over the real plant export and a small one."""

import contextlib
import json
from collections import Counter

import pytest

from hr_core.cli import main, setup

PEOPLE = """
[site]
zone = "Asia/Shanghai"
[scheme]
code = "demo"
[[shift]]
code = "D"
name = "Day"
start = "06:00"
end = "18:00"
break_min = 60
"""
ROWS = (
    "     1001\t2025-07-16 05:58:06\t1\t0\t1\t0\r\n"
    "     1001\t2025-07-16 05:58:20\t1\t0\t1\t0\r\n"
    "     1001\t2025-07-16 18:02:13\t1\t1\t1\t0\r\n"
    "     1001\t2025-07-17 05:50:00\t1\t0\t1\t0\r\n"
    "     1001\t2025-07-18 05:50:00\t1\t0\t1\t0\r\n"
)


def person(number):
    return (
        f'[[person]]\nnumber = "{number}"\nname = "P{number}"\nshift = "D"\n'
        f'base = "5000.00"\ndevice_user = "{number}"\n'
    )


@pytest.fixture
def ask(tmp_path, monkeypatch, capfd):
    """The exit code and the JSON of a command; the first makes a core with one person."""
    monkeypatch.setenv("CLOCKLINE_DB", str(tmp_path / "core.db"))
    assert main(["init"]) == 0
    (tmp_path / "people.toml").write_text(PEOPLE + person("1001"))
    assert main(["import", str(tmp_path / "people.toml")]) == 0
    (tmp_path / "1_attlog.dat").write_text(ROWS, newline="")

    def run(*words):
        capfd.readouterr()
        code = main([*words, "--json"])
        said = capfd.readouterr()
        return code, json.loads(said.out) if said.out else said.err

    return run


@pytest.fixture
def imported(ask, tmp_path):
    code, done = ask("import", str(tmp_path / "1_attlog.dat"), "--device", "ZK1", "--whole-log")
    assert code == 0
    assert (done["rows"], done["accepted"], done["duplicate"]) == (5, 5, 0)
    assert done["complete_until"] == "2025-07-17T21:50:00Z"
    return ask


def test_an_export_comes_in_with_evidence_and_only_once(imported, tmp_path, capfd):
    code, again = imported("import", str(tmp_path / "1_attlog.dat"), "--device", "ZK1")
    assert (code, again["accepted"], again["duplicate"]) == (0, 0, 5)
    assert main(["audit", "verify"]) == 0
    assert "file-import  stands" in capfd.readouterr().out


def test_an_export_with_a_bad_row_names_it_and_proves_nothing_complete(ask, tmp_path):
    file = tmp_path / "2_attlog.dat"
    file.write_text(ROWS + "     1001\t2025-13-40 05:50:00\t1\t0\t1\t0\r\n", newline="")
    code, done = ask("import", str(file), "--device", "ZK1", "--whole-log")
    assert (code, done["accepted"], done["unreadable"]) == (1, 5, 1)
    assert done["complete_until"] is None
    assert done["first_unreadable"][0]["offset"] == len(ROWS)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["import", "none.dat", "--device", "ZK1"], 3, "none.dat"),
        (["import", "people.toml", "--device", "ZK1"], 3, "holds no row"),
        (["import", "people.toml", "--whole-log"], 3, "name its --device"),
        (["import", "1_attlog.dat"], 3, "--device SERIAL"),
        (["import", "1_attlog.dat", "--device", "Z", "--zone", "No/Such"], 3, "no time zone"),
        (["people", "export", "none/out.csv"], 2, "cannot be written"),
        (["people", "export", "out.pdf"], 3, "not .csv or .xlsx"),
        (["roster", "export", "out.pdf", "--month", "2025-07"], 3, "not .csv or .xlsx"),
        (["attendance", "explain", "9", "2025-07-16"], 3, "no employee number"),
        (["attendance", "explain", "1001", "tomorrow"], 3, "not a day like"),
        (["attendance", "explain", "1001", "2199-01-01"], 3, "has not begun"),
        (["attendance", "compute", "--until", "2025-07-16"], 3, "says no beginning"),
        (["attendance", "compute", "--month", "2025-07", "--from", "2025-07-01"], 3, "give a month"),
        (["attendance", "lock", "2199-01"], 2, "not over"),
        (["attendance", "unlock", "2025-07", "--reason", "x"], 2, "not locked"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(ask, tmp_path, monkeypatch, capfd, words, code, said):
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    assert said in capfd.readouterr().err


def test_compute_stores_every_day_of_a_span(imported):
    code, done = imported("attendance", "compute", "--from", "2025-07-14", "--until", "2025-07-19")
    assert (code, done["people"]) == (1, 1)
    assert done["statuses"] == {"absent": 2, "missing_out": 1, "present": 1, "waiting": 1}
    code, again = imported("attendance", "compute", "--month", "2025-07", "--person", "1001")
    assert (code, again["entered"]) == (0, 0)
    code, shown = imported("attendance", "show", "1001", "--month", "2025-07")
    assert code == 1
    by_day = {day["day"]: day["status"] for day in shown["days"]}
    assert len(by_day) == 31
    assert by_day["2025-07-16"] == "present"


def test_a_day_is_explained_to_its_punches_and_devices(imported):
    code, day = imported("attendance", "explain", "1001", "2025-07-16")
    assert code == 0
    assert (day["status"], day["regular_min"], day["rules"]) == ("present", 660, "attendance")
    punches = [(one["time"][-8:], one["counted"], one["reason"]) for one in day["punches"]]
    assert punches == [
        ("05:58:06", True, ""), ("05:58:20", False, "debounced"), ("18:02:13", True, ""),
    ]  # fmt: skip
    way = [step["where"] for step in day["punches"][0]["way"]]
    assert way == ["device ZK1", "gateway file-import", "core", "day"]
    assert day["punches"][0]["event"]["raw"]
    assert sum(one["minutes"] for one in day["minutes"] if one["counts"] == "regular") == 660
    assert [one["covers_day"] for one in day["devices"]] == [True]
    assert day["missing"] == []


def test_an_expected_punch_that_is_absent_names_the_incomplete_device(imported):
    code, day = imported("attendance", "explain", "1001", "2025-07-18")
    assert (code, day["status"]) == (1, "waiting")
    (missing,) = day["missing"]
    assert (missing["side"], missing["expected_at"]) == ("leaving", "2025-07-18T18:00:00")
    assert missing["waits_for"] == ["ZK1"]
    assert "ZK1, incomplete since 2025-07-17 21:50:00 UTC" in missing["what"]
    code, day = imported("attendance", "explain", "1001", "2025-07-15")
    assert (code, day["status"]) == (1, "absent")
    assert all("none has it" in one["what"] for one in day["missing"])


def test_explained_for_people(imported, capfd):
    capfd.readouterr()
    assert main(["attendance", "explain", "1001", "2025-07-18"]) == 1
    told = capfd.readouterr().out
    assert "missing: the leaving punch, expected about 2025-07-18T18:00:00" in told
    assert "incomplete since 2025-07-17 21:50:00 UTC" in told, "lines are never cut in a pipe"
    assert "rules: attendance, version attendance/1" in told


def test_a_punch_of_the_date_that_is_another_days_is_told(imported, tmp_path, capfd):
    """An early press belongs to the day before, while the window of its own day is closed."""
    early = tmp_path / "2_attlog.dat"
    early.write_text("     1001\t2025-07-17 02:11:00\t1\t0\t1\t0\r\n", newline="")
    assert imported("import", str(early), "--device", "ZK1")[0] == 0
    day = imported("attendance", "explain", "1001", "2025-07-17")[1]
    (other,) = day["of_other_days"]
    assert (other["time"], other["day"], other["counted"]) == (
        "2025-07-17T02:11:00", "2025-07-16", False,
    )  # fmt: skip
    owner = imported("attendance", "explain", "1001", "2025-07-16")[1]
    assert other["event_id"] in {one["event_id"] for one in owner["punches"]}
    assert main(["attendance", "explain", "1001", "2025-07-17"]) == 1
    told = capfd.readouterr().out
    assert "2025-07-17T02:11:00  of 2025-07-16, not counted: outside the window" in told
    assert main(["attendance", "show", "1001", "--month", "2025-07"]) == 1
    told = capfd.readouterr().out
    assert "1 punches lie outside the window" in told
    assert "  1 outside the window" in told


def test_a_time_sheets_minutes_are_told_in_words(imported, tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text(
        "person,plan,first_day,last_day,rules\n1001,D,2025-07-14,2025-07-20,cn-standard\n"
    )
    assert imported("roster", "import", str(roster))[0] == 0
    day = imported("attendance", "explain", "1001", "2025-07-16")[1]
    said = {one["why"] for one in day["minutes"]}
    assert {"work within the shift: regular", "a meal, taken off or added by rule: meal"} <= said


SITES = """
[[unit]]
code = "NY"
kind = "site"
name = "New York"
zones = [{ zone = "America/New_York" }]
devices = [{ serial = "STAYS" }, { serial = "MOVED", until = 2025-07-17 }]
[[unit]]
code = "B"
kind = "site"
name = "Berlin"
zones = [{ zone = "Europe/Berlin" }]
devices = [{ serial = "MOVED", from = 2025-07-17 }]
"""


def test_an_exports_zone_is_that_of_the_place_where_its_terminal_stands(ask, tmp_path, capfd):
    (tmp_path / "people.toml").write_text(PEOPLE + SITES)
    assert ask("import", str(tmp_path / "people.toml"))[0] == 0
    export = str(tmp_path / "1_attlog.dat")
    code, done = ask("import", export, "--device", "STAYS", "--whole-log")
    assert (code, done["complete_until"]) == (0, "2025-07-18T09:50:00Z")
    code, said = ask("import", export, "--device", "MOVED")
    assert code == 3
    assert "MOVED stood in America/New_York and Europe/Berlin: split the file" in said
    assert ask("import", export, "--device", "MOVED", "--zone", "Europe/Berlin")[0] == 0


def test_what_explain_says_of_a_day_off_is_true(imported, capfd):
    assert main(["attendance", "explain", "1001", "2025-07-13"]) == 0
    told = capfd.readouterr().out
    assert "none: no work was due" in told
    assert "not both sides" not in told


def test_lock_corrections_and_unlock(imported, tmp_path, capfd):
    assert imported("attendance", "lock", "2025-07")[0] == 2
    lock = ("attendance", "lock", "2025-07", "--with-open-days", "--by")
    code, asked = imported(*lock, "Wu")
    assert (code, asked["done"]) == (1, False)
    assert imported("attendance", "locks")[1]["locks"] == []
    assert imported(*lock, "wu")[0] == 3
    code, locked = imported(*lock, "Sun")
    assert (code, locked["days"]) == (1, 31)
    assert imported("attendance", "locks")[1]["locks"][0]["locked_by"] == "Wu"
    late = tmp_path / "2_attlog.dat"
    late.write_text("     1001\t2025-07-17 18:01:00\t1\t1\t1\t0\r\n", newline="")
    assert imported("import", str(late), "--device", "ZK2")[0] == 0
    code, done = imported("attendance", "compute")
    assert (code, done["queued"]) == (1, 1)
    code, found = imported("attendance", "corrections", "--month", "2025-07")
    (one,) = found["corrections"]
    assert code == 1
    assert (one["before"]["status"], one["after"]["status"]) == ("missing_out", "present")
    day = imported("attendance", "explain", "1001", "2025-07-17")[1]
    assert (day["status"], day["locked"], day["differs"]) == ("missing_out", True, True)
    assert [queued["number"] for queued in day["queued"]] == [one["number"]]
    capfd.readouterr()
    assert main(["attendance", "corrections"]) == 1
    assert "missing_out 0+0 min -> present 660+0 min" in capfd.readouterr().out
    unlock = ("attendance", "unlock", "2025-07", "--reason", "late terminal", "--by")
    code, asked = imported(*unlock, "Sun")
    assert (code, asked["done"]) == (0, False)
    assert imported(*unlock, "Sun")[0] == 3
    assert len(imported("attendance", "locks")[1]["locks"]) == 1
    code, done = imported(*unlock, "Wu")
    assert done == {"month": "2025-07", "applied": 1}
    assert imported("attendance", "explain", "1001", "2025-07-17")[1]["status"] == "present"


def test_the_real_plant_export_is_explained_whole(ask, tmp_path, shared_data):
    """Each punch of the busiest person stands once in exactly one of the person's days."""
    export = shared_data / "hr/punches/zk_attlog_two_shift_plant.dat"
    rows = [line.split() for line in export.read_text().splitlines() if line.strip()]
    ids = sorted({row[0] for row in rows})
    (tmp_path / "people.toml").write_text(PEOPLE + "".join(map(person, ids)))
    assert ask("import", str(tmp_path / "people.toml"))[0] == 0
    assert ask("import", str(export), "--device", "PLANT", "--whole-log")[1]["accepted"] == 4942
    assert ask("attendance", "compute")[1]["entered"] == 4942
    busiest = Counter(row[0] for row in rows).most_common(1)[0][0]
    named = Counter()
    for month in ("2025-07", "2025-08", "2025-09", "2025-10", "2025-11"):
        for day in ask("attendance", "show", busiest, "--month", month)[1]["days"]:
            named.update([*day["used"], *(one["event_id"] for one in day["ignored"])])
    assert set(named.values()) == {1}
    assert len(named) == sum(row[0] == busiest for row in rows)
    on = next(row[1] for row in rows if row[0] == busiest)
    day = ask("attendance", "explain", busiest, on)[1]
    assert all(one["counted"] or one["why"] for one in day["punches"])
    for on in sorted({row[1] for row in rows if row[0] == busiest})[::9]:
        day = ask("attendance", "explain", busiest, on)[1]
        expected = {f"{on}T{row[2]}" for row in rows if row[:2] == [busiest, on]}
        told = [*day["punches"], *day["of_other_days"]]
        assert {one["time"] for one in told} >= expected, "each punch of the date is named"


def test_a_long_export_tells_how_far_it_is(ask, tmp_path, monkeypatch):
    heard = []

    @contextlib.contextmanager
    def listening(what):
        heard.append(what)
        yield heard.append

    monkeypatch.setattr(setup, "progress", listening)
    monkeypatch.setattr("hr_core.ingest.punch_file.MAX_RECORDS_PER_BATCH", 2)
    assert ask("import", str(tmp_path / "1_attlog.dat"), "--device", "ZK1")[0] == 0
    assert heard == ["rows taken in", 2, 4, 5]
