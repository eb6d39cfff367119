"""`hr-core attendance export`: the month's grid as xlsx and CSV."""

import csv
import json
from zipfile import ZipFile

import pytest
from python_calamine import load_workbook

from hr_core.cli import main
from hr_core.store.database import open_database, writing
from hr_core.store.people import people
from tests.hr_core.cli.test_attendance_commands import PEOPLE, ROWS, person

MONTH = ["--month", "2025-07"]


@pytest.fixture
def plant(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("CLOCKLINE_DB", str(tmp_path / "core.db"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.toml").write_text(PEOPLE + person("1001") + person("1002"))
    (tmp_path / "1_attlog.dat").write_text(ROWS, newline="")
    for command in (
        ["init"],
        ["import", "people.toml"],
        ["import", "1_attlog.dat", "--device", "ZK1", "--whole-log"],
        ["attendance", "compute", *MONTH],
    ):
        assert main(command) in {0, 1}, capfd.readouterr().err
    engine = open_database(f"sqlite:///{tmp_path}/core.db")
    with writing(engine) as conn:
        conn.execute(people.update().where(people.c.number == "1002").values(name="=cmd|'x'!A1"))
    engine.dispose()
    capfd.readouterr()
    return tmp_path


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_a_line_a_person_and_a_column_a_day(plant, capfd):
    assert main(["attendance", "export", *MONTH, "--format", "csv", "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    assert (told["file"], told["people"]) == ("attendance-2025-07.csv", 2)
    one, two = read_csv(plant / "attendance-2025-07.csv")
    assert (one["person"], one["employee_number"], one["name"]) == ("1001", "1001", "P1001")
    assert [one[f"2025-07-{day}"] for day in (16, 17, 18, 19)] == [
        "11:00", "missing_out", "waiting", ""
    ]  # fmt: skip
    assert (one["regular"], one["days_worked"]) == ("11:00", "1")
    assert one["overtime_workday"] == "0:00"
    assert int(one["open_days"]) + int(two["open_days"]) == told["open_days"]
    assert two["name"] == "'=cmd|'x'!A1"
    assert (plant / "attendance-2025-07.csv").stat().st_mode & 0o077 == 0


def test_xlsx_has_hours_as_numbers_and_no_formula(plant, capfd):
    assert main(["attendance", "export", *MONTH]) == 1
    file = plant / "attendance-2025-07.xlsx"
    with load_workbook(file) as book:
        titles, one, two = book.get_sheet_by_index(0).to_python()
    day, regular = titles.index("2025-07-16"), titles.index("regular")
    minutes = [value.total_seconds() / 60 for value in (one[day], one[regular])]
    assert minutes == [660, 660]
    assert two[2] == "=cmd|'x'!A1"
    with ZipFile(file) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "[h]:mm" in archive.read("xl/styles.xml").decode()


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--month", "2025-05"], 2),
        ([*MONTH, "x.ods"], 3),
        ([*MONTH, "x.csv", "--format", "xlsx"], 3),
        ([*MONTH, "1_attlog.dat"], 3),
        ([*MONTH, "people.toml"], 3),
        ([*MONTH, "--format", "pdf"], 3),
        (["--month", "9999-12"], 3),
    ],
)
def test_what_cannot_be_written_is_told(plant, capfd, words, status):
    assert main(["attendance", "export", *words]) == status
    said = capfd.readouterr()
    assert "Traceback" not in said.err
    assert not list(plant.glob("*.xlsx"))


def test_a_file_that_is_there_is_kept(plant, capfd):
    (plant / "x.csv").write_text("mine")
    assert main(["attendance", "export", *MONTH, "x.csv"]) == 3
    assert (plant / "x.csv").read_text() == "mine"


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_odd_days_to_compute_are_refused_with_words(plant, capfd, day):
    assert main(["attendance", "compute", "--from", day]) == 3
    assert main(["attendance", "explain", "1001", day]) == 3
    assert "Traceback" not in capfd.readouterr().err
