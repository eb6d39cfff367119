"""TOML files that people write about performance: exact numbers as text, faults with their key."""

import tomllib
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import msgspec

from hr_core.errors import InputFileError
from hr_core.money import parse_exact
from hr_core.people.file import read_file
from hr_core.toml_text import parse_toml_text

Shape = TypeVar("Shape")


def read_toml(path: Path, shape: type[Shape], *, remedy: str) -> Shape:
    """Raises InputFileError."""
    return parse_toml(read_file(path), shape, file=str(path), remedy=remedy)


def parse_toml(text: str, shape: type[Shape], *, file: str, remedy: str) -> Shape:
    """`remedy`: where a good one is to be seen. Raises InputFileError naming the key."""
    try:
        return msgspec.convert(parse_toml_text(text), shape, dec_hook=_exact)
    except tomllib.TOMLDecodeError as exc:
        raise InputFileError(
            f"not TOML: {exc}", file=file, key="(file)", remedy="correct the line it names"
        ) from exc
    except msgspec.ValidationError as exc:
        message, _, path = str(exc).partition(" - at ")
        key = path.strip("`$.") or "(file)"
        raise InputFileError(message, file=file, key=key, remedy=remedy) from exc


def _exact(target: type, value: object) -> Fraction:
    if target is not Fraction or not isinstance(value, str):
        raise ValueError(f'{value!r} is not a number as text, like "12.5"')
    return parse_exact(value)
