"""What has to be recomputed, and the index by which a person's punches of a day are found.

Ingest writes one row for each batch that brought punches (`punch_arrivals`: their ids); that is all
it pays. The recomputer takes these rows, enters each punch under its date and user id
(`punch_dates`: no index by person stands beside raw_events, which are clustered by time) and marks
the days that it may touch (`touched_days`). Days that wait for a device are found by it
(`waiting_days`) when its watermark moves.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.store.attendance_days import attendance_days
from hr_core.store.database import UtcInstant, insert_or_ignore, metadata
from hr_core.store.event_rows import EventRow
from hr_core.store.event_totals import event_totals
from hr_core.store.events import raw_events
from hr_core.store.people import people
from protocols.identity import EVENT_ID_BYTES, event_time

punch_arrivals = sa.Table(
    "punch_arrivals",
    metadata,
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    # the ids, one behind the other
    sa.Column("event_ids", sa.LargeBinary, nullable=False),
)

# By date first: what comes in grows at one end, and a person's day is a few look-ups.
punch_dates = sa.Table(
    "punch_dates",
    metadata,
    # date.toordinal() of the device's wall clock
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("event_id", sa.LargeBinary(EVENT_ID_BYTES), primary_key=True),
    sa.Column("device", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

touched_days = sa.Table(
    "touched_days",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("cause", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

waiting_days = sa.Table(
    "waiting_days",
    metadata,
    sa.Column("device", sa.Text, primary_key=True),
    # complete until here, the device has told all of the day
    sa.Column("until", UtcInstant, primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sqlite_with_rowid=False,
)

# The watermarks by which the stored days were computed.
seen_watermarks = sa.Table(
    "seen_watermarks",
    metadata,
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("complete_until", UtcInstant),
    sqlite_with_rowid=False,
)

# How far the recomputer has come, by name: "indexed" (hex of an event id, "" when all that was here
# before it are entered), "day ZONE" (up to which date everybody's days were begun), "rules".
recompute_marks = sa.Table(
    "recompute_marks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

_KEYS_PER_SELECT = 500  # under SQLite's oldest limit of variables in one statement (999)


class Mark(NamedTuple):
    """A day to recompute, and for what."""

    person: str
    day: date
    cause: str


class ArrivedPunch(NamedTuple):
    event_id: bytes
    device: str
    user_id: str

    @property
    def on(self) -> int:
        """The ordinal of the date that the device's clock showed: an id begins with it."""
        return event_time(self.event_id).toordinal()


def note_arrivals(conn: sa.Connection, rows: Iterable[EventRow]) -> None:
    """In the transaction that stores `rows`, all of them new."""
    ids = b"".join([row[0] for row in rows if row[1] == "punch"])
    if ids:
        conn.execute(sa.insert(punch_arrivals).values(event_ids=ids))


def take_arrivals(conn: sa.Connection, most: int) -> list[ArrivedPunch]:
    """Of the oldest batches as many as hold about `most` punches, at least one; they are taken off.

    In the caller's write transaction. Punches that were erased meanwhile are left out.
    """
    there = punch_arrivals.c
    ids: list[bytes] = []
    taken: list[int] = []
    for number, packed in conn.execute(
        sa.select(punch_arrivals).order_by(there.number).limit(most)
    ):
        taken.append(number)
        ids += _unpacked(packed)
        if len(ids) >= most:
            break
    for start in range(0, len(taken), _KEYS_PER_SELECT):
        numbers = taken[start : start + _KEYS_PER_SELECT]
        conn.execute(sa.delete(punch_arrivals).where(there.number.in_(numbers)))
    return _punches(conn, ids)


def older_punches(conn: sa.Connection, after: bytes, most: int) -> list[ArrivedPunch]:
    """The next punches behind an event id, by time: what was here before the index was."""
    events = raw_events.c
    query = (
        sa.select(events.event_id, events.device, events.user_id)
        .where(events.event_id > after, events.kind.concat("") == "punch")
        .order_by(events.event_id)
        .limit(most)
    )
    return [ArrivedPunch(*row) for row in conn.execute(query)]


