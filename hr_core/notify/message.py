"""What is said about an alert, and on which occasions: once each, in Chinese and English."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from hr_core.people.model import Roster
from hr_core.quality.alert_life import Alert
from hr_core.quality.grades import percent_text

RAISED = "raised"


class Occasion(Struct, frozen=True, kw_only=True):
    """Why something is said now. `name` with the alert's identity is said at most once a channel.

    `role` and `owner`: who it is for; `owner` None: no rule names anybody.
    """

    name: str
    at: datetime
    role: str
    owner: str | None


class Message(Struct, frozen=True, kw_only=True):
    """One saying; `text_zh` and `text_en` are what a person reads, the rest is for programs.

    `command`: what to enter, where something is to be entered.
    """

    alert: str
    occasion: str
    kind: str
    subject: str
    name: str
    line: str
    shift: str
    level: int
    limit_percent: str
    pieces: int
    rejects: int
    at: datetime
    role: str
    owner: str | None
    owner_name: str | None
    hides: tuple[str, ...]
    title: str
    text_zh: str
    text_en: str
    command: str = ""


def occasions(alert: Alert) -> Iterator[Occasion]:
    """All there have been so far. A person's alert that a line's stands for is not said."""
    if alert.hidden_by is not None:
        return
    raised_at = datetime.fromtimestamp(alert.raised_at, UTC)
    yield Occasion(name=RAISED, at=raised_at, role=alert.role, owner=alert.owner)
    for number, step in enumerate(alert.escalations, 1):
        at = datetime.fromtimestamp(step.at, UTC)
        yield Occasion(name=f"escalated-{number}", at=at, role=step.role, owner=step.owner)


def message(alert: Alert, occasion: Occasion, roster: Roster | None, zone: ZoneInfo) -> Message:
    names = {} if roster is None else {one.number: one.name for one in roster.people.values()}
    name_zh, name_en = _names(alert, roster)
    percent = percent_text(alert.pieces, alert.rejects)
    local = f"{occasion.at.astimezone(zone):%Y-%m-%d %H:%M}"
    figures = f"{percent} > {alert.limit_percent} % ({alert.rejects}/{alert.pieces})"
    owner = occasion.owner
    for_whom = names.get(owner, owner) if owner is not None else None
    hidden = [_hidden_name(one, names) for one in alert.hides]
    escalated = occasion.name != RAISED
    return Message(
        alert=alert.identity,
        occasion=occasion.name,
        kind=alert.subject.kind,
        subject=alert.subject.code,
        name=name_en,
        line=alert.subject.line,
        shift=alert.shift,
        level=alert.level,
        limit_percent=alert.limit_percent,
        pieces=alert.pieces,
        rejects=alert.rejects,
        at=occasion.at,
        role=occasion.role,
        owner=owner,
        owner_name=for_whom,
        hides=alert.hides,
        title=f"{name_zh} {name_en} {percent} > {alert.limit_percent} %"
        if name_zh != name_en
        else f"{name_en} {percent} > {alert.limit_percent} %",
        text_zh=f"{local} 次品率{'升级提醒' if escalated else '提醒'}:{name_zh},{figures},"
        f"产线 {alert.subject.line},班次 {alert.shift}。"
        f"负责人:{for_whom or '未指定'}。" + (f"代表:{'、'.join(hidden)}。" if hidden else ""),
        text_en=f"{local} Defect rate {'still not acknowledged' if escalated else 'alert'}: "
        f"{name_en}, {figures}, line {alert.subject.line}, shift {alert.shift}. "
        f"Owner: {for_whom or 'nobody is named'}."
        + (f" Stands for: {', '.join(hidden)}." if hidden else ""),
    )


def _names(alert: Alert, roster: Roster | None) -> tuple[str, str]:
    """(zh, en)."""
    code = alert.subject.code
    if roster is None:
        return code, code
    if alert.subject.kind == "line":
        line = roster.lines.get(code)
        return (code, code) if line is None else (line.name_zh or line.name, line.name)
    person = roster.people.get(code)
    return (code, code) if person is None else (person.name, person.name)


def _hidden_name(identity: str, names: Mapping[str, str]) -> str:
    code = identity.split("/")[1] if "/" in identity else identity
    return names.get(code, code)
