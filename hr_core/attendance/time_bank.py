"""Compensatory time (调休) as a ledger of lots: what was earned, when it lapses, which leave used it."""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct


class Lot(Struct, frozen=True, kw_only=True):
    """Time earned on one day. `source` names the overtime line, `last_day` is the last on which it
    can be taken, `rate_percent` what it is paid at when it lapses.
    """

    id: str
    earned: date
    seconds: int
    source: str
    last_day: date | None = None
    rate_percent: int = 100


class Withdrawal(Struct, frozen=True, kw_only=True):
    id: str
    day: date
    seconds: int


class Use(Struct, frozen=True):
    withdrawal: str
    seconds: int


class LotState(Struct, frozen=True):
    """`left` can still be taken; `lapsed` is due to be paid. uses + left + lapsed = the lot."""

    lot: Lot
    uses: tuple[Use, ...]
    left: int
    lapsed: int


class Bank(Struct, frozen=True):
    """`uncovered`: leave that no lot covers; never a debt in silence."""

    lots: tuple[LotState, ...]
    uncovered: tuple[Use, ...]

    @property
    def balance(self) -> int:
        return sum(state.left for state in self.lots)


def settle(lots: Iterable[Lot], withdrawals: Iterable[Withdrawal], on: date) -> Bank:
    """The bank at the end of a day: oldest lot first, withdrawals in order of their day."""
    ordered = sorted(
        (lot for lot in lots if lot.earned <= on), key=lambda lot: (lot.earned, lot.id)
    )
    left = {lot.id: lot.seconds for lot in ordered}
    if len(left) != len(ordered):
        raise ValueError("two lots with one id")
    uses: dict[str, list[Use]] = {lot.id: [] for lot in ordered}
    uncovered = []
    for taken in sorted(withdrawals, key=lambda one: (one.day, one.id)):
        if taken.day > on:
            continue
        missing = taken.seconds
        for lot in ordered:
            seconds = min(missing, left[lot.id]) if _usable(lot, taken.day) else 0
            if seconds:
                left[lot.id] -= seconds
                missing -= seconds
                uses[lot.id].append(Use(taken.id, seconds))
        if missing:
            uncovered.append(Use(taken.id, missing))
    states = (_state(lot, tuple(uses[lot.id]), left[lot.id], on) for lot in ordered)
    return Bank(tuple(states), tuple(uncovered))


def _usable(lot: Lot, day: date) -> bool:
    return lot.earned <= day and (lot.last_day is None or day <= lot.last_day)


def _state(lot: Lot, uses: tuple[Use, ...], left: int, on: date) -> LotState:
    lapsed = lot.last_day is not None and on > lot.last_day
    return LotState(lot, uses, 0 if lapsed else left, left if lapsed else 0)
