"""A file that somebody made to break the reader is refused like any other that is no TOML."""

import tomllib

import pytest

from hr_core.errors import InputFileError
from hr_core.performance.goal_rules import parse_goal_rules
from hr_core.performance.score_rules import parse_score_rules
from hr_core.toml_text import parse_toml_text

BROKEN = {
    "arrays": "a = " + "[" * 5_000 + "]" * 5_000,
    "tables": "a = " + "{b = " * 3_000 + "1" + "}" * 3_000,
    "digits": "a = " + "9" * 5_000,
    "plain": "a = ",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_not_toml(name):
    with pytest.raises(tomllib.TOMLDecodeError):
        parse_toml_text(BROKEN[name])


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("parse", [parse_goal_rules, parse_score_rules])
def test_and_the_file_is_named(parse, name):
    with pytest.raises(InputFileError) as caught:
        parse(BROKEN[name], file="ours.toml")
    assert caught.value.file == "ours.toml"


def test_what_is_toml_is_read():
    assert parse_toml_text('a = 1\n[b]\nc = "2"') == {"a": 1, "b": {"c": "2"}}
