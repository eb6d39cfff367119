"""Single sums of a month that somebody enters and another approves: bonuses, advances, damages."""

from enum import StrEnum

from msgspec import Struct

from hr_core.trace.calculation import EntryInput


class EntryKind(StrEnum):
    INSTANT_BONUS = "instant_bonus"  # for one merit, apart from the yearly share
    BONUS = "bonus"
    GRADE_BONUS = "grade_bonus"  # a consequence of a grade
    ANNUAL_BONUS = "annual_bonus"  # taxed apart, once a year
    ALLOWANCE = "allowance"
    UNTAXED = "untaxed"
    ADVANCE = "advance"  # paid before, taken off now
    DAMAGES = "damages"  # what the person owes; taken off in parts


class NewEntry(Struct, frozen=True, kw_only=True):
    """`amount_fen` is above zero for every kind: whether it is paid or taken off is the kind's.

    month     like "2026-10"
    subject   what makes it one and the same: a second entry of it is refused ("" = nothing does)
    """

    person: str
    month: str
    kind: EntryKind
    name: str
    amount_fen: int
    reason: str
    entered_by: str
    approved_by: str
    subject: str = ""


class PayEntry(NewEntry, frozen=True, kw_only=True):
    number: int

    def as_input(self) -> EntryInput:
        return EntryInput(
            number=self.number,
            kind=self.kind.value,
            name=self.name,
            amount_fen=self.amount_fen,
            entered_by=self.entered_by,
            approved_by=self.approved_by,
            reason=self.reason,
        )
