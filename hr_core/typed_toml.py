"""TOML that people write, read into a shape: a fault names the file, its key and what to do."""

import tomllib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from hr_core.errors import InputFileError
from hr_core.toml_text import parse_toml_text

Shape = TypeVar("Shape")
Hook = Callable[[type, object], Any]
"""Makes a value of a type that TOML has not; raises ValueError that says what was wanted."""


def parse_toml(
    text: str, shape: type[Shape], *, file: str, remedy: str, hook: Hook | None = None
) -> Shape:
    """`remedy`: where a good one is to be seen. Raises InputFileError."""
    return shaped(
        toml_tables(text, file=file, remedy=remedy), shape, file=file, remedy=remedy, hook=hook
    )


def toml_tables(text: str, *, file: str, remedy: str) -> dict[str, Any]:
    """Raises InputFileError."""
    try:
        return parse_toml_text(text)
    except tomllib.TOMLDecodeError as exc:
        raise InputFileError(
            f"not TOML: {exc}",
            file=file,
            key="(file)",
            remedy=f"correct the line it names; {remedy}",
        ) from exc


def shaped(
    tables: object, shape: type[Shape], *, file: str, remedy: str, hook: Hook | None = None
) -> Shape:
    """Raises InputFileError."""
    try:
        return msgspec.convert(tables, shape, dec_hook=hook)
    except msgspec.ValidationError as exc:
        message, _, path = str(exc).partition(" - at ")
        key = path.strip("`$.") or "(file)"
        raise InputFileError(message, file=file, key=key, remedy=remedy) from exc
