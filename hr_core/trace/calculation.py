"""The trace of one payslip line: inputs and integer steps that give the amount again on their own.

A step's operands are integers or the names of earlier steps; the operations without operands read the
trace's own inputs (the days' minutes, the counted work, other lines, entered sums), so nothing but the
stored trace is needed to replay.
"""

from collections.abc import Callable
from math import prod
from typing import Literal, NamedTuple

from msgspec import Struct

from hr_core.money import multiply_fen

Operation = Literal[
    "constant",
    "minutes_of_days",
    "pieces_of_work",
    "rejects_of_work",
    "pieces_of_tallies",
    "amount_of_lines",
    "amount_of_entries",
    "product",
    "multiply_half_up",
    "multiply_up",
    "sum",
    "difference",
    "smallest",
    "largest",
]


class TraceMismatchError(Exception):
    """A stored trace does not give its own result: the record was changed or the code is wrong."""


class Step(Struct, frozen=True):
    """`result` of `operation` on `of`; multiply_half_up and multiply_up take (fen, numerator,
    denominator), difference takes all later operands off the first.
    """

    name: str
    operation: Operation
    of: tuple[int | str, ...]
    result: int


class DayInput(Struct, frozen=True):
    """An attendance day: the minutes that count here, and the punches that bound it."""

    day: str
    minutes: int
    event_ids: tuple[str, ...]


class WorkInput(Struct, frozen=True):
    """Counted work between two readings with one owner (hr_core.quality.attribution.Stretch)."""

    source: str
    tag: str
    metric: str
    reject_code: str | None
    badge: str | None
    first_event: str
    last_event: str
    first_value: int
    last_value: int
    readings: int
    amount: int
    flags: tuple[str, ...]
    evidence: str = "login"  # of whose it is; the only kind that older traces know


class CorrectionInput(Struct, frozen=True):
    """Signed pieces and rejects that people agreed on (hr_core.quality.corrections.Correction).

    concerns    the month of the work, an earlier one where that was paid already
    """

    number: str
    concerns: str
    pieces: int
    rejects: int
    author: str
    approver: str
    reason: str


class ComparisonInput(Struct, frozen=True):
    grade: str
    left: int
    relation: Literal["<", "<="]
    right: int
    holds: bool


class LawInput(Struct, frozen=True, kw_only=True):
    """A row of law that the line rests on (hr_core.law.rows.LawRow); `city` empty: the country's."""

    item: str
    version: str
    since: str
    status: str
    source: str
    city: str = ""


class LineInput(Struct, frozen=True, kw_only=True):
    """Another line of the same slip, as the tax takes the wages."""

    code: str
    amount_fen: int


class EntryInput(Struct, frozen=True, kw_only=True):
    """A sum that somebody entered and another approved (hr_core.pay.entry.PayEntry)."""

    number: int
    kind: str
    name: str
    amount_fen: int
    entered_by: str
    approved_by: str
    reason: str = ""


class TallyInput(Struct, frozen=True, kw_only=True):
    """Pieces of one row of an imported tally sheet, as far as they count in this line.

    number      of the stored row; `file` and `row` of the sheet that it came from
    slip        the number of the paper that the sheet was written from, if it has one
    """

    number: int
    file: str
    row: int
    day: str
    pieces: int
    entered_by: str
    slip: str = ""


class Trace(Struct, frozen=True, kw_only=True):
    """`version` and `source` name the data that the rule came from; the last step is the amount.

    law, lines, entries, tallies: the rows of law, other lines of the slip, entered sums and rows of
    tally sheets that it rests on
    """

    rule: str
    version: str
    source: str
    formula: str
    steps: tuple[Step, ...]
    facts: dict[str, str] = {}
    days: tuple[DayInput, ...] = ()
    work: tuple[WorkInput, ...] = ()
    corrections: tuple[CorrectionInput, ...] = ()
    comparisons: tuple[ComparisonInput, ...] = ()
    law: tuple[LawInput, ...] = ()
    lines: tuple[LineInput, ...] = ()
    entries: tuple[EntryInput, ...] = ()
    tallies: tuple[TallyInput, ...] = ()

    @property
    def amount_fen(self) -> int:
        return self.steps[-1].result

    @property
    def event_ids(self) -> tuple[str, ...]:
        ids = [event for day in self.days for event in day.event_ids]
        ids += [event for work in self.work for event in (work.first_event, work.last_event)]
        return tuple(dict.fromkeys(ids))


