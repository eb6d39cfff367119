"""Which gateways deliver which device. A terminal that two of them pull is stored once; here both show."""

from collections import Counter
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import postgresql, sqlite

from hr_core.store.database import UtcInstant, metadata

device_gateways = sa.Table(
    "device_gateways",
    metadata,
    # serial of the device; for counts the name of the source
    sa.Column("serial", sa.Text, primary_key=True),
    sa.Column("gateway", sa.Text, primary_key=True),
    sa.Column("first_seen", UtcInstant, nullable=False),
    sa.Column("last_seen", UtcInstant, nullable=False),
    # records of this gateway that were new …
    sa.Column("accepted", sa.BigInteger, nullable=False),
    # … and that were here already: sent again by it, or brought by another before
    sa.Column("duplicate", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


class DeviceGateway(Struct, frozen=True, kw_only=True):
    """One gateway's deliveries of one device, by the core's clock."""

    gateway: str
    first_seen: datetime
    last_seen: datetime
    accepted: int
    duplicate: int


class DeviceGateways(Struct, frozen=True, kw_only=True):
    serial: str
    gateways: tuple[DeviceGateway, ...]


def note_deliveries(
    conn: sa.Connection,
    gateway: str,
    *,
    accepted: Counter[str],
    duplicate: Counter[str],
    at: datetime,
) -> None:
    """In the caller's write transaction. `accepted`, `duplicate`: such records of each device."""
    for serial in accepted.keys() | duplicate.keys():
        insert = _insert(conn).values(
            serial=serial,
            gateway=gateway,
            first_seen=at,
            last_seen=at,
            accepted=accepted[serial],
            duplicate=duplicate[serial],
        )
        there, sent = device_gateways.c, insert.excluded
        conn.execute(
            insert.on_conflict_do_update(
                index_elements=[there.serial, there.gateway],
                set_={
                    "last_seen": at,
                    "accepted": there.accepted + sent.accepted,
                    "duplicate": there.duplicate + sent.duplicate,
                },
            )
        )


def devices_of(conn: sa.Connection, gateway: str) -> list[DeviceGateways]:
    """The devices that `gateway` ever delivered, each with every gateway that did."""
    mine = sa.select(device_gateways.c.serial).where(device_gateways.c.gateway == gateway)
    return _grouped(conn, device_gateways.c.serial.in_(mine))


def all_devices(conn: sa.Connection) -> list[DeviceGateways]:
    return _grouped(conn, sa.true())


def _grouped(conn: sa.Connection, wanted: sa.ColumnElement[bool]) -> list[DeviceGateways]:
    rows = (
        sa.select(device_gateways)
        .where(wanted)
        .order_by(device_gateways.c.serial, device_gateways.c.gateway)
    )
    by_serial: dict[str, list[DeviceGateway]] = {}
    for row in conn.execute(rows):
        by_serial.setdefault(row.serial, []).append(
            DeviceGateway(
                gateway=row.gateway,
                first_seen=row.first_seen,
                last_seen=row.last_seen,
                accepted=row.accepted,
                duplicate=row.duplicate,
            )
        )
    return [
        DeviceGateways(serial=serial, gateways=tuple(gateways))
        for serial, gateways in by_serial.items()
    ]


def _insert(conn: sa.Connection) -> sqlite.Insert | postgresql.Insert:
    if conn.dialect.name == "postgresql":
        return postgresql.insert(device_gateways)
    return sqlite.insert(device_gateways)
