"""`hr-core pay diff`: two stored runs beside each other."""

import json

import pytest
import sqlalchemy as sa
from python_calamine import load_workbook

from hr_core.cli import main
from hr_core.store.database import open_database
from hr_core.store.results import pay_lines
from tests.hr_core.cli.conftest import PEOPLE, punch, store

OCTOBER = ["--month", "2026-10"]


@pytest.fixture
def ask(capfd):
    def run(*arguments):
        capfd.readouterr()
        code = main([*arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


@pytest.fixture
def two_runs(plant):
    assert main(["pay", "run", *OCTOBER]) in {0, 1}
    assert main(["pay", "run", *OCTOBER]) in {0, 1}
    return plant


def raise_base(folder):
    text = PEOPLE.replace('base = "8700.00"', 'base = "9000.00"')
    (folder / "raised.toml").write_text(text, encoding="utf-8")
    assert main(["pay", "run", *OCTOBER, "--people", "raised.toml"]) in {0, 1}


def test_the_same_month_twice_is_identical(two_runs, ask, capfd):
    code, found = ask("pay", "diff", "1", "2")
    assert (code, found["identical"], found["lines"]) == (0, True, [])
    assert found["before"]["digest"] == found["after"]["digest"]
    assert main(["pay", "diff", "1", "2"]) == 0
    told = capfd.readouterr().out
    assert told.startswith("identical: run 1 and run 2, 2 people, ")
    assert told.count(found["after"]["digest"]) == 2


def test_a_raise_moves_base_and_overtime_and_says_so(two_runs, ask, tmp_path, capfd):
    raise_base(tmp_path)
    code, found = ask("pay", "diff", "1", "3")
    assert code == 1
    assert found["proof"]["holds"]
    assert {(one["number"], one["code"], one["cause"]) for one in found["lines"]} >= {
        ("E001", "base", "agreement"),
        ("E001", "overtime_workday", "agreement"),
    }
    assert {one["number"] for one in found["lines"]} == {"E001"}
    assert (found["changed_people"], found["same_people"], found["unexplained"]) == (1, 1, 0)
    assert main(["pay", "diff", "1", "3"]) == 1
    told = capfd.readouterr().out
    assert "agreed base base: ¥8,700.00 -> ¥9,000.00" in told
    assert "= difference of the totals" in told


def test_a_punch_that_came_after_the_first_run_is_named(two_runs, ask):
    late = punch("1007", "2026-10-13T19:30:00")
    store(two_runs, [late])
    main(["pay", "run", *OCTOBER])
    _, found = ask("pay", "diff", "1", "3")
    (line,) = found["lines"]
    assert (line["number"], line["code"], line["cause"]) == ("E001", "overtime_workday", "input")
    assert {(one["kind"], one["subject"], one["change"]) for one in line["reasons"]} == {
        ("punch", "2026-10-13", "new"),
        ("day", "2026-10-13", "new"),
    }


def test_the_sheet(two_runs, tmp_path):
    raise_base(tmp_path)
    assert main(["pay", "diff", "1", "3", "--xlsx", "diff.xlsx"]) == 1
    file = tmp_path / "diff.xlsx"
    assert file.stat().st_mode & 0o077 == 0, "pay is not for everybody on this machine"
    with load_workbook(str(file)) as book:
        rows = book.get_sheet_by_index(0).to_python()
    assert ["E001", "张伟", "base"] in [row[:3] for row in rows]
    assert [row[6:9] for row in rows if row[2] == "base"] == [[8700, 9000, 300]]


def test_a_total_that_somebody_wrote_over_is_broken(two_runs, ask):
    engine = open_database(f"sqlite:///{two_runs}")
    with engine.begin() as conn:
        conn.execute(
            sa.update(pay_lines)
            .where(pay_lines.c.run == 2, pay_lines.c.code == "base")
            .values(amount_fen=pay_lines.c.amount_fen + 1)
        )
    engine.dispose()
    code, found = ask("pay", "diff", "1", "2")
    assert code == 2
    assert len(found["proof"]["faults"]) == 2
    assert found["unexplained"] == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["1", "9"], "no pay run 9"),
        (["9", "1"], "no pay run 9"),
        (["1", "old.xlsx"], "--map"),
        (["1"], "Missing argument"),
    ],
)
def test_what_cannot_be_compared_is_refused(two_runs, arguments, told, capfd):
    assert main(["pay", "diff", *arguments]) == 3
    assert told in capfd.readouterr().err


def test_months_must_be_the_same(plant, capfd, ask):
    store(plant, [punch("1007", "2026-09-15T07:55:00"), punch("1007", "2026-09-15T17:02:00")])
    main(["pay", "run", *OCTOBER, "--month", "2026-09"])
    assert main(["pay", "diff", "1", "2"]) == 3
    assert "the field month differs" in capfd.readouterr().err
    code, found = ask("pay", "diff", "1", "2", "--across-months")
    assert code in {0, 1}
    assert found["after"]["month"] == "2026-09"


