"""What the contracts of a person mean for a span of days: is it employed, is it paid, by the day."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from hr_core.people.model import Days
from hr_core.people.records import Employment, Kind


class NoSlip(StrEnum):
    """Why a person has days and no payslip."""

    EXTERNAL = "external"  # another employer pays
    NOT_EMPLOYED = "not employed in this month"
    HOURLY = "paid by the hour: the pay scheme knows monthly base pay only"


def why_no_slip(contracts: Sequence[Employment], days: Days, base_fen: int) -> NoSlip | None:
    """None: a slip is due. An own contract on one day of the span is enough."""
    held = [one for one in contracts if one.days.overlaps(days)]
    if not held:
        return NoSlip.NOT_EMPLOYED
    own = [one for one in held if one.kind is Kind.EMPLOYEE]
    if not own:
        return NoSlip.EXTERNAL
    if base_fen == 0 and any(one.hourly_fen is not None for one in own):
        return NoSlip.HOURLY
    return None


def employed_on(contracts: Sequence[Employment], on: date) -> bool:
    return any(one.days.covers(on) for one in contracts)


def paid_in_part(contracts: Sequence[Employment], days: Days) -> bool:
    """The own contracts do not reach over the whole span, which has both bounds."""
    own = [one.days for one in contracts if one.kind is Kind.EMPLOYEE and one.days.overlaps(days)]
    first, until = days
    if first is None or until is None or not own:
        return False
    return any(
        not any(one.covers(date.fromordinal(day)) for one in own)
        for day in range(first.toordinal(), until.toordinal())
    )
