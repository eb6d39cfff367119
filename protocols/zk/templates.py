"""Biometric templates on the wire: recognised so that they can be cut out, never decoded.

What stays is who, how large, and a digest that tells two templates apart (design.md 2).
"""

import struct
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from msgspec import Struct

_ENTRY = struct.Struct("<HHBB")  # size with this header, uid, finger, flag
_FLAGS: Final = frozenset({0, 1, 3})  # invalid, valid, duress
_MARK: Final = b"SS21"  # third to sixth byte of a version 10 fingerprint
_MARK_AT: Final = 2
_DIGEST_BYTES: Final = 16


class Template(Struct, frozen=True, kw_only=True, gc=False):
    """`size` in bytes as the device states it (a table entry counts its six header bytes); uid and
    finger where the bytes tell them.
    """

    size: int
    digest: str
    uid: int | None = None
    finger: int | None = None


def digest(content: bytes) -> str:
    return blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def is_template(content: bytes) -> bool:
    return content[_MARK_AT : _MARK_AT + len(_MARK)] == _MARK


def holds_template(content: bytes) -> bool:
    """A template somewhere inside: such bytes are not shown."""
    return _MARK in content


def read_templates(table: bytes) -> Iterator[Template]:
    """The entries of a template table (without size word); ends before a cut or senseless entry."""
    offset = 0
    while len(table) - offset >= _ENTRY.size:
        size, uid, finger, flag = _ENTRY.unpack_from(table, offset)
        if size <= _ENTRY.size or flag not in _FLAGS or offset + size > len(table):
            return
        body = table[offset + _ENTRY.size : offset + size]
        yield Template(size=size, digest=digest(body), uid=uid, finger=finger)
        offset += size


def read_template_head(entry: bytes) -> Template | None:
    """An entry of which the body may be cut; None when its header is."""
    if len(entry) < _ENTRY.size:
        return None
    size, uid, finger, _ = _ENTRY.unpack_from(entry)
    return Template(size=size, digest=digest(entry[_ENTRY.size :]), uid=uid, finger=finger)


def is_template_table(table: bytes) -> bool:
    """Every byte belongs to an entry."""
    return bool(table) and sum(template.size for template in read_templates(table)) == len(table)
