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
from hr_core.attendance.hours.counted_overtime import CountingRules, parse_counting_rules
from hr_core.attendance.live.engine import Engine
from hr_core.attendance.live.first_last import compute_first_last
from hr_core.attendance.live.overtime_modes import by_counting_rule
from hr_core.attendance.live.timesheet_days import TimesheetEngine
from hr_core.attendance.plan.model import PlannedDay
from hr_core.attendance.rule_sets.imported import all_rule_sets
from hr_core.attendance.rule_sets.loading import rule_set
from hr_core.attendance.rule_sets.model import RuleSet
from hr_core.store.rosters import load_calendars
from hr_core.store.rule_sets import attendance_rule_sets
from hr_core.store.time_off import newest_number, newest_rule_file


class FirstLastEngine(Struct, frozen=True):
    """`counting`: the plant's own rules of overtime; without them, and before their first edition, it
    counts as punched, in the steps of `rules`.
    """

    rules: AttendanceRules
    counting: CountingRules | None = None

    @property
    def version(self) -> str:
        if self.counting is None:
            return self.rules.version
        return f"{self.rules.version}+{_digest(self.counting)}"

    def counted(self, plan: PlannedDay, result: DayResult, *, over: bool) -> DayResult:
        editions = () if self.counting is None else self.counting.edition
        in_force = [one for one in editions if one.since <= plan.day]
        if not in_force:
            return result
        edition = max(in_force, key=lambda one: one.since)
        return by_counting_rule(plan, result, edition, over=over)

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

    def __init__(
        self, name: str, versions: Sequence[RuleSet], counting: CountingRules | None = None
    ) -> None:
        self._name = name
        self._versions = versions
        self._engines: dict[str, Engine] = {one.version: _engine(one, counting) for one in versions}

    @property
    def version(self) -> str:
        return ",".join(sorted(engine.version for engine in self._engines.values()))

    def counted(self, plan: PlannedDay, result: DayResult, *, over: bool) -> DayResult:
        version = rule_set(self._name, plan.day, self._versions).version
        return self._engines[version].counted(plan, result, over=over)

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


def _engine(rules: RuleSet, counting: CountingRules | None) -> Engine:
    if rules.timesheet is not None:
        return TimesheetEngine(version=rules.version, rules=rules.timesheet)
    return FirstLastEngine(rules.attendance_rules(), counting)


def _digest(counting: CountingRules) -> str:
    return sha256(msgspec.json.encode(counting)).hexdigest()[:12]


def load_engines(conn: sa.Connection) -> dict[str, Engine]:
    """Those that ship with the core, and those that were imported."""
    by_name: defaultdict[str, list[RuleSet]] = defaultdict(list)
    for one in all_rule_sets(conn):
        by_name[one.name].append(one)
    own = newest_rule_file(conn, "overtime_counting")
    counting = None if own is None else parse_counting_rules(own.text, file=own.name)
    return {name: DatedEngine(name, versions, counting) for name, versions in by_name.items()}


def imported_versions(conn: sa.Connection) -> tuple[str, ...]:
    """By which it shows that others were imported since."""
    query = sa.select(attendance_rule_sets.c.version).order_by(attendance_rule_sets.c.version)
    counting = newest_number(conn, "overtime_counting")
    return (*conn.execute(query).scalars(), f"overtime counting {counting}")


def signature(engines: Mapping[str, Engine]) -> str:
    """Changes when a rule set does."""
    return " ".join(f"{name}={engine.version}" for name, engine in sorted(engines.items()))


def calendars_signature(conn: sa.Connection) -> str:
    """Changes when a calendar does by which days are planned."""
    digest = sha256()
    for calendar in load_calendars(conn):
        digest.update(msgspec.json.encode(calendar))
    return f"{load_calendar().version}/{digest.hexdigest()[:12]}"
