"""Why two traces of one line differ: everything that one rests on and the other does not."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import structs

from hr_core.pay.diff.day_reasons import Results, day_reasons
from hr_core.pay.diff.model import Cause, Change, Reason, RunHead
from hr_core.pay.diff.named_facts import DERIVED, FACTS, STEPS, plain_name
from hr_core.pay.slip import BASE_LINE, SlipLine
from hr_core.trace.calculation import Step, Trace

Heads = tuple[RunHead, RunHead]
Moved = Mapping[tuple[int, int], Reason]


class Beside(NamedTuple):
    """What is told of two slips beside their lines. `days`: asked only for lines that days moved;
    `moved`: sums of the person's terms that are others, (before, after), each with its reason.
    """

    heads: Heads
    days: tuple[Callable[[], Results], Callable[[], Results]]
    moved: Moved


_ROUNDED = {"multiply_half_up", "multiply_up"}
_OWN_SHARE = "_employee"  # of insurance and fund: the tax takes their sum as a plain number


def reasons_of(before: SlipLine, after: SlipLine, beside: Beside) -> tuple[Reason, ...]:
    """Empty: nothing explains it."""
    old, new = before.trace, after.trace
    found = [
        *_terms(old, new, beside.heads),
        *_facts(old, new, FACTS),
        *_inputs(old, new, beside),
        *_lines(old, new),
        *_steps(old, new, beside.moved),
    ]
    if not any(one.cause in {Cause.AGREEMENT, Cause.SCORE} for one in found):
        found += [one for one in _moved_constants(old, new, beside.moved) if one not in found]
    if not found:
        found = [*_facts(old, new, DERIVED), *_formula(old, new)]
    return tuple(found)


def moved_terms(pairs: Iterable[tuple[SlipLine, SlipLine]]) -> dict[tuple[int, int], Reason]:
    """Of all lines of a slip: whole sums that are others, (before, after), each with the reason."""
    found: dict[tuple[int, int], Reason] = {}
    shares: list[tuple[SlipLine, SlipLine]] = []
    for first, second in pairs:
        old, new = first.trace, second.trace
        for reason in _base(old, new):
            found[old.amount_fen, new.amount_fen] = reason
        for reason in _facts(old, new, FACTS):
            before, after = reason.before, reason.after
            if reason.cause is Cause.AGREEMENT and before.isdecimal() and after.isdecimal():
                found.setdefault((int(before), int(after)), reason)
        if second.code.endswith(_OWN_SHARE):
            shares.append((first, second))
    if moved := [second.code for first, second in shares if first.amount_fen != second.amount_fen]:
        was, now = (-sum(pair[at].amount_fen for pair in shares) for at in (0, 1))
        found[was, now] = Reason(
            cause=Cause.FOLLOWS,
            kind="line",
            subject=", ".join(moved),
            before=str(-was),
            after=str(-now),
        )
    return found


def reasons_of_one(line: SlipLine, change: Change, heads: Heads) -> tuple[Reason, ...]:
    """Of a line that only one of the two slips has: what it rests on, as far as that is not a term
    of everybody's.
    """
    trace = line.trace
    found = [
        _one(Cause.INPUT, kind, name, change, said)
        for kind, name, said in (
            *(("day", one.day, str(one.minutes)) for one in trace.days),
            *(("work", _work_name(one), str(one.amount)) for one in trace.work),
            *(("correction", one.number, one.reason) for one in trace.corrections),
            *(("entry", str(one.number), str(one.amount_fen)) for one in trace.entries),
            *(("tally", _tally_name(one), str(one.pieces)) for one in trace.tallies),
            *(("fact", name, said) for name, said in trace.facts.items() if name == "leaving"),
        )
    ]
    if heads[0].scheme != heads[1].scheme:
        return (_scheme(heads), *found)
    if not found and heads[0].scheme_version != heads[1].scheme_version:
        found.append(
            Reason(
                cause=Cause.RULE,
                kind="version",
                subject=trace.rule,
                before=heads[0].scheme_version,
                after=heads[1].scheme_version,
            )
        )
    if not found:
        found += [
            _one(Cause.FOLLOWS, "line", one.code, change, str(one.amount_fen))
            for one in trace.lines
        ]
    if not found:
        found += [
            _one(Cause.AGREEMENT, "fact", name, change, said)
            for name, said in trace.facts.items()
            if plain_name(name) == "agreement"
        ]
    if not found:
        found += [
            _one(Cause.LAW, "law", f"{one.city} {one.item}".strip(), change, one.version)
            for one in trace.law
        ]
    return tuple(found)


def first_step_that_differs(old: Trace, new: Trace) -> str:
    """Its name; empty when every step gives the same."""
    there = {step.name: step for step in old.steps}
    for step in new.steps:
        was = there.get(step.name)
        if was is None or (was.operation, was.of, was.result) != (
            step.operation,
            step.of,
            step.result,
        ):
            return step.name
    names = {step.name for step in new.steps}
    return next((step.name for step in old.steps if step.name not in names), "")


def same_form(old: Trace, new: Trace) -> bool:
    """The same steps by name and operation: only what they hold may differ."""
    return [(one.name, one.operation) for one in old.steps] == [
        (one.name, one.operation) for one in new.steps
    ]


def _inputs(old: Trace, new: Trace, beside: Beside) -> Iterator[Reason]:
    heads, days = beside.heads, beside.days
    if old.days != new.days:
        if heads[0].month != heads[1].month:
            yield Reason(
                cause=Cause.INPUT,
                kind="days",
                subject=heads[1].month,
                before=str(sum(one.minutes for one in old.days)),
                after=str(sum(one.minutes for one in new.days)),
            )
        else:
            yield from day_reasons(old.days, new.days, (days[0](), days[1]()))
    yield from _keyed("work", old.work, new.work, _work_name, lambda one: str(one.amount))
    yield from _keyed(
        "correction",
        old.corrections,
        new.corrections,
        lambda one: str(one.number),
        lambda one: f"{one.pieces:+d} {one.rejects:+d}",
    )
    yield from _keyed(
        "entry",
        old.entries,
        new.entries,
        lambda one: f"{one.number} {one.name}",
        lambda one: str(one.amount_fen),
    )
    yield from _keyed("tally", old.tallies, new.tallies, _tally_name, lambda one: str(one.pieces))


def _lines(old: Trace, new: Trace) -> Iterator[Reason]:
    for one in _keyed(
        "line", old.lines, new.lines, lambda one: str(one.code), lambda one: str(one.amount_fen)
    ):
        yield structs.replace(one, cause=Cause.FOLLOWS)


def _terms(old: Trace, new: Trace, heads: Heads) -> Iterator[Reason]:
    base = list(_base(old, new))
    law = list(_law(old, new))
    yield from (*base, *law)
    of_law = {one.version for one in (*old.law, *new.law)}
    if base or (law and {old.version, new.version} <= of_law):
        return
    if (old.rule, old.version) == (new.rule, new.version):
        return
    if heads[0].scheme != heads[1].scheme:
        yield _scheme(heads)
        return
    yield Reason(
        cause=Cause.RULE,
        kind="version",
        subject=new.rule,
        before=old.version,
        after=new.version,
    )


def _formula(old: Trace, new: Trace) -> Iterator[Reason]:
    """Of one version, told only where nothing else is otherwise: its words may hold a person's days."""
    if old.formula != new.formula:
        yield Reason(
            cause=Cause.RULE,
            kind="formula",
            subject=new.rule,
            before=old.formula,
            after=new.formula,
        )


