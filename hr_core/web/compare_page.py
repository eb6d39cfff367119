"""Two runs beside each other: first whether the sums agree, then how many, why, and who."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import zip_longest

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.diff.model import Cause, LineDiff, OnlyIn, RunDiff
from hr_core.pay.diff.notes import Notes, Offered
from hr_core.pay.diff.reasons import first_step_that_differs
from hr_core.pay.slip import SlipLine
from hr_core.pay.stored_diff import stored_run
from hr_core.pay.stored_table_diff import notes_beside_runs
from hr_core.people.records import UnitKind
from hr_core.people.visibility import units_with_below
from hr_core.store.dated_rows import on_day
from hr_core.store.organisation import memberships, units
from hr_core.store.results import RunRow, lines_of, runs
from hr_core.trace.calculation import Step as TraceStep
from hr_core.web.compare_choice import CompareChoice
from hr_core.web.compare_picture import Step, Waterfall, waterfall
from hr_core.web.compare_reasons import ShownReason, shown_reason
from hr_core.web.errors import NoPageError
from hr_core.web.kept_diffs import KeptDiffs
from hr_core.web.paging import Paged, paged
from hr_core.web.selection import Links
from hr_core.web.words import Words

_MOST_RUNS = 60  # to choose from: five years of months


class ShownPart(Struct, frozen=True, kw_only=True):
    label: str
    fen: int


class ShownDiff(Struct, frozen=True, kw_only=True):
    """`note` None: nobody wrote one. `several`: more than one cause, each with its share."""

    line: LineDiff
    label: str
    cause: str
    several: tuple[ShownPart, ...]
    reasons: tuple[ShownReason, ...]
    note: Offered | None
    link: str


class CauseLink(Struct, frozen=True, kw_only=True):
    cause: Cause
    label: str
    fen: int
    link: str


class ComparePage(Struct, frozen=True, kw_only=True):
    """`diff` None: two runs are still to be chosen, or `other_month` are not comparable."""

    choice: CompareChoice
    runs: tuple[RunRow, ...]
    other_month: tuple[RunRow, RunRow] | None = None
    diff: RunDiff | None = None
    only: tuple[OnlyIn, ...] = ()
    rows: Paged[ShownDiff] | None = None
    causes: tuple[CauseLink, ...] = ()
    picture: Waterfall | None = None
    lines: tuple[tuple[str, str], ...] = ()  # (code, label), to choose from
    teams: tuple[tuple[str, str], ...] = ()


def compare_page(
    conn: sa.Connection, choice: CompareChoice, words: Words, kept: KeptDiffs
) -> ComparePage:
    """Raises NoPageError for a run that is not there."""
    known = tuple(runs(conn)[:_MOST_RUNS])
    if choice.a is None or choice.b is None:
        return ComparePage(choice=_proposed(choice, known), runs=known)
    pair = tuple(_run(conn, number) for number in (choice.a, choice.b))
    if pair[0].month != pair[1].month and not choice.across:
        return ComparePage(choice=choice, runs=known, other_month=(pair[0], pair[1]))
    diff = kept.compare(conn, choice.a, choice.b, across_months=choice.across)
    notes = notes_beside_runs(conn, choice.a, choice.b)
    labels = _labels(conn, diff, words)
    team = _people_of(conn, choice.team, diff.after.month) if choice.team else None
    fitting = [
        line for line in diff.lines if choice.fits(line) and (team is None or line.person in team)
    ]
    table = paged(fitting, choice.page)
    causes = tuple(_causes(diff, choice, words))
    return ComparePage(
        choice=choice,
        runs=known,
        diff=diff,
        only=diff.only,
        rows=Paged(
            rows=tuple(_shown(line, diff, notes, labels, words) for line in table.rows),
            page=table.page,
            pages=table.pages,
            total=table.total,
        ),
        causes=causes,
        picture=_picture(diff, causes, words) if causes and diff.proof.holds else None,
        lines=tuple(
            (code, labels[code]) for code in dict.fromkeys(line.code for line in diff.lines)
        ),
        teams=tuple(_teams(conn, words)),
    )


def _people_of(conn: sa.Connection, unit: str, month: str) -> frozenset[str]:
    """Who is in the unit, or one below it, on the last day of the month."""
    on = Month.parse(month).after - timedelta(days=1)
    there = memberships.c
    inside = there.unit.in_(units_with_below((unit,), on))
    found = conn.execute(sa.select(there.person).where(inside, on_day(memberships, on)))
    return frozenset(found.scalars())


def _teams(conn: sa.Connection, words: Words) -> Iterator[tuple[str, str]]:
    there = units.c
    query = sa.select(units).where(there.kind != UnitKind.POST.value).order_by(there.code)
    for row in conn.execute(query):
        yield row.code, words.label(row.name, row.name_zh)


def _proposed(choice: CompareChoice, known: Sequence[RunRow]) -> CompareChoice:
    """The run before of the same month, when one is said or there are two."""
    second = choice.b or (known[0].number if known else None)
    month = next((run.month for run in known if run.number == second), None)
    before = [run.number for run in known if run.month == month and run.number != second]
    first = choice.a or next((one for one in before if second is None or one < second), None)
    return choice.but(a=first or next(iter(before), None), b=second)


def _run(conn: sa.Connection, number: int) -> RunRow:
    try:
        return stored_run(conn, number)
    except NotFoundError as exc:
        raise NoPageError("no_run", number=number) from exc


def _labels(conn: sa.Connection, diff: RunDiff, words: Words) -> dict[str, str]:
    """Of the lines that differ, and of those that they follow, from one slip."""
    found = {line.code: words.label(line.label, line.label_zh) for line in diff.lines}
    for line in diff.lines[:1]:
        for run in (diff.before.number, diff.after.number):
            for one in lines_of(conn, run, line.person):
                found.setdefault(one.code, words.label(one.label, one.label_zh))
    return found


def _causes(diff: RunDiff, choice: CompareChoice, words: Words) -> Iterator[CauseLink]:
    links = Links(words.language)
    for cause, fen in diff.by_cause().items():
        chosen = choice.without_filter().but(cause=cause)
        yield CauseLink(
            cause=cause,
            label=words.of("pay_cause", cause.value),
            fen=fen,
            link=links.comparison(chosen.pairs()) + "#lines",
        )


def _picture(diff: RunDiff, causes: Sequence[CauseLink], words: Words) -> Waterfall:
    a, b = (
        Step(kind="run", label=f"{name} #{head.number}", fen=head.total_fen)
        for name, head in (("A", diff.before), ("B", diff.after))
    )
    steps = [
        Step(kind=one.cause.value, label=one.label, fen=one.fen, link=one.link) for one in causes
    ]
    return waterfall(a, steps, b, words("others"))


def _shown(
    line: LineDiff, diff: RunDiff, notes: Notes, labels: Mapping[str, str], words: Words
) -> ShownDiff:
    parts = tuple(
        ShownPart(label=words.of("pay_cause", part.cause.value), fen=part.fen)
        for part in line.parts
    )
    pair = (diff.before.number, diff.after.number)
    return ShownDiff(
        line=line,
        label=labels[line.code],
        cause=words.of("pay_cause", line.cause.value),
        several=parts if len(parts) > 1 else (),
        reasons=tuple(shown_reason(one, labels, words) for one in line.reasons),
        note=notes.of(line.person, line.code),
        link=Links(words.language).compared_line(pair, line.person, line.code),
    )


class StepPair(Struct, frozen=True, kw_only=True):
    """One step in both traces; `first` marks where they part."""

    name: str
    before: TraceStep | None
    after: TraceStep | None
    first: bool

    @property
    def differs(self) -> bool:
        return self.before != self.after


class TwoTraces(Struct, frozen=True, kw_only=True):
    runs: tuple[int, int]
    person: str
    shown: ShownDiff | None
    before: SlipLine | None
    after: SlipLine | None
    label: str
    name: str
    steps: tuple[StepPair, ...]


def two_traces(
    conn: sa.Connection,
    pair: tuple[int, int],
    place: tuple[str, str],
    words: Words,
    kept: KeptDiffs,
) -> TwoTraces:
    """`place`: (person, line). Raises NoPageError."""
    person, code = place
    for number in pair:
        _run(conn, number)
    before, after = (
        next((line for line in lines_of(conn, number, person) if line.code == code), None)
        for number in pair
    )
    one = after or before
    if one is None:
        raise NoPageError("no_compared_line", a=pair[0], b=pair[1], person=person, line=code)
    diff = kept.compare(conn, *pair, across_months=True)
    found = [line for line in diff.lines if (line.person, line.code) == place]
    notes, labels = notes_beside_runs(conn, *pair), _labels(conn, diff, words)
    shown = _shown(found[0], diff, notes, labels, words) if found else None
    names = {one.person: one.name for one in found}
    return TwoTraces(
        runs=pair,
        person=person,
        shown=shown,
        before=before,
        after=after,
        label=words.label(one.label, one.label_zh),
        name=names.get(person, person),
        steps=tuple(_steps(before, after)),
    )


def _steps(before: SlipLine | None, after: SlipLine | None) -> Iterator[StepPair]:
    old = () if before is None else before.trace.steps
    new = () if after is None else after.trace.steps
    first = (
        first_step_that_differs(before.trace, after.trace)
        if before is not None and after is not None
        else ""
    )
    there = {step.name: step for step in old}
    if {step.name for step in new} & there.keys():
        for step in new:
            yield StepPair(
                name=step.name,
                before=there.pop(step.name, None),
                after=step,
                first=step.name == first,
            )
        for step in there.values():
            yield StepPair(name=step.name, before=step, after=None, first=step.name == first)
        return
    for was, now in zip_longest(old, new):
        name = now.name if now is not None else was.name if was is not None else ""
        yield StepPair(name=name, before=was, after=now, first=name == first)
