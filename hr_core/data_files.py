"""The rules that ship as data: TOML files beside the code, each version with its source."""

import tomllib
from importlib.resources import files
from typing import TypeVar

import msgspec

Shape = TypeVar("Shape")


def read_text(name: str) -> str:
    return (files("hr_core") / "data" / name).read_text(encoding="utf-8")


def load(name: str, shape: type[Shape]) -> Shape:
    """Raises msgspec.ValidationError when the file does not have the shape: a fault of ours."""
    return msgspec.convert(tomllib.loads(read_text(name)), shape)
