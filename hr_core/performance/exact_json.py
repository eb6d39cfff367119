"""Values with exact fractions as JSON: a fraction is the text "15" or "200/3", never a float."""

from fractions import Fraction
from hashlib import sha256
from typing import TypeVar

import msgspec

Shape = TypeVar("Shape")


def encode(value: object) -> str:
    """Canonical: the same value always gives the same text."""
    return msgspec.json.encode(value, order="deterministic", enc_hook=_text).decode()


def decode(text: str | bytes, shape: type[Shape]) -> Shape:
    return msgspec.json.decode(text, type=shape, dec_hook=_exact)


def digest_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def plain(value: object) -> object:
    """For `--json`: fractions as text."""
    return msgspec.to_builtins(value, enc_hook=_text)


def _text(value: object) -> object:
    if isinstance(value, Fraction):
        return str(value)
    raise NotImplementedError(type(value))


def _exact(target: type, value: object) -> object:
    if target is Fraction and isinstance(value, str):
        return Fraction(value)
    raise ValueError(f"{value!r} is no exact number as text")
