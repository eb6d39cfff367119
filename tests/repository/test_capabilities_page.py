"""docs/capabilities.md: every row of issue 6 stands in it, and every test that it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/capabilities.md"
MANY = {"D": 14, "E": 11, "F": 2, "G": 3, "H": 8, "I": 8, "J": 6, "N": 7}
WANTED = [f"{letter}{n}" for letter, most in MANY.items() for n in range(1, most + 1)]
BAD_INPUT = 7
NOTHING = "nothing"


def rows(text):
    """(row, figure, what shows it, what is missing) of every table."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]
    return [row for row in cells if row[0] != "row"]


def named_tests(shown):
    """`file::[Class::]test` of a cell; a name without a file is of the file before it."""
    found, file = [], ""
    for name in re.findall(r"`([^`]+)`", shown):
        if ".py::" in name:
            file, _, name = name.partition("::")  # noqa: PLW2901 - the rest of the same name
        found.append((file, name))
    return found


@cache
def cases_of(file):
    path = ROOT / (file if file.startswith("tests/") else f"tests/hr_core/{file}")
    if not file or not path.exists():
        return frozenset()
    return frozenset(_tests(ast.parse(path.read_text()).body))


def _tests(body, prefix=""):
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _tests(node.body, f"{node.name}::")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test"
        ):
            yield f"{prefix}{node.name}"


def faults(text):
    """What is wrong with a page, in words."""
    found = []
    for row in rows(text):
        if len(row) != 4:
            found.append(f"{row[0]}: {len(row)} cells")
            continue
        name, figure, shown, missing = row
        tests = named_tests(shown)
        if not figure:
            found.append(f"{name}: no figure")
        if not tests and not (shown == NOTHING and missing):
            found.append(f"{name}: names no test and does not say what is missing")
        found += [
            f"{name}: there is no {file}::{test}"
            for file, test in tests
            if test not in cases_of(file)
        ]
    return found


def test_every_row_stands_once_and_its_tests_exist():
    text = PAGE.read_text()
    names = [row[0] for row in rows(text)]
    assert names[: len(WANTED)] == WANTED
    assert len(names) == len(WANTED) + BAD_INPUT
    assert faults(text) == []


HERE = "tests/repository/test_capabilities_page.py"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (f"| D1 | x | `{HERE}::test_that_is_not_there` | |", "there is no"),
        ("| D1 | x | `performance/test_gone.py::test_x` | |", "there is no"),
        ("| D1 | x | `test_without_a_file` | |", "there is no"),
        (f"| D1 | x | `{HERE}::Missing::test_every_row_stands_once_and_its_tests_exist` | |", "there is no"),
        ("| D1 | x | by hand | |", "names no test"),
        ("| D1 | x | nothing | |", "does not say what is missing"),
        (f"| D1 | | `{HERE}::test_a_page_with_a_fault_is_found` | |", "no figure"),
        ("| D1 | x | |", "3 cells"),
    ],
)  # fmt: skip
def test_a_page_with_a_fault_is_found(line, fault):
    (found,) = faults(f"| row | figure | shown by | missing |\n|---|---|---|---|\n{line}\n")
    assert fault in found