class Inputs(NamedTuple):
    """What the operations that take no operand read."""

    days: tuple[DayInput, ...] = ()
    work: tuple[WorkInput, ...] = ()
    corrections: tuple[CorrectionInput, ...] = ()
    lines: tuple[LineInput, ...] = ()
    entries: tuple[EntryInput, ...] = ()
    tallies: tuple[TallyInput, ...] = ()


class Calculation:
    """Builds the steps of a trace while computing them, so that the two cannot differ."""

    def __init__(
        self,
        *,
        days: tuple[DayInput, ...] = (),
        work: tuple[WorkInput, ...] = (),
        corrections: tuple[CorrectionInput, ...] = (),
        lines: tuple[LineInput, ...] = (),
        entries: tuple[EntryInput, ...] = (),
        tallies: tuple[TallyInput, ...] = (),
    ) -> None:
        self.inputs = Inputs(days, work, corrections, lines, entries, tallies)
        self._steps: list[Step] = []
        self._known: dict[str, int] = {}

    def step(self, name: str, operation: Operation, *of: int | str) -> int:
        result = _apply(operation, [_value(operand, self._known) for operand in of], self.inputs)
        self._steps.append(Step(name, operation, of, result))
        self._known[name] = result
        return result

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(self._steps)


def amount_of_steps(steps: tuple[Step, ...], inputs: Inputs) -> int:
    """What the steps give with these inputs, whatever they gave with their own.

    Raises OverflowError, ValueError for inputs that they cannot hold.
    """
    known: dict[str, int] = {}
    result = 0
    for step in steps:
        operands = [known[one] if isinstance(one, str) else one for one in step.of]
        known[step.name] = result = _apply(step.operation, operands, inputs)
    return result


def replay(trace: Trace) -> int:
    """The amount in fen, computed again from the trace alone.

    Raises TraceMismatchError when a step or a comparison does not hold.
    """
    known: dict[str, int] = {}
    inputs = Inputs(
        trace.days, trace.work, trace.corrections, trace.lines, trace.entries, trace.tallies
    )
    for step in trace.steps:
        operands = [_value(operand, known) for operand in step.of]
        result = _apply(step.operation, operands, inputs)
        if result != step.result:
            raise TraceMismatchError(
                f"{trace.rule}: step {step.name} gives {result}, stored {step.result}"
            )
        known[step.name] = result
    for made in trace.comparisons:
        holds = made.left < made.right if made.relation == "<" else made.left <= made.right
        if holds != made.holds:
            raise TraceMismatchError(f"{trace.rule}: comparison for grade {made.grade} is wrong")
    return trace.amount_fen


def _apply(operation: Operation, operands: list[int], inputs: Inputs) -> int:
    read = _OF_INPUTS.get(operation)
    return _ARITHMETIC[operation](*operands) if read is None else read(inputs)


def _of_work(inputs: Inputs, metric: str) -> int:
    return sum(one.amount for one in inputs.work if one.metric == metric)


_OF_INPUTS: dict[str, Callable[[Inputs], int]] = {
    "minutes_of_days": lambda inputs: sum(day.minutes for day in inputs.days),
    "pieces_of_work": lambda inputs: (
        _of_work(inputs, "pieces") + sum(one.pieces for one in inputs.corrections)
    ),
    "rejects_of_work": lambda inputs: (
        _of_work(inputs, "rejects") + sum(one.rejects for one in inputs.corrections)
    ),
    "pieces_of_tallies": lambda inputs: sum(one.pieces for one in inputs.tallies),
    "amount_of_lines": lambda inputs: sum(one.amount_fen for one in inputs.lines),
    "amount_of_entries": lambda inputs: sum(one.amount_fen for one in inputs.entries),
}


def _multiply_up(fen: int, numerator: int, denominator: int) -> int:
    return -(-fen * numerator // denominator)


_ARITHMETIC: dict[str, Callable[..., int]] = {
    "constant": lambda value: value,
    "product": lambda *values: prod(values),
    "multiply_half_up": multiply_fen,
    "multiply_up": _multiply_up,
    "sum": lambda *values: sum(values),
    "difference": lambda first, *others: first - sum(others),
    "smallest": lambda *values: min(values),
    "largest": lambda *values: max(values),
}


def _value(operand: int | str, known: dict[str, int]) -> int:
    return known[operand] if isinstance(operand, str) else operand
