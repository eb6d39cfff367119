"""Severance (经济补偿): a month's wage for each year of service, capped for high wages."""

from datetime import date, timedelta
from enum import StrEnum

from msgspec import Struct

from hr_core.law.national import Severance
from hr_core.law.rows import LawRow
from hr_core.pay.cn.lines import Authority, Line, PayRefusedError, line
from hr_core.trace.calculation import Calculation

_HALF_YEAR_MONTHS = 6
_YEAR_MONTHS = 12


class Exit(StrEnum):
    """How the contract ended; the first owes severance, the last twice of it."""

    MUTUAL = "mutual, proposed by employer"
    RESIGNATION = "resignation"
    UNLAWFUL = "unlawful dismissal (double)"

    @property
    def times(self) -> int:
        return {Exit.MUTUAL: 1, Exit.RESIGNATION: 0, Exit.UNLAWFUL: 2}[self]


class Service(Struct, frozen=True):
    """From hire to the last day; `carried_months` were served before and count (art. 10)."""

    hired: date
    left: date
    carried_months: int = 0

    @property
    def half_years(self) -> int:
        """From six months on a begun year is a whole one, below it half a one."""
        months, rest = _months(self.hired, self.left)
        years, months = divmod(months + self.carried_months, _YEAR_MONTHS)
        if months >= _HALF_YEAR_MONTHS:
            return 2 * years + 2
        return 2 * years + (1 if months or rest else 0)


class SeveranceWage(Struct, frozen=True):
    """The average month wage of the last twelve months, with its floor."""

    average: int
    minimum_wage: int = 0


def severance(
    service: Service, wage: SeveranceWage, how: Exit, local_average: LawRow, law: Severance
) -> Line:
    """The twelve-year cap belongs to the capped wage alone: a lower wage has no cap of years."""
    steps = Calculation()
    steps.step("wage", "largest", wage.average, wage.minimum_wage)
    cap = steps.step("wage_cap", "product", _amount_of(local_average), law.cap_average_wages)
    steps.step("counted_wage", "smallest", "wage", "wage_cap")
    halves = steps.step("half_years", "constant", service.half_years)
    if max(wage.average, wage.minimum_wage) > cap:
        halves = steps.step("at_most_half_years", "smallest", "half_years", 2 * law.cap_years)
    steps.step("severance", "multiply_half_up", "counted_wage", halves * how.times, 2)
    return line(
        "severance",
        steps,
        Authority(
            f"{law.version} with {local_average.version}",
            f"{law.source}; {local_average.source}",
            local_average.status,
        ),
        formula=f"wage x half years of service / 2 x {how.times}",
        facts={"exit": str(how), "hired": str(service.hired), "left": str(service.left)},
    )


def _amount_of(row: LawRow) -> int:
    if row.amount is None:
        raise PayRefusedError(f"{row.version} has no amount", remedy="correct the law row")
    return row.amount


def _months(hired: date, left: date) -> tuple[int, int]:
    """Whole months, and whether days remain (0 or 1); the last day is worked."""
    after = left + timedelta(days=1)
    months = (after.year - hired.year) * _YEAR_MONTHS + after.month - hired.month
    if after.day < hired.day:
        return months - 1, 1
    return months, int(after.day > hired.day)
