import ast
import tomllib

import pytest

from drivers.catalog import built_in_kinds


@pytest.fixture(scope="module")
def scale(repository):
    return tomllib.loads((repository / "drivers" / "quality_scale.toml").read_text("utf-8"))


def test_every_built_in_driver_is_on_the_scale(scale) -> None:
    assert set(scale) - {"rules"} == set(built_in_kinds())


@pytest.mark.parametrize("kind", built_in_kinds())
def test_every_rule_is_answered(scale, kind: str) -> None:
    assert set(scale[kind]) == {"stable", *scale["rules"]}


@pytest.mark.parametrize("kind", built_in_kinds())
def test_an_answer_is_an_existing_test_or_says_why_not(scale, repository, kind: str) -> None:
    for rule in scale["rules"]:
        answer = scale[kind][rule]
        if isinstance(answer, str):
            file, _, name = answer.partition("::")
            assert name in names_of_tests(repository / file), answer
        else:
            ((word, reason),) = answer.items()
            assert word in {"exempt", "todo"}
            assert len(reason) > 10


@pytest.mark.parametrize("kind", built_in_kinds())
def test_a_stable_driver_has_nothing_left_to_do(scale, kind: str) -> None:
    left = [
        rule
        for rule in scale["rules"]
        if isinstance(scale[kind][rule], dict) and "todo" in scale[kind][rule]
    ]
    assert not (scale[kind]["stable"] and left)


def names_of_tests(file) -> set[str]:
    return {
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
