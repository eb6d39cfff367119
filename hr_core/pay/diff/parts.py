"""What of a line's difference each cause makes: the old steps, computed again with the new inputs."""

from hr_core.pay.diff.model import Cause, Part, Reason
from hr_core.pay.diff.reasons import same_form
from hr_core.pay.slip import SlipLine
from hr_core.trace.calculation import Inputs, Trace, amount_of_steps

_CAUSES = tuple(Cause)
_MOVED_BY_STEPS = frozenset({Cause.INPUT, Cause.FOLLOWS})


def parts_of(before: SlipLine, after: SlipLine, reasons: tuple[Reason, ...]) -> tuple[Part, ...]:
    """They add up to the difference, in the order of Cause; one of zero is left out, unless it is
    the only one.

    First other lines take their new amounts in the old steps, then days, work and sums; what is left
    is of the first of the other causes. Where the steps are others, all of it is.
    """
    named = {reason.cause for reason in reasons}
    causes = [cause for cause in _CAUSES if cause in named]
    difference = after.amount_fen - before.amount_fen
    of_terms = [cause for cause in causes if cause not in _MOVED_BY_STEPS]
    if not causes or not _sound(before, after):
        return (Part(Cause.UNKNOWN, difference),)
    if len(causes) == 1:
        return (Part(causes[0], difference),)
    moved: dict[Cause, int] = {}
    if same_form(before.trace, after.trace):
        moved = _moved(before.trace, after.trace)
    left = difference - sum(moved.values())
    rest = of_terms[0] if of_terms else causes[0]
    moved[rest] = moved.get(rest, 0) + left
    parts = tuple(Part(cause, moved[cause]) for cause in _CAUSES if moved.get(cause))
    return parts or (Part(causes[0], difference),)


def _sound(before: SlipLine, after: SlipLine) -> bool:
    return all(line.amount_fen == line.trace.amount_fen for line in (before, after))


def _moved(old: Trace, new: Trace) -> dict[Cause, int]:
    """Nothing where the old steps cannot hold the new inputs."""
    given = _inputs(new)
    followed = _inputs(old)._replace(lines=new.lines)
    try:
        with_lines = amount_of_steps(old.steps, followed)
        with_all = with_lines if followed == given else amount_of_steps(old.steps, given)
    except (OverflowError, ValueError):
        return {}
    moved = {Cause.FOLLOWS: with_lines - old.amount_fen, Cause.INPUT: with_all - with_lines}
    return {cause: fen for cause, fen in moved.items() if fen}


def _inputs(trace: Trace) -> Inputs:
    return Inputs(
        trace.days, trace.work, trace.corrections, trace.lines, trace.entries, trace.tallies
    )