def enter_dates(conn: sa.Connection, punches: Sequence[ArrivedPunch]) -> None:
    """Entering one twice changes nothing."""
    if punches:
        rows = [
            {
                "ordinal": one.on,
                "user_id": one.user_id,
                "event_id": one.event_id,
                "device": one.device,
            }
            for one in sorted(punches, key=lambda one: (one.on, one.user_id))
        ]
        conn.execute(insert_or_ignore(conn, punch_dates), rows)


def forget_punches(conn: sa.Connection, event_ids: Collection[bytes]) -> None:
    """They are erased. What was computed from them stays until its day is computed again."""
    there, arrived = punch_dates.c, punch_arrivals.c
    for event_id in event_ids:
        on = ArrivedPunch(event_id, "", "").on
        conn.execute(sa.delete(punch_dates).where(there.ordinal == on, there.event_id == event_id))
    for number, packed in conn.execute(sa.select(punch_arrivals)).all():
        ids = _unpacked(packed)
        left = [event_id for event_id in ids if event_id not in event_ids]
        if len(left) < len(ids):
            conn.execute(
                sa.update(punch_arrivals)
                .where(arrived.number == number)
                .values(event_ids=b"".join(left))
            )


def _unpacked(packed: bytes) -> list[bytes]:
    return [packed[at : at + EVENT_ID_BYTES] for at in range(0, len(packed), EVENT_ID_BYTES)]


def dates_of_user(
    conn: sa.Connection, user_id: str, device: str | None, first: date, until: date
) -> list[ArrivedPunch]:
    """Punches of a user id, on one device or on all, whose date lies in the half-open span."""
    there = punch_dates.c
    days = list(range(first.toordinal(), until.toordinal()))
    found: list[ArrivedPunch] = []
    for start in range(0, len(days), _KEYS_PER_SELECT):
        query = sa.select(there.event_id, there.device, there.user_id).where(
            there.ordinal.in_(days[start : start + _KEYS_PER_SELECT]), there.user_id == user_id
        )
        if device is not None:
            query = query.where(there.device == device)
        found += [ArrivedPunch(*row) for row in conn.execute(query)]
    return found


def first_and_last_date(conn: sa.Connection) -> tuple[date, date] | None:
    """Of all punches that are entered."""
    there = punch_dates.c
    first = conn.execute(sa.select(sa.func.min(there.ordinal))).scalar()
    last = conn.execute(sa.select(sa.func.max(there.ordinal))).scalar()
    if first is None or last is None:
        return None
    return date.fromordinal(first), date.fromordinal(last)


def touch(conn: sa.Connection, marks: Iterable[Mark]) -> None:
    """Marks days to be recomputed, in the transaction of what changed. The first cause stays."""
    rows = [mark._asdict() for mark in marks]
    if rows:
        conn.execute(insert_or_ignore(conn, touched_days), rows)


def touched(conn: sa.Connection, most: int) -> list[Mark]:
    there = touched_days.c
    query = sa.select(touched_days).order_by(there.person, there.day).limit(most)
    return [Mark(*row) for row in conn.execute(query)]


def count_touched(conn: sa.Connection) -> int:
    return conn.execute(sa.select(sa.func.count()).select_from(touched_days)).scalar_one()


def marks_between(conn: sa.Connection, first: date, until: date) -> bool:
    """Whether a day of the half-open span is still to be recomputed."""
    there = touched_days.c
    query = sa.select(there.day).where(there.day >= first, there.day < until).limit(1)
    return conn.execute(query).one_or_none() is not None


def settle(conn: sa.Connection, person: str, days: Collection[date]) -> None:
    """The days are recomputed."""
    there = touched_days.c
    conn.execute(sa.delete(touched_days).where(there.person == person, there.day.in_(sorted(days))))


