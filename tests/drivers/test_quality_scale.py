"""The scale is honest: every rule answered, every proof there, the page as the tool writes it."""

import ast
import importlib.util

import msgspec
import pytest

from drivers.catalog import built_in_kinds
from drivers.quality_scale import Answer, Level, Scale, levels, quality_scale

SCALE = quality_scale()
RULES = {rule for rules in SCALE.rules.values() for rule in rules}
every_kind = pytest.mark.parametrize("kind", built_in_kinds())


def test_every_built_in_driver_is_on_the_scale() -> None:
    assert set(SCALE.drivers) == set(built_in_kinds())


def test_every_level_has_a_meaning_and_all_but_the_first_have_rules() -> None:
    assert list(SCALE.meaning) == list(Level)
    assert list(SCALE.rules) == list(Level)[1:]
    assert len(RULES) == sum(map(len, SCALE.rules.values())), "a rule stands at one level"


@every_kind
def test_every_rule_has_one_answer(kind: str) -> None:
    assert set(SCALE.drivers[kind]) == RULES
    for rule, answer in SCALE.drivers[kind].items():
        given = [word for word in (answer.done, answer.exempt, answer.todo) if word]
        assert len(given) == 1, rule
        assert answer.done or len(given[0]) > 10, "a reason is a sentence"


@every_kind
def test_what_is_done_names_an_existing_test_or_page(repository, kind: str) -> None:
    for answer in SCALE.drivers[kind].values():
        for proof in answer.done:
            file, _, name = proof.partition("::")
            if file.endswith(".md"):
                assert len((repository / file).read_text("utf-8")) > 1_000, proof
            else:
                assert name.partition("[")[0] in names_of_tests(repository / file), proof


@every_kind
def test_only_a_page_documents_and_only_tests_prove(kind: str) -> None:
    for rule, answer in SCALE.drivers[kind].items():
        for proof in answer.done:
            assert proof.endswith(".md") == (rule == "documented"), proof


def test_a_level_wants_all_rules_below_it_too() -> None:
    done, todo = Answer(done=("t::t",)), Answer(todo="something is missing")
    rules = {level: {f"{level}_rule": "holds"} for level in list(Level)[1:]}

    def level(**answers: Answer) -> Level:
        row = {f"{level}_rule": done for level in rules} | answers
        return Scale(meaning={}, rules=rules, drivers={"x": row}).level("x")

    assert level() is Level.FIELDED
    assert level(fielded_rule=todo) is Level.PROVEN
    assert level(sturdy_rule=todo) is Level.SOUND
    assert level(sound_rule=todo) is Level.TRIAL
    assert level(proven_rule=Answer(exempt="has none to show")) is Level.FIELDED


def test_no_driver_sinks_below_where_it_was() -> None:
    """Change a line here only upwards, or say in the changelog what was lost."""
    assert levels() == {
        "zk-pull": Level.STURDY,
        "modbus-counter": Level.PROVEN,
        "modbus-rtu": Level.PROVEN,
        "pulse-counter": Level.STURDY,
        "barcode-scanner": Level.STURDY,
        "opcua-counter": Level.STURDY,
        "rdm6300": Level.PROVEN,
        "mqtt-line": Level.PROVEN,
        "sparkplug-host": Level.PROVEN,
    }


def test_a_misspelt_answer_is_no_answer() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"don": ["x"]}, Answer)


def test_the_checked_in_page_is_what_the_tool_writes(repository) -> None:
    spec = importlib.util.spec_from_file_location("tool", repository / "tools" / "quality_scale.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    written = (repository / "docs" / "quality-scale.md").read_text("utf-8")
    assert written == tool.page(SCALE), "run tools/quality_scale.py"
    for rule in RULES:
        assert f"`{rule}`" in written


def names_of_tests(file) -> set[str]:
    return {
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
