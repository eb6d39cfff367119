"""Everything that a database holds, to look for what must not be there any more."""

import sqlalchemy as sa

from hr_core.store.database import metadata


def is_stored(conn, trace):
    """Whether the bytes stand anywhere in any table, plain or in hex."""
    return any(
        trace in value or trace.hex().encode() in value.lower()
        for table in metadata.tables.values()
        for row in conn.execute(sa.select(table))
        for value in (one if isinstance(one, bytes) else str(one).encode() for one in row)
    )
