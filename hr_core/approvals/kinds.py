"""What needs a second person, and which accounts may be the second one."""

from enum import StrEnum

from hr_core.accounts.model import Role


class Kind(StrEnum):
    LAW = "law"
    SCHEME = "scheme"
    PAY_AGREEMENT = "pay_agreement"
    PAY_ENTRY = "pay_entry"
    PIECE_PRICE = "piece_price"
    RUN = "run"
    PAYMENT = "payment"
    MONTH_LOCK = "month_lock"
    GOALS = "goals"
    SCORE = "score"
    APPEAL = "appeal"
    OPENING = "opening"
    REVERSAL = "reversal"
    COURT_ORDER = "court_order"
    ERASURE = "erasure"
    PERFORMANCE_RULES = "performance_rules"
    LEAVING = "leaving"


_PAY = frozenset({Role.ADMIN, Role.HR})
# Goals and bonuses are also a manager's to approve, and goals are signed by whom they bind.
_APPROVERS = {
    Kind.PAY_ENTRY: _PAY | {Role.MANAGER},
    Kind.SCORE: _PAY | {Role.MANAGER},
    Kind.APPEAL: _PAY | {Role.MANAGER},
    Kind.GOALS: _PAY | {Role.MANAGER, Role.WORKER},
}


def approvers(kind: Kind) -> frozenset[Role]:
    return _APPROVERS.get(kind, _PAY)
