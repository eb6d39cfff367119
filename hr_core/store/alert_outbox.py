"""What is to be told about alerts, until a channel has taken it: an outbox that survives a crash.

A row is written in the transaction that stores the alert. It is sent afterwards, and marked after
the other side's answer: a crash in between sends it again, with the same key, and never loses it.
Rows stay, as the log of what was said to whom.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.notify.message import Message
from hr_core.store.database import UtcInstant, insert_or_ignore, metadata

MAX_SAID_CHARS = 300  # of the other side's words


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"


alert_deliveries = sa.Table(
    "alert_deliveries",
    metadata,
    sa.Column("alert", sa.Text, primary_key=True),
    sa.Column("occasion", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),  # JSON of notify.message.Message
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("next_at", UtcInstant, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("ended_at", UtcInstant),
    # the other side's answer, or why the last attempt failed
    sa.Column("said", sa.Text, nullable=False),
    sa.Index(None, "state", "next_at"),
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


class Delivery(Struct, frozen=True, kw_only=True):
    channel: str
    message: Message
    state: DeliveryState
    created_at: datetime
    next_at: datetime
    attempts: int
    ended_at: datetime | None
    said: str


def add_deliveries(
    conn: sa.Connection, messages: Iterable[tuple[str, Message]], at: datetime
) -> int:
    """(channel, message) pairs; one that is there already, waiting or over, is left alone.

    In the caller's write transaction; how many were new.
    """
    added = 0
    for channel, message in messages:
        row = insert_or_ignore(conn, alert_deliveries).values(
            alert=message.alert,
            occasion=message.occasion,
            channel=channel,
            body=_encode(message),
            state=DeliveryState.WAITING.value,
            created_at=at,
            next_at=at,
            attempts=0,
            said="",
        )
        added += conn.execute(row).rowcount
    return added


def due_deliveries(conn: sa.Connection, now: datetime, most: int) -> list[Delivery]:
    columns = alert_deliveries.c
    due = (
        sa.select(alert_deliveries)
        .where(columns.state == DeliveryState.WAITING.value, columns.next_at <= now)
        .order_by(columns.next_at, columns.alert, columns.occasion, columns.channel)
        .limit(most)
    )
    return [_delivery(row) for row in conn.execute(due).mappings()]


def deliveries(conn: sa.Connection, most: int) -> list[Delivery]:
    """The newest first."""
    newest = sa.select(alert_deliveries).order_by(alert_deliveries.c.created_at.desc()).limit(most)
    return [_delivery(row) for row in conn.execute(newest).mappings()]


def end_delivery(
    conn: sa.Connection, delivery: Delivery, state: DeliveryState, at: datetime, said: str
) -> None:
    _update(conn, delivery, state=state.value, ended_at=at, said=said[:MAX_SAID_CHARS])


def put_off(conn: sa.Connection, delivery: Delivery, until: datetime, said: str) -> None:
    _update(conn, delivery, next_at=until, said=said[:MAX_SAID_CHARS])


def _update(conn: sa.Connection, delivery: Delivery, **values: object) -> None:
    columns = alert_deliveries.c
    conn.execute(
        sa.update(alert_deliveries)
        .where(
            columns.alert == delivery.message.alert,
            columns.occasion == delivery.message.occasion,
            columns.channel == delivery.channel,
        )
        .values(attempts=columns.attempts + 1, **values)
    )


def _delivery(row: sa.RowMapping) -> Delivery:
    return Delivery(
        channel=row["channel"],
        message=_decode(row["body"]),
        state=DeliveryState(row["state"]),
        created_at=row["created_at"],
        next_at=row["next_at"],
        attempts=row["attempts"],
        ended_at=row["ended_at"],
        said=row["said"],
    )
