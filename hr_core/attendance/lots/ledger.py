"""The ledger of time off: entries that are only ever added, and the lots that they fold into.

For each lot at each date: earned + shortfall = used + paid + expired + left, and none is below zero.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.calendar_overtime import Span


class EntryKind(StrEnum):
    EARNED = "earned"
    ADJUSTED = "adjusted"  # the day was computed anew: by so much more (or less, below zero)
    USED = "used"
    RETURNED = "returned"  # leave that was not taken after all: what it had used
    PAID = "paid"
    EXPIRED = "expired"  # below zero: expired time that is now paid instead
    SHORTFALL = (
        "shortfall"  # taken before the day turned out to have earned less; below zero: healed
    )
    SETTLED = "settled"  # a shortfall that was made good, in the words of the entry


class Origin(Struct, frozen=True, kw_only=True):
    """From which overtime a lot comes. `contract` is information: a lot belongs to the person and
    survives the contract. `spans` in wall seconds; `rule` and `law` name what made it time off.
    """

    day: date
    kind: DayKind
    spans: tuple[Span, ...] = ()
    events: tuple[str, ...] = ()
    contract: str = ""
    last_day: date | None = None
    rule: str
    law: str

    @property
    def lot(self) -> str:
        """The lot's id: one a person, day and kind of day (and contract, where there are several)."""
        tail = f"/{self.contract}" if self.contract else ""
        return f"{self.day}/{self.kind}{tail}"


class Entry(Struct, frozen=True, kw_only=True):
    """`booked`: the date on which the ledger takes it; `day`: of the leave, or of payment.

    Entries of one ledger are numbered in the order in which they were written, and are booked in it.
    """

    number: int
    lot: str
    kind: EntryKind
    minutes: int
    booked: date
    day: date | None = None
    leave: str = ""
    rate_percent: int | None = None
    note: str = ""
    origin: Origin | None = None


class Use(Struct, frozen=True, kw_only=True):
    leave: str
    day: date
    minutes: int


class Payment(Struct, frozen=True, kw_only=True):
    day: date
    minutes: int
    rate_percent: int
    note: str


class LotState(Struct, frozen=True, kw_only=True):
    """A lot after some entries. `uses` holds what leave still holds, `history` every entry."""

    lot: str
    origin: Origin
    earned_min: int
    uses: tuple[Use, ...]
    payments: tuple[Payment, ...]
    expired_min: int
    shortfall_min: int
    settled_min: int
    history: tuple[Entry, ...]

    @property
    def used_min(self) -> int:
        return sum(use.minutes for use in self.uses)

    @property
    def paid_min(self) -> int:
        return sum(payment.minutes for payment in self.payments)

    @property
    def consumed_min(self) -> int:
        return self.used_min + self.paid_min + self.expired_min

    @property
    def left_min(self) -> int:
        return self.earned_min + self.shortfall_min - self.consumed_min

    @property
    def owed_min(self) -> int:
        """What the person took and had not earned, and nobody has settled."""
        return self.shortfall_min - self.settled_min

    def usable_on(self, day: date) -> bool:
        last = self.origin.last_day
        return self.origin.day <= day and (last is None or day <= last)


class Balance(Struct, frozen=True, kw_only=True):
    earned_min: int
    used_min: int
    paid_min: int
    expired_min: int
    left_min: int
    shortfall_min: int
    owed_min: int


def fold(entries: Iterable[Entry], on: date | None = None) -> tuple[LotState, ...]:
    """One person's lots, oldest first, after what was booked up to `on`. The order in which the
    entries are given does not matter. Raises ValueError for a lot without its first entry.
    """
    by_lot: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if on is None or entry.booked <= on:
            by_lot[entry.lot].append(entry)
    states = (_lot(lot, sorted(rows, key=_number)) for lot, rows in by_lot.items())
    return tuple(sorted(states, key=lambda state: (state.origin.day, state.lot)))


def balance(states: Iterable[LotState]) -> Balance:
    rows = tuple(states)
    return Balance(
        earned_min=sum(row.earned_min for row in rows),
        used_min=sum(row.used_min for row in rows),
        paid_min=sum(row.paid_min for row in rows),
        expired_min=sum(row.expired_min for row in rows),
        left_min=sum(row.left_min for row in rows),
        shortfall_min=sum(row.shortfall_min for row in rows),
        owed_min=sum(row.owed_min for row in rows),
    )


def _number(entry: Entry) -> int:
    return entry.number


def _lot(lot: str, rows: list[Entry]) -> LotState:
    origins = [row.origin for row in rows if row.origin is not None]
    if not origins:
        raise ValueError(f"lot {lot!r} has entries and was never earned")
    total: defaultdict[EntryKind, int] = defaultdict(int)
    for row in rows:
        total[row.kind] += row.minutes
    return LotState(
        lot=lot,
        origin=origins[-1],
        earned_min=total[EntryKind.EARNED] + total[EntryKind.ADJUSTED],
        uses=_uses(rows),
        payments=tuple(
            Payment(
                day=row.day or row.booked,
                minutes=row.minutes,
                rate_percent=row.rate_percent or 0,
                note=row.note,
            )
            for row in rows
            if row.kind is EntryKind.PAID
        ),
        expired_min=total[EntryKind.EXPIRED],
        shortfall_min=total[EntryKind.SHORTFALL],
        settled_min=total[EntryKind.SETTLED],
        history=tuple(rows),
    )


def _uses(rows: Iterable[Entry]) -> tuple[Use, ...]:
    minutes: defaultdict[tuple[date, str], int] = defaultdict(int)
    for row in rows:
        sign = {EntryKind.USED: 1, EntryKind.RETURNED: -1}.get(row.kind)
        if sign:
            minutes[row.day or row.booked, row.leave] += sign * row.minutes
    return tuple(
        Use(leave=leave, day=day, minutes=taken)
        for (day, leave), taken in sorted(minutes.items())
        if taken
    )
