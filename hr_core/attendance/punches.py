"""From stored punches to the facts that a month's days are computed from."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.day import DISTRUSTED, PunchFact
from hr_core.clock import Month, midnight, wall_seconds
from hr_core.people.model import DeviceUserMap, Roster, find_person
from hr_core.people.places import Places
from hr_core.store.event_rows import StoredPunch
from hr_core.store.events import punches_between
from hr_core.store.results import DistrustedPunch, UnmappedUser, ZoneConflict
from protocols.records import Flag

# Wall clocks of all zones and windows over midnight: a night shift reaches into the next day, and
# the punches are cut to the exact windows afterwards.
_MARGIN = timedelta(days=2)

# The years that a clock without its battery shows (protocols.records.Flag.CLOCK_SUSPECT); the wall
# clock's first hours of 2000 are still 1999 in UTC east of Greenwich.
_LOST_CLOCK = (datetime(1999, 12, 30, tzinfo=UTC), datetime(2010, 1, 1, tzinfo=UTC))
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


class MonthPunches(Struct, frozen=True, kw_only=True):
    by_person: dict[str, list[PunchFact]]
    unmapped: tuple[UnmappedUser, ...]
    distrusted: tuple[DistrustedPunch, ...]
    total: int
    zone_conflicts: tuple[ZoneConflict, ...] = ()


def punches_of_month(conn: sa.Connection, roster: Roster, month: Month) -> MonthPunches:
    """Every punch of the month: a person's, or counted under its unmapped device user."""
    mapping = roster.number_by_device_user()
    first, after = wall_seconds(midnight(month.first)), wall_seconds(midnight(month.after))
    by_person: dict[str, list[PunchFact]] = {number: [] for number in roster.people}
    unmapped: dict[tuple[str, str], int] = {}
    total = 0
    zones = _ZoneCheck(Places.load(conn))
    start = midnight(month.first).replace(tzinfo=UTC) - _MARGIN
    end = midnight(month.after).replace(tzinfo=UTC) + _MARGIN
    for punch in punches_between(conn, start, end):
        fact = punch_fact(punch)
        in_month = first <= fact.at < after
        total += in_month
        if in_month:
            zones.see(punch)
        number = find_person(mapping, punch.serial, punch.user_id, punch.device_time.date())
        if number is not None:
            by_person[number].append(fact)
        elif in_month:
            key = (punch.serial, punch.user_id)
            unmapped[key] = unmapped.get(key, 0) + 1
    return MonthPunches(
        by_person=by_person,
        unmapped=tuple(
            UnmappedUser(serial=serial, user_id=user_id, punches=count)
            for (serial, user_id), count in sorted(unmapped.items())
        ),
        distrusted=_misdated(conn, mapping, (start, end)),
        total=total,
        zone_conflicts=zones.conflicts(),
    )


class _ZoneCheck:
    def __init__(self, places: Places) -> None:
        self._places = places
        self._found: Counter[tuple[str, str, str, str]] = Counter()

    def see(self, punch: StoredPunch) -> None:
        if not self._places.has_zones:
            return
        on = punch.device_time.date()
        site = self._places.site_of_device(punch.serial, on)
        zone = None if site is None else self._places.zone_of_site(site, on)
        if site is not None and zone not in {None, punch.zone}:
            self._found[punch.serial, site, punch.zone, str(zone)] += 1

    def conflicts(self) -> tuple[ZoneConflict, ...]:
        return tuple(
            ZoneConflict(
                serial=serial,
                site=site,
                zone_of_punches=told,
                zone_of_site=entered,
                punches=punches,
            )
            for (serial, site, told, entered), punches in sorted(self._found.items())
        )


def _arrival(punch: StoredPunch) -> date:
    """The day on which it came: its own is not to be believed."""
    return punch.received_at.astimezone(ZoneInfo(punch.zone)).date()


def punch_fact(punch: StoredPunch) -> PunchFact:
    return PunchFact(
        punch.event_id.hex(),
        wall_seconds(punch.device_time),
        punch.direction,
        _distrust(punch.flags),
    )


def _distrust(flags: tuple[Flag, ...]) -> str | None:
    if not flags:
        return None
    return next((flag.value for flag in DISTRUSTED if flag in flags), None)


def _misdated(
    conn: sa.Connection, mapping: DeviceUserMap, month: tuple[datetime, datetime]
) -> tuple[DistrustedPunch, ...]:
    """Punches that arrived in the month with a device time that lies elsewhere and is flagged."""
    start, end = month
    found = []
    for since, until in (_LOST_CLOCK, (end, _END_OF_TIME)):
        for punch in punches_between(conn, since, until):
            reason = _distrust(punch.flags)
            if reason is not None and start <= punch.received_at < end:
                found.append(
                    DistrustedPunch(
                        event_id=punch.event_id.hex(),
                        serial=punch.serial,
                        user_id=punch.user_id,
                        number=find_person(mapping, punch.serial, punch.user_id, _arrival(punch)),
                        device_time=punch.device_time.isoformat(),
                        reason=reason,
                    )
                )
    return tuple(found)
