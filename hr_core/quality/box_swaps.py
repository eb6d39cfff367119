"""A box that seems to have been swapped, and no entry says so: an alarm until there is one.

Raised from the readings (DeltaFlag.SWAP_SUSPECTED: another serial, or a restart with a value that
the old counter cannot have reached). What was made between the two boxes stays unknown either way.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from hr_core.quality.alert_life import OwnerRule, owner_of
from hr_core.quality.alert_rules import AlertEdition
from hr_core.quality.counters import DeltaFlag, Replacement
from hr_core.quality.line_settings import CounterPlace
from hr_core.quality.month import Series
from hr_core.quality.shift_batches import ShiftCalendar

EXPLAINED = "later readings explain it: no swap is suspected any more"


class SwapAlarm(Struct, frozen=True, kw_only=True):
    """`last_…` of the old box, `first_…` of what seems to be another one; times in UTC seconds.

    `closing`: the reason of the entry, or EXPLAINED (then `closed_by` is empty).
    """

    identity: str
    source: str
    tag: str
    line: str
    shift: str
    last_at: int
    last_value: int
    last_event: str
    first_at: int
    first_value: int
    first_event: str
    role: str
    owner: str | None
    closed_at: int | None = None
    closed_by: str = ""
    closing: str = ""

    @property
    def open(self) -> bool:
        return self.closed_at is None

    @property
    def place(self) -> CounterPlace:
        return self.source, self.tag

    def commands(self, zone: ZoneInfo) -> tuple[str, str]:
        """What enters the replacement: at the gateway, or at the core. Either closes the alarm."""
        at = datetime.fromtimestamp(self.first_at, UTC).astimezone(zone).isoformat()
        source, tag = shlex.quote(self.source), shlex.quote(self.tag)
        said = f'--at {at} --reason "another box"'
        return (
            f"edge-agent line replace {tag} --source {source} {said}",
            f"hr-core line replace {source} {tag} {said}",
        )


class LookedAt(NamedTuple):
    """Which suspicions were looked for, in UTC seconds: those whose second reading lies in
    [since, until), with readings from `read_from`.
    """

    read_from: int
    since: int
    until: int

    def saw(self, alarm: SwapAlarm) -> bool:
        """Not when its first reading lies further back: a baseline suspects nothing."""
        return self.read_from <= alarm.last_at and self.since <= alarm.first_at < self.until


def suspected_swaps(
    found: Iterable[Series],
    calendar: ShiftCalendar,
    edition: AlertEdition,
    owners: Sequence[OwnerRule],
) -> list[SwapAlarm]:
    """One for each counter and moment, however many metrics it reports."""
    alarms: dict[tuple[CounterPlace, int], SwapAlarm] = {}
    role = edition.of("line").role
    for series in found:
        source, tag = series.counter.source, series.counter.tag
        for delta in series.deltas:
            if delta.start is None or DeltaFlag.SWAP_SUSPECTED not in delta.flags:
                continue
            shift, line = calendar.of(delta.end.at), series.station.line
            alarm = SwapAlarm(
                identity=f"swap/{source}/{tag}/{delta.end.event_id}",
                source=source,
                tag=tag,
                line=line,
                shift=shift.name,
                last_at=delta.start.at,
                last_value=delta.start.value,
                last_event=delta.start.event_id,
                first_at=delta.end.at,
                first_value=delta.end.value,
                first_event=delta.end.event_id,
                role=role,
                owner=owner_of(owners, role, shift.place(line)),
            )
            alarms.setdefault((alarm.place, alarm.first_at), alarm)
    return list(alarms.values())


def joined_swaps(
    suspected: Iterable[SwapAlarm],
    before: Iterable[SwapAlarm],
    entries: Mapping[CounterPlace, Sequence[Replacement]],
    looked_at: LookedAt,
    now: int,
) -> list[SwapAlarm]:
    """What was raised before with what became of it, and what is new."""
    fresh = {alarm.identity: alarm for alarm in suspected}
    known = {alarm.identity: alarm for alarm in before}
    result = [
        known.get(identity, alarm)
        if known.get(identity, alarm).open
        else replace(known[identity], closed_at=None, closed_by="", closing="")
        for identity, alarm in fresh.items()
    ]
    for alarm in known.values():
        if alarm.identity in fresh:
            continue
        entry = _entry_for(alarm, entries.get(alarm.place, ()))
        if alarm.open and entry is not None:
            closed = replace(alarm, closed_at=now, closed_by=entry.author, closing=entry.reason)
            result.append(closed)
        elif alarm.open and looked_at.saw(alarm):
            result.append(replace(alarm, closed_at=now, closing=EXPLAINED))
        else:
            result.append(alarm)
    return result


def _entry_for(alarm: SwapAlarm, entries: Iterable[Replacement]) -> Replacement | None:
    between = [one for one in entries if alarm.last_at < one.at <= alarm.first_at]
    return between[0] if between else None
