"""Cases of performance: what a grade leads to in pay, tiers, shares by post, two-way scores."""

from datetime import date

import msgspec

from hr_core.cases.case_input import Fields, Json, UnsupportedError, text
from hr_core.cases.money_input import as_asked, exactly, fen_of, yuan
from hr_core.performance.house_rules import (
    Consequence,
    HouseEdition,
    load_house_rules,
    reason_required,
)

# Cases have no date; the rules of one day answer them all.
_ON = date(2026, 1, 1)
_GRADES = ("A", "B", "C", "D")
SCHEME = "workshop"


def _rules() -> HouseEdition:
    return load_house_rules().on(_ON)


def scheme_of(given: Fields) -> str:
    return str(given.choice("scheme", [one.code for one in _rules().scheme], SCHEME))


def consequence_of(scheme: str, grade: str | None) -> Json:
    """In the words of the format: what does not follow is not named."""
    found = None if grade is None else _rules().consequence(scheme, grade)
    if found is None:
        return None
    named = msgspec.to_builtins(found, builtin_types=(object,), enc_hook=float)
    return {key: value for key, value in named.items() if value not in (None, False)}


def _grade_pay(given: Fields, expect: Json) -> Json:
    pay = given.read("monthly_pay", fen_of)
    grade = given.choice("grade", _GRADES)
    found = _rules().consequence(scheme_of(given), grade) or Consequence()
    raised = found.raised(pay)
    answer = {
        "new_monthly": yuan(raised),
        "pay_change": yuan(raised - pay),
        "raise": yuan(raised - pay),
        "bonus": yuan(found.bonus(pay)),
    }
    return as_asked(answer, expect)


def _completion_tier(given: Fields, _: Json) -> Json:
    done, goal = given.read("done", exactly), given.read("goal", exactly)
    if goal < 0:
        raise UnsupportedError(f"input.goal: {goal}")
    if goal == 0:
        return {"tier": None, "percent": None}  # as of a rate: nothing to reach, no tier
    return {"tier": _rules().tier_of(done, goal), "percent": float(100 * done / goal)}


def _performance_share(given: Fields, _: Json) -> Json:
    post, share = given.read("post", text), given.read("share_percent", exactly)
    allowed = _rules().share_range(post)
    if allowed is None:
        raise UnsupportedError(f"input.post: {post!r}")
    return {"accepted": allowed.from_percent <= share <= allowed.to_percent}


def _two_way_score(given: Fields, _: Json) -> Json:
    tolerance = given.read_or("tolerance", exactly, exactly(0))
    if tolerance < 0:
        raise UnsupportedError(f"input.tolerance: {tolerance}")
    own, manager = given.read("self", exactly), given.read("manager", exactly)
    required = reason_required(own, manager, tolerance)
    return {"reason_required": required, "may_lock_without_reason": not required}


KINDS = {
    "grade_pay": _grade_pay,
    "completion_tier": _completion_tier,
    "performance_share": _performance_share,
    "two_way_score": _two_way_score,
}
