"""Dated rows of a city's pay law: floors, ceilings and rates of insurances, and single amounts.

Amounts are fen, rates exact fractions (16 % is 16/100). A row holds from `since` (included) until
`until` (excluded); without an end it holds until the next row of its item begins.
"""

from datetime import date
from enum import StrEnum
from fractions import Fraction

from msgspec import Struct

FEN_OF_A_YUAN = 100


class Item(StrEnum):
    PENSION = "pension"
    MEDICAL = "medical"
    UNEMPLOYMENT = "unemployment"
    INJURY = "injury"
    MATERNITY = "maternity"
    HOUSING_FUND = "housing_fund"
    HOUSING_FUND_SUPPLEMENT = "housing_fund_supplement"
    MINIMUM_WAGE = "minimum_wage"
    AVERAGE_WAGE = "average_month_wage"
    HEAT_ALLOWANCE = "heat_allowance"
    SICK_PAY = "sick_pay"


INSURANCES = (Item.PENSION, Item.MEDICAL, Item.UNEMPLOYMENT, Item.INJURY, Item.MATERNITY)
FUNDS = (Item.HOUSING_FUND, Item.HOUSING_FUND_SUPPLEMENT)
AMOUNTS = (Item.MINIMUM_WAGE, Item.AVERAGE_WAGE, Item.HEAT_ALLOWANCE)


class Status(StrEnum):
    """official = read in the notice itself; secondary = told by others who name the notice, or by
    two sources that agree; unverified = anything else.
    """

    OFFICIAL = "official"
    SECONDARY = "secondary"
    UNVERIFIED = "unverified"

    @property
    def trust(self) -> int:
        return (Status.UNVERIFIED, Status.SECONDARY, Status.OFFICIAL).index(self)


class Rounding(StrEnum):
    """The unit that each share is rounded to, half up; `yuan_up` and `jiao_up` round up always."""

    FEN = "fen"
    JIAO = "jiao"
    YUAN = "yuan"
    JIAO_UP = "jiao_up"
    YUAN_UP = "yuan_up"

    @property
    def unit_fen(self) -> int:
        return {"fen": 1, "jiao": 10, "yuan": 100}[self.value.removesuffix("_up")]

    @property
    def always_up(self) -> bool:
        return self.value.endswith("_up")


class LawRow(Struct, frozen=True, kw_only=True):
    """`employer` and `employee` are rates, None where the row does not tell them or the employer
    has a rate of its own (`*_range` then bounds it); `*_fixed` fen are added to the rate's share.
    A row that does not tell its `rounding` pays nobody.

    announced   day of the notice: later than `since` makes the row retroactive
    checked     day on which somebody last compared the row with its source
    district    a tier inside the city ("" = everywhere)
    months      of the year in which an amount is due (empty = all)
    by_service  of sick pay: from how many full years of service on which share of the wage is due
    floor_of_minimum   of sick pay: the share of the minimum wage that it is at least
    after_own_contributions   of a minimum wage: it is compared after the person's own shares
    """

    city: str
    item: Item
    since: date
    status: Status
    source: str
    until: date | None = None
    district: str = ""
    announced: date | None = None
    checked: date | None = None
    note: str = ""
    floor: int | None = None
    ceiling: int | None = None
    employer: Fraction | None = None
    employee: Fraction | None = None
    employer_fixed: int = 0
    employee_fixed: int = 0
    employer_range: tuple[Fraction, Fraction] | None = None
    employee_range: tuple[Fraction, Fraction] | None = None
    whole_percent: bool = False
    rounding: Rounding | None = None
    amount: int | None = None
    months: tuple[int, ...] = ()
    after_own_contributions: bool = False
    by_service: tuple[tuple[int, Fraction], ...] = ()
    floor_of_minimum: Fraction | None = None

    @property
    def version(self) -> str:
        """A notice that came after the first day names its own: the row takes the place of another one
        of that day.
        """
        place = f"{self.city}/{self.district}" if self.district else self.city
        notice = f", notice of {self.announced}" if self.retroactive else ""
        return f"{place}/{self.item}/{self.since}{notice}"

    @property
    def retroactive(self) -> bool:
        return self.announced is not None and self.announced > self.since

    def holds(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on < self.until)
