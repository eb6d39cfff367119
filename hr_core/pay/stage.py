"""What a line of a slip counts as."""

from enum import StrEnum


class Stage(StrEnum):
    """What a line counts as, in the order in which the lines of a slip are made.

    wage      earned, and taxed with the month's wage
    untaxed   earned, and no wage
    apart     earned, and taxed apart from the wage
    shares    the person's own insurance and fund
    tax
    after_tax taken off what is left: advances, damages, recoveries, court orders
    employer  what the employer pays beside
    """

    WAGE = "wage"
    UNTAXED = "untaxed"
    APART = "apart"
    SHARES = "shares"
    TAX = "tax"
    AFTER_TAX = "after_tax"
    EMPLOYER = "employer"
