"""`hr-core pay pieces import tally.csv`: what people counted by hand, each row with who entered it.

The same rows again change nothing. A row with other figures than the stored one is refused, unless the
import says why it replaces it; the earlier version stays.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit.log import append
from hr_core.clock import Month
from hr_core.errors import InputFileError, NotFoundError
from hr_core.people.lookup import person_of_number
from hr_core.spreadsheet import Row, read_rows, refuse_doubled
from hr_core.store.pay_run_steps import approved_run
from hr_core.store.piece_tallies import (
    GROUP_PREFIX,
    StoredTally,
    Tally,
    TallyKey,
    add_tally,
    tallies_of_days,
)

_COLUMNS = {
    "day": ("day", "date", "日期"),
    "person": ("person", "number", "工号"),
    "group": ("group", "班组"),
    "product": ("product", "产品"),
    "process": ("process", "工序"),
    "grade": ("grade", "等级"),
    "overtime": ("overtime", "加班"),
    "slip": ("slip", "单号"),
    "pieces": ("pieces", "件数"),
    "rework": ("rework", "返工"),
    "own_rework": ("own_rework", "本人返工"),
    "scrap": ("scrap", "报废"),
    "entered_by": ("entered_by", "记录人"),
}
_NOTES = ("note", "备注")
_NEEDED = ("day", "product", "process", "pieces")
_COUNTS = ("pieces", "rework", "own_rework", "scrap")
_YES = {"yes", "y", "1", "true", "是"}
_NO = {"", "no", "n", "0", "false", "否"}
_COUNT = re.compile(r"\d{1,9}")
_MOST_FAULTS_SHOWN = 20


class TallyImported(Struct, frozen=True, kw_only=True):
    """`same`: rows that were here already with these figures. `paid_months`: with an approved run, of
    rows that are new or other ones; what they change comes with the next run.
    """

    file: str
    rows: int
    added: int
    same: int
    replaced: int
    paid_months: tuple[str, ...] = ()


def import_tally(
    conn: sa.Connection, path: Path, *, by: str, at: datetime, replace: str = ""
) -> TallyImported:
    """In the caller's write transaction. `replace`: why stored rows with other figures give way.

    Raises InputFileError naming every row that cannot be.
    """
    rows = read_rows(path)
    read, faults = _read(conn, rows, by, path)
    stored = tallies_of_days(conn, {one.day for one in read})
    fresh, changed = [], []
    seen: dict[TallyKey, int] = {}
    for one in read:
        earlier = seen.setdefault(one.key, one.sheet_row)
        known = stored.get(one.key)
        if earlier != one.sheet_row:
            faults.append(
                f"row {one.sheet_row}: the same as row {earlier}: give both a slip number (单号)"
            )
        elif known is None:
            fresh.append(one)
        elif known.figures != one.figures:
            changed.append((known, one))
            if not replace.strip():
                faults.append(_differs(known, one))
    if faults:
        raise _refused(path, faults)
    origin = {
        "file": path.name,
        "digest": sha256(path.read_bytes()).hexdigest(),
        "imported_by": by,
        "imported_at": at,
    }
    for one in fresh:
        add_tally(conn, one, 1, **origin)
    for known, one in changed:
        add_tally(conn, one, known.version + 1, **origin)
    done = TallyImported(
        file=str(path),
        rows=len(read),
        added=len(fresh),
        same=len(read) - len(fresh) - len(changed),
        replaced=len(changed),
        paid_months=_paid_months(conn, [*fresh, *(one for _, one in changed)]),
    )
    if fresh or changed:
        before = [{"row": known.number, "figures": known.figures} for known, _ in changed]
        after = {"file": path.name, "digest": origin["digest"], "added": len(fresh)}
        after |= {"replaced": [{"row": k.number, "figures": n.figures} for k, n in changed]}
        append(conn, at, by, "pieces.import", f"tally {path.name}", before, after, replace.strip())
    return done


def _paid_months(conn: sa.Connection, rows: Sequence[Tally]) -> tuple[str, ...]:
    months = sorted({str(Month(one.day.year, one.day.month)) for one in rows})
    return tuple(month for month in months if approved_run(conn, month) is not None)


def _differs(known: StoredTally, one: Tally) -> str:
    figures = "/".join(map(str, known.figures))
    return (
        f"row {one.sheet_row}: row {known.sheet_row} of {known.file}, entered by {known.entered_by}, "
        f"says {figures} (pieces/rework/own rework/scrap), this one "
        f'{"/".join(map(str, one.figures))}: --replace "why" takes this one'
    )


def _refused(path: Path, faults: Sequence[str]) -> InputFileError:
    shown = list(faults[:_MOST_FAULTS_SHOWN])
    if len(faults) > len(shown):
        shown.append(f"and {len(faults) - len(shown)} more")
    return InputFileError(
        "\n  ".join(shown),
        file=str(path),
        key=f"{len(faults)} rows" if len(faults) > 1 else "1 row",
        remedy="correct these rows and import again; nothing was stored",
    )


def _read(
    conn: sa.Connection, rows: Sequence[Row], by: str, path: Path
) -> tuple[list[Tally], list[str]]:
    names = {word: column for column, words in _COLUMNS.items() for word in words}
    cells = rows[0].cells if rows else ()
    heading = [names.get(cell.strip().casefold(), "") for cell in cells]
    _refuse_unknown(path, [cell for cell, known in zip(cells, heading, strict=True) if not known])
    refuse_doubled(path, heading)
    lacking = [column for column in _NEEDED if column not in heading]
    if "person" not in heading and "group" not in heading:
        lacking.append("person or group")
    if lacking:
        raise InputFileError(
            f"has no column {', '.join(lacking)}",
            file=str(path),
            key="row 1",
            remedy="name the columns in the first row (docs/piece-pay.md)",
        )
    found: list[Tally] = []
    faults: list[str] = []
    for row in rows[1:]:
        told = {column: cell for column, cell in zip(heading, row.cells, strict=False) if column}
        try:
            found.append(_tally(conn, told, row.number, by))
        except (ValueError, NotFoundError) as exc:
            faults.append(f"row {row.number}: {exc}")
    return found, faults


def _refuse_unknown(path: Path, cells: Sequence[str]) -> None:
    """What stands under a heading that nobody reads would be pieces that nobody pays."""
    unknown = [cell for cell in cells if cell.strip() and cell.strip().casefold() not in _NOTES]
    if unknown:
        known = ", ".join("/".join(dict.fromkeys(words)) for words in _COLUMNS.values())
        raise InputFileError(
            f"has columns that nobody knows: {', '.join(unknown)}",
            file=str(path),
            key="row 1",
            remedy=f"its columns are {known}; remarks stand under note (备注); nothing was stored",
        )


def _tally(conn: sa.Connection, told: dict[str, str], number: int, by: str) -> Tally:
    on = date.fromisoformat(told["day"])
    person, group = told.get("person", ""), told.get("group", "")
    if bool(person) == bool(group):
        raise ValueError("names a person or a group, one of the two")
    counts = dict(_counts(told))
    if group and (counts["scrap"] or counts["own_rework"]):
        raise ValueError("scrap and own rework are a person's, not a group's")
    if not any(counts.values()):
        raise ValueError("counts nothing")
    if not told["product"] or not told["process"]:
        raise ValueError("names no product or no process")
    return Tally(
        day=on,
        subject=GROUP_PREFIX + group if group else person_of_number(conn, person, on),
        product=told["product"],
        process=told["process"],
        grade=told.get("grade", ""),
        overtime=_yes_or_no(told.get("overtime", "")),
        slip=told.get("slip", ""),
        entered_by=told.get("entered_by", "") or by,
        sheet_row=number,
        **counts,
    )


def _counts(told: dict[str, str]) -> Iterator[tuple[str, int]]:
    for column in _COUNTS:
        text = told.get(column, "") or "0"
        if not _COUNT.fullmatch(text):
            raise ValueError(f"{column} {text!r} is not a whole number of pieces")
        yield column, int(text)


def _yes_or_no(text: str) -> bool:
    word = text.casefold()
    if word not in _YES | _NO:
        raise ValueError(f"overtime {text!r} is not yes or no")
    return word in _YES
