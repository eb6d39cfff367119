"""Alarms about boxes that seem to have been swapped (hr_core.quality.box_swaps)."""

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from hr_core.quality.box_swaps import SwapAlarm
from hr_core.store.database import metadata

swap_alarms = sa.Table(
    "swap_alarms",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("first_at", sa.BigInteger, nullable=False),  # UTC seconds, as the engine counts
    sa.Column("closed_at", sa.BigInteger),
    sa.Column("body", sa.LargeBinary, nullable=False),  # JSON of box_swaps.SwapAlarm
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(SwapAlarm).decode


def save_swaps(conn: sa.Connection, alarms: Iterable[SwapAlarm]) -> None:
    """Adds or replaces by identity, in the caller's transaction."""
    for alarm in alarms:
        conn.execute(sa.delete(swap_alarms).where(swap_alarms.c.identity == alarm.identity))
        conn.execute(
            sa.insert(swap_alarms).values(
                identity=alarm.identity,
                first_at=alarm.first_at,
                closed_at=alarm.closed_at,
                body=_encode(alarm),
            )
        )


def open_swaps(conn: sa.Connection) -> list[SwapAlarm]:
    return _found(conn, swap_alarms.c.closed_at.is_(None))


def swaps_named(conn: sa.Connection, like: Iterable[SwapAlarm]) -> list[SwapAlarm]:
    """As they are stored now."""
    identities = [alarm.identity for alarm in like]
    return _found(conn, swap_alarms.c.identity.in_(identities)) if identities else []


def swaps_between(conn: sa.Connection, since: int, until: int) -> list[SwapAlarm]:
    """Those of the half-open span, and all that are open."""
    columns = swap_alarms.c
    inside = sa.and_(columns.first_at >= since, columns.first_at < until)
    return _found(conn, sa.or_(columns.closed_at.is_(None), inside))


def _found(conn: sa.Connection, wanted: sa.ColumnElement[bool]) -> list[SwapAlarm]:
    columns = swap_alarms.c
    query = sa.select(columns.body).where(wanted).order_by(columns.first_at, columns.identity)
    return [_decode(body) for (body,) in conn.execute(query)]
