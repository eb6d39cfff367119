"""Runs known-answer cases against the engines.

An adapter maps one kind of case onto the engine's values and answers in the words of `expect`. It
takes every key of the input: one that it does not know makes the case unsupported, so a case that
asks for more is never passed in silence. Nothing here looks at a case's id.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from hr_core.cases import (
    calendar_cases,
    law_cases,
    month_pay_cases,
    payment_cases,
    performance_cases,
    presence_cases,
    quality_cases,
    roster_cases,
    simple_cases,
    tax_cases,
    timesheet_cases,
)
from hr_core.cases.case_input import Fields, Json, UnsupportedError
from hr_core.cases.compare import asserts_something, compare

_KEYS_OF_A_CASE = {
    "id", "source", "kind", "input", "expect", "note", "law", "assertions", "property",
    "setup", "rules", "steps",
}  # fmt: skip
_ADAPTERS = (
    simple_cases,
    roster_cases,
    presence_cases,
    payment_cases,
    calendar_cases,
    law_cases,
    tax_cases,
    month_pay_cases,
    quality_cases,
    performance_cases,
)


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


class CaseResult(Struct, frozen=True):
    case: str
    result: Outcome
    differences: tuple[str, ...] = ()


def run_case(case: Json) -> CaseResult:
    """Never raises: whatever a case holds, the others must still be answered."""
    name = case.get("id") if isinstance(case, dict) else None
    name = name if isinstance(name, str) else "(without an id)"
    try:
        differences = _differences_of(case)
    except UnsupportedError as missing:
        return CaseResult(name, Outcome.UNSUPPORTED, (str(missing),))
    except Exception as broken:  # noqa: BLE001 - a stumbling engine is this case's answer
        differences = [f"the engine stopped with {type(broken).__name__}: {broken}"]
    return CaseResult(name, Outcome.FAILED if differences else Outcome.PASSED, tuple(differences))


def _differences_of(case: Json) -> list[str]:
    if not isinstance(case, dict):
        raise UnsupportedError("the case is not an object")
    unknown = set(case) - _KEYS_OF_A_CASE
    if unknown:
        raise UnsupportedError(f"case: does not know {', '.join(sorted(unknown))}")
    if case.get("property"):
        raise UnsupportedError("a property in words: the property tests check such")
    if "steps" in case:
        return timesheet_cases.differences_of(case)
    kind = case.get("kind")
    for adapter in _ADAPTERS:
        if isinstance(kind, str) and kind in adapter.KINDS:
            expect = _expected(case)
            given = Fields(case.get("input"))
            found = adapter.KINDS[kind](given, expect)
            given.done()
            return compare(expect, found)
    raise UnsupportedError(f"kind {kind!r}")


def _expected(case: Json) -> Json:
    expect = case.get("expect")
    if not isinstance(expect, dict | list) or not asserts_something(expect):
        raise UnsupportedError("nothing is expected")
    return expect


def summary(results: Iterable[CaseResult]) -> dict[str, int]:
    counted = Counter(result.result for result in results)
    return {str(outcome): counted[outcome] for outcome in Outcome}
