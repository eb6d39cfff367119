"""Which day it is: that of the plant's wall clock, where the person works.

An instant is UTC everywhere else. East of Greenwich a day begins hours before UTC's: whoever locks,
appeals or signs in the first hours of a month does it in that month.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from hr_core.accounts.visible import site_today
from hr_core.people.places import Places
from hr_core.store.organisation import site_zones
from hr_core.store.people import load_site_zone


def today_at(conn: sa.Connection, at: datetime, person: str | None = None) -> date:
    """`person`: whose sites' zone holds, as in attendance; without one, or where its sites have none
    or several, the zone of the people file. Before the first import UTC.
    """
    here, zone = site_today(conn, at), load_site_zone(conn)
    if person is None or zone is None or not _sites_have_zones(conn):
        return here
    own = Places.load(conn).zone_of_person(person, here, zone)
    return at.astimezone(ZoneInfo(own)).date()


def _sites_have_zones(conn: sa.Connection) -> bool:
    """Most plants have one zone, and the organisation need not be read to know it."""
    return conn.execute(sa.select(site_zones.c.site).limit(1)).first() is not None
