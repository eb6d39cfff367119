"""A stored day's overtime becomes time off, where the plant's own rules say so; a day that comes out
otherwise sets its lot right, with a shortfall where more was taken than is earned now.
"""

import logging
from datetime import date, datetime
from functools import cached_property

import sqlalchemy as sa

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayResult
from hr_core.attendance.lots.booking import Act, Overtime, book_overtime
from hr_core.attendance.lots.rules import NotTimeOffError, TimeOffRules, parse_time_off_rules
from hr_core.errors import NoLawError, NotFoundError
from hr_core.store.time_off import newest_rule_file

ACTOR = "attendance"  # in the audit log: no person booked it

_log = logging.getLogger("hr_core.attendance")


class DayLots:
    """Over one write transaction. The rules that ship book nothing by themselves: overtime is paid."""

    def __init__(self, conn: sa.Connection, now: datetime) -> None:
        self._conn = conn
        self._now = now

    @cached_property
    def _rules(self) -> TimeOffRules | None:
        own = newest_rule_file(self._conn, "time_off")
        return None if own is None else parse_time_off_rules(own.text, file=own.name)

    def set_right(self, person: str, result: DayResult, cause: str) -> None:
        """The lot of the day holds what `result`, of a day that is over, earns."""
        earns = self._earns(result.day, result.kind)
        spans = tuple(
            (one.start, one.end)
            for one in result.intervals
            if one.counts == "overtime" and one.start is not None and one.end is not None
        )
        self._book(
            person,
            Overtime(
                day=result.day,
                kind=result.kind,
                minutes=result.overtime_min if earns else 0,
                spans=spans,
                events=result.used,
            ),
            cause,
        )

    def take_back(self, person: str, gone: DayResult, cause: str) -> None:
        """The day is none any more."""
        self._book(person, Overtime(day=gone.day, kind=gone.kind, minutes=0), cause)

    def _earns(self, day: date, kind: DayKind) -> bool:
        """Nothing before the first edition."""
        editions = () if self._rules is None else self._rules.edition
        in_force = [one for one in editions if one.since <= day]
        newest = max(in_force, key=lambda one: one.since, default=None)
        return newest is not None and any(row.kind == kind for row in newest.earns)

    def _book(self, person: str, overtime: Overtime, cause: str) -> None:
        if self._rules is None:
            return
        act = Act(actor=ACTOR, at=self._now, reason=cause)
        try:
            book_overtime(self._conn, person, overtime, act)
        except NotFoundError:
            return  # merged into another record, whose day now holds the punches and sets it right
        except (NoLawError, NotTimeOffError) as exc:
            _log.warning("overtime of %s on %s earns no time off: %s", person, overtime.day, exc)
