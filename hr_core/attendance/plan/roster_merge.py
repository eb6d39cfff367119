"""A subject's roster before and after a file: from the first day that the file names, it is the file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.plan.roster import Assignment, Membership, Rotation, Subject, SubjectKind
from hr_core.attendance.plan.roster_check import RosterFault

# An open assignment is looked at so far ahead for locked days: periods are locked after they end.
_LOOK_AHEAD = timedelta(days=400)


class SubjectRoster(Struct, frozen=True, kw_only=True):
    """`first` is the first day that the file names; earlier days stay."""

    subject: Subject
    first: date
    before: tuple[Assignment, ...]
    after: tuple[Assignment, ...]

    @property
    def is_changed(self) -> bool:
        return _without_origin(self.before) != _without_origin(self.after)


def subject_roster(
    subject: Subject, before: Iterable[Assignment], new: Sequence[Assignment]
) -> SubjectRoster:
    first = min(one.first for one in new)
    before = sorted(before, key=_order)
    kept = [
        one if one.until is not None and one.until <= first else replace(one, until=first)
        for one in before
        if one.first < first
    ]
    return SubjectRoster(
        subject=subject,
        first=first,
        before=tuple(before),
        after=tuple(sorted([*kept, *new], key=_order)),
    )


def covered_by_team(
    held: Sequence[Membership], rosters: Mapping[Subject, Sequence[Assignment]]
) -> Callable[[date], bool]:
    """Whether a team that the person is in on the day has a roster for it."""

    def covered(day: date) -> bool:
        return any(
            one.covers(day)
            and any(a.covers(day) for a in rosters.get(Subject(SubjectKind.TEAM, one.team), ()))
            for one in held
        )

    return covered


def locked_faults(
    rosters: Iterable[SubjectRoster], rotations: dict[str, Rotation], locked: Callable[[date], bool]
) -> list[RosterFault]:
    """A locked day keeps the plan by which it was computed and paid."""
    known: dict[date, bool] = {}
    faults = []
    for roster in rosters:
        if not roster.is_changed:
            continue
        ends = [one.until or one.first + _LOOK_AHEAD for one in (*roster.before, *roster.after)]
        for offset in range((max(ends) - roster.first).days):
            day = roster.first + timedelta(days=offset)
            if day not in known:
                known[day] = locked(day)
            if known[day] and _on(roster.before, day, rotations) != _on(
                roster.after, day, rotations
            ):
                covering = (one.origin for one in roster.after if one.covers(day))
                origin = next(
                    covering, roster.after[-1].origin
                )  # none: the last row ends too early
                message = f"{roster.subject}: {day} lies in a locked period"
                faults.append(RosterFault(origin, "locked", message))
                break
    return faults


def _on(
    assignments: Iterable[Assignment], day: date, rotations: dict[str, Rotation]
) -> list[tuple[object, ...]]:
    return [
        (one.duty_on(day, rotations), one.kind_from, one.rotation, one.site, one.rules)
        for one in assignments
        if one.covers(day)
    ]


def _without_origin(assignments: Iterable[Assignment]) -> list[Assignment]:
    return [replace(one, origin="") for one in assignments]


def _order(one: Assignment) -> tuple[date, date, str]:
    return one.first, one.until or date.max, "|".join((one.rotation or "", *one.duty.shifts))
