"""Who was at a station when, and how well that is known.

Evidence, strongest first: a serialised piece scanned with a badge on, a badge interval at the station,
the operator that the line itself reports, the shift roster. A moment belongs to those with its
strongest evidence; several of them are a team, and a piece is never two people's.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

UNATTRIBUTED = "unattributed"
TEAM_PREFIX = "team:"


class Evidence(IntEnum):
    NONE = 0
    ROSTER = 1
    LOGIN = 2
    BADGE = 3
    PIECE = 4


# A planned shift does not prove that somebody stood there: shown, never paid by.
LEAST_PAYABLE = Evidence.LOGIN


class Presence(NamedTuple):
    """`until` None: nobody said that the person left. UTC seconds, half-open."""

    person: str
    since: int
    until: int | None
    evidence: Evidence


class Owner(NamedTuple):
    """Whose work it is: one person, a team, or nobody's that could be told."""

    people: tuple[str, ...] = ()
    evidence: Evidence = Evidence.NONE

    @property
    def name(self) -> str:
        if len(self.people) > 1:
            return TEAM_PREFIX + "+".join(self.people)
        return self.people[0] if self.people else UNATTRIBUTED


NOBODY = Owner()


class Claim(NamedTuple):
    """`strongest`: the best evidence of any moment, also where the moments disagree."""

    owner: Owner
    strongest: Evidence


def closed(presences: Iterable[Presence], shift_ends: Iterable[int] = ()) -> list[Presence]:
    """Every presence with its end: who forgot to sign off left when the next person came, or at
    the end of the shift, whichever was first. Without either it proves nothing and is dropped.
    """
    known = sorted(presences, key=_by_start)
    ends = sorted(shift_ends)
    result = []
    for one in known:
        if one.until is not None:
            result.append(one)
            continue
        nexts = [
            other.since
            for other in known
            if other.person != one.person
            and other.evidence is one.evidence
            and other.since > one.since
        ]
        after = bisect_right(ends, one.since)
        candidates = nexts[:1] + ends[after : after + 1]
        if candidates:
            result.append(one._replace(until=min(candidates)))
    return result


_NO_CLAIM = Claim(NOBODY, Evidence.NONE)


class Timeline:
    """The owner of each moment at one station; built once, asked for each delta."""

    def __init__(self, presences: Iterable[Presence], shift_ends: Iterable[int] = ()) -> None:
        spans = [
            (one.since, one.until, one)
            for one in closed(presences, shift_ends)
            if one.until is not None and one.until > one.since
        ]
        self._starts = sorted({edge for since, until, _ in spans for edge in (since, until)})
        present: defaultdict[int, list[Presence]] = defaultdict(list)
        for since, until, one in spans:
            first, last = bisect_left(self._starts, since), bisect_left(self._starts, until)
            for segment in range(first, last):
                present[segment].append(one)
        self._owners = [_owner(present[segment]) for segment in range(len(self._starts))]

    def between(self, since: int, until: int) -> Claim:
        """Who made what was counted after `since` up to `until`; nobody when it changed inside."""
        if not self._starts:  # most stations have no reader of their own
            return _NO_CLAIM
        first = bisect_right(self._starts, since) - 1
        last = bisect_left(self._starts, until)
        owners = [self._owners[at] if at >= 0 else NOBODY for at in range(first, last)] or [NOBODY]
        strongest = max(owner.evidence for owner in owners)
        if len({owner.people for owner in owners}) > 1:
            return Claim(NOBODY, strongest)
        return Claim(min(owners, key=_by_evidence), strongest)

    def people_between(self, since: int, until: int) -> frozenset[str]:
        """Everybody who was there at any moment of it."""
        first = bisect_right(self._starts, since) - 1
        last = bisect_left(self._starts, until)
        return frozenset(
            person for at in range(max(first, 0), last) for person in self._owners[at].people
        )


def _owner(present: Sequence[Presence]) -> Owner:
    if not present:
        return NOBODY
    strongest = max(one.evidence for one in present)
    people = sorted({one.person for one in present if one.evidence is strongest})
    return Owner(tuple(people), strongest)


def _by_start(presence: Presence) -> tuple[int, str, int]:
    return presence.since, presence.person, presence.evidence


def _by_evidence(owner: Owner) -> int:
    return owner.evidence
