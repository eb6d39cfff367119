"""Tables of talks: what was said and when, and the slots that are booked for the next ones."""

from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.unchanging import keep_unchanged

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

talks = sa.Table(
    "talks",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("entered_at", UtcInstant, nullable=False),
    sa.CheckConstraint("host <> person", name="two_people"),
    sa.Index(None, "person", "kind", "day"),
)

talk_bookings = sa.Table(
    "talk_bookings",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("starts_at", UtcInstant, nullable=False),
    sa.Column("ends_at", UtcInstant, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("booked_by", sa.Text, nullable=False),
    sa.Column("booked_at", UtcInstant, nullable=False),
    sa.Column("cancelled_by", sa.Text),
    sa.Column("cancelled_at", UtcInstant),
    sa.CheckConstraint("host <> person", name="two_people"),
    sa.CheckConstraint("starts_at < ends_at", name="forward"),
)

keep_unchanged(talks)
guard(
    talk_bookings,
    Guard(
        "INSERT",
        "double",
        "EXISTS (SELECT 1 FROM talk_bookings AS b WHERE b.cancelled_at IS NULL "
        "AND b.starts_at < NEW.ends_at AND NEW.starts_at < b.ends_at "
        "AND (b.host IN (NEW.host, NEW.person) OR b.person IN (NEW.host, NEW.person)))",
        "one of the two has another talk then",
    ),
)
guard(
    talk_bookings,
    Guard(
        "UPDATE",
        "moved",
        "OLD.cancelled_at IS NOT NULL OR NEW.starts_at <> OLD.starts_at OR NEW.ends_at <> OLD.ends_at "
        "OR NEW.host <> OLD.host OR NEW.person <> OLD.person",
        "a booking is only ever cancelled",
    ),
)


class Booking(Struct, frozen=True, kw_only=True):
    number: int
    kind: str
    person: str
    host: str
    starts_at: datetime
    ends_at: datetime
    place: str
    booked_at: datetime
    cancelled_at: datetime | None = None


class Talk(NamedTuple):
    number: int
    kind: str
    person: str
    host: str
    day: date
    text: str


def add_talk(conn: sa.Connection, new: Talk, by: str, at: datetime) -> int:
    """`new.number` is not looked at."""
    row = new._asdict()
    del row["number"]
    made = conn.execute(talks.insert().values(**row, entered_by=by, entered_at=at))
    assert made.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has it
    number: int = made.inserted_primary_key[0]
    return number


def talks_where(conn: sa.Connection, *wanted: sa.ColumnElement[bool]) -> list[Talk]:
    columns = [talks.c[name] for name in Talk._fields]
    query = sa.select(*columns).where(*wanted).order_by(talks.c.day, talks.c.number)
    return [Talk(*row) for row in conn.execute(query)]


def add_booking(conn: sa.Connection, new: Booking, by: str) -> int:
    """`new.number` is not looked at. Raises sa.exc.IntegrityError for a double slot."""
    row = {name: getattr(new, name) for name in new.__struct_fields__ if name != "number"}
    made = conn.execute(talk_bookings.insert().values(**row, booked_by=by))
    assert made.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has it
    number: int = made.inserted_primary_key[0]
    return number


def cancel_booking(conn: sa.Connection, number: int, by: str, at: datetime) -> None:
    there = talk_bookings.c
    gone = talk_bookings.update().where(there.number == number)
    conn.execute(gone.values(cancelled_by=by, cancelled_at=at))


def bookings_where(conn: sa.Connection, *wanted: sa.ColumnElement[bool]) -> list[Booking]:
    columns = [talk_bookings.c[name] for name in Booking.__struct_fields__]
    query = sa.select(*columns).where(*wanted).order_by(talk_bookings.c.starts_at)
    return [Booking(**row) for row in conn.execute(query).mappings()]
