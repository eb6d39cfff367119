"""Whose facts a trace names: by the name of the fact, or of the step that holds it as a constant.

A name that stands nowhere here is nobody's: what changed by it alone is told as unknown.
"""

from hr_core.pay.diff.model import Cause

_AGREEMENT = [
    "base_fen",
    "base",
    "agreed_base_fen",
    "agreed_base",
    "wage",
    "city",
    "district",
    "post_type",
    "floating_percent",
    "coefficient_min",
    "coefficient_max",
    "insurance_base_fen",
    "fund_base_fen",
    "insurance_base",
    "fund_base",
    "cost_centre",
    "special_deductions",
    "allowances",
    "untaxed",
    "heat_allowance_fen",
    "basic",
    "hired",
    "left",
    "employed_days",
    "by_piece",
    "children",
    "rent_place",
]
_SCORE = [
    "score",
    "score_number",
    "score_version",
    "score_period",
    "result",
    "result_version",
    "coefficient",
    "grade_of_score",
    "performance",
    "performance_version",
]
_RULE = [
    "factor",
    "month_days",
    "day_hours",
    "grade_version",
    "price",
    "price_version",
    "rule",
    "rule_version",
]
_INPUT = [
    "days",
    "hours",
    "paid_days",
    "unpaid_days",
    "pieces",
    "rejects",
    "minutes",
    "taxed_before",
    "paid_before",
    "withheld_before",
    "earlier_months",
    "months",
    "month",
    "opening",
    "opening_version",
]
_ROUNDING = ["rounding", "rounding_unit", "unit_fen"]
# What the inputs lead to: a reason of its own only where they are the same.
DERIVED = frozenset({"grade", "percent_of_base"})

CAUSES: dict[str, Cause] = {
    name: cause
    for cause, names in (
        (Cause.AGREEMENT, _AGREEMENT),
        (Cause.SCORE, _SCORE),
        (Cause.RULE, _RULE),
        (Cause.INPUT, _INPUT),
        (Cause.ROUNDING, _ROUNDING),
        (Cause.SCORE, sorted(DERIVED)),
    )
    for name in names
}
