"""Rule sets of a site's own, beside those that ship with the core."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.attendance.rule_sets.errors import Problem, RuleFileError
from hr_core.attendance.rule_sets.loading import built_in, refuse_clashes
from hr_core.attendance.rule_sets.model import RuleSet
from hr_core.attendance.rule_sets.reading import read_rule_file, read_rule_set
from hr_core.store.rule_sets import RuleFileRow, add_rule_file, rule_files


class Imported(NamedTuple):
    """`added` False: the core had this very file already."""

    rules: RuleSet
    added: bool


def all_rule_sets(conn: sa.Connection) -> tuple[RuleSet, ...]:
    """For `rule_set(name, on, sets)`: what ships, and what was imported."""
    return (*built_in(), *imported_texts(conn))


def imported_texts(conn: sa.Connection) -> dict[RuleSet, str]:
    return {read_rule_set(row.text, row.file): row.text for row in rule_files(conn)}


def import_rule_file(conn: sa.Connection, file: Path, *, at: datetime, by: str) -> Imported:
    """The same file twice is harmless. Raises RuleFileError for a file that cannot hold beside the
    others, and for a version that says something else already: what was paid by it must stay.
    """
    rules = read_rule_file(file)
    text = file.read_text(encoding="utf-8")
    known = {row.version: row for row in rule_files(conn)}
    if rules.version in known:
        if read_rule_set(known[rules.version].text, str(file)) == rules:
            return Imported(rules, added=False)
        problem = Problem("version", f"{rules.version} holds already and says something else")
        raise RuleFileError(str(file), [problem])
    refuse_clashes((*all_rule_sets(conn), rules))
    row = RuleFileRow(version=rules.version, file=file.name, text=text, added_at=at, added_by=by)
    add_rule_file(conn, row)
    return Imported(rules, added=True)
