"""A payslip with the reason of every line, and each reason's events as links."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct

from hr_core import views
from hr_core.errors import NotFoundError
from hr_core.money import format_fen
from hr_core.pay.line_words import MissingWordsError, words_of
from hr_core.pay.slip import GRADE_LINE, Side, SlipLine, net_fen
from hr_core.pay.slip_answers import slip_digest
from hr_core.store.results import lines_of, run_by_number
from hr_core.store.slip_answers import SlipAnswer, SlipPlace, answers_of
from hr_core.trace.calculation import (
    DayInput,
    EntryInput,
    LawInput,
    Trace,
    TraceMismatchError,
    WorkInput,
    replay,
)
from hr_core.trace.events import is_event_id
from hr_core.views import SlipView
from hr_core.web.errors import NoPageError
from hr_core.web.piece_words import FEN_FACTS
from hr_core.web.words import Words
from protocols.identity import event_time

_FEN_FACTS = frozenset({"base_fen", *FEN_FACTS})


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
    """`law`: with its status in words; `parts`: other lines of the slip, labelled.

    contradiction   why the amount cannot be computed again from its own trace; None: it can
    """

    line: SlipLine
    sentence: str
    law: tuple[tuple[LawInput, str], ...]
    parts: tuple[tuple[str, int], ...]
    entries: tuple[EntryInput, ...]
    facts: tuple[tuple[str, str], ...]
    days: tuple[ShownDay, ...]
    work: tuple[ShownWork, ...]
    contradiction: str | None


class Group(Struct, frozen=True, kw_only=True):
    """The lines of one side; `sum_fen` as it stands on the slip, negative for what is taken off."""

    side: Side
    lines: tuple[ShownLine, ...]
    sum_fen: int


class SlipPage(Struct, frozen=True, kw_only=True):
    """`digest`: what a receipt signs; `answers`: receipts and objections, oldest first."""

    slip: SlipView
    lines: tuple[ShownLine, ...]
    groups: tuple[Group, ...]
    digest: str
    answers: tuple[SlipAnswer, ...]

    @property
    def sound(self) -> bool:
        return all(line.contradiction is None for line in self.lines) and self.adds_up

    @property
    def received(self) -> SlipAnswer | None:
        """The receipt of this very slip."""
        return next(
            (one for one in self.answers if one.kind == "received" and one.digest == self.digest),
            None,
        )

    def label(self, code: str, words: Words) -> str:
        """Of a line, in words; a code that is on no line as it is."""
        named = (one.line for one in self.lines if one.line.code == code)
        return next((words.label(one.label, one.label_zh) for one in named), code)

    @property
    def objections(self) -> tuple[SlipAnswer, ...]:
        return tuple(one for one in self.answers if one.kind == "objection")

    @property
    def adds_up(self) -> bool:
        return net_fen(line.line for line in self.lines) == self.slip.total_fen


def slip_page(
    conn: sa.Connection, place: tuple[int, str], words: Words, zone: ZoneInfo
) -> SlipPage:
    """`place`: (run, employee number). Raises NoPageError."""
    run, number = place
    try:
        slip = views.slip(conn, run, number)
    except NotFoundError as exc:
        raise no_slip(conn, run, number) from exc
    shown = tuple(_shown(line, slip.lines, words, zone) for line in slip.lines)
    return SlipPage(
        slip=slip,
        lines=shown,
        groups=tuple(group for side in Side if (group := _group(side, shown)).lines),
        digest=slip_digest(run, number, slip.lines),
        answers=tuple(answers_of(conn, SlipPlace(run, number))),
    )


def names_event(conn: sa.Connection, place: tuple[int, str], event_id: str) -> bool:
    """Whether a line of the slip rests on this event."""
    return any(event_id in line.trace.event_ids for line in lines_of(conn, *place))


def no_slip(conn: sa.Connection, run: int, number: str) -> NoPageError:
    if run_by_number(conn, run) is None:
        return NoPageError("no_run", number=run)
    return NoPageError("no_slip", number=run, person=number)


def sentence(line: SlipLine, words: Words) -> str:
    """How the amount came about, in one line with its numbers; the note of a line without words."""
    trace = line.trace
    facts = {name: fact_text(name, value) for name, value in trace.facts.items()}
    results = {step.name: step.result for step in trace.steps}
    if trace.rule == "base" and not trace.law:
        return words("sentence_base")
    if trace.rule.startswith("overtime."):
        hours = hours_text(results["minutes"])
        return words(
            "sentence_overtime",
            hours=hours,
            days=len(trace.days),
            base=facts["base_fen"],
            month_days=facts["month_days"],
            day_hours=facts["day_hours"],
            factor=facts["factor"],
        )
    if line.code == GRADE_LINE and trace.rule == "grade":
        return _grade_sentence(trace, facts, results, words)
    try:
        return words_of(line, words.language).sentence
    except MissingWordsError:
        return line.note


def amount_text(fen: int) -> str:
    """−¥1,234.56, with a minus sign as wide as the digits."""
    return format_fen(fen).replace("-", "−")


def hours_text(minutes: int) -> str:
    """8:30, never 8.5."""
    return f"{minutes // 60}:{minutes % 60:02d}"


def fact_text(name: str, value: str) -> str:
    """A fact of a trace for people: fen as yuan, 87/4 as 21.75; anything else as it is."""
    if name in _FEN_FACTS:
        return ", ".join(amount_text(int(one)) for one in value.split(", "))
    numerator, slash, denominator = value.partition("/")
    if not (slash and numerator.lstrip("-").isdigit() and denominator.isdigit()):
        return value.replace("-", "−") if name == "percent_of_base" else value
    exact = Fraction(value)
    for places in range(1, 10):  # as many decimals as parse_exact reads
        scaled = exact * 10**places
        if scaled.denominator == 1:
            return str(Decimal(scaled.numerator).scaleb(-places))
    return value


def _grade_sentence(
    trace: Trace, facts: dict[str, str], results: dict[str, int], words: Words
) -> str:
    counted = {"rejects": f"{results['rejects']:,}", "pieces": f"{results['pieces']:,}"}
    if "percent_of_base" not in facts:
        return words("sentence_not_rated", **counted)
    base = next(step.of[0] for step in trace.steps if step.operation == "multiply_half_up")
    return words(
        "sentence_grade",
        **counted,
        grade=facts["grade"],
        base=amount_text(int(base)),
        percent=facts["percent_of_base"],
    )


def _group(side: Side, lines: tuple[ShownLine, ...]) -> Group:
    own = tuple(one for one in lines if one.line.side is side)
    return Group(side=side, lines=own, sum_fen=sum(one.line.amount_fen for one in own))


def _shown(line: SlipLine, others: tuple[SlipLine, ...], words: Words, zone: ZoneInfo) -> ShownLine:
    trace = line.trace
    labels = {one.code: words.label(one.label, one.label_zh) for one in others}
    return ShownLine(
        line=line,
        sentence=sentence(line, words),
        law=tuple((row, words.of("law_status", row.status)) for row in trace.law),
        parts=tuple((labels.get(one.code, one.code), one.amount_fen) for one in trace.lines),
        entries=trace.entries,
        facts=tuple(
            (words.of("fact", name), fact_text(name, value)) for name, value in trace.facts.items()
        ),
        days=tuple(
            ShownDay(day=day, events=tuple(map(_punch_link, filter(is_event_id, day.event_ids))))
            for day in trace.days
        ),
        work=tuple(
            ShownWork(
                work=work,
                first=_reading_link(work.first_event, zone),
                last=_reading_link(work.last_event, zone),
            )
            for work in trace.work
        ),
        contradiction=_contradiction(line),
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
