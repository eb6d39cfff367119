"""How large a workbook becomes when it is read, found out before anything holds it whole.

A reader of xlsx makes a cell for every place between the first and the last one that is named, so
five kilobytes that name A1 and XFD1048576 take all memory; and what a zip says of its own sizes is
whatever its author wrote.
"""

import re
from collections.abc import Mapping
from typing import IO
from xml.parsers import expat
from zipfile import ZipFile

from msgspec import Struct

# A zip of zeros unpacks to a thousand times its size.
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
# 200,000 rows of 50 columns: some 2 GB while they are read.
MAX_CELLS = 10_000_000

_AT_ONCE = 1 << 20
_NO_END = 1 << 62
_PLACE = re.compile(r"([A-Za-z]{0,3})(\d{0,7})")  # XFD1048576 is the last one there is
_NO_XML = (".bin", ".emf", ".gif", ".jpeg", ".jpg", ".png", ".wmf")


class TooLargeError(ValueError):
    """The text says what is too large."""


class UnsoundError(ValueError):
    """A part is no XML, or asks for more than XML of a workbook needs."""


def refuse_too_large(archive: ZipFile) -> None:
    """Raises TooLargeError, UnsoundError, and what reading a zip raises."""
    left = MAX_UNPACKED_BYTES
    for entry in archive.infolist():
        entry.file_size = _NO_END  # what it says is not believed: it is read until it ends
        with archive.open(entry) as part:
            left -= _read(part, entry.filename, left)


class _Extent(Struct):
    """The last row and column that the cells of a sheet name or count up to."""

    rows: int = 0
    columns: int = 0
    row: int = 0
    column: int = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        element = name.rpartition(" ")[2]
        if element not in {"row", "c"}:
            return
        told = attributes.get("r", "")
        place = _PLACE.fullmatch(told)
        if place is None:
            raise TooLargeError(f"a cell at {told[:20]!r}")
        letters, digits = place.groups()
        if element == "row":
            self.row, self.column = int(digits) if digits else self.row + 1, 0
        else:
            self.column = _column(letters) if letters else self.column + 1
            self.row = int(digits) if digits else self.row
        self.rows, self.columns = max(self.rows, self.row), max(self.columns, self.column)
        if self.rows * self.columns > MAX_CELLS:
            raise TooLargeError(f"a sheet of {self.rows} rows and {self.columns} columns")


def _read(part: IO[bytes], name: str, most: int) -> int:
    """Gives the bytes it unpacks to."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = _Extent().start
    parser.StartDoctypeDeclHandler = _refuse_doctype
    is_xml = not name.casefold().endswith(_NO_XML)
    read = 0
    try:
        while raw := part.read(_AT_ONCE):
            read += len(raw)
            if read > most:
                raise TooLargeError(f"it unpacks to more than {MAX_UNPACKED_BYTES} bytes")
            if is_xml:
                parser.Parse(raw)
        if is_xml and read:
            parser.Parse(b"", True)
    except expat.ExpatError as exc:
        raise UnsoundError(f"{name}: {exc}") from exc
    return read


def _refuse_doctype(*_: object) -> None:
    raise UnsoundError("a part declares a document type")


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
