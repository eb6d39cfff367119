"""What to enter: a day's overtime earned (again), time taken, returned, paid out, expired, settled.

Each function looks at the lots and gives drafts of entries; none writes.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct

from hr_core.attendance.lots.ledger import EntryKind, LotState, Origin
from hr_core.attendance.lots.rules import Order
from hr_core.errors import RefusedError


class Draft(Struct, frozen=True, kw_only=True):
    """An entry before it is written: the store gives number and booking date."""

    lot: str
    kind: EntryKind
    minutes: int
    day: date | None = None
    leave: str = ""
    rate_percent: int | None = None
    note: str = ""
    origin: Origin | None = None


class Rate(Struct, frozen=True, kw_only=True):
    """What a lot's time is paid at, and by which law row."""

    percent: int
    source: str


class TimeOffError(RefusedError):
    """The ledger does not hold what was asked for. `short_min`: by how many minutes, if it is that."""

    def __init__(self, message: str, *, remedy: str, short_min: int = 0) -> None:
        super().__init__(message, remedy=remedy)
        self.short_min = short_min


def earn(state: LotState | None, origin: Origin, minutes: int) -> list[Draft]:
    """The day's overtime as it is now computed, against what the lot holds.

    A day that comes out the same gives nothing. One that earned less than was taken gives a
    shortfall, which later growth heals as far as it was not settled.
    """
    if minutes < 0:
        raise ValueError(f"{minutes} minutes of overtime")
    if state is None:
        if not minutes:
            return []
        return [
            Draft(lot=origin.lot, kind=EntryKind.EARNED, minutes=minutes, origin=origin),
        ]
    difference = minutes - state.earned_min
    drafts = []
    if difference or origin != state.origin:
        note = f"computed anew: {minutes} min instead of {state.earned_min}"
        drafts.append(
            Draft(
                lot=state.lot,
                kind=EntryKind.ADJUSTED,
                minutes=difference,
                note=note,
                origin=origin,
            )
        )
    unspent = min(state.expired_min, max(0, state.consumed_min - minutes))
    if unspent:  # nobody took it: what was never earned did not expire either
        note = "had expired and is not earned any more"
        drafts.append(Draft(lot=state.lot, kind=EntryKind.EXPIRED, minutes=-unspent, note=note))
    return drafts + _shortfall(state, minutes, state.consumed_min - unspent)


def _shortfall(state: LotState, earned: int, consumed: int) -> list[Draft]:
    """The change that makes the lot's shortfall what it must be; settled ones stay as they are."""
    change = max(consumed - earned, state.settled_min) - state.shortfall_min
    if not change:
        return []
    taken = f"{consumed} min are taken, {earned} min are earned"
    note = taken if change > 0 else f"no longer short: {taken}"
    return [Draft(lot=state.lot, kind=EntryKind.SHORTFALL, minutes=change, note=note)]


def use(
    states: Iterable[LotState], leave: str, day: date, minutes: int, order: Order
) -> list[Draft]:
    """Leave of `day` from the lots that can be taken then. Raises TimeOffError; never a debt."""
    _above_zero(minutes)
    rows = sorted(states, key=lambda state: _rank(state, order))
    drafts, missing = [], minutes
    for state in rows:
        part = min(missing, state.left_min) if state.usable_on(day) else 0
        if part:
            missing -= part
            drafts.append(
                Draft(lot=state.lot, kind=EntryKind.USED, minutes=part, day=day, leave=leave)
            )
    if missing:
        raise TimeOffError(
            f"{minutes} min of time off are asked for on {day}, {minutes - missing} min can be taken"
            f"{_why_not(rows, day)}",
            remedy="shorten the leave, or take another kind of leave for the rest",
            short_min=missing,
        )
    return drafts


def give_back(states: Iterable[LotState], leave: str) -> list[Draft]:
    """Leave that was not taken: its time goes back to the lots it came from, expired or not."""
    drafts: list[Draft] = []
    for state in states:
        uses = [taken for taken in state.uses if taken.leave == leave]
        drafts += [
            Draft(
                lot=state.lot,
                kind=EntryKind.RETURNED,
                minutes=taken.minutes,
                day=taken.day,
                leave=leave,
            )
            for taken in uses
        ]
        back = sum(taken.minutes for taken in uses)
        if back:
            drafts += _shortfall(state, state.earned_min, state.consumed_min - back)
    if not drafts:
        raise TimeOffError(
            f"no lot was used by leave {leave!r}",
            remedy="hr-core timeoff lots PERSON lists each lot with the leave that used it",
        )
    return drafts


def pay_out(
    states: Sequence[LotState], rates: dict[str, Rate], minutes: int | None, day: date
) -> list[Draft]:
    """Pays so many minutes (None: all), expired time first and then the oldest lots.

    `rates` by lot id. Raises TimeOffError when less is there.
    """
    there = sum(state.left_min + state.expired_min for state in states)
    wanted = there if minutes is None else minutes
    _above_zero(wanted)
    if wanted > there:
        raise TimeOffError(
            f"{wanted} min are to be paid, the lots hold {there} min",
            remedy="hr-core timeoff lots PERSON shows what is left",
            short_min=wanted - there,
        )
    drafts: list[Draft] = []
    for state in sorted(states, key=lambda row: (not row.expired_min, row.origin.day, row.lot)):
        from_expired = min(wanted, state.expired_min)
        part = min(wanted, state.expired_min + state.left_min)
        if from_expired:
            drafts.append(
                Draft(
                    lot=state.lot,
                    kind=EntryKind.EXPIRED,
                    minutes=-from_expired,
                    day=day,
                    note="paid instead",
                )
            )
        if part:
            wanted -= part
            rate = rates[state.lot]
            drafts.append(
                Draft(
                    lot=state.lot,
                    kind=EntryKind.PAID,
                    minutes=part,
                    day=day,
                    rate_percent=rate.percent,
                    note=rate.source,
                )
            )
    return drafts


def expire(states: Iterable[LotState], on: date) -> list[Draft]:
    """What is left of lots whose last day is before `on`."""
    return [
        Draft(
            lot=state.lot,
            kind=EntryKind.EXPIRED,
            minutes=state.left_min,
            day=on,
            note=f"could be taken until {state.origin.last_day}",
        )
        for state in states
        if state.left_min and state.origin.last_day is not None and state.origin.last_day < on
    ]


def settle(state: LotState, how: str) -> list[Draft]:
    """A shortfall made good outside the ledger, in words. Raises TimeOffError when there is none."""
    if not state.owed_min:
        raise TimeOffError(
            f"lot {state.lot} has no open shortfall",
            remedy="hr-core timeoff lots PERSON shows the lots that have one",
        )
    return [Draft(lot=state.lot, kind=EntryKind.SETTLED, minutes=state.owed_min, note=how)]


def _rank(state: LotState, order: Order) -> tuple[date, date, str]:
    expires = state.origin.last_day or date.max
    first = expires if order is Order.EXPIRING_FIRST else state.origin.day
    return first, state.origin.day, state.lot


def _above_zero(minutes: int) -> None:
    if minutes <= 0:
        raise TimeOffError(f"{minutes} min are nothing to book", remedy="give minutes above zero")


def _why_not(rows: Iterable[LotState], day: date) -> str:
    """The lots that hold time which this day cannot take."""
    held = [
        f"{row.left_min} min of {row.origin.day} "
        + ("were not earned yet" if day < row.origin.day else f"ended on {row.origin.last_day}")
        for row in rows
        if row.left_min and not row.usable_on(day)
    ]
    return f" ({'; '.join(held)})" if held else ""
