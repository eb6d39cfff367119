"""TOML that people write: whatever it holds, it is read or refused. Read into a shape, a fault names
the file, its key and what to do.
"""

import tomllib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from hr_core.errors import InputFileError

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


def parse_toml_text(text: str) -> dict[str, Any]:
    """Raises tomllib.TOMLDecodeError, also where tomllib gives up in other words: brackets nested some
    thousand deep, a whole number of more digits than Python converts.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except (RecursionError, ValueError) as exc:
        raise tomllib.TOMLDecodeError(
            "brackets or names are nested too deep"
            if isinstance(exc, RecursionError)
            else str(exc)[:100]
        ) from exc
