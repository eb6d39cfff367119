"""Why a day counts other minutes: punches, requests, leave, roster, rules."""

from collections.abc import Iterator, Mapping

from hr_core.attendance.day import DayResult
from hr_core.pay.diff.model import Cause, Change, Reason
from hr_core.trace.calculation import DayInput

Results = Mapping[str, DayResult]


def day_reasons(
    before: tuple[DayInput, ...], after: tuple[DayInput, ...], days: tuple[Results, Results]
) -> Iterator[Reason]:
    """`days`: all computed days of the person in the first and the second run."""
    for day, inputs in moved_days(before, after).items():
        yield from _of_day(day, inputs, days)


def moved_days(
    before: tuple[DayInput, ...], after: tuple[DayInput, ...]
) -> dict[str, tuple[DayInput | None, DayInput | None]]:
    """Days that the two do not count alike, in their order, each with what both have of it."""
    old, new = ({one.day: one for one in side} for side in (before, after))
    pairs = {day: (old.get(day), new.get(day)) for day in sorted(old.keys() | new.keys())}
    return {day: (was, now) for day, (was, now) in pairs.items() if was != now}


def _of_day(
    day: str, inputs: tuple[DayInput | None, DayInput | None], days: tuple[Results, Results]
) -> Iterator[Reason]:
    known = [side.get(day) for side in days]
    found: list[Reason] = []
    if known[0] is not None and known[1] is not None:
        found = list(_of_results(day, known[0], known[1]))
    elif inputs[0] is not None and inputs[1] is not None:
        pairs = set(inputs[0].event_ids), set(inputs[1].event_ids)
        found = list(_sets(Cause.INPUT, "punch", day, pairs))
    yield from found
    if not found or _minutes(inputs[0]) != _minutes(inputs[1]):
        yield Reason(
            cause=found[0].cause if found else Cause.INPUT,
            kind="day",
            subject=day,
            change=_change(inputs[0] is not None, inputs[1] is not None),
            before=_minutes(inputs[0]),
            after=_minutes(inputs[1]),
        )


def _of_results(day: str, old: DayResult, new: DayResult) -> Iterator[Reason]:
    yield from _sets(Cause.INPUT, "punch", day, (_punches(old), _punches(new)))
    requests = ({str(one.request) for one in side.corrections} for side in (old, new))
    yield from _sets(Cause.INPUT, "request", day, tuple(requests))
    leave = ({str(one.request) for one in side.leave} for side in (old, new))
    yield from _sets(Cause.INPUT, "leave", day, tuple(leave))
    if (old.shift, old.kind) != (new.shift, new.kind):
        yield Reason(
            cause=Cause.INPUT,
            kind="roster",
            subject=day,
            before=f"{old.shift} {old.kind}".strip(),
            after=f"{new.shift} {new.kind}".strip(),
        )
    if (old.rules, old.rule_version) != (new.rules, new.rule_version):
        yield Reason(
            cause=Cause.RULE,
            kind="attendance_rule",
            subject=day,
            before=f"{old.rules} {old.rule_version}".strip(),
            after=f"{new.rules} {new.rule_version}".strip(),
        )


def _punches(day: DayResult) -> set[str]:
    return {*day.used, *(one.event_id for one in day.ignored)}


def _sets(cause: Cause, kind: str, day: str, sides: tuple[set[str], ...]) -> Iterator[Reason]:
    old, new = sides
    for one in sorted(new - old):
        yield Reason(cause=cause, kind=kind, subject=day, change=Change.NEW, after=one)
    for one in sorted(old - new):
        yield Reason(cause=cause, kind=kind, subject=day, change=Change.GONE, before=one)


def _change(was: bool, there: bool) -> Change:  # noqa: FBT001 - two facts of one kind
    if was and there:
        return Change.CHANGED
    return Change.NEW if there else Change.GONE


def _minutes(one: DayInput | None) -> str:
    return "" if one is None else str(one.minutes)
