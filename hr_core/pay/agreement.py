"""What a person and the employer agreed about pay, each agreement from its day until the next.

Amounts are fen of a month, percents decimal text like "12.5"; None is "nobody entered it", which a
scheme that needs it refuses to pay.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from msgspec import Struct, field

from hr_core.clock import Month
from hr_core.money import parse_exact


class AgreedFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is agreed besides sums; files of agreements spell it alike.

    floating_percent    the part of the wage that is paid by performance
    coefficient_min, coefficient_max   what may multiply the floating part; empty: the post type's
    by_piece            the wage is earned by pieces; the base then serves absences and top-ups
    """

    city: str = ""
    district: str = ""
    post_type: str = "staff"
    floating_percent: str = "0"
    coefficient_min: str = ""
    coefficient_max: str = ""
    by_piece: bool = False
    fund_starts_second_month: bool = False
    draws_pension: bool = False
    foreign: bool = False
    foreign_fund_agreed: bool = False
    tax_resident: bool = True
    only_child: bool = False
    children: int = 1
    rent_place: str = "large"
    first_wage_income_this_year: bool = False
    deduct_60000_at_once: bool = False
    cost_centre: str = ""
    bank_name: str = ""
    bank_account: str = ""


class PayAgreement(AgreedFacts, frozen=True, kw_only=True):
    """The terms of one agreement.

    base_fen            the agreed month wage, its floating part included
    allowances          taxed sums paid every month, by name; `untaxed` those that are no wage
    special_deductions  claimed fen of a month by code (专项附加扣除)
    """

    base_fen: int
    allowances: dict[str, int] = field(default_factory=dict)
    untaxed: dict[str, int] = field(default_factory=dict)
    heat_allowance_fen: int = 0
    insurance_base_fen: int | None = None
    fund_base_fen: int | None = None
    special_deductions: dict[str, int] = field(default_factory=dict)

    @property
    def floating_share(self) -> Fraction:
        """Of one: "12.5" is 1/8. Raises ValueError for what is no decimal number."""
        return parse_exact(self.floating_percent) / 100


class DatedAgreement(Struct, frozen=True, kw_only=True):
    """`number` and the two names say where it came from; it holds from `valid_from` until the next."""

    number: int
    person: str
    valid_from: date
    terms: PayAgreement
    entered_by: str
    approved_by: str


def on_day(agreements: Sequence[DatedAgreement], day: date) -> DatedAgreement | None:
    """Of one person: the last that began by `day`; of two that begin together, the one entered later."""
    begun = [one for one in agreements if one.valid_from <= day]
    return max(begun, key=lambda one: (one.valid_from, one.number), default=None)


def of_month(agreements: Sequence[DatedAgreement], month: Month) -> tuple[DatedAgreement, ...]:
    """Of one person: those that hold on some day of the month, in order of their days."""
    held = {one.number: one for day in month.days() if (one := on_day(agreements, day)) is not None}
    return tuple(sorted(held.values(), key=lambda one: one.valid_from))
