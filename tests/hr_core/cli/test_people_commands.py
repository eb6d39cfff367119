"""`hr-core people`: what the commands say and do, over a plant with punches."""

import json

import pytest

from hr_core.cli import main


@pytest.fixture
def hr(plant, capsysbinary):
    """Runs a command: (exit code, stdout text or JSON object, stderr)."""

    def run(*arguments):
        code = main(list(arguments))
        out, err = capsysbinary.readouterr()
        text = out.decode()
        if "--json" in arguments and code in {0, 1}:
            return code, json.loads(text), err.decode()
        return code, text, err.decode()

    run()  # drops what the fixtures printed
    return run


def test_list_and_show_are_of_a_day(hr):
    assert (
        hr("people", "renumber", "E001", "2001", "--from", "2026-11-01", "--reason", "new scheme")[
            0
        ]
        == 0
    )
    listed = hr("people", "list", "--on", "2026-10-31", "--json")[1]["people"]
    assert [one["employee_numbers"] for one in listed] == [["E001"], ["E002"]]
    listed = hr("people", "list", "--on", "2026-11-01", "--json")[1]["people"]
    assert [(one["person"], one["employee_numbers"]) for one in listed] == [
        ("E001", ["2001"]), ("E002", ["E002"]),
    ]  # fmt: skip
    code, text, _ = hr("people", "show", "2001", "--on", "2026-11-02")
    assert code == 0
    assert "number 2001  from 2026-11-01" in text
    assert "people.renumber: new scheme" in text
    code, _, error = hr("people", "show", "2001", "--on", "2026-10-01")
    assert code == 3
    assert "nobody has the employee number '2001' on 2026-10-01" in error


def test_days_and_slips_keep_their_person_through_a_new_number(hr):
    before = hr("attendance", "show", "E001", "--month", "2026-10", "--json")[1]
    assert hr("pay", "run", "--month", "2026-10", "--json")[0] in {0, 1}
    hr("people", "renumber", "E001", "2001", "--from", "2026-10-01", "--reason", "x")
    hr("people", "renumber", "E002", "E001", "--from", "2026-10-01", "--reason", "x")
    after = hr("attendance", "show", "2001", "--month", "2026-10", "--json")[1]
    assert after["days"] == before["days"]
    assert after["number"] == "E001"  # the key
    assert hr("attendance", "show", "E001", "--month", "2026-10", "--json")[1]["name"] == "Li Na"
    assert hr("attendance", "show", "key:E001", "--month", "2026-10", "--json")[1] == after
    assert "Li Na" in hr("pay", "explain", "1", "E001")[1]
    assert "张伟" in hr("pay", "explain", "1", "2001")[1]


def test_a_number_of_two_people_in_one_month_is_not_guessed(hr):
    hr("people", "renumber", "E001", "2001", "--from", "2026-10-15", "--reason", "x")
    hr("people", "renumber", "E002", "E001", "--from", "2026-10-16", "--reason", "x")
    code, _, error = hr("attendance", "show", "E001", "--month", "2026-10")
    assert code == 3
    assert "the number of E001 and then of E002 in 2026-10" in error
    assert "key:E001" in error


def test_merge_and_undo(hr):
    code, text, _ = hr("people", "merge", "E001", "E002", "--reason", "one human", "--by", "ann")
    assert code == 0
    assert (
        text.splitlines()[-1] == "  to undo: hr-core people undo 2 --reason WHY"
    )  # row 1: the import
    assert hr("people", "show", "E002", "--json")[1]["merged"] == ["E002"]
    assert hr("people", "undo", "2", "--reason", "not one", "--json") == (0, {"change": 3}, "")
    assert len(hr("people", "list", "--json")[1]["people"]) == 2
    log = hr("audit", "log", "--json")[1]["log"]
    assert [one["action"] for one in log] == ["import.people", "people.merge", "people.undo"]
    assert log[1]["actor"] == "ann"
    assert hr("audit", "verify")[0] == 0


