"""A payslip with the reason of every line, and each reason's events as links."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from markupsafe import Markup
from msgspec import Struct

from hr_core import views
from hr_core.accounts.field_policy import Field, Sight
from hr_core.errors import NotFoundError
from hr_core.pay.changes import Changes, changes_since, signed
from hr_core.pay.line_words import (
    AbsentLine,
    LineWords,
    MissingWordsError,
    absent_lines,
    says,
    shown_fen,
    words_of,
    yuan_text,
)
from hr_core.pay.line_words import words as line_words
from hr_core.pay.run_life import RunState, state_of
from hr_core.pay.slip import Side, SlipLine, net_fen
from hr_core.pay.slip_answers import slip_digest
from hr_core.store.pay_reversals import Reversal, reversals
from hr_core.store.pay_run_steps import approved_run, is_issued
from hr_core.store.results import lines_of, run_by_number
from hr_core.store.slip_answers import SlipAnswer, SlipPlace, answers_of
from hr_core.trace.calculation import DayInput, EntryInput, TraceMismatchError, WorkInput, replay
from hr_core.trace.events import is_event_id
from hr_core.views import SlipView
from hr_core.web.balances import Balances, balances
from hr_core.web.errors import NoPageError
from hr_core.web.fact_words import amount_text, shown_facts
from hr_core.web.paper_code import paper_code
from hr_core.web.words import Words
from protocols.identity import event_time

# What a line's explanation is made of: who does not see one of these sees names and amounts alone.
_EXPLAINED = frozenset({Field.BASE_PAY, Field.SCORES})


class Viewing(NamedTuple):
    """Who looks: `trials`: also at what nobody approved; `sight`: fields that are hidden; `now`: aware."""

    words: Words
    zone: ZoneInfo
    trials: bool
    sight: Sight
    now: datetime


class EventLink(Struct, frozen=True, kw_only=True):
    """`time`: the device's wall clock of a punch; of a reading the site's, as in every table."""

    event_id: str
    time: datetime


class ShownDay(Struct, frozen=True, kw_only=True):
    day: DayInput
    events: tuple[EventLink, ...]


class ShownWork(Struct, frozen=True, kw_only=True):
    work: WorkInput
    first: EventLink
    last: EventLink


class ShownLine(Struct, frozen=True, kw_only=True):
    """`fen`: without the minus of what is taken off, because its heading says that it is.

    told            None: this account does not see what the amount is made of
    parts           other lines of the slip, labelled
    contradiction   why the amount cannot be computed again from its own trace; None: it can
    """

    line: SlipLine
    name: str
    fen: int
    told: LineWords | None
    parts: tuple[tuple[str, int], ...]
    entries: tuple[EntryInput, ...]
    facts: tuple[tuple[str, str], ...]
    days: tuple[ShownDay, ...]
    work: tuple[ShownWork, ...]
    contradiction: str | None


class Group(Struct, frozen=True, kw_only=True):
    """The lines of one side, and those that one may look for and that are not there."""

    side: Side
    lines: tuple[ShownLine, ...]
    absent: tuple[AbsentLine, ...]
    sum_fen: int


class Version(Struct, frozen=True, kw_only=True):
    """A payslip that was put anew: `counts` when nothing came after it."""

    reversal: Reversal
    groups: tuple[Group, ...]
    counts: bool


class Cause(Struct, frozen=True, kw_only=True):
    name: str
    difference: str
    why: str


class ShownChanges(Struct, frozen=True, kw_only=True):
    """Against the month before: a heading, then the causes; `rest`: what other lines make, or ""."""

    heading: str
    causes: tuple[Cause, ...]
    rest: str


class SlipPage(Struct, frozen=True, kw_only=True):
    """`digest`: what a receipt signs; `code`: the same and whose it is, as a QR code for paper;
    `answers`: receipts and objections, oldest first.

    issued     two people approved the run: what is computed is a payslip
    replaced   the run that counts for the month now, of a run that was taken back
    """

    slip: SlipView
    state: RunState
    issued: bool
    replaced: int | None
    lines: tuple[ShownLine, ...]
    groups: tuple[Group, ...]
    versions: tuple[Version, ...]
    changes: ShownChanges | None
    balances: Balances
    digest: str
    code: Markup
    answers: tuple[SlipAnswer, ...]

    @property
    def sound(self) -> bool:
        return self.adds_up and all(
            line.contradiction is None for group in self._all_groups for line in group.lines
        )

    @property
    def received(self) -> SlipAnswer | None:
        """The receipt of this very slip."""
        return next(
            (one for one in self.answers if one.kind == "received" and one.digest == self.digest),
            None,
        )

    def label(self, code: str) -> str:
        """Of a line, in words; a code that is on no line as it is."""
        return next((one.name for one in self.lines if one.line.code == code), code)

    @property
    def objections(self) -> tuple[SlipAnswer, ...]:
        return tuple(one for one in self.answers if one.kind == "objection")

    @property
    def adds_up(self) -> bool:
        return net_fen(line.line for line in self.lines) == self.slip.total_fen

    @property
    def _all_groups(self) -> Iterable[Group]:
        return (*self.groups, *(group for one in self.versions for group in one.groups))


def slip_page(conn: sa.Connection, place: tuple[int, str], viewing: Viewing) -> SlipPage:
    """`place`: (run, employee number). Raises NoPageError."""
    run, number = place
    try:
        slip = views.slip(conn, run, number)
    except NotFoundError as exc:
        raise no_slip(conn, run, number) from exc
    groups = _groups(slip.lines, viewing)
    state, versions = state_of(conn, run), _versions(conn, run, number, viewing)
    digest = slip_digest(run, number, slip.lines)
    return SlipPage(
        slip=slip,
        state=state,
        issued=is_issued(conn, run),
        replaced=approved_run(conn, slip.month) if state is RunState.REVERSED else None,
        lines=tuple(line for group in groups for line in group.lines),
        groups=groups,
        versions=versions,
        balances=balances(
            conn,
            number,
            versions[-1].reversal.new_lines if versions else slip.lines,
            viewing.now.astimezone(viewing.zone).date(),
            explained=not _hidden(viewing),
        ),
        changes=None if _hidden(viewing) else _changes(conn, run, number, viewing),
        digest=digest,
        code=paper_code(f"payslip {slip.month} {number} run {run} sha256:{digest}", digest),
        answers=tuple(answers_of(conn, SlipPlace(run, number))),
    )


def names_event(conn: sa.Connection, place: tuple[int, str], event_id: str) -> bool:
    """Whether a line of the slip, or of a version that replaced it, rests on this event."""
    run, person = place
    lines = [*lines_of(conn, *place)]
    for one in reversals(conn, runs=[run], person=person):
        lines += one.new_lines
    return any(event_id in line.trace.event_ids for line in lines)


def no_slip(conn: sa.Connection, run: int, number: str) -> NoPageError:
    if run_by_number(conn, run) is None:
        return NoPageError("no_run", number=run)
    return NoPageError("no_slip", number=run, person=number)


def hours_text(minutes: int) -> str:
    """8:30, never 8.5."""
    return f"{minutes // 60}:{minutes % 60:02d}"


def told_of(line: SlipLine, words: Words) -> LineWords:
    """A line that nothing says anything about keeps its own label and note: the slip is shown whole."""
    try:
        return words_of(line, words.language)
    except MissingWordsError:
        return LineWords(
            code=line.code,
            kind=line.code,
            name=words.label(line.label, line.label_zh),
            amount_fen=line.amount_fen,
            sentence=line.note,
            days="",
            calculation="",
            rounding="",
            law=(),
        )


def _hidden(viewing: Viewing) -> bool:
    return bool(viewing.sight.fields & _EXPLAINED)


def _groups(lines: Sequence[SlipLine], viewing: Viewing) -> tuple[Group, ...]:
    labels = {line.code: told_of(line, viewing.words).name for line in lines}
    absent = _absent(lines, viewing)
    found = []
    for side in Side:
        own = tuple(_shown(line, labels, viewing) for line in lines if line.side is side)
        missing = tuple(one for one in absent if one.side is side)
        if own or missing:
            total = sum(one.fen for one in own)
            found.append(Group(side=side, lines=own, absent=missing, sum_fen=total))
    return tuple(found)


def _absent(lines: Sequence[SlipLine], viewing: Viewing) -> tuple[AbsentLine, ...]:
    try:
        return tuple(absent_lines(lines, viewing.words.language))
    except MissingWordsError:
        return ()


def _shown(line: SlipLine, labels: dict[str, str], viewing: Viewing) -> ShownLine:
    trace, words = line.trace, viewing.words
    return ShownLine(
        line=line,
        name=labels[line.code],
        fen=shown_fen(line),
        told=None if _hidden(viewing) else told_of(line, words),
        parts=tuple((labels.get(one.code, one.code), one.amount_fen) for one in trace.lines),
        entries=trace.entries,
        facts=shown_facts(trace.facts, words),
        days=tuple(
            ShownDay(day=day, events=tuple(map(_punch_link, filter(is_event_id, day.event_ids))))
            for day in trace.days
        ),
        work=tuple(
            ShownWork(
                work=work,
                first=_reading_link(work.first_event, viewing.zone),
                last=_reading_link(work.last_event, viewing.zone),
            )
            for work in trace.work
        ),
        contradiction=_contradiction(line),
    )


def _versions(conn: sa.Connection, run: int, number: str, viewing: Viewing) -> tuple[Version, ...]:
    made = reversals(conn, runs=[run], person=number)
    return tuple(
        Version(reversal=one, groups=_groups(one.new_lines, viewing), counts=one is made[-1])
        for one in made
    )


def _changes(conn: sa.Connection, run: int, number: str, viewing: Viewing) -> ShownChanges | None:
    """Never against a trial for whom a trial is nobody's payslip."""
    try:
        changes = changes_since(conn, run, number)
    except MissingWordsError:
        return None
    if changes is None or not (viewing.trials or is_issued(conn, changes.run)):
        return None
    return _shown_changes(changes, viewing.words)


