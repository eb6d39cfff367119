"""Cases like the known ones, with other values: moved, renamed, and broken in every place."""

import copy
import json
import random
import re
from datetime import date, timedelta

import pytest

from hr_core.cases.files import case_files, cases_of
from hr_core.cases.run import Outcome, run_case

DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
ODD = (
    None, True, -1, 0, 1, 10**6, 10**12, 1.5, "", "x", "24:00", "23:59", "2024-06-12",
    "2024-06-12T25:00", "9999-12-31", "0001-01-01", [], {}, ["a"], [None], {"a": 1},
)  # fmt: skip
NAMES = {
    "branch_1", "branch_2", "department_1", "department_2", "vacation", "Default", "Assigned",
    "S", "S1", "S2", "Holiday", "Schedule Policy", "No Lunch", "Premium1", "Premium2", "Premium3",
    "Weekly (>47hrs)", "Weekly (>31hrs)", "Daily (>8hrs)", "Daily (>9hrs)", "Daily (>10hrs)",
}  # fmt: skip


@pytest.fixture(scope="module")
def known(shared_data):
    return [case for file in case_files([shared_data / "hr/cases"]) for case in cases_of(file)]


def in_texts(value, change):
    if isinstance(value, dict):
        return {change(key): in_texts(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [in_texts(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def weeks_later(case, weeks):
    def move(match):
        return str(date.fromisoformat(match[0]) + timedelta(weeks=weeks))

    return in_texts(case, lambda text: DATE.sub(move, text))


def places_of(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in items:
        yield (*path, key)
        if isinstance(one, dict | list):
            yield from places_of(one, (*path, key))


@pytest.mark.parametrize("weeks", [4, -2])
def test_the_same_rules_hold_in_other_weeks(known, weeks):
    """Of the summer of 2024: no clock changes in between."""
    cases = [case for case in known if '"2024-06' in json.dumps(case.get("steps", ""))]
    passing = [case for case in cases if run_case(case).result is Outcome.PASSED]
    assert len(passing) > 150

    results = [run_case(weeks_later(case, weeks)) for case in passing]

    assert [one for one in results if one.result is not Outcome.PASSED] == []


def test_no_name_of_a_case_is_looked_at(known):
    cases = [case | {"id": "any"} for case in known]
    renamed = [
        in_texts(case, lambda text: f"my {text}" if text in NAMES else text) for case in cases
    ]

    for case, other in zip(known, renamed, strict=True):
        assert run_case(other).result == run_case(case).result, case["id"]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_case_holds_it_is_answered(known, seed):
    """A wrong type is unsupported with its place; the engine never stops on one."""
    chance = random.Random(seed)
    for _ in range(1500):
        case = copy.deepcopy(chance.choice(known))
        *way, last = chance.choice([path for path in places_of(case) if path[0] != "source"])
        inner = case
        for key in way:
            inner = inner[key]
        if chance.random() < 0.2:
            del inner[last]
        else:
            inner[last] = chance.choice(ODD)

        found = run_case(case)

        assert found.differences or found.result is Outcome.PASSED
        assert not any("the engine stopped" in line for line in found.differences), (case, found)


def test_an_engine_that_stumbles_is_the_answer_of_that_case_alone(monkeypatch):
    def stumble(given, expect):
        raise ZeroDivisionError("by the moon")

    monkeypatch.setitem(run_case.__globals__["simple_cases"].KINDS, "round_instant", stumble)

    found = run_case({"id": "any", "kind": "round_instant", "input": {}, "expect": {"time": "1"}})

    assert found.result is Outcome.FAILED
    assert found.differences == ("the engine stopped with ZeroDivisionError: by the moon",)
