"""People as CSV and xlsx: out and in again without a change, and nothing that runs as a formula."""

from datetime import date

import pytest
import xlsxwriter
from python_calamine import load_workbook

from hr_core.cli import main
from hr_core.errors import InputFileError
from hr_core.people.changes import undo
from hr_core.people.model import Days
from hr_core.people.moves import Contract, map_device_user, rehire, renumber
from hr_core.people.one_or_two import merge
from hr_core.people.records import Kind
from hr_core.people.sheet import people_table
from hr_core.spreadsheet import write_rows
from hr_core.store.database import writing
from hr_core.store.people import load_roster
from hr_core.store.person_records import employments_of
from tests.hr_core.people.people_samples import FILE, SIGN, load, state

ON = date(2026, 11, 1)
NAMED = ("people", "device_users", "badges", "employee_numbers", "employments", "memberships")


@pytest.fixture
def plant(engine, tmp_path):
    load(engine, tmp_path, FILE.replace('name = "Wang"', 'name = "=HYPERLINK(\\"x\\")"'))
    return engine


def export(engine, path):
    with engine.connect() as conn:
        write_rows(path, people_table(conn, ON))


def run_import(engine, tmp_path, text, name="people.csv", **more):
    return load(engine, tmp_path, text, name, **more)


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_a_table_that_was_exported_changes_nothing(plant, tmp_path, name):
    with writing(plant) as conn:
        renumber(conn, "1001", "02001", date(2026, 10, 1), SIGN)  # a leading zero stays
        map_device_user(conn, "1002", ("CQ1", "77"), Days(date(2026, 10, 1), None), SIGN)
        rehire(conn, "1003", ON, SIGN, contract=Contract(kind=Kind.EXTERNAL, employer="Agency"))
    before = state(plant)
    path = tmp_path / name
    export(plant, path)
    from hr_core.imports import import_people

    with writing(plant) as conn:
        done = import_people(conn, path)
    assert (done.people_added, done.people_changed, done.people_unchanged) == (0, 0, 3)
    after = state(plant)
    before["people"] = {row[:-1] for row in before["people"]}  # less the origin
    after["people"] = {row[:-1] for row in after["people"]}
    assert after == before


def test_a_merged_record_is_exported_once_with_everything(plant, tmp_path):
    with writing(plant) as conn:
        change = merge(conn, "1001", "1002", SIGN)
    path = tmp_path / "out.csv"
    export(plant, path)
    text = path.read_text(encoding="utf-8-sig")
    assert len(text.splitlines()) == 3
    assert "*:1; *:2" in text
    with writing(plant) as conn:
        undo(conn, change, SIGN)


def test_text_never_becomes_a_formula(plant, tmp_path):
    export(plant, tmp_path / "out.csv")
    assert "'=HYPERLINK" in (tmp_path / "out.csv").read_text(encoding="utf-8")
    export(plant, tmp_path / "out.xlsx")
    with load_workbook(str(tmp_path / "out.xlsx")) as book:
        names = [row[1] for row in book.get_sheet_by_index(0).to_python()]
    assert '=HYPERLINK("x")' in names  # a text cell: xlsxwriter wrote no formula
    body = (tmp_path / "out.xlsx").read_bytes()
    assert b"<f>" not in body


def test_a_new_person_of_a_table_is_there_with_all_its_facts(plant, tmp_path):
    done = run_import(
        plant,
        tmp_path,
        "工号,姓名,班次,小时工资,用工形式,用工单位,开始日期,考勤机,部门\n"
        "2001,王芳,D,25.50,external,Agency,2026-10-01,CQ1:91 2026-10-01..; *:92,A1; B:manager ..2026-12-01\n",
    )
    assert done.people_added == 1
    with plant.connect() as conn:
        [contract] = employments_of(conn, "2001")
        roster = load_roster(conn)
    assert (contract.kind, contract.employer, contract.hourly_fen) == (
        Kind.EXTERNAL,
        "Agency",
        2550,
    )
    assert roster.people["2001"].origin == "table people.csv, row 2"
    held = {(one.serial, one.user_id): one.days for one in roster.device_users}
    assert held["CQ1", "91"] == Days(date(2026, 10, 1), None)
    assert held["*", "92"] == Days()