def _base(old: Trace, new: Trace) -> Iterator[Reason]:
    """An agreed sum that is paid as it is: no edition of a scheme can move it."""
    same = (old.rule, old.formula) == (new.rule, new.formula) == (BASE_LINE, new.formula)
    if not same:
        return
    plain = [one.operation for one in (*old.steps, *new.steps)] == ["constant", "constant"]
    if plain and old.amount_fen != new.amount_fen:
        yield Reason(
            cause=Cause.AGREEMENT,
            kind="base",
            subject=BASE_LINE,
            before=str(old.amount_fen),
            after=str(new.amount_fen),
        )


def _law(old: Trace, new: Trace) -> Iterator[Reason]:
    if old.law == new.law:
        return
    was, now = ({one.item: one for one in side.law} for side in (old, new))
    for item in sorted(was.keys() | now.keys()):
        before, after = was.get(item), now.get(item)
        if before == after:
            continue
        if before is not None and after is not None and before.city != after.city:
            yield Reason(
                cause=Cause.AGREEMENT,
                kind="city",
                subject=item,
                before=before.city,
                after=after.city,
            )
            continue
        rows = [one for one in (before, after) if one is not None]
        yield Reason(
            cause=Cause.LAW,
            kind="law",
            subject=f"{rows[-1].city} {item}".strip(),
            change=_change(before, after),
            before=_law_text(before),
            after=_law_text(after),
        )


