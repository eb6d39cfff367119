"""Deltas to people, by the strongest evidence there is for each.

A serialised piece is its scanner's, whoever stood there. A badge interval at the station wins over the operator that the line reports beside its readings:
a delta is that operator's only when both of its readings name him. A hand-over somewhere inside
leaves whose piece is whose unknown: the delta is unattributed, a row like any other, so that
people + unattributed = the counter, always. A driver that forces a reading at the hand-over
reports it with the leaving badge, and one more with the arriving one: then nothing is lost there.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hr_core.quality.counters import CounterKey, Delta, DeltaFlag
from hr_core.quality.presence import (
    LEAST_PAYABLE,
    NOBODY,
    Evidence,
    Owner,
    Timeline,
)
from hr_core.quality.serial_pieces import split_by_scans

_NO_PRESENCE = Timeline(())


class Stretch(NamedTuple):
    """Neighbouring deltas of one counter and one owner, told by their end points.

    number      the employee, None for unattributed and for a team
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
    owner: Owner = NOBODY

    @property
    def payable(self) -> bool:
        return self.owner.evidence >= LEAST_PAYABLE


class Attributed(NamedTuple):
    delta: Delta
    owner: Owner
    badge: str | None


def reported_badge(delta: Delta) -> str | None:
    """The one that the line itself names at both ends."""
    if delta.start is None or delta.start.badge != delta.end.badge:
        return None
    return delta.end.badge


def attribute(
    counted: Iterable[Delta],
    number_by_badge: Mapping[str, str],
    present: Timeline = _NO_PRESENCE,
) -> list[Attributed]:
    """An owner for every delta that counts; one with pieces of several people is in shares."""
    return [
        one
        for delta in counted
        if delta.start is not None and delta.counted
        for one in _shares(delta, number_by_badge, present)
    ]


def _shares(
    delta: Delta, number_by_badge: Mapping[str, str], present: Timeline
) -> list[Attributed]:
    rest, badge = _owner(delta, number_by_badge, present), reported_badge(delta)
    scanned_by = [number_by_badge[one] for one in delta.scanned_by if one in number_by_badge]
    if not scanned_by:
        return [Attributed(delta, rest, badge)]
    return [
        Attributed(delta._replace(amount=share.pieces), share.owner, badge)
        for share in split_by_scans(delta.amount, rest, scanned_by).shares
        if share.pieces
    ]


def _owner(delta: Delta, number_by_badge: Mapping[str, str], present: Timeline) -> Owner:
    start = delta.end if delta.start is None else delta.start
    claim = present.between(start.at, delta.end.at)
    if claim.strongest > Evidence.LOGIN:
        return claim.owner  # a reader at the station spoke; if it names two, nobody is right
    if start.badge is None and delta.end.badge is None:
        return claim.owner
    badge = reported_badge(delta)
    number = number_by_badge.get(badge) if badge is not None else None
    return NOBODY if number is None else Owner((number,), Evidence.LOGIN)


def stretches(
    counter: CounterKey,
    counted: Iterable[Delta],
    number_by_badge: Mapping[str, str],
    present: Timeline = _NO_PRESENCE,
) -> list[Stretch]:
    """Every counted delta of one counter, in one stretch each; flagged deltas stand alone."""
    return joined(counter, attribute(counted, number_by_badge, present))


def joined(counter: CounterKey, attributed: Iterable[Attributed]) -> list[Stretch]:
    """Neighbours of one owner in one stretch, flagged deltas alone."""
    result: list[Stretch] = []
    for one in attributed:
        stretch = _stretch(counter, one)
        if result and _continues(result[-1], stretch):
            result[-1] = _joined(result[-1], stretch)
        else:
            result.append(stretch)
    return result


def evidence_mix(of_one: Iterable[Stretch]) -> dict[Evidence, int]:
    """Pieces by the evidence that they were attributed with, strongest first."""
    mix: Counter[Evidence] = Counter()
    for stretch in of_one:
        if stretch.counter.metric == "pieces":
            mix[stretch.owner.evidence] += stretch.amount
    return dict(sorted(mix.items(), reverse=True))


def _stretch(counter: CounterKey, one: Attributed) -> Stretch:
    delta = one.delta
    start = delta.end if delta.start is None else delta.start
    return Stretch(
        counter=counter,
        number=one.owner.people[0] if len(one.owner.people) == 1 else None,
        badge=one.badge,
        first_event=start.event_id,
        last_event=delta.end.event_id,
        first_value=start.value,
        last_value=delta.end.value,
        readings=2,
        amount=delta.amount,
        flags=delta.flags and tuple(one for one in delta.flags if one is not DeltaFlag.LATE),
        owner=one.owner,
    )


def _continues(before: Stretch, stretch: Stretch) -> bool:
    return (
        before.last_event == stretch.first_event
        and before.badge == stretch.badge
        and before.owner == stretch.owner
        and _plain(before)
        and _plain(stretch)
    )


def _plain(stretch: Stretch) -> bool:
    """Whether its end points alone tell the amount: not after a wrap, a reset or a doubt."""
    return not stretch.flags and stretch.amount == stretch.last_value - stretch.first_value


def _joined(before: Stretch, stretch: Stretch) -> Stretch:
    return before._replace(
        last_event=stretch.last_event,
        last_value=stretch.last_value,
        readings=before.readings + 1,
        amount=before.amount + stretch.amount,
    )
