"""`hr-core law`: what is known by status and age, what is wrong with it, and importing more."""

import json

import pytest

from hr_core.cli import main

ROWS = """
schema = "clockline-law/1"
city = "甲"

[[row]]
items = ["pension"]
from = 2026-01-01
until = 2026-07-01
status = "official"
source = "notice 1"
floor = "4000"
ceiling = "20000"
employee_percent = "8"
"""


@pytest.fixture
def run(capfd, tmp_path):
    db = str(tmp_path / "core.db")

    def command(*arguments, code=0):
        capfd.readouterr()
        assert main(["--db", db, *map(str, arguments)]) == code
        return capfd.readouterr()

    command("init")
    return command


def answer(printed):
    return json.loads(printed.out)


def test_status_lists_cities_by_trust(run):
    told = answer(run("law", "status", "--on", "2026-06-01", "--json"))

    cities = {one["city"]: one for one in told["cities"]}
    assert cities["上海"]["status"] == "secondary"
    assert cities["北京"]["status"] == "unverified"  # as its worst item
    assert cities["上海"]["items"]["minimum_wage"] == "secondary"
    assert told["by_status"] == {"unverified": 1, "secondary": 1}
    assert "上海" in run("law", "status", "--on", "2026-06-01").out


def test_an_imported_file_counts_once_another_person_approved_it(run, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(ROWS, encoding="utf-8")

    first = answer(run("law", "import", file, "--by", "ann", "--json"))
    again = answer(run("law", "import", file, "--by", "ann", "--json"))

    assert (first["added"], again["added"], again["approval"]) == (True, False, first["approval"])
    assert first["by_status"] == {"official": 1}
    told = answer(run("law", "status", "--on", "2026-06-01", "--json"))
    assert "official" not in told["by_status"]
    assert "approvals approve 1" in run("law", "import", file, "--by", "ann").out
    refused = run("approvals", "approve", first["approval"], "--by", "Ann", code=3)
    assert "entered by ann" in refused.err

    run("approvals", "approve", first["approval"], "--by", "bob")
    told = answer(run("law", "status", "--on", "2026-06-01", "--json"))
    assert told["by_status"]["official"] == 1
    assert run("audit", "log", "--json").out.count('"law import"') == 1
    assert "was here already" in run("law", "import", file).out
    found = answer(run("law", "check", "--on", "2026-11-22", "--json", code=1))
    assert ("ended", "甲") in {(one["fault"], one["city"]) for one in found["findings"]}


def test_a_file_is_checked_without_importing(run, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(ROWS, encoding="utf-8")

    assert answer(run("law", "check", file, "--on", "2026-06-01", "--json"))["findings"] == []
    assert "ended" in run("law", "check", file, "--on", "2026-07-01", code=1).out


def test_a_file_that_is_no_law_is_refused_with_a_remedy(run, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text("schema = 1", encoding="utf-8")

    assert "remedy" in run("law", "import", file, code=3).err


def test_rows_that_are_not_usable_are_named(run, shared_data):
    told = run("law", "import", shared_data / "hr/cn_city_bases_2024_unverified.json", code=1).out

    assert "345 cities, 2069 unverified" in told
    assert "亳州: is empty" in told
    run("approvals", "approve", 1, "--by", "bob")
    status = answer(run("law", "status", "--on", "2025-01-01", "--json"))
    assert status["by_status"]["unverified"] >= 345
