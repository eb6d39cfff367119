import csv
import io
from datetime import date, datetime, timedelta
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from hr_core import spreadsheet, workbook_size
from hr_core.errors import CoreError, InputFileError
from hr_core.spreadsheet import (
    csv_text,
    harmless,
    hours_text,
    read_rows,
    refuse_doubled,
    write_rows,
)

ROWS = [["person", "day", "minutes"], ["007", "2026-10-01", "480"], ["张伟", "a, b", ""]]


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_what_is_written_is_read_again(tmp_path, name):
    write_rows(tmp_path / name, ROWS)
    found = read_rows(tmp_path / name)
    assert [row.number for row in found] == [1, 2, 3]
    assert [list(row.cells) for row in found] == ROWS


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r", "＝", " ="])
def test_text_that_would_be_a_formula_is_made_harmless(tmp_path, start):
    evil = f"{start}cmd|' /C calc'!A0"
    ((cell, number, plain),) = csv.reader(
        io.StringIO(csv_text([[evil, -5, "a=b"]])[1:], newline="")
    )
    assert (cell, number, plain) == (f"'{evil}", "-5", "a=b")
    write_rows(tmp_path / "out.xlsx", [[evil, "{=1+1}", "http://evil"]])
    with ZipFile(tmp_path / "out.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


@given(st.lists(st.lists(st.text(), min_size=1, max_size=4), max_size=5))
def test_no_cell_of_a_csv_begins_like_a_formula(rows):
    for row in csv.reader(io.StringIO(csv_text(rows)[1:], newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_what_a_chinese_excel_saves_is_read(tmp_path):
    (tmp_path / "r.csv").write_bytes("工号;班次\r\n007;早\r\n".encode("gb18030"))
    assert [row.cells for row in read_rows(tmp_path / "r.csv")] == [("工号", "班次"), ("007", "早")]


def test_rows_keep_the_number_that_the_program_shows(tmp_path):
    (tmp_path / "r.csv").write_text('a,b\n\n"two\nlines",x\n\nlast,y\n', encoding="utf-8-sig")
    assert [row.number for row in read_rows(tmp_path / "r.csv")] == [1, 3, 6]


def test_cells_of_a_workbook_become_text(tmp_path):
    with xlsxwriter.Workbook(str(tmp_path / "r.xlsx")) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_number(2, 1, 7)
        sheet.write_datetime(2, 2, datetime(2026, 10, 1), day)
    (row,) = read_rows(tmp_path / "r.xlsx")
    assert row == (3, ("", "7", date(2026, 10, 1).isoformat()))


def bomb(path):
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(2_000_000))


@pytest.mark.parametrize(("name", "content"), [
    ("r.csv", b"\xff\xff\xff"), ("r.csv", b"a\0b"), ("r.xlsx", b"PK not a zip"), ("r.csv", b'a\n"b'),
])  # fmt: skip
def test_a_file_that_is_no_table_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFileError, match=name):
        read_rows(tmp_path / name)


def test_what_is_too_large_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    bomb(tmp_path / "r.xlsx")
    monkeypatch.setattr(workbook_size, "MAX_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(InputFileError, match="unpacks to"):
        read_rows(tmp_path / "r.xlsx")
    monkeypatch.setattr(spreadsheet, "MAX_FILE_BYTES", 100)
    with pytest.raises(InputFileError, match="over the cap"):
        read_rows(tmp_path / "r.xlsx")
    monkeypatch.setattr(spreadsheet, "MAX_ROWS", 1)
    (tmp_path / "r.csv").write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(InputFileError, match="more than 1 rows"):
        read_rows(tmp_path / "r.csv")


def test_paths_that_cannot_be_used_are_errors_with_a_remedy(tmp_path):
    with pytest.raises(InputFileError):
        read_rows(tmp_path / "none.csv")
    with pytest.raises(CoreError):
        write_rows(tmp_path / "none" / "out.csv", ROWS)


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0:00"), (5, "0:05"), (1590, "26:30"), (-90, "-1:30")]
)
def test_hours_are_text_in_csv(minutes, text):
    span = timedelta(minutes=minutes)
    assert hours_text(span) == harmless(span) == text


def test_a_number_whose_last_digits_are_lost_is_refused(tmp_path):
    """A bank card of 19 digits, typed as a number: Excel keeps 15 of them."""
    with xlsxwriter.Workbook(str(tmp_path / "r.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, "6222021234567890123")
        sheet.write_number(1, 0, 999_999_999_999_999)
    assert [row.cells[0] for row in read_rows(tmp_path / "r.xlsx")] == [
        "6222021234567890123", "999999999999999",
    ]  # fmt: skip
    with xlsxwriter.Workbook(str(tmp_path / "r.xlsx")) as book:
        book.add_worksheet().write_number(0, 0, 6222021234567890123)
    with pytest.raises(InputFileError, match="row 1: a number of 19 digits"):
        read_rows(tmp_path / "r.xlsx")


def test_two_columns_of_one_name_are_refused_and_empty_ones_are_none(tmp_path):
    refuse_doubled(tmp_path, ["person", "", "price", ""])
    with pytest.raises(InputFileError, match="two columns are price"):
        refuse_doubled(tmp_path, ["price", "person", "price"])
