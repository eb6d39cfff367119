"""Aligned text columns. Rich would cost more start-up time than the whole of `status`."""

import unicodedata
from collections.abc import Sequence


def aligned(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of a table; None is shown as `-`, whole numbers stand right."""
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(header, *cells, strict=True)]
    right = [any(isinstance(row[column], int) for row in rows) for column in range(len(header))]
    return [
        "  ".join(map(_padded, line, widths, right)).rstrip() for line in (list(header), *cells)
    ]


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def _width(text: str) -> int:
    """Cells on a terminal: Chinese characters take two."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


def _padded(text: str, width: int, right: bool) -> str:  # noqa: FBT001 - mapped over three columns
    padding = " " * (width - _width(text))
    return padding + text if right else text + padding
