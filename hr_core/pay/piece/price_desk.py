"""Price tables from proposal to the book that pays: only approved tables are in it."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.approvals.desk import (
    Actor,
    Approval,
    ApprovalState,
    approvals_in,
    canonical,
    digest_of,
    propose,
)
from hr_core.approvals.kinds import Kind
from hr_core.errors import InputFileError, NotFoundError
from hr_core.pay.piece.prices import PRICE_VERSION, PriceBook, PriceTable
from hr_core.pay.piece.table_file import FileGroup, TableFile, table_of
from hr_core.people.lookup import person_of_number
from hr_core.store.line_entries import line_settings
from hr_core.store.people import load_roster

_COUNTING = (ApprovalState.PROPOSED, ApprovalState.APPROVED)


class Proposed(NamedTuple):
    """`added` False: the very same table waits or holds already, under this number."""

    number: int
    added: bool


def propose_table(
    conn: sa.Connection, read: TableFile, *, file: str, at: datetime, by: Actor, reason: str = ""
) -> Proposed:
    """In the caller's write transaction. Raises InputFileError for names that nobody knows."""
    table = _with_person_keys(conn, read, file)
    _check_places(conn, table, file)
    digest = digest_of(canonical(table))
    for state in _COUNTING:
        for known in approvals_in(conn, state, Kind.PIECE_PRICE):
            if known.digest == digest:
                return Proposed(known.number, added=False)
    subject = f"piece prices {table.name}"
    number = propose(conn, Kind.PIECE_PRICE, subject, table, at=at, by=by, reason=reason)
    return Proposed(number, added=True)


def take_effect(_conn: sa.Connection, approved: Approval) -> None:
    """The approval itself is what holds; a table that cannot be read must not be approved."""
    table_of_approval(approved)


def price_book(conn: sa.Connection) -> PriceBook:
    """All approved tables, in the order of their approval."""
    approved = approvals_in(conn, ApprovalState.APPROVED, Kind.PIECE_PRICE)
    approved.sort(key=lambda one: (one.decided_at or one.proposed_at, one.number))
    return PriceBook([table_of_approval(one) for one in approved])


def table_of_approval(one: Approval) -> PriceTable:
    name = f"approval {one.number}"
    read = msgspec.convert(one.content, TableFile)
    return table_of(
        read, version=f"{PRICE_VERSION}{one.number}", file=name, approved_by=one.decided_by or ""
    )


def _with_person_keys(conn: sa.Connection, read: TableFile, file: str) -> TableFile:
    groups = []
    for position, group in enumerate(read.group):
        try:
            members = tuple(
                replace(one, person=person_of_number(conn, one.person, one.since))
                for one in group.member
            )
        except NotFoundError as exc:
            raise InputFileError(
                str(exc), file=file, key=f"group[{position}]", remedy=exc.remedy
            ) from exc
        groups.append(FileGroup(code=group.code, member=members))
    return replace(read, group=tuple(groups))


def _check_places(conn: sa.Connection, read: TableFile, file: str) -> None:
    roster = load_roster(conn)
    lines = set() if roster is None else set(roster.lines)
    sources = set() if roster is None else {one.source for one in roster.stations}
    stations = sources | {one.code for one in line_settings(conn).station}
    for position, one in enumerate(read.assignment):
        what, name, known = (
            ("station", one.station, stations) if one.station else ("line", one.line, lines)
        )
        if name not in known:
            raise InputFileError(
                f"there is no {what} {name!r}; known: {_some(known)}",
                file=file,
                key=f"assignment[{position}]",
                remedy="correct the name, or import the line first (hr-core line import)",
            )


def _some(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)[:20]) or "none"
