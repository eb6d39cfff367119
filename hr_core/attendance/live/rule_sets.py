"""The rule sets by name, each with its engine."""

from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.calendar import load_calendar
from hr_core.attendance.day import AttendanceRules, DayResult, PunchFact, load_rules
from hr_core.attendance.live.engine import Engine
from hr_core.attendance.live.first_last import compute_first_last
from hr_core.attendance.plan.model import DEFAULT_RULES, PlannedDay
from hr_core.store.rosters import load_calendars


class FirstLastEngine(Struct, frozen=True):
    rules: AttendanceRules

    @property
    def version(self) -> str:
        return self.rules.version

    def whole_periods(self, first: date, until: date) -> tuple[date, date]:
        return first, until

    def days(
        self, plan: Mapping[date, PlannedDay], punches: Mapping[date, Sequence[PunchFact]]
    ) -> dict[date, DayResult]:
        return {
            on: compute_first_last(day, punches.get(on, ()), self.rules) for on, day in plan.items()
        }


def load_engines() -> dict[str, Engine]:
    return {DEFAULT_RULES: FirstLastEngine(load_rules())}


def signature(engines: Mapping[str, Engine]) -> str:
    """Changes when a rule set does."""
    return " ".join(f"{name}={engine.version}" for name, engine in sorted(engines.items()))


def calendars_signature(conn: sa.Connection) -> str:
    """Changes when a calendar does by which days are planned."""
    digest = sha256()
    for calendar in load_calendars(conn):
        digest.update(msgspec.json.encode(calendar))
    return f"{load_calendar().version}/{digest.hexdigest()[:12]}"
