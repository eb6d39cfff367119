"""Whose facts a trace names: by the name of the fact, or of the step that holds it as a constant.

A name that stands nowhere here is nobody's: what changed by it alone is told as unknown.
"""

from hr_core.pay.diff.model import Cause

_FACTS = {
    Cause.AGREEMENT: """
        agreement base_fen base agreed_base_fen wage city district post_type floating_percent
        coefficient_min coefficient_max insurance_base_fen fund_base_fen cost_centre employed_days
        hired left exit months_before infant_care child_education elderly_support continuing_education
        housing_loan_interest housing_rent
    """,
    Cause.SCORE: "score score_number score_version result result_version coefficient performance",
    Cause.INPUT: "year_so_far months_not_known opening opening_version leaving leave_a_year leave_taken service_days",
    Cause.RULE: "price price_version price_from quota above_quota tiers tiers_pay per grade_version employer_rates",
    Cause.ROUNDING: "rounding rounding_unit unit_fen",
}
# What something else leads to: a reason of its own only where nothing else is otherwise.
_DERIVED = {
    Cause.SCORE: "grade percent_of_base",
    Cause.RULE: "factor month_days day_hours basic rule rule_version",
    Cause.INPUT: "days hours paid_days unpaid_days pieces paid rejects minutes own_weight group_weight group_amount_fen last_fen",
    Cause.LAW: "law_status",
}
# Steps whose plain numbers are somebody's. `contributions` beside: the slip's own shares.
_STEPS = {
    Cause.AGREEMENT: "base held_base wages special_deductions",
    Cause.INPUT: "income contributions due average_wage",
    Cause.SCORE: "coefficient",
}


def _by_name(table: dict[Cause, str]) -> dict[str, Cause]:
    return {name: cause for cause, names in table.items() for name in names.split()}


FACTS = _by_name(_FACTS)
DERIVED = _by_name(_DERIVED)
STEPS = _by_name(_STEPS)


def plain_name(fact: str) -> str:
    """`agreement` of agreement_12: several of a kind are numbered."""
    name, _, number = fact.rpartition("_")
    return name if number.isdecimal() else fact
