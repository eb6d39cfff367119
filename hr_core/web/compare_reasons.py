"""A reason of a difference in the page's words, with the event that it names as a link."""

from collections.abc import Mapping

from msgspec import Struct

from hr_core.pay.diff.model import Change, Reason
from hr_core.pay.diff.named_facts import plain_name
from hr_core.pay.diff.reason_text import value_text
from hr_core.trace.events import is_event_id
from hr_core.web.fact_words import amount_text
from hr_core.web.selection import Links
from hr_core.web.slip_page import hours_text
from hr_core.web.words import Words
from protocols.identity import event_time

_IN_MINUTES = frozenset({"day", "days"})
_NAMED = frozenset({"fact", "step"})


class ShownReason(Struct, frozen=True, kw_only=True):
    """`link` is empty unless a device's event stands behind it."""

    text: str
    link: str = ""


def shown_reason(reason: Reason, labels: Mapping[str, str], words: Words) -> ShownReason:
    """`labels`: the lines of the runs, by code."""
    if reason.kind == "punch":
        return _punch(reason, words)
    about = f"{words.of('diff_reason', reason.kind)} {_subject(reason, labels, words)}".strip()
    before, after = (_value(reason, said) for said in (reason.before, reason.after))
    if reason.change is Change.NEW:
        return ShownReason(text=f"{about} {words('new_in_b')} {after}".rstrip())
    if reason.change is Change.GONE:
        return ShownReason(text=f"{about} {words('gone_in_b')} {before}".rstrip())
    return ShownReason(text=f"{about} {before} → {after}")


def _punch(reason: Reason, words: Words) -> ShownReason:
    event_id = reason.after or reason.before
    change = words("new_in_b" if reason.change is Change.NEW else "gone_in_b")
    kind = words.of("diff_reason", "punch")
    if not is_event_id(event_id):  # an approved request made it
        return ShownReason(text=f"{kind} {reason.subject} {change} ({event_id})")
    at = event_time(bytes.fromhex(event_id))
    return ShownReason(
        text=f"{kind} {at:%m-%d %H:%M:%S} {change}", link=Links(words.language).event(event_id)
    )


def _subject(reason: Reason, labels: Mapping[str, str], words: Words) -> str:
    if reason.kind == "base":
        return ""
    if reason.kind in _NAMED:
        name = plain_name(reason.subject)
        number = reason.subject.removeprefix(name).lstrip("_")
        known = words.of("diff_subject", name)
        known = words.of("fact", name) if known == name else known
        return f"{known} {number}".strip()
    if reason.kind == "line":
        return ", ".join(labels.get(code, code) for code in reason.subject.split(", "))
    return reason.subject


def _value(reason: Reason, said: str) -> str:
    if reason.kind in _IN_MINUTES and said.isdecimal():
        return hours_text(int(said))
    shown = value_text(reason, said)
    return amount_text(int(said)) if shown != said else said
