"""TOML files that people write about performance: exact numbers as text."""

from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from hr_core import toml_text
from hr_core.money import parse_exact
from hr_core.people.file import read_file

Shape = TypeVar("Shape")


def read_toml(path: Path, shape: type[Shape], *, remedy: str) -> Shape:
    """Raises InputFileError."""
    return parse_toml(read_file(path), shape, file=str(path), remedy=remedy)


def parse_toml(text: str, shape: type[Shape], *, file: str, remedy: str) -> Shape:
    """`remedy`: where a good one is to be seen. Raises InputFileError naming the key."""
    return toml_text.parse_toml(text, shape, file=file, remedy=remedy, hook=_exact)


def _exact(target: type, value: object) -> Fraction:
    if target is not Fraction or not isinstance(value, str):
        raise ValueError(f'{value!r} is not a number as text, like "12.5"')
    return parse_exact(value)
