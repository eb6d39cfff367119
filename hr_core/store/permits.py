"""Table of permits for comprehensive and irregular hours; what they were before is in the audit log."""

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from hr_core.attendance.hours.permits import Permit
from hr_core.store.database import metadata

hour_permits = sa.Table(
    "hour_permits",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),  # as on the paper
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # JSON of permits.Permit
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Permit).decode


def load_permits(conn: sa.Connection) -> tuple[Permit, ...]:
    columns = hour_permits.c
    query = sa.select(columns.body).order_by(columns.valid_from, columns.number)
    return tuple(_decode(body) for (body,) in conn.execute(query))


def save_permits(conn: sa.Connection, permits: Iterable[Permit]) -> None:
    """Adds or replaces by number, in the caller's transaction."""
    for permit in permits:
        conn.execute(sa.delete(hour_permits).where(hour_permits.c.number == permit.number))
        conn.execute(
            sa.insert(hour_permits).values(
                number=permit.number,
                valid_from=permit.valid_from,
                valid_until=permit.valid_until,
                body=_encode(permit).decode(),
            )
        )
