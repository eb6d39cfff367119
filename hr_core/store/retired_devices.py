"""Table of devices that are in use no more: from that date nobody's day waits for them.

Who retired one, and who took that back, stands in the audit log (hr_core.device_retirement).
"""

from datetime import date

import sqlalchemy as sa

from hr_core.store.database import metadata

retired_devices = sa.Table(
    "retired_devices",
    metadata,
    sa.Column("serial", sa.Text, primary_key=True),
    # the first day, of its site's wall clock, on which nobody used it any more
    sa.Column("since", sa.Date, nullable=False),
    sqlite_with_rowid=False,
)


def retired(conn: sa.Connection) -> dict[str, date]:
    return {row.serial: row.since for row in conn.execute(sa.select(retired_devices))}


def set_retired(conn: sa.Connection, serial: str, since: date | None) -> None:
    """None: it is in use."""
    conn.execute(sa.delete(retired_devices).where(retired_devices.c.serial == serial))
    if since is not None:
        conn.execute(sa.insert(retired_devices).values(serial=serial, since=since))
