"""Law of a site's own files beside what ships with the core: one person brings a file, another
approves it, and only then its rows pay.
"""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.approvals.desk import Actor, Approval, open_approvals, propose
from hr_core.approvals.kinds import Kind
from hr_core.audit.log import append
from hr_core.errors import InputFileError
from hr_core.law.book import LawBook
from hr_core.law.collected import Collected, Skipped, read_collection
from hr_core.law.loading import built_in_rows
from hr_core.law.reading import parse_law
from hr_core.law.rows import LawRow
from hr_core.store.law_files import LawFileRow, add_law_file, read_law_files

# The largest known collection holds 346 cities in 80 kB.
_MOST_BYTES = 16 * 2**20


class ProposedLaw(NamedTuple):
    """`approval`: the number under which it waits; None when the core has this very file already.
    `new` False: it waited before.
    """

    rows: tuple[LawRow, ...]
    skipped: tuple[Skipped, ...]
    approval: int | None
    new: bool


def read_law_file(file: Path) -> Collected:
    """TOML law rows, or a known JSON collection. Raises InputFileError."""
    return read_law_text(_text(file), str(file))


def read_law_text(text: str, file: str) -> Collected:
    if file.endswith(".json"):
        return read_collection(text, file=file)
    return Collected(parse_law(text, file=file), ())


def propose_law_file(
    conn: sa.Connection, file: Path, *, at: datetime, by: Actor, reason: str = ""
) -> ProposedLaw:
    """The same file twice is harmless. Raises InputFileError."""
    text = _text(file)
    read = read_law_text(text, str(file))
    if not read.rows:
        raise InputFileError(
            "holds no usable row", file=str(file), key="(file)", remedy="give another file"
        )
    digest = hashlib.sha256(text.encode()).hexdigest()
    if any(known.digest == digest for known in read_law_files(conn)):
        return ProposedLaw(*read, approval=None, new=False)
    waiting = open_approvals(conn, Kind.LAW, _subject(digest))
    if waiting:
        return ProposedLaw(*read, approval=waiting[0].number, new=False)
    content = {"file": file.name, "text": text}
    number = propose(conn, Kind.LAW, _subject(digest), content, at=at, by=by, reason=reason)
    return ProposedLaw(*read, approval=number, new=True)


def add_approved_law(conn: sa.Connection, approval: Approval) -> None:
    """From now on its rows are law. The database asks for the approval too (law_files.py)."""
    file, text = approval.content["file"], approval.content["text"]
    assert approval.decided_at is not None  # noqa: S101 - it was just approved
    assert approval.decided_by is not None  # noqa: S101 - as above
    row = LawFileRow(
        digest=hashlib.sha256(text.encode()).hexdigest(),
        file=file,
        text=text,
        added_at=approval.decided_at,
        added_by=approval.proposed_by,
    )
    add_law_file(conn, row)
    cities = sorted({one.city for one in read_law_text(text, file).rows})
    after = {"file": file, "cities": cities, "approval": approval.number}
    append(
        conn, row.added_at, approval.decided_by, "law import", _subject(row.digest), None, after,
        approval.decision,
    )  # fmt: skip


def _subject(digest: str) -> str:
    return f"law file {digest}"


def all_rows(conn: sa.Connection) -> tuple[LawRow, ...]:
    imported = (
        row for one in read_law_files(conn) for row in read_law_text(one.text, one.file).rows
    )
    return (*built_in_rows(), *imported)


def law_of(conn: sa.Connection, *, allow_unverified: bool = False) -> LawBook:
    """What ships and what was imported, for pay."""
    return LawBook(all_rows(conn), allow_unverified=allow_unverified)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InputFileError(
                f"is larger than {_MOST_BYTES} bytes",
                file=str(file),
                key="(file)",
                remedy="split it by city",
            )
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(
            f"cannot be read: {error}", file=str(file), key="(file)", remedy="give a UTF-8 file"
        ) from error
