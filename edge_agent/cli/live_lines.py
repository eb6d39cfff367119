"""Rows as they come: a line each, in columns that are set before the first one is known."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from edge_agent.cli.row_table import cell_text
from edge_agent.decoding.summary import Summary

_PUNCH_COLUMNS = {
    "device_time": 19,
    "user_id": 12,
    "state": 5,
    "direction": 12,
    "verify": 6,
    "method": 14,
    "flags": 0,
}


class LiveLines:
    """Rows to `out`, JSON or in columns; a line that says "still here" to `err`, if that is a
    terminal.
    """

    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool) -> None:
        self.summary = Summary()
        self._out = out
        self._err = err
        self._as_json = as_json
        self._titled = False
        self._beating = False

    def row(self, row: Mapping[str, Any]) -> None:
        self.summary.count(row)
        self._clear()
        if self._as_json:
            line = json.dumps(row, ensure_ascii=False)
        elif row["kind"] == "punch":
            self._title()
            line = _columns({key: cell_text(row[key]) for key in _PUNCH_COLUMNS})
        else:
            line = "  ".join(
                cell_text(row[key])
                for key in ("kind", "device_time", "code", "reason", "tag", "metric", "value")
                if row.get(key) is not None
            )
        print(line, file=self._out, flush=True)

    def end(self) -> None:
        self._clear()
        told = self.summary.as_row()
        if self._as_json:
            line = json.dumps(told)
        else:
            line = ", ".join(f"{count:,} {name}" for name, count in told["summary"].items())
        print(line, file=self._out, flush=True)

    def note(self, text: str) -> None:
        self._clear()
        print(text, file=self._err, flush=True)

    def beat(self, text: str) -> None:
        """Over the last one, and only where somebody sees it."""
        if self._err.isatty():
            self._err.write(f"\r{time.strftime('%H:%M:%S')} {text}\x1b[K")
            self._err.flush()
            self._beating = True

    def _clear(self) -> None:
        if self._beating:
            self._err.write("\r\x1b[K")
            self._err.flush()
            self._beating = False

    def _title(self) -> None:
        if not self._titled:
            self._titled = True
            titles = {key: key.upper().replace("_", " ") for key in _PUNCH_COLUMNS}
            print(_columns(titles), file=self._out, flush=True)


def lines_to_standard_output(*, as_json: bool) -> LiveLines:
    return LiveLines(sys.stdout, sys.stderr, as_json=as_json)


def _columns(cells: Mapping[str, str]) -> str:
    padded = (
        f"{cells[key]:{width}}" if width else cells[key] for key, width in _PUNCH_COLUMNS.items()
    )
    return "  ".join(padded).rstrip()
