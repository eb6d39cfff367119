"""Tables of the organisation over time: units, who lies under whom, members, zones, devices."""

from collections.abc import Iterable
from datetime import date

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.people.records import DeviceSite, Membership, SiteZone, Unit, UnitParent
from hr_core.store.database import metadata
from hr_core.store.dated_rows import add_rows, day_columns, on_day, read_rows

units = sa.Table(
    "units",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_zh", sa.Text, nullable=False),
)

unit_parents = sa.Table(
    "unit_parents",
    metadata,
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("parent", sa.Text, primary_key=True),
    *day_columns(),
)

memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    *day_columns(),
    sa.Index("ix_memberships_person", "person"),
)

site_zones = sa.Table(
    "site_zones",
    metadata,
    sa.Column("site", sa.Text, primary_key=True),
    *day_columns(),
    sa.Column("zone", sa.Text, nullable=False),
)

device_sites = sa.Table(
    "device_sites",
    metadata,
    sa.Column("serial", sa.Text, primary_key=True),
    *day_columns(),
    sa.Column("site", sa.Text, nullable=False),
)


class Organisation(Struct, frozen=True, kw_only=True):
    units: dict[str, Unit] = {}
    parents: tuple[UnitParent, ...] = ()
    memberships: tuple[Membership, ...] = ()
    zones: tuple[SiteZone, ...] = ()
    devices: tuple[DeviceSite, ...] = ()


def load_organisation(conn: sa.Connection) -> Organisation:
    return Organisation(
        units={row.code: row for row in read_rows(conn, units, Unit)},
        parents=tuple(read_rows(conn, unit_parents, UnitParent)),
        memberships=tuple(read_rows(conn, memberships, Membership)),
        zones=tuple(read_rows(conn, site_zones, SiteZone)),
        devices=tuple(read_rows(conn, device_sites, DeviceSite)),
    )


def save_organisation(conn: sa.Connection, organisation: Organisation) -> None:
    """Replaces what is stored, in the caller's transaction."""
    for table, rows in (
        (units, organisation.units.values()),
        (unit_parents, organisation.parents),
        (memberships, organisation.memberships),
        (site_zones, organisation.zones),
        (device_sites, organisation.devices),
    ):
        _replace(conn, table, rows)


def memberships_of(conn: sa.Connection, person: str) -> list[Membership]:
    return read_rows(conn, memberships, Membership, memberships.c.person == person)


def zone_of_site(conn: sa.Connection, site: str, on: date) -> str | None:
    """None when nobody entered one: the zone of the people file holds then."""
    query = sa.select(site_zones.c.zone).where(site_zones.c.site == site, on_day(site_zones, on))
    return conn.execute(query).scalar_one_or_none()


def site_of_device(conn: sa.Connection, serial: str, on: date) -> str | None:
    query = sa.select(device_sites.c.site).where(
        device_sites.c.serial == serial, on_day(device_sites, on)
    )
    return conn.execute(query).scalar_one_or_none()


def _replace(conn: sa.Connection, table: sa.Table, rows: Iterable[msgspec.Struct]) -> None:
    conn.execute(sa.delete(table))
    add_rows(conn, table, rows)
