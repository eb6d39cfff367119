"""Permits for comprehensive (综合计算工时) and irregular (不定时) hours, and who works by which.

劳动法 art. 39, 劳部发〔1994〕503号: the labour authority approves them for posts and a time. Without one
that is valid on the day, standard hours hold, and the reason is said.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from hr_core.attendance.hours.law import PeriodLength, System
from hr_core.attendance.hours.windows import DateSpan

_DAY = timedelta(days=1)


class Permit(Struct, frozen=True, kw_only=True):
    """`number` as on the paper; `valid_until` is the first day after it.

    period                  only of comprehensive hours
    anchor                  a day of the month in which some period begins; None: as the calendar year
    basis                   statutory hours of a whole period: by the notice's average year, or by
                            the workdays that the calendar really has
    holiday_fills_standard  whether work on a statutory holiday also fills the statutory hours
    """

    number: str
    system: System
    posts: tuple[str, ...]
    period: PeriodLength | None = None
    valid_from: date
    valid_until: date
    anchor: date | None = None
    basis: Literal["notice", "calendar"] = "notice"
    holiday_fills_standard: bool = False
    authority: str = ""

    @property
    def days(self) -> DateSpan:
        return DateSpan(self.valid_from, self.valid_until)


class PostSpan(Struct, frozen=True, kw_only=True):
    """A person holds a post on these days; None is no bound."""

    post: str
    since: date | None = None
    until: date | None = None

    def holds(self, on: date) -> bool:
        return (self.since is None or self.since <= on) and (self.until is None or on < self.until)


class SystemSpan(Struct, frozen=True, kw_only=True):
    """By which system a person's hours are judged on these days, and why."""

    days: DateSpan
    system: System
    permit: Permit | None = None
    reason: str


class _Found(Struct, frozen=True):
    system: System
    permit: Permit | None
    reason: str


def system_on(permits: Iterable[Permit], posts: Iterable[str], on: date) -> tuple[System, str]:
    """The system that holds on a day for somebody with these posts, and the reason in words."""
    found = _system(tuple(permits), tuple(posts), on)
    return found.system, found.reason


def system_spans(
    permits: Sequence[Permit], posts: Sequence[PostSpan], asked: DateSpan
) -> tuple[SystemSpan, ...]:
    """The whole span, cut wherever the system, the permit or the reason changes."""
    spans: list[SystemSpan] = []
    cuts = [asked.first, *_cuts(permits, posts, asked), asked.until]
    for first, until in pairwise(cuts):
        held = tuple(row.post for row in posts if row.holds(first))
        found = _system(permits, held, first)
        span = SystemSpan(
            days=DateSpan(first, until),
            system=found.system,
            permit=found.permit,
            reason=found.reason,
        )
        last = spans[-1] if spans else None
        if last and (last.system, last.permit, last.reason) == (
            span.system,
            span.permit,
            span.reason,
        ):
            spans[-1] = SystemSpan(
                days=DateSpan(last.days.first, until),
                system=last.system,
                permit=last.permit,
                reason=last.reason,
            )
        else:
            spans.append(span)
    return tuple(spans)


def conflicts(permits: Sequence[Permit]) -> Iterator[tuple[Permit, Permit, str]]:
    """Pairs of permits that both hold for a post on some day, with the post."""
    for index, one in enumerate(permits):
        for other in permits[index + 1 :]:
            shared = sorted(set(one.posts) & set(other.posts))
            if shared and one.days.overlap(other.days):
                yield one, other, shared[0]


def _system(permits: Sequence[Permit], posts: tuple[str, ...], on: date) -> _Found:
    """Somebody with two posts under two systems works by standard hours: a permit never stretches
    to a post that it does not name.
    """
    if not posts:
        return _Found(System.STANDARD, None, "standard hours: no post is known")
    for post in posts:
        valid = next((row for row in permits if post in row.posts and row.days.covers(on)), None)
        if valid is None:
            return _Found(System.STANDARD, None, _why_standard(permits, post, on))
    found = {
        row.number: row for row in permits if set(posts) & set(row.posts) and row.days.covers(on)
    }
    if len(found) > 1:
        numbers = ", ".join(sorted(found))
        return _Found(System.STANDARD, None, f"standard hours: posts under permits {numbers}")
    (permit,) = found.values()
    period = f" by the {permit.period}" if permit.period else ""
    reason = (
        f"{permit.system} hours{period}: permit {permit.number} until {permit.valid_until - _DAY}"
    )
    return _Found(permit.system, permit, reason)


def _why_standard(permits: Iterable[Permit], post: str, on: date) -> str:
    rows = [row for row in permits if post in row.posts]
    lapsed = [row for row in rows if row.valid_until <= on]
    if lapsed:
        last = max(lapsed, key=lambda row: row.valid_until)
        return (
            f"standard hours since {last.valid_until}: permit {last.number} lapsed on "
            f"{last.valid_until - _DAY}"
        )
    if rows:
        first = min(rows, key=lambda row: row.valid_from)
        return f"standard hours until {first.valid_from}: permit {first.number} is not valid yet"
    return f"standard hours: no permit names post {post}"


def _cuts(permits: Iterable[Permit], posts: Iterable[PostSpan], asked: DateSpan) -> list[date]:
    edges = {edge for row in permits for edge in row.days}
    edges |= {edge for row in posts for edge in (row.since, row.until) if edge is not None}
    return sorted(edge for edge in edges if asked.first < edge < asked.until)
