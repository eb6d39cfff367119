"""The rule sets by name, each version with its engine on the days on which it holds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.calendar import load_calendar
from hr_core.attendance.day import AttendanceRules, DayResult, PunchFact
from hr_core.attendance.live.engine import Engine
from hr_core.attendance.live.first_last import compute_first_last
from hr_core.attendance.live.timesheet_days import TimesheetEngine
from hr_core.attendance.plan.model import PlannedDay
from hr_core.attendance.rule_sets.imported import all_rule_sets
from hr_core.attendance.rule_sets.loading import rule_set
from hr_core.attendance.rule_sets.model import RuleSet
from hr_core.store.rosters import load_calendars
from hr_core.store.rule_sets import attendance_rule_sets


class FirstLastEngine(Struct, frozen=True):
    rules: AttendanceRules

    @property
    def version(self) -> str:
        return self.rules.version

    def whole_periods(self, first: date, until: date) -> tuple[date, date]:
        return first, until

    def days(
        self,
        plan: Mapping[date, PlannedDay],
        punches: Mapping[date, Sequence[PunchFact]],
        zone: str,  # noqa: ARG002 - wall clocks only
    ) -> dict[date, DayResult]:
        return {
            on: compute_first_last(day, punches.get(on, ()), self.rules) for on, day in plan.items()
        }


class DatedEngine:
    """All versions of one rule set: each day by the one that holds on it."""

    def __init__(self, name: str, versions: Sequence[RuleSet]) -> None:
        self._name = name
        self._versions = versions
        self._engines: dict[str, Engine] = {one.version: _engine(one) for one in versions}

    @property
    def version(self) -> str:
        return ",".join(sorted(self._engines))

    def whole_periods(self, first: date, until: date) -> tuple[date, date]:
        spans = [engine.whole_periods(first, until) for engine in self._engines.values()]
        return min(begin for begin, _ in spans), max(end for _, end in spans)

    def days(
        self,
        plan: Mapping[date, PlannedDay],
        punches: Mapping[date, Sequence[PunchFact]],
        zone: str,
    ) -> dict[date, DayResult]:
        """Raises NoRuleSetError for a day on which no version holds."""
        by_version: defaultdict[str, dict[date, PlannedDay]] = defaultdict(dict)
        for on, day in plan.items():
            by_version[rule_set(self._name, on, self._versions).version][on] = day
        results: dict[date, DayResult] = {}
        for version, days in by_version.items():
            results |= self._engines[version].days(days, punches, zone)
        return results


def _engine(rules: RuleSet) -> Engine:
    if rules.timesheet is not None:
        return TimesheetEngine(version=rules.version, rules=rules.timesheet)
    return FirstLastEngine(rules.attendance_rules())


def load_engines(conn: sa.Connection) -> dict[str, Engine]:
    """Those that ship with the core, and those that were imported."""
    by_name: defaultdict[str, list[RuleSet]] = defaultdict(list)
    for one in all_rule_sets(conn):
        by_name[one.name].append(one)
    return {name: DatedEngine(name, versions) for name, versions in by_name.items()}


def imported_versions(conn: sa.Connection) -> tuple[str, ...]:
    """By which it shows that others were imported since."""
    query = sa.select(attendance_rule_sets.c.version).order_by(attendance_rule_sets.c.version)
    return tuple(conn.execute(query).scalars())


def signature(engines: Mapping[str, Engine]) -> str:
    """Changes when a rule set does."""
    return " ".join(f"{name}={engine.version}" for name, engine in sorted(engines.items()))


def calendars_signature(conn: sa.Connection) -> str:
    """Changes when a calendar does by which days are planned."""
    digest = sha256()
    for calendar in load_calendars(conn):
        digest.update(msgspec.json.encode(calendar))
    return f"{load_calendar().version}/{digest.hexdigest()[:12]}"
