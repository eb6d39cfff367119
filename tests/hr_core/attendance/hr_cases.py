"""Runs known-answer cases (hrcase/1, data/hr/cases/SCHEMA.md) against the engine.

An adapter maps one kind of case onto the engine's values and answers in the words of `expect`. It
takes every key of the input: one that it does not know makes the case unsupported, so a sister
case that asks for more is never passed in silence. Nothing here looks at a case's id.
"""

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tests.hr_core.attendance import (
    calendar_cases,
    law_cases,
    roster_cases,
    simple_cases,
    timesheet_cases,
)
from tests.hr_core.attendance.case_input import UnsupportedError

KEYS_OF_A_CASE = {
    "id", "source", "kind", "input", "expect", "note", "law", "assertions", "property",
    "setup", "rules", "steps",
}  # fmt: skip
MONEY = 0.005


class CaseResult(NamedTuple):
    case: str
    result: str
    differences: tuple[str, ...] = ()


def run_file(path: Path) -> list[CaseResult]:
    content = json.loads(path.read_text())
    if content.get("schema") != "hrcase/1":
        raise ValueError(f"{path} is not a file of hrcase/1")
    return [run_case(case) for case in content["cases"]]


def run_case(case) -> CaseResult:
    try:
        differences = _differences_of(case)
    except UnsupportedError as missing:
        return CaseResult(case["id"], "unsupported", (str(missing),))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as broken:
        # One case that the engine stumbles over must not hide the answers of the others.
        differences = [f"{type(broken).__name__}: {broken}"]
    return CaseResult(case["id"], "failed" if differences else "passed", tuple(differences))


def _differences_of(case) -> list[str]:
    unknown = set(case) - KEYS_OF_A_CASE
    if unknown:
        raise UnsupportedError(f"case: does not know {', '.join(sorted(unknown))}")
    if case.get("property"):
        raise UnsupportedError("a property in words: see the property tests")
    if "steps" in case:
        return timesheet_cases.differences_of(case)
    for adapter in ADAPTERS:
        if case.get("kind") in adapter.KINDS:
            return compare(
                case["expect"], adapter.answer(case["kind"], case["input"], case["expect"])
            )
    raise UnsupportedError(f"kind {case.get('kind')!r}")


ADAPTERS = (simple_cases, roster_cases, calendar_cases, law_cases)


def compare(expected, found, where="") -> list[str]:
    """What of `expected` the answer does not hold; keys that are not asserted do not matter."""
    if isinstance(expected, dict):
        return _compare_objects(expected, found, where)
    if isinstance(expected, list):
        if not isinstance(found, list | tuple) or len(expected) != len(found):
            return [f"{where}: expected {expected}, found {found}"]
        return [
            line
            for position, (one, other) in enumerate(zip(expected, found, strict=True))
            for line in compare(one, other, f"{where}[{position}]")
        ]
    if _equal(expected, found, where.rpartition(".")[2]):
        return []
    return [f"{where}: expected {expected}, found {found}"]


def _compare_objects(expected, found, where) -> list[str]:
    if not isinstance(found, dict):
        return [f"{where}: expected {expected}, found {found}"]
    lines = []
    for key, value in expected.items():
        if key in ("note", "law", "warning"):
            continue
        if key not in found:
            raise UnsupportedError(f"expect: does not answer {where}.{key}")
        lines += compare(value, found[key], f"{where}.{key}")
    return lines


def _equal(expected, found, key) -> bool:
    numbers = (int, float)
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, numbers) and isinstance(found, numbers):
        if key.endswith("_about"):
            return abs(expected - found) <= 0.2 * abs(expected)
        tolerance = 0.01 if "hours" in key or "by_day" in key or "[" in key else MONEY
        return abs(expected - found) <= tolerance
    return expected == found


def counted(results) -> dict[str, int]:
    return dict(Counter(result.result for result in results))