def _shown_changes(changes: Changes, words: Words) -> ShownChanges:
    language, at = words.language, 0 if words.language == "zh" else 1
    difference = changes.difference_fen
    key = "as_before" if not difference else "less_than" if difference < 0 else "more_than"
    amount = {"amount": yuan_text(abs(difference))} if difference else {}
    return ShownChanges(
        heading=says(key, language, month=changes.month, **amount),
        causes=tuple(
            Cause(
                name=line_words().names[one.kind][at],
                difference=signed(one.difference_fen),
                why=one.why[at],
            )
            for one in changes.causes
        ),
        rest=signed(changes.rest_fen) if changes.rest_fen else "",
    )


def _contradiction(line: SlipLine) -> str | None:
    try:
        replayed = replay(line.trace)
    except TraceMismatchError as exc:
        return str(exc)
    if replayed != line.amount_fen:
        return f"{amount_text(replayed)} ≠ {amount_text(line.amount_fen)}"
    return None


def _punch_link(event_id: str) -> EventLink:
    return EventLink(event_id=event_id, time=event_time(bytes.fromhex(event_id)))


def _reading_link(event_id: str, zone: ZoneInfo) -> EventLink:
    utc = event_time(bytes.fromhex(event_id)).replace(tzinfo=UTC)
    return EventLink(event_id=event_id, time=utc.astimezone(zone).replace(tzinfo=None))
