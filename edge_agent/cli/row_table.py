"""JSON rows as something a person reads: a table for each kind of row, the summary last."""

import json
from collections.abc import Set as AbstractSet
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from rich.table import Table

# Rich lays a table out only when it is whole. A person reads the first rows; --json gives all.
SHOWN_ROWS = 200
_PIPE_WIDTH = 10_000
_NOTHING: tuple[object, ...] = (None, "", [], {})
_HIDDEN = frozenset({"kind", "raw"})  # the kind is the title; raw bytes are for --json


class RowTable:
    """Called with each line that `--json` would print; shows them at the end of its `with`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._seen: dict[str, int] = {}
        self._summary: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._show()

    def __call__(self, line: str) -> None:
        row = json.loads(line)
        if "summary" in row:
            self._summary = row["summary"]
            return
        kind = str(row["kind"])
        self._seen[kind] = self._seen.get(kind, 0) + 1
        if self._seen[kind] <= SHOWN_ROWS:
            self._rows.setdefault(kind, []).append(row)

    def _show(self) -> None:
        from rich.console import Console

        # A pipe has no width: nothing is folded there.
        width = None if self._out.isatty() else _PIPE_WIDTH
        console = Console(file=self._out, width=width, highlight=False, markup=False)
        for kind, rows in self._rows.items():
            common = _common(rows)
            facts = ", ".join(f"{key} {cell_text(value)}" for key, value in common.items())
            console.print(f"{kind}: {facts}" if facts else kind)
            console.print(_table(rows, leave_out=_HIDDEN | common.keys()))
            if (more := self._seen[kind] - len(rows)) > 0:
                console.print(f"… and {more:,} more; --json prints all")
        console.print(", ".join(f"{count:,} {name}" for name, count in self._summary.items()))


def _common(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What all rows say: it stands once above the table instead of in each line of it."""
    if len(rows) == 1:
        return {}
    first = rows[0]
    return {
        key: value
        for key, value in first.items()
        if key not in _HIDDEN
        and value not in _NOTHING
        and all(row.get(key) == value for row in rows)
    }


def _table(rows: list[dict[str, Any]], *, leave_out: AbstractSet[str]) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    keys = dict.fromkeys(key for row in rows for key in row)
    columns = [key for key in keys if key not in leave_out and _tells(rows, key)]
    for column in columns:
        numbers = any(isinstance(row.get(column), int) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell_text(row.get(column)) for column in columns))
    return table


def _tells(rows: list[dict[str, Any]], key: str) -> bool:
    return any(row.get(key) not in _NOTHING for row in rows)


def cell_text(value: object) -> str:
    match value:
        case None:
            text = ""
        case list():
            text = ", ".join(map(str, value))
        case dict():
            text = json.dumps(value, ensure_ascii=False)
        case _:
            text = str(value)
    # What a device sends must not steer the terminal of whoever looks at it.
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