def arrivals_wait(conn: sa.Connection) -> bool:
    query = sa.select(punch_arrivals.c.number).limit(1)
    return conn.execute(query).one_or_none() is not None


def all_wait(conn: sa.Connection) -> bool:
    """Whether every punch that is here still waits to be entered: none came before the queue was."""
    arrived = sa.select(
        sa.func.coalesce(sa.func.sum(sa.func.length(punch_arrivals.c.event_ids)), 0)
    )
    here = sa.select(sa.func.coalesce(sa.func.sum(event_totals.c.events), 0)).where(
        event_totals.c.kind == "punch"
    )
    waiting = int(conn.execute(arrived).scalar_one()) // EVENT_ID_BYTES
    return waiting == int(conn.execute(here).scalar_one())


def touch_stored(conn: sa.Connection, cause: str, wanted: sa.ColumnElement[bool]) -> None:
    """Marks the stored days of which `wanted` (over attendance_days) holds."""
    there = attendance_days.c
    chosen = sa.select(there.person, there.day, sa.literal(cause)).where(wanted)
    conn.execute(
        insert_or_ignore(conn, touched_days).from_select(["person", "day", "cause"], chosen)
    )


def touch_people_of(
    conn: sa.Connection, zone: str, day: date, cause: str, *, after: str, most: int
) -> list[str]:
    """Marks a day of the zone's next people behind the key `after`, at most so many; gives their keys."""
    key = people.c.number
    query = sa.select(key).where(people.c.zone == zone, key > after).order_by(key).limit(most)
    found = list(conn.execute(query).scalars())
    touch(conn, [Mark(person, day, cause) for person in found])
    return found


def mark_of(conn: sa.Connection, name: str) -> str | None:
    query = sa.select(recompute_marks.c.value).where(recompute_marks.c.name == name)
    return conn.execute(query).scalar()


def set_mark(conn: sa.Connection, name: str, value: str) -> None:
    conn.execute(sa.delete(recompute_marks).where(recompute_marks.c.name == name))
    conn.execute(sa.insert(recompute_marks).values(name=name, value=value))


class Wait(NamedTuple):
    device: str
    until: datetime
    person: str
    day: date


def add_waits(conn: sa.Connection, waits: Iterable[Wait]) -> None:
    rows = [wait._asdict() for wait in waits]
    if rows:
        conn.execute(insert_or_ignore(conn, waiting_days), rows)


def waited_for(conn: sa.Connection) -> set[str]:
    """The devices that keep some day from being judged."""
    return set(conn.execute(sa.select(waiting_days.c.device).distinct()).scalars())


def touch_waiting(conn: sa.Connection, device: str, complete_until: datetime) -> None:
    """Marks the days that waited for `device` and need not any more. They wait anew if they must."""
    there = waiting_days.c
    over = sa.and_(there.device == device, there.until <= complete_until)
    chosen = sa.select(there.person, there.day, sa.literal(f"watermark {device}")).where(over)
    conn.execute(
        insert_or_ignore(conn, touched_days).from_select(["person", "day", "cause"], chosen)
    )
    conn.execute(sa.delete(waiting_days).where(over))


def seen(conn: sa.Connection) -> dict[str, datetime | None]:
    return {row.device: row.complete_until for row in conn.execute(sa.select(seen_watermarks))}


def see(conn: sa.Connection, device: str, complete_until: datetime | None) -> None:
    conn.execute(sa.delete(seen_watermarks).where(seen_watermarks.c.device == device))
    conn.execute(sa.insert(seen_watermarks).values(device=device, complete_until=complete_until))


def _punches(conn: sa.Connection, ids: Sequence[bytes]) -> list[ArrivedPunch]:
    events = raw_events.c
    found: list[ArrivedPunch] = []
    for start in range(0, len(ids), _KEYS_PER_SELECT):
        query = sa.select(events.event_id, events.device, events.user_id).where(
            events.event_id.in_(ids[start : start + _KEYS_PER_SELECT])
        )
        found += [ArrivedPunch(*row) for row in conn.execute(query)]
    return found
