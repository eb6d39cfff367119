"""A payslip as text for people: aligned also where Chinese characters take two columns."""

from collections.abc import Iterator, Sequence
from unicodedata import east_asian_width

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.errors import NotFoundError
from hr_core.pay.changes import Changes, changes_since, changes_text, signed
from hr_core.pay.counted_lines import newest_versions
from hr_core.pay.line_words import (
    Lang,
    absent_lines,
    says,
    shown_fen,
    words,
    words_of,
    yuan_text,
)
from hr_core.pay.slip import Side, SlipLine
from hr_core.store.pay_reversals import Reversal
from hr_core.store.results import RunRow, SlipRow, lines_of, run_by_number, slip_of

WIDTH = 64


class PaidSlip(Struct, frozen=True, kw_only=True):
    """Of a slip that was reversed its newest version: `reversal` is what made it."""

    run: RunRow
    slip: SlipRow
    lines: tuple[SlipLine, ...]
    changes: Changes | None
    reversal: Reversal | None = None


def paid_slip(conn: sa.Connection, run: int, person: str) -> PaidSlip:
    """Raises NotFoundError."""
    row, slip = run_by_number(conn, run), slip_of(conn, run, person)
    if row is None:
        raise NotFoundError(f"there is no pay run {run}", remedy="list them: hr-core pay runs")
    if slip is None:
        raise NotFoundError(
            f"run {run} has no payslip of {person!r}",
            remedy=f"list its payslips: hr-core pay slips {run}; who is not there was not paid by it",
        )
    made = newest_versions(conn, [run]).get((run, person))
    if made is not None:
        slip = replace(slip, total_fen=made.after_fen)
        return PaidSlip(run=row, slip=slip, lines=made.new_lines, changes=None, reversal=made)
    return PaidSlip(
        run=row,
        slip=slip,
        lines=tuple(lines_of(conn, run, person)),
        changes=changes_since(conn, run, person),
    )


def slip_text(paid: PaidSlip, lang: Lang) -> str:
    """Net pay, what changed, then earned, deducted and the company's part line by line."""
    return "\n".join(_told(paid, lang)) + "\n"


def cells(text: str) -> int:
    """Columns on a terminal: a wide character takes two."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def amount_line(text: str, amount: str) -> str:
    return text + " " * max(1, WIDTH - cells(text) - cells(amount)) + amount


def _told(paid: PaidSlip, lang: Lang) -> Iterator[str]:
    slip, run = paid.slip, paid.run
    title = says("slip_of", lang, month=run.month)
    yield amount_line(f"{title}  {slip.name} {slip.number}", says("run", lang, run=str(run.number)))
    yield amount_line(says("net", lang), yuan_text(slip.total_fen))
    if paid.reversal is not None:
        yield _version_told(paid.reversal, lang)
    if paid.changes is not None:
        yield from changes_text(paid.changes, lang)
    for side in Side:
        yield from _side(paid.lines, side, lang)
    if slip.to_clarify:
        yield ""
        yield says("open", lang)
        at = 0 if lang == "zh" else 1
        for day in slip.to_clarify:
            yield f"  {day.day} {words().open_days[day.status][at]}"


def _version_told(made: Reversal, lang: Lang) -> str:
    return says(
        "reversed",
        lang,
        version=str(made.version),
        reason=made.reason,
        entered_by=made.entered_by,
        approved_by=made.approved_by,
        before=yuan_text(made.before_fen),
        difference=signed(made.difference_fen),
    )


def _side(lines: Sequence[SlipLine], side: Side, lang: Lang) -> Iterator[str]:
    there = [line for line in lines if line.side is side]
    absent = [one for one in absent_lines(lines, lang) if one.side is side]
    if not there and not absent:
        return
    yield ""
    yield amount_line(says(side.value, lang), yuan_text(sum(shown_fen(line) for line in there)))
    for line in there:
        yield from _line(line, lang)
    for one in absent:
        yield amount_line(f"  {one.name}", yuan_text(0))
        yield f"    {one.why}"


def _line(line: SlipLine, lang: Lang) -> Iterator[str]:
    told = words_of(line, lang)
    yield amount_line(f"  {told.name}", yuan_text(shown_fen(line)))
    yield f"    {told.sentence}"
    if told.days:
        yield f"    {says('days', lang)}: {told.days}"
    if told.calculation:
        yield f"    {says('how', lang)}: {told.calculation}"
    if told.rounding and told.calculation:
        yield f"    {says('rounding', lang)}: {told.rounding}"
    for law in told.law:
        yield f"    {says('law', lang)}: {law.text}"
        if law.warning:
            yield f"    ▲ {law.warning}"