def test_leave_and_come_back(hr):
    assert hr("people", "leave", "E001", "--until", "2026-11-01", "--reason", "x")[0] == 0
    code, _, error = hr("people", "show", "E001", "--on", "2026-11-02")
    assert (code, "key:E001" in error) == (3, True)
    assert hr("people", "rehire", "E001", "--from", "2026-12-01", "--reason", "x")[0] == 0
    assert hr("people", "show", "E001", "--on", "2026-12-01")[0] == 0


def test_split_needs_to_know_who_pays(hr):
    split = (
        "people",
        "split",
        "E001",
        "--name",
        "Second",
        "--reason",
        "two",
        "--from",
        "2026-10-20",
    )
    code, _, error = hr(*split)
    assert code == 3
    assert "--employer who pays" in error
    code, done, _ = hr(*split, "--base", "4000", "--device-user", "*:1007", "--json")
    assert (code, done["number"]) == (0, "T000001")
    days = hr("attendance", "show", "T000001", "--month", "2026-10", "--json")[1]["days"]
    assert {day["day"] for day in days if day["used"]} == {
        f"2026-10-{day}" for day in (20, 21, 22, 23, 26, 27, 28, 29, 30)
    }


def test_from_waiting_to_a_person(hr, odd_plant):
    code, found, _ = hr("people", "waiting", "--json")
    [one] = found["waiting"]
    assert (code, one["serial"], one["user_id"], one["punches"]) == (1, "CQ1", "9999", 1)
    ask = ("people", "adopt", "CQ1:9999", "--name", "Wu", "--hourly", "25", "--shift", "D")
    code, text, _ = hr(*ask, "--by", "ann")
    assert (code, "--confirm 1" in text) == (0, True)
    code, _, error = hr("people", "adopt", "--confirm", "1", "--by", "Ann")
    assert (code, "who asks does not confirm" in error) == (3, True)
    code, done, _ = hr("people", "adopt", "--confirm", "1", "--by", "bob", "--json")
    assert (code, done["number"], done["first"]) == (0, "T000001", "2026-10-12")
    assert hr("people", "waiting") == (0, "every punch has its person\n", "")
    code, run, _ = hr("pay", "run", "--month", "2026-10", "--json")
    assert (code, run["to_check"][0]["number"], run["payslips"]) == (1, "T000001", 2)


def test_an_id_of_somebody_known_is_mapped(hr, odd_plant):
    order = ("people", "map", "E002", "CQ1:9999", "--from", "2026-10-12", "--reason", "a new card")
    assert hr(*order)[0] == 0
    assert hr("people", "waiting")[0] == 0
    code, _, error = hr(*order[:2], "E001", *order[3:])
    assert code == 3
    assert "device_users CQ1 9999" in error


def test_units_are_of_a_day(hr, tmp_path):
    (tmp_path / "units.toml").write_text(
        '[site]\nzone = "Asia/Shanghai"\n[[unit]]\ncode = "S1"\nkind = "site"\nname = "Plant"\n'
        '[[unit]]\ncode = "A"\nkind = "team"\nname = "Team"\n'
        'parents = [{ unit = "S1", from = 2026-10-01 }]\n'
    )
    assert hr("import", "units.toml")[0] == 0
    found = hr("people", "units", "--on", "2026-09-30", "--json")[1]["units"]
    assert [(one["code"], one["parents"]) for one in found] == [("A", []), ("S1", [])]
    assert "A  team  Team  under S1  0 people" in hr("people", "units", "--on", "2026-10-01")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("people", "adopt"),
        ("people", "adopt", "CQ1"),
        ("people", "list", "--on", "today"),
        ("people", "adopt", "CQ1:1", "--base", "x"),
        ("people", "rehire", "E001", "--from", "2026-12-01", "--reason", "x", "--kind", "y"),
    ],
)
def test_a_wrong_command_is_said_so(hr, arguments):
    code, _, error = hr(*arguments)
    assert code == 3
    assert error.startswith("error: ")
