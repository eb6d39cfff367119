"""A house's own rules of performance: one person brings the file, another approves it, then they hold.

Three kinds of file: how scores are made (score_rules.py), how goals become points (goal_rules.py), and
what grades lead to (house_rules.py). Each ends as marks, grades or money.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa

from hr_core.approvals.desk import (
    Actor,
    Approval,
    ApprovalState,
    approvals_in,
    open_approvals,
    propose,
)
from hr_core.approvals.kinds import Kind
from hr_core.audit.log import append
from hr_core.clock import Month
from hr_core.errors import InputFileError
from hr_core.people.file import read_file
from hr_core.people.today import today_at
from hr_core.performance.goal_rules import GoalRuleBook, built_in_goal_rules, parse_goal_rules
from hr_core.performance.house_rules import (
    GradeRules,
    HouseRules,
    load_house_rules,
    parse_grade_rules,
)
from hr_core.performance.score_rules import checked_score_rules, rules_on
from hr_core.store.goal_templates import add_rule_file, rule_texts
from hr_core.store.score_rules import RuleText, add_score_rules, all_score_rules


class RuleFile(StrEnum):
    SCORES = "scores"
    GOALS = "goals"
    GRADES = "grades"


def propose_rules(
    conn: sa.Connection, which: RuleFile, path: Path, *, at: datetime, by: Actor, reason: str = ""
) -> int | None:
    """The number under which it waits; None when exactly this text holds already.

    Raises InputFileError.
    """
    text = read_file(path)
    versions = _CHECKS[which](conn, text, path.name, today_at(conn, at))
    if text in _texts(conn, which):
        return None
    subject = f"rules of {which}, {', '.join(versions)}"
    for waiting in open_approvals(conn, Kind.PERFORMANCE_RULES, subject):
        if waiting.content["text"] == text:
            return waiting.number
    content = {"rules": which, "file": path.name, "versions": versions, "text": text}
    return propose(conn, Kind.PERFORMANCE_RULES, subject, content, at=at, by=by, reason=reason)


def adopt_rules(conn: sa.Connection, approval: Approval) -> None:
    """What the approval does. Raises InputFileError, also for a month that has begun meanwhile."""
    which, name = RuleFile(approval.content["rules"]), approval.content["file"]
    text: str = approval.content["text"]
    assert approval.decided_at is not None  # noqa: S101 - it was just approved
    assert approval.decided_by is not None  # noqa: S101 - as above
    at, entered = approval.decided_at, approval.proposed_by
    versions = _CHECKS[which](conn, text, name, today_at(conn, at))
    if which is RuleFile.SCORES:
        add_score_rules(conn, RuleText(name, text), entered, at)
    elif which is RuleFile.GOALS:
        add_rule_file(conn, name, text, at=at, by=entered)
    # Rules of grades stand in their approval, which never changes: house_rules reads them there.
    told = {"rules": which, "file": name, "versions": versions, "approval": approval.number}
    append(
        conn, at, approval.decided_by, "performance.rules", approval.subject, None, told,
        approval.decision,
    )  # fmt: skip


def goal_rules(conn: sa.Connection) -> GoalRuleBook:
    """Of two editions from one day the one that was imported later holds."""
    book = built_in_goal_rules()
    for name, text in rule_texts(conn):
        book = book.and_of(parse_goal_rules(text, file=name))
    return book


def house_rules(conn: sa.Connection) -> HouseRules:
    """What ships, and the rules of grades that two people brought."""
    return load_house_rules().and_of(_own_grade_rules(conn))


def _own_grade_rules(conn: sa.Connection) -> list[GradeRules]:
    return [
        parse_grade_rules(one.content["text"], file=one.content["file"]) for one in _grades(conn)
    ]


def _grades(conn: sa.Connection) -> list[Approval]:
    approved = approvals_in(conn, ApprovalState.APPROVED, Kind.PERFORMANCE_RULES)
    own = [one for one in approved if one.content["rules"] == RuleFile.GRADES]
    return sorted(own, key=lambda one: (one.decided_at, one.number))


def _texts(conn: sa.Connection, which: RuleFile) -> list[str]:
    """In force; of scores only the newest file is."""
    match which:
        case RuleFile.SCORES:
            return [one.text for one in all_score_rules(conn)[:1]]
        case RuleFile.GOALS:
            return [text for _, text in rule_texts(conn)]
        case RuleFile.GRADES:
            return [one.content["text"] for one in _grades(conn)]


def _check_scores(conn: sa.Connection, text: str, file: str, _today: date) -> tuple[str, ...]:
    return checked_score_rules(conn, text, file=file)


def _check_goals(_conn: sa.Connection, text: str, file: str, today: date) -> tuple[str, ...]:
    editions = parse_goal_rules(text, file=file).edition
    _refuse_begun(((one.version, one.since) for one in editions), file, today)
    return tuple(one.version for one in editions)


def _check_grades(conn: sa.Connection, text: str, file: str, today: date) -> tuple[str, ...]:
    rules = parse_grade_rules(text, file=file)
    _refuse_begun(((one.version, one.since) for one in rules.edition), file, today)
    _refuse_known_version(conn, rules, file)
    for at, one in enumerate(rules.edition):
        basis = rules_on(conn, one.since).basis
        for scheme in one.scheme:
            if scheme.code not in basis:
                raise InputFileError(
                    f"the rules of scores do not say what grades the scheme {scheme.code!r}",
                    file=file,
                    key=f"edition[{at}].scheme",
                    remedy=f'import rules of scores with {scheme.code} = "score" in their basis first: '
                    "hr-core performance score-rules FILE",
                )
    return tuple(one.version for one in rules.edition)


def _refuse_known_version(conn: sa.Connection, new: GradeRules, file: str) -> None:
    shipped = {one.version for one in load_house_rules().edition}
    own = {one.version: one for rules in _own_grade_rules(conn) for one in rules.edition}
    for at, one in enumerate(new.edition):
        if one.version in shipped or own.get(one.version, one) != one:
            raise InputFileError(
                f"the version {one.version} is there with another text",
                file=file,
                key=f"edition[{at}].version",
                remedy="give the changed edition a version of its own",
            )


def _refuse_begun(editions: Iterable[tuple[str, date]], file: str, today: date) -> None:
    next_month = Month(today.year, today.month).after
    for at, (version, since) in enumerate(editions):
        if since < next_month or since.day != 1:
            raise InputFileError(
                f"edition {version} begins on {since}",
                file=file,
                key=f"edition[{at}].from",
                remedy=f"let it begin on the first day of a month from {next_month} on: months that "
                "are past or going on keep their rules",
            )


_CHECKS: dict[RuleFile, Callable[[sa.Connection, str, str, date], tuple[str, ...]]] = {
    RuleFile.SCORES: _check_scores,
    RuleFile.GOALS: _check_goals,
    RuleFile.GRADES: _check_grades,
}
