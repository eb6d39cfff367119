import pytest

from firmware_profiles import ProfileFileError, Quirk, load_profile
from protocols.records import Direction

GOOD = """
name = "Some Clock"
make = "Someone"
evidence = "expected"
source = "a test"
record_layout = "att16"
user_width = 28
encoding = "gbk"
quirks = ["count_unknown"]
states = { 0 = "out", 1 = "in" }
methods = { 7 = "eye" }
capacity = { records = 1_000 }

[match]
platform = ["ZX"]
"""


def test_every_field_arrives() -> None:
    profile = load_profile("some/clock.toml", GOOD)
    assert profile.key == "some/clock"
    assert (profile.record_layout, profile.user_width, profile.encoding) == ("att16", 28, "gbk")
    assert profile.states == {0: Direction.OUT, 1: Direction.IN}
    assert profile.methods == {7: "eye"}
    assert profile.quirks == {Quirk.COUNT_UNKNOWN}
    assert (profile.capacity.records, profile.capacity.users) == (1_000, None)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "Some Clock"', "", "name"),
        ("user_width = 28", "user_width = 40", "user_width"),
        ('"att16"', '"att41"', "record_layout"),
        ('quirks = ["count_unknown"]', 'quirks = ["flies"]', "quirks"),
        ('"expected"', '"surely"', "evidence"),
        ('0 = "out"', '0 = "gone"', "states"),
        ('source = "a test"', 'source = " "', "source"),
        ('encoding = "gbk"', 'encoding = "klingon"', "encoding"),
        ('evidence = "expected"', 'evidence = "captured"', "captures"),
        ("[match]", "colour = 1\n[match]", "colour"),
        ('platform = ["ZX"]', "platform = []", "match.platform"),
        ('platform = ["ZX"]', 'serial = ["A*"]\nplatform = ["ZX"]', "serial"),
        ('name = "Some Clock"', 'name = "Some Clock"\nkey = "x/y"', "key"),
        ("[match]", "[match", "TOML"),
    ],
)
def test_a_wrong_file_names_itself_and_the_key(old: str, new: str, named: str) -> None:
    assert old in GOOD
    with pytest.raises(ProfileFileError) as caught:
        load_profile("some/clock.toml", GOOD.replace(old, new))
    assert caught.value.file == "some/clock.toml"
    assert "firmware_profiles/data/some/clock.toml" in str(caught.value)
    assert named in caught.value.problem
