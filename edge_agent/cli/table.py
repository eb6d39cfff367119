"""Columns of text for people: folded on a terminal, one line for each row in a pipe."""

from collections.abc import Sequence
from typing import TextIO

_PIPE_WIDTH = 10_000


def print_table(out: TextIO, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    width = None if out.isatty() else _PIPE_WIDTH  # a pipe has no width: nothing is folded there
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(_printable, row))
    Console(file=out, width=width, highlight=False, markup=False).print(table)


def _printable(text: str) -> str:
    """What another package or a device says must not steer the terminal of whoever looks at it."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
