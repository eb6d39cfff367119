"""Runs a decoder over files and prints its rows: the contract of design.md 8."""

import sys
from collections.abc import Callable, Iterable
from enum import IntEnum
from inspect import signature
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.decoding.input_file import read_input
from edge_agent.decoding.kinds import KINDS, Decoder, load_decoder
from edge_agent.decoding.summary import Summary
from edge_agent.decoding.unreadable import UnreadableError


class Exit(IntEnum):
    DECODED = 0
    DEGRADED = 1
    UNREADABLE = 2
    USAGE = 3


def decode_files(
    kind: str,
    paths: Iterable[Path | str],
    *,
    table: str | None = None,
    out: Callable[[str], None] | None = None,
) -> int:
    """Prints one JSON line per row of every file, then the summary; returns the exit code.

    `table` names the table of inputs that do not say it, for the kinds that ask. Messages go to
    stderr; `out` gets a line without its end (default: stdout, flushed each).
    """
    write = out or _print_line
    if kind not in KINDS:
        _complain(f"unknown kind {kind}. Known kinds: {', '.join(sorted(KINDS))}")
        return Exit.USAGE
    decoder = load_decoder(kind)
    options = {"table": table} if table is not None and _takes_table(decoder) else {}
    summary = Summary()
    unreadable = False
    for path in map(Path, paths):
        try:
            for row in decoder(read_input(path), source=path.name, summary=summary, **options):
                summary.count(row)
                write(_line(row))
        except UnreadableError as exc:
            _complain(f"{path}: {exc}")
            unreadable = True
    write(_line(summary.as_row()))
    if unreadable:
        return Exit.UNREADABLE
    return Exit.DEGRADED if summary.degraded else Exit.DECODED


def _takes_table(decoder: Decoder) -> bool:
    return "table" in signature(decoder).parameters


def _line(row: dict[str, Any]) -> str:
    # One spelling of JSON in all commands: a blank after comma and colon, as json.dumps writes it.
    return msgspec.json.format(msgspec.json.encode(row), indent=0).decode()


def _print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _complain(message: str) -> None:
    sys.stderr.write(f"error: {message} — try: edge-agent decode --help\n")
