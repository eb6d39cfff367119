"""A reason as one English sentence, for commands and sheets; pages have words of their own."""

from hr_core.money import format_fen
from hr_core.pay.diff.model import Change, LineDiff, Reason

_KINDS = {
    "attendance_rule": "attendance rule on",
    "base": "agreed base",
    "city": "city of",
    "correction": "correction of pieces",
    "day": "minutes of",
    "days": "minutes of all days of",
    "entry": "entered sum",
    "fact": "",
    "formula": "formula of rule",
    "law": "law",
    "leave": "leave on",
    "line": "follows line",
    "punch": "punch on",
    "request": "request on",
    "roster": "roster of",
    "rounding": "rounding of step",
    "scheme": "scheme",
    "step": "",
    "tally": "tally sheet",
    "version": "version of rule",
    "work": "counted work",
}
_IN_FEN = frozenset({"base", "line", "entry", "step"})


def reason_text(reason: Reason) -> str:
    kind = _KINDS.get(reason.kind, reason.kind)
    about = f"{kind} {reason.subject}".strip()
    before, after = (value_text(reason, said) for said in (reason.before, reason.after))
    if reason.change is Change.NEW:
        return f"{about}: new, {after}" if after else f"{about}: new"
    if reason.change is Change.GONE:
        return f"{about}: gone, {before}" if before else f"{about}: gone"
    return f"{about}: {before} -> {after}"


def value_text(reason: Reason, said: str) -> str:
    """What it said, sums as money."""
    in_fen = reason.kind in _IN_FEN or reason.subject.endswith("_fen")
    return format_fen(int(said)) if in_fen and said.lstrip("-").isdigit() else said


def cause_text(line: LineDiff) -> str:
    """Like "input +¥3.00, rounding -¥0.01"; the cause alone when it made all of it."""
    if len(line.parts) == 1:
        return line.cause.value
    return ", ".join(f"{part.cause.value} {signed(part.fen)}" for part in line.parts)


def signed(fen: int) -> str:
    return format_fen(fen) if fen < 0 else f"+{format_fen(fen)}"
