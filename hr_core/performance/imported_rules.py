"""A plant's own editions of the rules of goals, beside those that ship."""

from pathlib import Path

import sqlalchemy as sa

from hr_core.audit.log import append
from hr_core.clock import Month
from hr_core.errors import InputFileError
from hr_core.people.file import read_file
from hr_core.performance.agreeing import Sign
from hr_core.performance.goal_rules import GoalRuleBook, built_in_goal_rules, parse_goal_rules
from hr_core.performance.today import today_at
from hr_core.store.goal_templates import add_rule_file, rule_texts


def goal_rules(conn: sa.Connection) -> GoalRuleBook:
    """Of two editions from one day the one that was imported later holds."""
    book = built_in_goal_rules()
    for name, text in rule_texts(conn):
        book = book.and_of(parse_goal_rules(text, file=name))
    return book


def import_goal_rules(conn: sa.Connection, path: Path, sign: Sign) -> GoalRuleBook:
    """Its editions begin with a month that is still to come: past months keep theirs.

    The same file twice changes nothing. Raises InputFileError.
    """
    text = read_file(path)
    book = parse_goal_rules(text, file=str(path))
    if any(text == known for _, known in rule_texts(conn)):
        return book
    today = today_at(conn, sign.at)
    next_month = Month(today.year, today.month).after
    for at, one in enumerate(book.edition):
        if one.since < next_month or one.since.day != 1:
            raise InputFileError(
                f"edition {one.version} begins on {one.since}",
                file=str(path),
                key=f"edition[{at}].from",
                remedy=f"let it begin on the first day of a month from {next_month} on: months that "
                "are past or going on keep their rules",
            )
    number = add_rule_file(conn, path.name, text, at=sign.at, by=sign.by.name)
    told = {"file": path.name, "editions": [one.version for one in book.edition]}
    append(
        conn, sign.at, sign.by.name, "goals.rules", f"goal rules {number}", None, told, sign.note
    )
    return book
