"""What a spreadsheet program makes of a workbook that holds no computed value."""

import re
import subprocess
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from python_calamine import load_workbook

_CELL = re.compile(r'(<c r="([A-Z]+\d+)"[^>]*>)(<f>.*?</f>)?<v>(.*?)</v></c>')


def emptied(book: Path, to: Path, changed: dict[tuple[str, str], int] | None = None) -> Path:
    """A copy without the computed values; `changed`: new values of input cells by (sheet, cell)."""
    with ZipFile(book) as source, ZipFile(to, "w", ZIP_DEFLATED) as copy:
        files = _files(source)
        for entry in source.infolist():
            text = source.read(entry)
            sheet = files.get(entry.filename)
            if sheet is not None:
                new = {
                    cell: value for (name, cell), value in (changed or {}).items() if name == sheet
                }
                text = _CELL.sub(lambda found, new=new: _cell(found, new), text.decode()).encode()
            copy.writestr(entry, text)
    return to


def _cell(found: re.Match[str], new: dict[str, int]) -> str:
    head, name, formula, value = found.groups()
    if formula:
        return f"{head}{formula}</c>"
    return f"{head}<v>{new.pop(name, value)}</v></c>"


def _files(book: ZipFile) -> dict[str, str]:
    names = re.findall(r'<sheet name="(.*?)"', book.read("xl/workbook.xml").decode())
    return {f"xl/worksheets/sheet{at}.xml": name for at, name in enumerate(names, 1)}


def recomputed(folder: Path, *books: Path) -> list[dict[str, list[list[object]]]]:
    """By LibreOffice: the rows of each sheet of each book."""
    done = folder / "recomputed"
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to",
         "xlsx", "--outdir", str(done), *map(str, books)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    found = []
    for book in books:
        with load_workbook(str(done / book.name)) as read:
            found.append(
                {name: read.get_sheet_by_name(name).to_python(skip_empty_area=False)
                 for name in read.sheet_names}
            )  # fmt: skip
    return found