OLD = '工号,姓名,基本工资,加班费,质量奖,实发\nE001,张伟,"8,700.00",150.01,870,9720.01\nE002,Li Na,6000,,610,6610\n合计,,14700,150.01,1480,16330.01\n'
MAP = """
name = "old payroll"
[table]
number = "工号"
skip = ["合计"]
[[line]]
lines = ["base"]
columns = ["基本工资"]
[[line]]
lines = ["overtime_workday"]
columns = ["加班费"]
tolerance = "0.01"
[[line]]
lines = ["grade"]
columns = ["质量奖"]
[[line]]
lines = ["@net"]
columns = ["实发"]
tolerance = "0.01"
"""
TABLE = ["pay", "diff", "1", "old.csv", "--map", "map.toml"]


@pytest.fixture
def old_table(two_runs, tmp_path):
    (tmp_path / "old.csv").write_bytes(OLD.encode("gb18030"))
    (tmp_path / "map.toml").write_text(MAP, encoding="utf-8")


def test_a_run_beside_the_old_table(old_table, ask, capfd):
    code, found = ask(*TABLE)
    assert (code, found["proof_holds"], found["skipped_rows"]) == (1, True, 1)
    told = [(one["number"], one["line"], one["difference_fen"]) for one in found["lines"]]
    assert told == [("E002", "base", 10000), ("E002", "@net", 10000)]
    assert {one["verdict"] for one in found["lines"]} == {"we_more"}
    assert [(one["line"], one["count"]) for one in found["within"]] == [
        ("overtime_workday", 1),
        ("@net", 1),
    ]
    assert main(TABLE) == 1
    shown = capfd.readouterr().out
    assert "E002  Li Na  base  run ¥6,100.00  table ¥6,000.00  +¥100.00  we have more" in shown
    assert main([*TABLE, "--xlsx", "out.xlsx"]) == 1


def test_a_note_stands_beside_its_difference_and_is_in_the_audit_log(old_table, ask, capfd):
    add = ["pay", "note", "1", "old.csv", "--map", "map.toml", "--person", "E002"]
    code, made = ask(*add, "--line", "base", "--reason", "raised in October", "--by", "li")
    assert (code, made["note"]["pair"], made["note"]["month"]) == (
        0,
        "table old payroll",
        "2026-10",
    )
    _, found = ask(*TABLE)
    assert [one["note"] and one["note"]["standing"] for one in found["lines"]] == ["noted", None]
    assert main(TABLE) == 1
    assert "note: raised in October" in capfd.readouterr().out
    assert main(["audit", "verify"]) == 0


def test_a_note_between_two_runs(two_runs, ask, tmp_path, capfd):
    raise_base(tmp_path)
    add = ["pay", "note", "1", "3", "--line", "base", "--reason", "raise", "--until", "2026-12"]
    assert ask(*add)[0] == 0
    _, found = ask("pay", "diff", "1", "3")
    notes = {one["code"]: one["note"] for one in found["lines"]}
    assert notes["base"]["standing"] == "noted"
    assert notes["overtime_workday"] is None
    _, found = ask("pay", "diff", "2", "3")
    assert found["lines"][0]["note"]["standing"] == "accepted"
    capfd.readouterr()
    for wrong, told in (
        (["--until", "2026-09"], "before the month"),
        (["--person", "E009"], "E009"),
        (["--reason", " "], "--reason is empty"),
        (["--until", "December"], "not a month"),
    ):
        assert main([*add[:6], *add[6:8], *wrong]) == 3, wrong
        assert told in capfd.readouterr().err


def test_a_first_map_is_written_once_and_reads(old_table, ask, capfd):
    make = ["pay", "diff", "1", "old.csv", "--make-map", "first.toml"]
    assert main(make) == 0
    assert main(make) == 3
    assert "there already" in capfd.readouterr().err
    code, found = ask("pay", "diff", "1", "old.csv", "--map", "first.toml")
    assert (code, found["skipped_rows"], found["loose_columns"]) == (1, 1, [])
    assert {one["line"] for one in found["lines"]} == {"base", "overtime_workday", "@net"}


def test_a_table_that_cannot_be_read_names_the_place(old_table, tmp_path, capfd):
    (tmp_path / "map.toml").write_text(MAP.replace("质量奖", "奖金"), encoding="utf-8")
    assert main(TABLE) == 3
    assert "there is no column '奖金'" in capfd.readouterr().err
    assert main(["pay", "diff", "1", "gone.csv", "--map", "map.toml"]) == 3
    assert main(["pay", "diff", "9", "old.csv", "--map", "map.toml"]) == 3