def test_numbers_that_a_spreadsheet_made_of_texts_are_texts_again(plant, tmp_path):
    path = tmp_path / "people.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["employee_number", "name", "shift", "base"])
        sheet.write_row(1, 0, [3001, "Wu", "D", 5200.5])
    from hr_core.imports import import_people

    with writing(plant) as conn:
        import_people(conn, path)
        assert load_roster(conn).people["3001"].base_fen == 520_050


def test_a_column_that_is_not_there_changes_nothing_of_its_kind(plant, tmp_path):
    before = state(plant)
    run_import(plant, tmp_path, "employee_number,name,shift,base\n1001,Zhang,D,8700.00\n")
    after = state(plant)
    assert {name: after[name] for name in NAMED[1:]} == {name: before[name] for name in NAMED[1:]}
    without = "employee_number,name,shift,base,device_users\n1001,Zhang,D,1,\n"
    with pytest.raises(InputFileError, match="user id 1 on every device of 1001") as told:
        run_import(plant, tmp_path, without)
    assert "--drop-ids" in told.value.remedy
    assert state(plant) == after, "nothing was stored"
    done = run_import(plant, tmp_path, without, drop_ids=True)
    assert done.taken_away == ("user id 1 on every device of 1001",)
    assert len(state(plant)["device_users"]) == len(before["device_users"]) - 1


HEAD = "employee_number,name,shift,base,device_users,from\n"


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (HEAD + "2001,A,D,1,,\n2002,,D,x,,\n", "row 3", "base: "),
        (HEAD + "\n\n2001,A,D,1,,soon\n", "row 4", "not a day like"),
        (HEAD + "2001,A,D,1,CQ1,\n", "row 2", "not SERIAL:USER_ID"),
        (HEAD + "2001,A,D,1,CQ1:5 now,\n", "row 2", "days are written"),
        (HEAD + "2001,A,D,1,CQ1:5 2026-02-30..,\n", "row 2", "no day of the calendar"),
        (HEAD + "2001,A,D,1,,\n2002,B,D,1,CQ1:3,\n", "row 3", "person 1003"),
        (HEAD + "2001,A,D,1,,\n2001,B,D,1,,\n", "row 3", "stands twice"),
        (HEAD + "2001,A,D,1,,,more\n", "row 2", "under no heading"),
        ("employee_number,name,salary\n", "row 1", "'salary' is no column"),
        ("employee_number,工号\n", "row 1", "stands twice"),
        ("employee_number,shift\n", "row 1", "lacks name"),
        ("", "row 1", "lacks employee_number, name, shift"),
        (HEAD + "2001,A,D,,,\n", "row 2", "base pay once"),
    ],
)
def test_faults_name_the_row_and_store_nothing(plant, tmp_path, text, key, words):
    before = state(plant)
    with pytest.raises(InputFileError) as refused:
        run_import(plant, tmp_path, text)
    assert refused.value.key == key
    assert words in str(refused.value)
    assert state(plant) == before


def test_every_faulty_row_is_told_at_once(plant, tmp_path):
    rows = "".join(f"2{n:03d},A,D,x,,\n" for n in range(12))
    with pytest.raises(InputFileError) as refused:
        run_import(plant, tmp_path, HEAD + rows)
    assert "row 3: base" in str(refused.value)
    assert "and 2 more" in str(refused.value)


def test_a_table_before_any_people_file_is_refused(engine, tmp_path):
    with pytest.raises(InputFileError, match="a site and shifts"):
        run_import(engine, tmp_path, HEAD)


@pytest.mark.usefixtures("plant")
def test_the_command_writes_a_new_private_file(database_url, tmp_path, capsys):
    db = ("--db", database_url)
    path = tmp_path / "out.xlsx"
    assert main([*db, "people", "export", str(path), "--on", "2026-11-01"]) == 0
    assert capsys.readouterr().out.endswith("out.xlsx: 3 people\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert main([*db, "people", "export", str(path)]) == 3
    assert main([*db, "people", "export", str(tmp_path / "out.txt")]) == 3
    assert main([*db, "import", str(path)]) == 0
    assert "3 unchanged" in capsys.readouterr().out