def _law_text(row: Any) -> str:
    return "" if row is None else f"{row.version} ({row.status})"


def _facts(old: Trace, new: Trace, causes: Mapping[str, Cause]) -> Iterator[Reason]:
    if old.facts == new.facts:
        return
    for name in sorted(old.facts.keys() | new.facts.keys()):
        before, after = old.facts.get(name), new.facts.get(name)
        cause = causes.get(name) or causes.get(plain_name(name))
        if before != after and cause is not None:
            yield Reason(
                cause=cause,
                kind="fact",
                subject=name,
                change=_change(before, after),
                before=before or "",
                after=after or "",
            )


def _steps(old: Trace, new: Trace, moved: Moved) -> Iterator[Reason]:
    """How steps round, and plain numbers in steps whose name says whose they are."""
    there = {step.name: step for step in old.steps}
    for now in new.steps:
        was = there.get(now.name)
        if was is None or was == now:
            continue
        if was.operation != now.operation and {was.operation, now.operation} == _ROUNDED:
            yield Reason(
                cause=Cause.ROUNDING,
                kind="rounding",
                subject=now.name,
                before=was.operation,
                after=now.operation,
            )
        elif now.name in STEPS:
            for pair in zip(_constants(was), _constants(now), strict=False):
                if pair[0] != pair[1]:
                    yield moved.get(pair) or _step_number(now.name, pair)


def _step_number(name: str, pair: tuple[int, int]) -> Reason:
    return Reason(
        cause=STEPS[name], kind="step", subject=name, before=str(pair[0]), after=str(pair[1])
    )


def _moved_constants(old: Trace, new: Trace, moved: Moved) -> Iterator[Reason]:
    """Where a step holds a sum of the person's terms as a plain number."""
    if moved and same_form(old, new):
        pairs = {
            pair
            for was, now in zip(old.steps, new.steps, strict=True)
            for pair in zip(_constants(was), _constants(now), strict=False)
        }
        yield from (reason for pair, reason in moved.items() if pair in pairs)


def _constants(step: Step) -> list[int]:
    return [one for one in step.of if isinstance(one, int)]


def _keyed(
    kind: str,
    old: Iterable[Any],
    new: Iterable[Any],
    name: Callable[[Any], str],
    said: Callable[[Any], str],
) -> Iterator[Reason]:
    if old == new:
        return
    was, now = (_by_name(side, name) for side in (old, new))
    for key in sorted(was.keys() | now.keys()):
        before, after = was.get(key), now.get(key)
        if before != after:
            yield Reason(
                cause=Cause.INPUT,
                kind=kind,
                subject=key,
                change=_change(before, after),
                before="; ".join(map(said, before or ())),
                after="; ".join(map(said, after or ())),
            )


def _by_name(side: Iterable[Any], name: Callable[[Any], str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in side:
        found.setdefault(name(one), []).append(one)
    return found


def _tally_name(one: Any) -> str:
    return f"{one.day} {one.file}:{one.row}"


def _work_name(one: Any) -> str:
    return f"{one.source}/{one.tag} {one.first_event[:12]}"


def _scheme(heads: Heads) -> Reason:
    return Reason(
        cause=Cause.SCHEME,
        kind="scheme",
        subject=heads[1].scheme,
        before=f"{heads[0].scheme} {heads[0].scheme_version}",
        after=f"{heads[1].scheme} {heads[1].scheme_version}",
    )


def _one(cause: Cause, kind: str, subject: str, change: Change, said: str) -> Reason:
    new = change is Change.NEW
    return Reason(
        cause=cause,
        kind=kind,
        subject=subject,
        change=change,
        before="" if new else said,
        after=said if new else "",
    )


def _change(before: object, after: object) -> Change:
    if before is None:
        return Change.NEW
    return Change.GONE if after is None else Change.CHANGED
