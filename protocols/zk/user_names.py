"""Names of users in the code page of a terminal, which declares none (protocol.md 9.5)."""

import codecs
import unicodedata
from collections.abc import Iterator
from typing import Final

_CHINESE: Final = frozenset({"gb2312", "gbk", "gb18030", "big5", "cp950"})
_LAST_OF_TWO_BYTES: Final = "\u07ff"  # of UTF-8; Chinese characters take three


class UserTextError(ValueError):
    """What someone wants to write cannot stand in a user record. Never repeats a password."""


def decode_name(raw: bytes, encoding: str) -> str | None:
    """UTF-8 first, because other text rarely looks like it by accident; then the code page; else
    None. Only short Chinese names do look like it: "小平" in GBK is UTF-8 for "Сƽ".
    """
    as_utf8 = _decoded(raw, "utf-8")
    if as_utf8 is None:
        return _decoded(raw, encoding)
    if _is_chinese(encoding) and not as_utf8.isascii() and max(as_utf8) <= _LAST_OF_TWO_BYTES:
        return _decoded(raw, encoding) or as_utf8
    return as_utf8


def encode_name(name: str, encoding: str, limit: int) -> bytes:
    """`name` in at most `limit` bytes, cut after the last character that fits whole.

    Raises UserTextError naming the character that the code page cannot hold.
    """
    encoded = b""
    for character in _clusters(name):
        if not all(part.isprintable() for part in character):
            raise UserTextError(f"a name cannot hold {_named(character)}")
        try:
            piece = character.encode(encoding)
        except UnicodeEncodeError as exc:
            wrong = character[exc.start]
            raise UserTextError(
                f"the code page {encoding} cannot hold {_named(wrong)} of the name"
            ) from exc
        if len(encoded) + len(piece) > limit:
            return encoded
        encoded += piece
    return encoded


def _is_chinese(encoding: str) -> bool:
    return codecs.lookup(encoding).name in _CHINESE


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _clusters(name: str) -> Iterator[str]:
    """Characters with the marks that combine with them, so that none is cut off its letter."""
    cluster = ""
    for part in name:
        if cluster and not unicodedata.combining(part):
            yield cluster
            cluster = ""
        cluster += part
    if cluster:
        yield cluster


def _named(character: str) -> str:
    shown = f'"{character}"' if character.isprintable() else "a character"
    return f"{shown} ({' '.join(f'U+{ord(part):04X}' for part in character)})"
