"""Lines are found in every form that TOML allows, not only in the simple one."""

import json
import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config.toml_lines import key_lines, line_of

TEXT = """\
# a comment with = and [brackets]
title = "not a [table] # nor a comment"

[site]
"quoted key" = 1
'literal' = 2
dotted.inner = '''
[[device]]
name = "inside a string"
'''

[[device]]
name = "a" # first

  [[device]]
name = \"\"\"three quotes \\\\\"\"\"\"\"
after = 1
[device.deep]
x = { y = 1, z = { w = "}" } }
[[device.list]]
k = [
  1,  # ]
  [ "a", "]" ],
  { b = 2 },
]
"""
PLACES = {
    ("title",): 2,
    ("site",): 4,
    ("site", "quoted key"): 5,
    ("site", "literal"): 6,
    ("site", "dotted", "inner"): 7,
    ("device", 0): 12,
    ("device", 0, "name"): 13,
    ("device", 1): 15,
    ("device", 1, "name"): 16,
    ("device", 1, "after"): 17,
    ("device", 1, "deep"): 18,
    ("device", 1, "deep", "x", "z", "w"): 19,
    ("device", 1, "list", 0): 20,
    ("device", 1, "list", 0, "k", 1): 23,
    ("device", 1, "list", 0, "k", 2, "b"): 24,
}


def test_every_form_of_key():
    tomllib.loads(TEXT)  # the text is valid, or the test proves nothing

    lines = key_lines(TEXT)

    assert {path: lines.get(path) for path in PLACES} == PLACES
    assert ("device", 2) not in lines


def test_a_key_that_is_not_there_lies_in_the_nearest_table_that_is():
    lines = key_lines(TEXT)

    assert line_of(lines, ("device", 1, "port")) == 15
    assert line_of(lines, ("device", 7, "port")) == 12
    assert line_of(lines, ("gateway", "name")) == 1


KEYS = st.text("abz_-09", min_size=1, max_size=4)
STRINGS = st.text("\"'\\#=[]{},\n 考a", max_size=6)
SCALARS = st.one_of(st.integers(-9, 9), st.booleans(), STRINGS)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=6)


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=4))
def test_each_key_of_any_document_is_on_its_line(tables):
    text = ""
    expected = {}
    for index, table in enumerate(tables):
        text += "[[t]]\n"
        for key, value in table.items():
            expected["t", index, key] = text.count("\n") + 1
            text += f"{key} = {json.dumps(value)}\n"
    assert tomllib.loads(text)["t"] == tables

    lines = key_lines(text)

    assert {path: line for path, line in lines.items() if len(path) == 3} == expected
