"""Approvals for a terminal: aligned lines, and the content as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hr_core.accounts.field_policy import Sight
from hr_core.approvals.changes import changes_of
from hr_core.pay.slip_text import cells
from hr_core.web.approval_about import about
from hr_core.web.approval_content import readable
from hr_core.web.approval_subject import people_names
from hr_core.web.change_table import change_table
from hr_core.web.words import Words

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.approvals.desk import Approval
    from hr_core.web.approval_about import About

# Whoever runs commands on the core's database reads all of it: the field policy is for accounts.
_ALL = Sight(frozenset(), frozenset())
LIST_AMOUNT = 4
_LIST_HEAD = ("no", "kind", "about", "month", "amount", "what changes", "entered by", "at (UTC)")


def told_about(conn: sa.Connection, found: Sequence[Approval]) -> list[About]:
    names, words = people_names(conn), Words("en")
    return [about(one, one.content, changes_of(conn, one, _ALL), names, words) for one in found]


def list_rows(found: Sequence[Approval], told: Sequence[About]) -> list[tuple[str, ...]]:
    """Those that were decided say how at the end."""
    rows: list[tuple[str, ...]] = [_LIST_HEAD]
    for one, line in zip(found, told, strict=True):
        decided = f"  {one.state} by {one.decided_by}" if one.decided_by else ""
        why = one.decision or one.reason
        at = f"{one.proposed_at:%Y-%m-%d %H:%M}{decided}" + (f": {why}" if why else "")
        cells_of = (line.who, line.month, line.amount, line.change, one.proposed_by, at)
        rows.append((str(one.number), one.kind, *cells_of))
    return rows


def shown_lines(conn: sa.Connection, one: Approval) -> Iterator[str]:
    """What changes where there is a before, else what was entered."""
    names, words = people_names(conn), Words("en")
    changes = changes_of(conn, one, _ALL)
    told = about(one, one.content, changes, names, words)
    yield "  ".join(part for part in (told.who, told.month, told.amount, told.change) if part)
    changed = change_table(changes, names, words)
    if changed is not None:
        yield from changed.lead
        yield from aligned([changed.columns, *changed.rows])
        if changed.left_out:
            yield words("rows_left_out", count=changed.left_out)
        return
    content = readable(one.content, words, names)
    yield from aligned([(pair.label, pair.value) for pair in content.pairs])
    for table in content.tables:
        yield f"{table.title}:"
        rows = [tuple(pair.value for pair in row) for row in table.rows]
        if table.columns:
            yield from aligned([table.columns, *rows])
        else:
            yield from ("; ".join(f"{p.label} {p.value}" for p in row) for row in table.rows)
        if table.left_out:
            yield words("rows_left_out", count=table.left_out)
    for text in content.texts:
        yield f"{text.label}:"
        yield from text.text.splitlines()


def print_aligned(rows: Sequence[Sequence[str]], *, right: int) -> None:
    for line in aligned(rows, right=right):
        print(line)


def aligned(rows: Sequence[Sequence[str]], *, right: int = -1) -> Iterator[str]:
    """In columns, wide characters counted as two; `right`: the column that stands at its right."""
    flat = [[" ".join(cell.split()) for cell in row] for row in rows]
    widths = [max(cells(cell) for cell in column) for column in zip(*flat, strict=True)]
    for row in flat:
        padded = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blank = " " * (width - cells(cell))
            padded.append(blank + cell if at == right else cell + blank)
        yield "  ".join(padded).rstrip()
