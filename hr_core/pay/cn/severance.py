"""Severance (经济补偿): a month's wage for each year of service, capped for high wages."""

from datetime import date, timedelta
from enum import StrEnum

from msgspec import Struct

from hr_core.law.national import Severance
from hr_core.law.rows import LawRow
from hr_core.pay.cn.lines import Authority, Line, PayRefusedError, by_edition, by_row, line
from hr_core.trace.calculation import Calculation

_HALF_YEAR_MONTHS = 6
_YEAR_MONTHS = 12


class Exit(StrEnum):
    """How the contract ended, with the article of 劳动合同法 that says so."""

    MUTUAL = "mutual, proposed by employer"  # art. 36
    MUTUAL_BY_EMPLOYEE = "mutual, proposed by employee"  # art. 36
    RESIGNATION = "resignation"  # art. 37
    EMPLOYER_AT_FAULT = "left because the employer was at fault"  # art. 38
    FOR_CAUSE = "dismissed for the employee's fault"  # art. 39
    WITH_NOTICE = "dismissed with notice, without fault"  # art. 40
    LAYOFF = "layoff"  # art. 41
    EXPIRED = "fixed term ended"  # art. 46(5)
    EXPIRED_RENEWAL_DECLINED = "fixed term ended, renewal declined by employee"  # art. 46(5)
    RETIREMENT = "retirement"  # art. 44(2)
    CLOSED = "employer closed"  # art. 46(6)
    UNLAWFUL = "unlawful dismissal (double)"  # art. 87

    @property
    def code(self) -> str:
        """As people write it."""
        return self.name.lower()

    @property
    def times(self) -> int:
        """How many times severance is owed."""
        if self is Exit.UNLAWFUL:
            return 2
        return 0 if self in _OWES_NOTHING else 1

    @property
    def may_pay_notice(self) -> bool:
        """A month's wage in place of notice is of art. 40; parties may agree on it (art. 36)."""
        return self in {Exit.WITH_NOTICE, Exit.MUTUAL}


_OWES_NOTHING = frozenset(
    {
        Exit.MUTUAL_BY_EMPLOYEE,
        Exit.RESIGNATION,
        Exit.FOR_CAUSE,
        Exit.EXPIRED_RENEWAL_DECLINED,
        Exit.RETIREMENT,
    }
)


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
            (*by_edition("severance", law).law, *by_row(local_average).law),
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
