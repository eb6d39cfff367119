"""Where people and devices are on a day, and which time zone holds there.

The zone of a punch comes from its gateway. This says what HR entered about sites, for what has no
punch (is the day over yet?) and to find gateways whose zone is not the site's.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Self, TypeVar

import sqlalchemy as sa

from hr_core.people.records import Dated, DeviceSite, SiteZone, UnitKind
from hr_core.store.organisation import Organisation, load_organisation

Row = TypeVar("Row", bound=Dated)


class Places:
    """The organisation, ready to be asked often."""

    def __init__(self, organisation: Organisation) -> None:
        self._sites = {
            code for code, unit in organisation.units.items() if unit.kind is UnitKind.SITE
        }
        self._zones = _by(organisation.zones, "site")
        self._devices = _by(organisation.devices, "serial")
        self._parents = _by(organisation.parents, "unit")
        self._places = _by(organisation.memberships, "person")

    @classmethod
    def load(cls, conn: sa.Connection) -> Self:
        return cls(load_organisation(conn))

    @property
    def has_zones(self) -> bool:
        return bool(self._zones)

    def zone_of_site(self, site: str, on: date) -> str | None:
        row = _on(self._zones.get(site, ()), on)
        return row.zone if isinstance(row, SiteZone) else None

    def site_of_device(self, serial: str, on: date) -> str | None:
        row = _on(self._devices.get(serial, ()), on)
        return row.site if isinstance(row, DeviceSite) else None

    def zone_of_device(self, serial: str, on: date) -> str | None:
        """None when its site, or the site's zone, was not entered for the day."""
        site = self.site_of_device(serial, on)
        return None if site is None else self.zone_of_site(site, on)

    def zones_of_device(self, serial: str) -> set[str]:
        """Of all sites at which it ever stood, over the days that it stood there."""
        return {
            zone.zone
            for stay in self._devices.get(serial, ())
            for zone in self._zones.get(stay.site, ())
            if zone.days.overlaps(stay.days)
        }

    def sites_of_person(self, person: str, on: date) -> frozenset[str]:
        """Of all units that the person is in, and of the units above them."""
        todo = [row.unit for row in self._places.get(person, ()) if row.days.covers(on)]
        seen: set[str] = set()
        while todo:
            unit = todo.pop()
            if unit not in seen:
                seen.add(unit)
                todo += [row.parent for row in self._parents.get(unit, ()) if row.days.covers(on)]
        return frozenset(seen & self._sites)

    def zone_of_person(self, person: str, on: date, otherwise: str) -> str:
        """The zone of the person's sites; `otherwise` when they have none, or several."""
        zones = {self.zone_of_site(site, on) for site in self.sites_of_person(person, on)}
        zones.discard(None)
        return zones.pop() or otherwise if len(zones) == 1 else otherwise


def _by(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[getattr(row, column)].append(row)
    return dict(found)


def _on(rows: Iterable[Row], on: date) -> Row | None:
    return next((row for row in rows if row.days.covers(on)), None)
