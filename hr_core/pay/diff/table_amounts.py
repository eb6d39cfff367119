"""Amounts as people leave them in cells: 1,234.50, ￥１２３４.５, (12.00), 1.2E3, blank or a dash."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal

_NOTHING = frozenset({"", "-", "--", "—", "——", "/", "n/a", "#n/a"})
_PLAIN = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:e[+-]?\d{1,2})?")
_LONGEST = 40
# A program's sum of exact cents may be off in the 12th digit; a true third of a fen never is.
_NOISE = Decimal("0.00001")
_MOST = Decimal(10) ** 15


def amount_of(text: str, *, in_fen: bool = False, half_up: bool = False) -> int | None:
    """Fen of a cell; None for one that says nothing. `half_up`: what is finer than a fen is rounded.

    Raises ValueError for anything else.
    """
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").replace("，", ",")
    plain = plain.strip().casefold()
    if plain in _NOTHING:
        return None
    if len(plain) > _LONGEST:
        raise ValueError(f"{text[:_LONGEST]!r}… is no amount")
    bracketed = plain.startswith("(") and plain.endswith(")")
    if bracketed:
        plain = plain[1:-1]
    plain = plain.replace("¥", "").replace("cny", "").replace("rmb", "").removesuffix("元")
    plain = plain.replace(" ", "").removeprefix("'")
    if _PLAIN.fullmatch(plain) is None:
        raise ValueError(f"{text!r} is no amount")
    value = Decimal(plain.replace(",", "")) * (1 if in_fen else 100)
    if abs(value) > _MOST:
        raise ValueError(f"{text!r} is no amount of one person")
    whole = value.quantize(Decimal(1), ROUND_HALF_UP)
    if abs(value - whole) > _NOISE and not half_up:
        raise ValueError(f"{text!r} is finer than a fen")
    return -int(whole) if bracketed else int(whole)
