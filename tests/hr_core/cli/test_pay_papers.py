"""`hr-core pay slip|journal|export` on a small plant."""

import json
from hashlib import sha256

import pytest
from python_calamine import load_workbook

from hr_core.audit.log import entries
from hr_core.cli import main
from hr_core.store.database import open_database


@pytest.fixture
def paid(plant, capfd):
    assert main(["pay", "run", "--month", "2026-10"]) in {0, 1}
    capfd.readouterr()
    return plant


def test_the_slip_as_text_in_both_languages(paid, capfd):
    assert main(["pay", "slip", "1", "E001"]) == 0
    told = capfd.readouterr().out
    assert told.startswith("2026-10 工资条  张伟 E001")
    assert "加班 2:00,每小时 50.00 的 1.5 倍" in told
    assert "哪些天: 12日 2:00 (1 天)" in told
    assert "本月没有计付的休息日加班" in told
    assert main(["pay", "slip", "1", "E001", "--lang", "en"]) == 0
    english = capfd.readouterr().out
    assert "2:00 hours at 1.5 times 50.00 an hour" in english
    assert main(["pay", "slip", "1", "E001", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["changes"] is None
    assert sum(one["amount_fen"] for one in found["lines"]) == found["net_fen"]
    for unknown, told in ((["1", "E009"], "no payslip"), (["7", "E001"], "no pay run 7")):
        assert main(["pay", "slip", *unknown]) == 3
        assert told in capfd.readouterr().err


def test_the_journal_balances_and_is_the_runs_total(paid, capfd):
    assert main(["pay", "journal", "1", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["debit_fen"] == found["credit_fen"]
    net = sum(row["credit_fen"] for row in found["rows"] if row["part"] == "net")
    assert main(["pay", "runs", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["runs"][0]["total_fen"] == net
    assert main(["pay", "journal", "1"]) == 0
    assert "overtime_workday" in capfd.readouterr().out
    assert main(["pay", "journal", "9"]) == 3


def test_the_workbook_of_a_run_and_of_one_person(paid, capfd, tmp_path):
    assert main(["pay", "export", "1", "--xlsx", "all.xlsx", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["payslips"] == 2
    assert main(["pay", "export", "1", "--xlsx", "one.xlsx", "--person", "E002"]) == 0
    with load_workbook("one.xlsx") as book:
        assert book.sheet_names[2:] == ["E002"]
    assert (tmp_path / "one.xlsx").stat().st_mode & 0o077 == 0
    assert main(["pay", "export", "1", "--xlsx", "x.xlsx", "--person", "E009"]) == 3


def test_a_trial_for_the_bank_lists_who_has_no_account_and_stands_in_the_log(paid, capfd, tmp_path):
    bank = ["pay", "export", "1", "--template", "bank", "--out", "bank.csv"]
    assert main(bank) == 3
    assert "not approved" in capfd.readouterr().err
    assert not (tmp_path / "bank.csv").exists()
    assert main([*bank, "--trial", "--by", "anna", "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    assert (told["rows"], len(told["left_out"]), told["trial"]) == (0, 2, True)
    assert main([*bank, "--trial"]) == 1
    assert "left out together" in capfd.readouterr().out
    engine = open_database(f"sqlite:///{paid}")
    with engine.connect() as conn:
        first = next(one for one in entries(conn) if one.action == "pay.export")
    engine.dispose()
    assert (first.actor, first.subject) == ("anna", "run 1")
    assert first.after["sha256"] == sha256((tmp_path / "bank.csv").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "wrong",
    [[], ["--xlsx", "a.xlsx", "--trial"], ["--template", "bank"], ["--out", "x"],
     ["--template", "bank", "--out", "x", "--person", "E001"]],
)  # fmt: skip
def test_options_that_do_not_go_together_are_a_mistake_of_the_asker(paid, wrong):
    assert main(["pay", "export", "1", *wrong]) == 3


def test_a_file_that_cannot_be_written_leaves_no_row_in_the_log(paid, capfd):
    assert main(["pay", "export", "1", "--xlsx", "nowhere/x.xlsx"]) == 2
    assert "cannot be written" in capfd.readouterr().err
    engine = open_database(f"sqlite:///{paid}")
    with engine.connect() as conn:
        assert not [one for one in entries(conn) if one.action == "pay.export"]
    engine.dispose()
