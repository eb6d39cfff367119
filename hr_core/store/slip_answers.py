"""Table of receipts of payslips and objections to them. A reply is written once into its row."""

from datetime import datetime
from typing import Literal, NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.results import pay_slips
from hr_core.store.unchanging import not_replaced

slip_answers = sa.Table(
    "slip_answers",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", UtcInstant, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text),
    sa.Column("reply", sa.Text),
    sa.Column("replied_at", UtcInstant),
    sa.Column("replied_by", sa.Text),
    sa.ForeignKeyConstraint(["run", "person"], [pay_slips.c.run, pay_slips.c.number]),
    sa.CheckConstraint('replied_by IS NULL OR replied_by <> "by"', name="another_replies"),
    sa.Index(None, "run", "person"),
)

_STAYS = "a receipt or an objection stays as it was given"
_GIVEN = ("number", "run", "person", "kind", "line", "digest", "reason", "at", "by")
guard(
    slip_answers,
    Guard(
        "UPDATE",
        "given",
        " OR ".join(f'NEW."{name}" <> OLD."{name}"' for name in _GIVEN),
        _STAYS,
    ),
    Guard(
        "UPDATE", "replied", "OLD.reply IS NOT NULL", "a reply stays: the worker may object again"
    ),
    Guard("DELETE", "kept", "TRUE", _STAYS),
    not_replaced(slip_answers, _STAYS),
)

MOST_LISTED = 1_000  # objections on a page or in a list; more are a problem of another kind

Kind = Literal["received", "objection"]


class SlipPlace(NamedTuple):
    run: int
    person: str


class SlipAnswer(Struct, frozen=True, kw_only=True):
    number: int
    run: int
    person: str
    kind: Kind
    line: str
    digest: str
    reason: str
    at: datetime
    by: str
    verdict: str | None
    reply: str | None
    replied_at: datetime | None
    replied_by: str | None

    @property
    def open(self) -> bool:
        return self.kind == "objection" and self.reply is None


def add(  # noqa: PLR0913 - the columns of a row
    conn: sa.Connection,
    place: SlipPlace,
    kind: Kind,
    line: str,
    digest: str,
    reason: str,
    *,
    at: datetime,
    by: str,
) -> SlipAnswer:
    row = {"kind": kind, "line": line, "digest": digest, "reason": reason, "at": at, "by": by}
    written = conn.execute(sa.insert(slip_answers).values(**place._asdict(), **row))
    key = written.inserted_primary_key
    assert key is not None  # noqa: S101 - one row was inserted
    found = answer(conn, key[0])
    assert found is not None  # noqa: S101 - the same
    return found


def answer(conn: sa.Connection, number: int) -> SlipAnswer | None:
    query = sa.select(slip_answers).where(slip_answers.c.number == number)
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else SlipAnswer(**row)


def answers_of(conn: sa.Connection, place: SlipPlace) -> list[SlipAnswer]:
    """Oldest first."""
    there = slip_answers.c
    query = sa.select(slip_answers).where(there.run == place.run, there.person == place.person)
    return [SlipAnswer(**row) for row in conn.execute(query.order_by(there.number)).mappings()]


def objections(conn: sa.Connection, *, only_open: bool) -> list[SlipAnswer]:
    """Of everybody, newest first."""
    there = slip_answers.c
    query = sa.select(slip_answers).where(there.kind == "objection")
    if only_open:
        query = query.where(there.reply.is_(None))
    newest = query.order_by(there.number.desc()).limit(MOST_LISTED)
    return [SlipAnswer(**row) for row in conn.execute(newest).mappings()]


def set_reply(
    conn: sa.Connection, number: int, verdict: str, reply: str, *, at: datetime, by: str
) -> None:
    """Of an open objection; one that has its reply keeps it."""
    there = slip_answers.c
    conn.execute(
        sa.update(slip_answers)
        .where(there.number == number, there.reply.is_(None))
        .values(verdict=verdict, reply=reply, replied_at=at, replied_by=by)
    )
