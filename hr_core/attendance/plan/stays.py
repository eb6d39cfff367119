"""At which site a person is when, by the units that the person's units lie under."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from hr_core.attendance.plan.roster import Membership


class Stay(NamedTuple):
    """At `site` from `first` until the day `until` (excluded; None: open)."""

    site: str
    first: date
    until: date | None

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.until is None or day < self.until)


# Under which units a unit lies: (parent, from, until).
Parents = Mapping[str, Sequence[tuple[str, date, date | None]]]


def stays_of(
    memberships: Iterable[Membership], parents: Parents, sites: frozenset[str]
) -> tuple[Stay, ...]:
    """In order of their days. A unit that lies under itself is looked at once."""
    found: set[Stay] = set()
    waiting = [(one.team, one.first, one.until, frozenset({one.team})) for one in memberships]
    while waiting:
        unit, first, until, path = waiting.pop()
        if unit in sites:
            found.add(Stay(unit, first, until))
            continue
        for parent, parent_first, parent_until in parents.get(unit, ()):
            begin = max(first, parent_first)
            ends = [end for end in (until, parent_until) if end is not None]
            end = min(ends) if ends else None
            if parent not in path and (end is None or begin < end):
                waiting.append((parent, begin, end, path | {parent}))
    return tuple(sorted(found, key=lambda one: (one.first, one.site, one.until or date.max)))
