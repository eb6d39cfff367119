import struct
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import xlsxwriter

from hr_core import workbook_size
from hr_core.errors import InputFileError
from hr_core.spreadsheet import read_rows, write_rows

SHEET = (
    '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/'
    'spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def with_sheet(path, text):
    """A whole workbook whose sheet is `text`."""
    whole = path.with_name("whole.xlsx")
    write_rows(whole, [["a"]])
    with ZipFile(whole) as old, ZipFile(path, "w", ZIP_DEFLATED) as new:
        for entry in old.infolist():
            is_sheet = entry.filename == "xl/worksheets/sheet1.xml"
            new.writestr(entry.filename, text if is_sheet else old.read(entry))
    return path


def cell(place, value="7"):
    return f'<c r="{place}"><v>{value}</v></c>'


def test_five_kilobytes_that_name_the_last_cell_do_not_take_all_memory(tmp_path):
    with xlsxwriter.Workbook(str(tmp_path / "r.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, "a")
        sheet.write_string(1_048_575, 16_383, "b")
    assert (tmp_path / "r.xlsx").stat().st_size < 10_000
    with pytest.raises(InputFileError, match="1048576 rows and 16384 columns"):
        read_rows(tmp_path / "r.xlsx")


@pytest.mark.parametrize("body", [
    f"<row r='1'>{cell('A1')}</row><row r='900000'>{cell('ZZ900000')}</row>",
    f'<row r="&#57;99999">{cell("A1")}{cell("XF2")}</row>',
    f'<row>{cell("a1")}</row><row>{cell("xfd999999")}</row>',
    f'<row r="1">{cell("AAAA1")}</row>',
    f'<row r="1">{cell("A99999999")}</row>',
    f'<row r="4294967295">{cell("A1")}</row>',
])  # fmt: skip
def test_it_is_found_however_the_place_is_written(tmp_path, body):
    with pytest.raises(InputFileError, match=r"a sheet of|a cell at"):
        read_rows(with_sheet(tmp_path / "r.xlsx", SHEET.format(body)))


def test_cells_without_a_place_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook_size, "MAX_CELLS", 6)
    row = "<row><c><v>1</v></c><c><v>2</v></c><c><v>3</v></c></row>"
    assert len(read_rows(with_sheet(tmp_path / "two.xlsx", SHEET.format(row * 2)))) == 2
    with pytest.raises(InputFileError, match="3 rows and 3 columns"):
        read_rows(with_sheet(tmp_path / "three.xlsx", SHEET.format(row * 3)))


@pytest.mark.parametrize("text", [
    "<worksheet><sheetData><row r=1></row></sheetData></worksheet>",
    '<!DOCTYPE w [<!ENTITY a "aa">]>' + SHEET.format("").partition("?>")[2],
])  # fmt: skip
def test_a_part_that_is_no_plain_xml_is_refused(tmp_path, text):
    with pytest.raises(InputFileError, match="not a workbook"):
        read_rows(with_sheet(tmp_path / "r.xlsx", text))


def test_what_a_zip_says_of_its_size_is_not_believed(tmp_path, monkeypatch):
    """The directory says 10 bytes where 2 MB are."""
    path = with_sheet(tmp_path / "r.xlsx", SHEET.format(" " * 2_000_000))
    raw = path.read_bytes()
    for size in {entry.file_size for entry in ZipFile(path).infolist() if entry.file_size > 10**6}:
        raw = raw.replace(struct.pack("<L", size), struct.pack("<L", 10))
    path.write_bytes(raw)
    monkeypatch.setattr(workbook_size, "MAX_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(InputFileError, match="unpacks to more than"):
        read_rows(path)
