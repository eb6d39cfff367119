"""The gateways that have enrolled: which site each stands on, and what it did last."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.events import batches, gateways
from hr_core.store.gateway_keys import GatewayKey, keys_of
from hr_core.store.refusals import Refusals, refusals_of


class GatewayOverview(Struct, frozen=True, kw_only=True):
    """`last_batch` and `last_batch_at` are None before the first. Times are aware UTC.

    `refused`: what came in its name and was refused.
    """

    gateway: str
    site: str
    keys: tuple[GatewayKey, ...]
    last_batch: int | None
    last_batch_at: datetime | None
    refused: tuple[Refusals, ...]


def site_of(conn: sa.Connection, gateway: str) -> str | None:
    return conn.execute(
        sa.select(gateways.c.site).where(gateways.c.name == gateway)
    ).scalar_one_or_none()


def set_site(conn: sa.Connection, gateway: str, site: str, at: datetime) -> None:
    updated = conn.execute(gateways.update().where(gateways.c.name == gateway).values(site=site))
    if updated.rowcount == 0:
        conn.execute(gateways.insert().values(name=gateway, site=site, created_at=at))


def all_gateways(conn: sa.Connection) -> list[GatewayOverview]:
    sites = {row.name: row.site for row in conn.execute(sa.select(gateways))}
    keys: dict[str, list[GatewayKey]] = {name: [] for name in sites}
    for key in keys_of(conn):
        keys.setdefault(key.gateway, []).append(key)
    return [_overview(conn, name, sites.get(name, ""), tuple(keys[name])) for name in sorted(keys)]


def _overview(
    conn: sa.Connection, name: str, site: str, keys: tuple[GatewayKey, ...]
) -> GatewayOverview:
    last = conn.execute(
        sa.select(batches.c.number, batches.c.received_at)
        .where(batches.c.gateway == name)
        .order_by(batches.c.number.desc(), batches.c.received_at.desc())
        .limit(1)
    ).one_or_none()
    return GatewayOverview(
        gateway=name,
        site=site,
        keys=keys,
        last_batch=last.number if last else None,
        last_batch_at=last.received_at if last else None,
        refused=tuple(refusals_of(conn, name)),
    )
