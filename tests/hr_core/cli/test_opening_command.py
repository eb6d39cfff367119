"""`hr-core import opening` beside `hr-core import people.toml`."""

import json

import pytest

from hr_core.cli import main
from tests.hr_core.cli.conftest import PEOPLE

OPENING = """
schema = "clockline-opening/1"
source = "old payroll"
first_month = "2026-10"
[[tax_year]]
person = "E001"
months = 9
income = "78300.00"
contributions = "8221.50"
special_deductions = "0"
withheld = "752.36"
[[time_off]]
person = "E002"
day = 2026-09-05
day_kind = "rest_day"
minutes = 480
"""


@pytest.fixture
def ask(capfd):
    def run(*arguments):
        capfd.readouterr()
        code = main([*arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


@pytest.fixture
def file(empty, tmp_path):
    (tmp_path / "people.toml").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "opening.toml").write_text(OPENING, encoding="utf-8")
    assert main(["import", "people.toml"]) == 0


@pytest.mark.usefixtures("file")
def test_opening_balances_are_proposed_and_hold_when_approved(ask):
    code, done = ask("import", "opening", "opening.toml", "--by", "ann")
    assert (code, done["proposed"], done["notes"]) == (0, {"tax_year": 1, "time_off": 1}, [])
    assert ask("timeoff", "lots", "E002")[1]["lots"] == []
    number = str(done["approval"])
    assert main(["approvals", "approve", number, "--by", "ann"]) == 3
    assert main(["approvals", "approve", number, "--by", "bob"]) == 0
    (lot,) = ask("timeoff", "lots", "E002")[1]["lots"]
    assert lot["left_min"] == 480
    assert ask("import", "opening", "opening.toml", "--by", "ann")[1]["approval"] is None


@pytest.mark.usefixtures("file")
def test_a_people_file_is_imported_as_ever(ask, capfd):
    assert ask("import", "people.toml")[1]["people_unchanged"] == 2
    assert ask("import", "--by", "ann", "people.toml")[0] == 0
    assert main(["import", "opening"]) == 3
    assert main(["import", "nothing.toml"]) == 3
    assert main(["import", "--help"]) == 0
    assert "opening" in capfd.readouterr().out


@pytest.mark.usefixtures("file")
def test_a_person_whom_nobody_knows_is_named(tmp_path, capfd):
    (tmp_path / "opening.toml").write_text(OPENING.replace("E002", "E9"), encoding="utf-8")
    assert main(["import", "opening", "opening.toml"]) == 3
    assert "time_off[1]" in capfd.readouterr().err


@pytest.mark.usefixtures("file")
def test_tax_that_the_table_does_not_give_asks_for_a_look(tmp_path, ask):
    (tmp_path / "opening.toml").write_text(OPENING.replace("752.36", "9.35"), encoding="utf-8")
    code, done = ask("import", "opening", "opening.toml", "--by", "ann")
    assert code == 1
    assert "the table gives ¥752.36" in done["notes"][0]
