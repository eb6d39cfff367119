"""Deltas to people, by the badge that the line reports beside each reading.

A delta belongs to a badge only when both of its readings carry it. Two different badges mean a
hand-over somewhere inside, and whose piece is whose cannot be told: the delta is unattributed. A
driver that forces a reading at the hand-over reports it with the leaving badge (and one more with
the arriving badge), so nothing is lost there: what lies between has the same badge at both ends.
Unattributed work is a row like any other, so people + unattributed = the counter, always.
"""

from collections.abc import Iterable
from typing import NamedTuple

from hr_core.quality.deltas import NOT_COUNTED, CounterKey, Delta, DeltaFlag


class Stretch(NamedTuple):
    """Neighbouring deltas of one counter and one owner, told by their end points.

    number      the employee, None for unattributed
    badge       as the line reported it at both ends of every delta
    amount      sum of the deltas: last value - first value where no flag stands
    """

    counter: CounterKey
    number: str | None
    badge: str | None
    first_event: str
    last_event: str
    first_value: int
    last_value: int
    readings: int
    amount: int
    flags: tuple[DeltaFlag, ...]


def owner_badge(delta: Delta) -> str | None:
    if delta.start is None or delta.start.badge != delta.end.badge:
        return None
    return delta.end.badge


def stretches(
    counter: CounterKey, counted: Iterable[Delta], number_by_badge: dict[str, str]
) -> list[Stretch]:
    """Every counted delta of one counter, in one stretch each; flagged deltas stand alone."""
    result: list[Stretch] = []
    for delta in counted:
        if delta.start is None or NOT_COUNTED.intersection(delta.flags):
            continue
        badge = owner_badge(delta)
        stretch = Stretch(
            counter=counter,
            number=number_by_badge.get(badge) if badge is not None else None,
            badge=badge,
            first_event=delta.start.event_id,
            last_event=delta.end.event_id,
            first_value=delta.start.value,
            last_value=delta.end.value,
            readings=2,
            amount=delta.amount,
            flags=delta.flags,
        )
        if result and _continues(result[-1], stretch):
            result[-1] = _joined(result[-1], stretch)
        else:
            result.append(stretch)
    return result


def _continues(before: Stretch, stretch: Stretch) -> bool:
    return (
        before.last_event == stretch.first_event
        and before.badge == stretch.badge
        and not before.flags
        and not stretch.flags
    )


def _joined(before: Stretch, stretch: Stretch) -> Stretch:
    return before._replace(
        last_event=stretch.last_event,
        last_value=stretch.last_value,
        readings=before.readings + 1,
        amount=before.amount + stretch.amount,
    )
