"""How well each built-in driver is proven: `quality_scale.toml`, read and judged.

docs/quality-scale.md is written from it.
"""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

from msgspec import Struct, convert


class Level(StrEnum):
    """From the least to the most. A driver has a level when it answers its rules and all below."""

    TRIAL = "trial"  # below all rules
    SOUND = "sound"
    STURDY = "sturdy"
    PROVEN = "proven"
    FIELDED = "fielded"


class Answer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the three: what proves it, why it does not apply, or what is missing."""

    done: tuple[str, ...] = ()
    exempt: str = ""
    todo: str = ""


class Scale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`rules` by level, what each asks by its name; `drivers` by kind, the answers by rule."""

    meaning: dict[Level, str]
    rules: dict[Level, dict[str, str]]
    drivers: dict[str, dict[str, Answer]]

    def level(self, kind: str) -> Level:
        """The highest level of which, and of all below, nothing is left to do."""
        reached = Level.TRIAL
        for level in list(Level)[1:]:
            if any(self.drivers[kind][rule].todo for rule in self.rules[level]):
                return reached
            reached = level
        return reached


@cache
def quality_scale() -> Scale:
    text = files("drivers").joinpath("quality_scale.toml").read_text(encoding="utf-8")
    return convert(tomllib.loads(text), Scale)


def levels() -> Mapping[str, Level]:
    """The level of each built-in driver."""
    scale = quality_scale()
    return {kind: scale.level(kind) for kind in scale.drivers}
