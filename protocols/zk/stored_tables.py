"""A table as bytes at rest (a saved buffer, a piece of a capture): what its records are and where
they start. A live read knows this; bytes at rest may lack the size word, the start or the end.
"""

import struct
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from protocols.zk.layout_choice import layout_score
from protocols.zk.layouts import Layout, is_filled
from protocols.zk.tables import MAX_TABLE_BYTES
from protocols.zk.users import UserWidth, user_table_score

SIZE_WORD: Final = struct.Struct("<I")
USER_WIDTHS: Final[tuple[UserWidth, ...]] = (72, 28)
ALL_FORMS: Final[tuple[Layout | UserWidth, ...]] = (*Layout, *USER_WIDTHS)

_MOSTLY: Final = 0.5

# Where readings tie: the more a record has to get right, the less it is an accident.
_BY_STRENGTH: Final[tuple[Layout | UserWidth, ...]] = (
    Layout.ATT49,
    Layout.ATT40,
    Layout.ATT36,
    72,
    Layout.ATT16,
    28,
    Layout.ATT8A,
    Layout.ATT8B,
)

# A start that was guessed needs more: one record made of two halves also makes sense.
_NEARLY_ALL: Final = 0.9
_MIN_GUESSED: Final = 2
# Small numbers are easily "a punch", and half of an ATT16 record is one in eight bytes. One ATT36
# record is also the beginning of one of ATT40 or ATT49.
_MIN_CUT: Final[dict[Layout | UserWidth, int]] = {
    Layout.ATT36: 2,
    Layout.ATT8A: 6,
    Layout.ATT8B: 6,
    Layout.ATT16: 3,
    28: 3,
}


_WIDE: Final = 16  # of narrower records any bytes may be one


class Alignment(Struct, frozen=True, kw_only=True):
    """How to read a piece: `form` is an attendance layout or a user width; records from `start`."""

    form: Layout | UserWidth
    start: int
    score: float

    @property
    def width(self) -> int:
        return self.form.width if isinstance(self.form, Layout) else self.form


def size_word(table: bytes) -> int | None:
    """The first four bytes, when they count at least the bytes that follow, as a size word does."""
    if len(table) < SIZE_WORD.size:
        return None
    (announced,) = SIZE_WORD.unpack_from(table)
    following = len(table) - SIZE_WORD.size
    return announced if following <= announced <= MAX_TABLE_BYTES else None


def align(
    piece: bytes,
    *,
    position: int | None = 0,
    guessed: bool = False,
    total: int | None = None,
    now_year: int,
    forms: Sequence[Layout | UserWidth] = ALL_FORMS,
) -> Alignment | None:
    """The reading that makes most sense of `piece`, None when none makes enough.

    position  record bytes of the table before this piece; None when that is not known: then every
              start within a record is tried
    guessed   the position is not sure: more must speak for a reading
    total     record bytes of the whole table, when known: a form's width must divide it
    forms     which layouts to try
    """
    fitting = [form for form in forms if total is None or total % _width(form) == 0]
    readings = [
        _read(piece, form, start, now_year)
        for form in fitting
        for start in _starts(form, position)
        if len(piece) - start >= _width(form)
    ]
    return max(
        (
            found
            for found in readings
            if _convinces(found, piece, guessed=guessed or position is None, total=total)
        ),
        key=lambda found: (
            # Half of the rows empty and all others good: a wide record read as two narrow ones.
            round(found.score * _telling_share(piece, found), 3),
            -_BY_STRENGTH.index(found.form),
            (len(piece) - found.start) % found.width == 0,
            -found.start,
        ),
        default=None,
    )


def _width(form: Layout | UserWidth) -> int:
    return form.width if isinstance(form, Layout) else form


def _starts(form: Layout | UserWidth, position: int | None) -> range:
    width = _width(form)
    if position is None:
        return range(width)
    start = -position % width
    return range(start, start + 1)


def _read(piece: bytes, form: Layout | UserWidth, start: int, now_year: int) -> Alignment:
    records = piece[start:] if start else piece
    if isinstance(form, Layout):
        score = layout_score(records, form, now_year)
    else:
        score = user_table_score(records, form)
    return Alignment(form=form, start=start, score=score)


def _convinces(found: Alignment, piece: bytes, *, guessed: bool, total: int | None) -> bool:
    whole = total == len(piece)
    if found.form in {Layout.ATT40, Layout.ATT49} and whole:
        # A text id beside a sane time is no accident: one good record in a damaged table is enough.
        return found.score > 0
    records = _evidence(piece, found)
    if not whole and records < _MIN_CUT.get(found.form, 0):
        # A total that its width divides and a start that is sure leave little to accident.
        sure = total is not None and not guessed and found.width >= _WIDE
        return sure and found.score >= _NEARLY_ALL
    if not guessed:
        return found.score >= _MOSTLY
    return found.score >= _NEARLY_ALL and records >= _MIN_GUESSED


def _first_records(piece: bytes, found: Alignment) -> list[bytes]:
    last = min(len(piece) - found.width, found.start + 8 * found.width)
    starts = range(found.start, last + 1, found.width)
    return [piece[start : start + found.width] for start in starts]


def _evidence(piece: bytes, found: Alignment) -> int:
    """How many of the first few records say anything: filled ones do not."""
    return sum(not is_filled(record) for record in _first_records(piece, found))


def _telling_share(piece: bytes, found: Alignment) -> float:
    return _evidence(piece, found) / len(_first_records(piece, found))
