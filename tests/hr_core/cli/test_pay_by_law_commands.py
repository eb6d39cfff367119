"""Agreements, entries and several schemes from the command line."""

import json

from hr_core.cli import main

AGREEMENTS = """
[[agreement]]
person = "E001"
from = 2026-01-01
city = "上海"
base = "8700.00"
insurance_base = "8700.00"
fund_base = "8700.00"
bank_account = "6222021234567890"
"""


def told(capsys, *words):
    code = main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_from_the_agreement_to_two_runs(plant, capsys, tmp_path):
    file = tmp_path / "agreements.toml"
    file.write_text(AGREEMENTS, encoding="utf-8")
    capsys.readouterr()
    _, proposed = told(capsys, "pay", "agreements", "import", str(file), "--by", "Wu")
    assert proposed == {"approval": 1, "new": 1, "unchanged": 0}
    assert main(["approvals", "approve", "1", "--by", "Wu"]) == 3
    assert main(["approvals", "approve", "1", "--by", "Zhao"]) == 0
    capsys.readouterr()
    _, held = told(capsys, "pay", "agreements", "list", "--month", "2026-10")
    (agreement,) = held["agreements"]
    assert agreement["terms"]["bank_account"] == "…7890"
    assert main(["pay", "agreements", "show", "E001"]) == 0
    assert "Zhao" in capsys.readouterr().out

    entry = ("pay", "entries", "add", "E001", "instant_bonus", "500", "--month", "2026-10")
    assert main([*entry, "--reason", "line rescued", "--by", "Wu"]) == 0
    assert main(["pay", "entries", "list", "--month", "2026-10"]) == 0
    assert "waits as approval 2" in capsys.readouterr().out
    _, before = told(capsys, "pay", "run", "--month", "2026-10", "--scheme", "cn")
    assert main(["approvals", "approve", "2", "--by", "Zhao"]) == 0
    capsys.readouterr()

    schemes = ("--scheme", "demo", "--scheme", "cn")
    code, done = told(capsys, "pay", "run", "--month", "2026-10", *schemes)
    assert code == 1, "somebody was refused"
    demo, law = done["runs"]
    assert (demo["scheme"], law["scheme"]) == ("demo", "cn")
    assert demo["inputs_digest"] == law["inputs_digest"] != before["inputs_digest"]
    (person,) = law["people"]
    assert person["earned_fen"] + person["deducted_fen"] == person["total_fen"]
    sides = {line["line"]: line["side"] for line in person["lines"]}
    assert sides["pension_employee"] == "deducted"
    assert sides["pension_employer"] == "employer"
    assert [line for line in sides if line.startswith("instant_bonus")]
    assert [one["number"] for one in law["refused"]] == ["E002"]
    assert len(demo["people"]) == 2

    assert main(["pay", "run", "--month", "2026-10", "--scheme", "cn"]) == 1
    shown = capsys.readouterr().out
    assert "not paid: person E002, no pay agreement holds in 2026-10" in shown
    assert main(["pay", "explain", str(law["run"]), "E001", "overtime_workday"]) == 0
    assert "raw" in capsys.readouterr().out


def test_wrong_words_are_told(plant, capsys):
    for words in (
        ("pay", "entries", "add", "E001", "gift", "5", "--month", "2026-10", "--reason", "x"),
        ("pay", "entries", "add", "E001", "bonus", "-5", "--month", "2026-10", "--reason", "x"),
        ("pay", "entries", "add", "E001", "bonus", "five", "--month", "2026-10", "--reason", "x"),
        ("pay", "run", "--month", "2026-10", "--scheme", "nope"),
    ):
        assert main([*words]) == 3
    assert "nope" in capsys.readouterr().err
