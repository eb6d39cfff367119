"""The numbers of a payslip line by name: what its sentences and comparisons may speak of.

Facts and steps by their own names, operand N of a step as `step.N`, and a few that follow from them.
Nothing is looked up outside the line: its trace alone gives its words.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from msgspec import Struct

from hr_core.pay.slip import SlipLine
from hr_core.trace.calculation import Step, Trace

Value = str | int | Fraction

_ROUNDINGS = frozenset({"multiply_half_up", "multiply_up"})
_UNITS_FEN = (10, 100)
_MINUTES_AN_HOUR = 60
# Steps whose first operand is the month wage.
_WAGE_FIRST = frozenset({"wage_x_minutes", "earned_1"})
_OF_A_MONTH = frozenset({"retro", "owed_back"})
_OF_BASE = frozenset({"base", "grade"})


class Rounding(Struct, frozen=True):
    """The last multiplication of a line: `held` fen x `rate` is `exact`, and became `rounded` fen."""

    held: int
    rate: Fraction
    unit_fen: int
    up: bool
    rounded: int

    @property
    def exact(self) -> Fraction:
        return self.held * self.rate

    @property
    def changed(self) -> bool:
        return self.exact != self.rounded


def operands(trace: Trace, step: Step) -> list[int]:
    known = {one.name: one.result for one in trace.steps}
    return [known[of] if isinstance(of, str) else of for of in step.of]


def rounding_of(trace: Trace) -> Rounding | None:
    """None for a line that multiplies nothing: a sum that somebody agreed on or entered."""
    for step, after in reversed([*pairwise((*trace.steps, None))]):
        if step is not None and step.operation in _ROUNDINGS:
            fen, numerator, denominator = operands(trace, step)
            unit = _unit(step, after)
            return Rounding(
                held=fen,
                rate=Fraction(numerator, denominator) * unit,
                unit_fen=unit,
                up=step.operation == "multiply_up",
                rounded=step.result * unit,
            )
    return None


def values_of(line: SlipLine) -> dict[str, Value]:
    trace = line.trace
    found: dict[str, Value] = {}
    for step in trace.steps:
        found[step.name] = step.result
        found |= {f"{step.name}.{at}": value for at, value in enumerate(operands(trace, step))}
    found |= {f"line.{one.code}": one.amount_fen for one in trace.lines}
    if trace.entries:
        # A sum without a name of its own is named by its kind's code, which is no word for a worker.
        if names := [one.name for one in trace.entries if one.name != trace.rule]:
            found["entry_names"] = ", ".join(names)
        for who in ("entered_by", "approved_by"):
            found[who] = ", ".join(dict.fromkeys(getattr(one, who) for one in trace.entries))
    found |= trace.facts
    found |= dict(_derived(line, found))
    return found


def wage_fen(trace: Trace) -> int | None:
    """The agreed month wage that the line counts from, where it names one."""
    for name in ("base_fen", "wage_fen"):
        if name in trace.facts:
            return int(trace.facts[name])
    if any(step.name == "earned_2" for step in trace.steps):
        return None  # it changed in the month
    for step in trace.steps:
        if step.name in _WAGE_FIRST or (trace.rule in _OF_BASE and step.name == "amount"):
            return operands(trace, step)[0]
    return None


def agreed_wage(trace: Trace) -> int | None:
    """The whole of it, also where the line is of its fixed or floating part."""
    for step in trace.steps:
        if step.name == "floating_of_wage_1":
            return operands(trace, step)[0]
    return None if trace.rule == "allowance" else wage_fen(trace)


def fraction_of(value: Value) -> Fraction | None:
    """Of a text like 87/4 or 21.75 too; None for anything that is no number."""
    try:
        return Fraction(value)
    except (ValueError, ZeroDivisionError):
        return None


def _derived(line: SlipLine, known: dict[str, Value]) -> Iterator[tuple[str, Value]]:
    trace = line.trace
    rounding = rounding_of(trace)
    if rounding is not None:
        yield "held", rounding.held
        yield "rate", rounding.rate
        yield "exact", rounding.exact
    wage = wage_fen(trace)
    if wage is not None:
        yield "wage", wage
    yield from _hours(trace, known)
    yield from _share_bounds(known)
    if trace.rule in _OF_A_MONTH and "month" in trace.facts:
        yield "of_month", trace.facts["month"]
        now = [one.amount_fen for one in trace.lines if one.code.endswith(" now")]
        yield "now_fen", sum(now)
        yield "paid_fen", sum(now) - sum(one.amount_fen for one in trace.lines)
    if "coefficient" in trace.facts and "score" not in trace.facts:
        yield "no_result", 1
    employed, paid = (fraction_of(known.get(of, "")) for of in ("employed_days", "paid_days"))
    if employed is not None and paid is not None:
        yield "days_not_employed", paid - employed
    if known.get("taxable") == 0:
        yield "nothing_taxable", 1
    if line.code.startswith("leave_pay") and "days" in trace.facts:
        yield "leave_days", trace.facts["days"]


def _hours(trace: Trace, known: dict[str, Value]) -> Iterator[tuple[str, Value]]:
    hours = fraction_of(trace.facts.get("hours", ""))
    minutes = known.get("minutes")
    if hours is None and isinstance(minutes, int):
        hours = Fraction(minutes, _MINUTES_AN_HOUR)
    if hours is not None:
        yield "hours", hours
        yield "minutes", hours * _MINUTES_AN_HOUR
    wage = wage_fen(trace)
    month_days, day_hours = (fraction_of(known.get(of, "")) for of in ("month_days", "day_hours"))
    if wage is not None and month_days and day_hours:
        yield "hour_pay", wage / month_days / day_hours


def _share_bounds(known: dict[str, Value]) -> Iterator[tuple[str, Value]]:
    floor, ceiling = (known.get(of) for of in ("at_least_floor", "at_most_ceiling"))
    base = known.get("base")
    if isinstance(floor, int) and isinstance(base, int) and floor > base:
        yield "below_floor", floor
    elif isinstance(ceiling, int) and isinstance(base, int) and ceiling < base:
        yield "above_ceiling", ceiling


def _unit(step: Step, after: Step | None) -> int:
    """Fen that a rounded number counts: of shares rounded to the jiao it counts jiao."""
    if after is not None and after.operation == "product" and step.name in after.of:
        for of in after.of:
            if of in _UNITS_FEN:
                return int(of)
    return 1
