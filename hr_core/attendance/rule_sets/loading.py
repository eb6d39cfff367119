"""The rule sets that ship with the core, and the one that holds on a day."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise

from hr_core.attendance.rule_sets.errors import NoRuleSetError, Problem, RuleFileError
from hr_core.attendance.rule_sets.model import RuleSet
from hr_core.attendance.rule_sets.reading import read_rule_set

_FOLDER = "attendance_rules"


def built_in() -> tuple[RuleSet, ...]:
    """Raises RuleFileError for a file of ours that cannot hold: a fault of ours."""
    return tuple(rules for rules, _ in _files())


def built_in_texts() -> dict[RuleSet, str]:
    """Each with its file, comments and all."""
    return dict(_files())


@cache
def _files() -> tuple[tuple[RuleSet, str], ...]:
    folder = files("hr_core") / "data" / _FOLDER
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            text = file.read_text(encoding="utf-8")
            found.append((read_rule_set(text, file.name), text))
    refuse_clashes(rules for rules, _ in found)
    return tuple(found)


def rule_set(name: str, on: date, sets: Sequence[RuleSet] | None = None) -> RuleSet:
    """The version that holds on a day. Raises NoRuleSetError when none does."""
    known = built_in() if sets is None else sets
    holding = [one for one in known if one.name == name and one.holds_on(on)]
    if not holding:
        raise NoRuleSetError(name, on, sorted({one.name for one in known}))
    return max(holding, key=lambda one: one.valid_from)


def refuse_clashes(sets: Iterable[RuleSet]) -> None:
    """Raises RuleFileError where two rule sets cannot both hold."""
    problems = list(_clashes(sets))
    if problems:
        raise RuleFileError("rule sets", problems)


def _clashes(sets: Iterable[RuleSet]) -> Iterator[Problem]:
    by_name: defaultdict[str, list[RuleSet]] = defaultdict(list)
    versions: set[str] = set()
    for one in sets:
        by_name[one.name].append(one)
        if one.version in versions:
            yield Problem(one.version, "is the version of another rule set too")
        versions.add(one.version)
    for name, own in by_name.items():
        for before, after in pairwise(sorted(own, key=lambda one: one.valid_from)):
            if before.valid_from == after.valid_from:
                yield Problem(
                    after.version,
                    f"and {before.version} of {name!r} both begin on {after.valid_from}",
                )
            elif before.valid_until is not None and before.valid_until >= after.valid_from:
                yield Problem(
                    after.version,
                    f"begins on {after.valid_from}, and {before.version} of {name!r} says that it "
                    f"holds until {before.valid_until}",
                )
