"""A month that was paid, computed anew in memory: by today's program, rules, law and inputs."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.day import DayResult
from hr_core.clock import Month
from hr_core.pay.carried import CarriedOver
from hr_core.pay.month_days import DaysOfPeople
from hr_core.pay.month_inputs import MonthInputs, read_month
from hr_core.pay.month_slips import PaidBy, slips_of
from hr_core.pay.scheme import Scheme
from hr_core.pay.slip import Slip
from hr_core.people.model import Roster
from hr_core.store.attendance_locks import CorrectionState, corrections
from hr_core.store.results import RefusedPerson


class Again(Struct, frozen=True, kw_only=True):
    """By what months are computed again, and when."""

    roster: Roster
    scheme: Scheme
    now: datetime
    allow_unverified: bool = False

    def paid_by(self, month: Month) -> PaidBy:
        """Raises NoLawError."""
        return PaidBy(
            code=self.scheme.code,
            edition=self.scheme.on(month.first),
            allow_unverified=self.allow_unverified,
        )


class Recomputed(Struct, frozen=True, kw_only=True):
    inputs: MonthInputs
    slips: dict[str, Slip]
    refused: tuple[RefusedPerson, ...]


def recompute(
    conn: sa.Connection,
    month: Month,
    again: Again,
    *,
    people: Collection[str] | None = None,
    carried: Mapping[str, CarriedOver] | None = None,
) -> Recomputed:
    """Of everybody without `people`. Days of a locked month are those that were paid, with what was
    queued for them since. Raises as a run does; nothing is stored.
    """
    inputs = read_month(conn, again.roster, month, again.now)
    inputs = replace(inputs, days=corrected_days(conn, month, inputs.days))
    slips, refused = slips_of(conn, inputs, again.paid_by(month), carried or {}, people)
    return Recomputed(inputs=inputs, slips={one.number: one for one in slips}, refused=refused)


def corrected_days(conn: sa.Connection, month: Month, days: DaysOfPeople) -> DaysOfPeople:
    """With the newest correction of each day, those that a later run took too."""
    newest: dict[tuple[str, date], DayResult] = {}
    for one in corrections(conn, month=str(month), state=None):
        if one.state in {CorrectionState.OPEN, CorrectionState.TAKEN}:
            newest[one.person, one.day] = one.after
    found = {person: {day.day: day for day in given} for person, given in days.items()}
    for (person, on), result in newest.items():
        found.setdefault(person, {})[on] = result
    return {
        person: tuple(result for _, result in sorted(given.items()))
        for person, given in found.items()
    }
