"""Money is int64 fen. Fractions are exact until one explicit rounding, half up."""

import re
from fractions import Fraction

# A pay amount beyond this is a wrong unit or a wrong factor, and it keeps every sum inside int64.
MAX_FEN = 10**15

_YUAN = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,2}))?")
_DECIMAL = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")


def multiply_fen(fen: int, numerator: int, denominator: int) -> int:
    """`fen` x numerator / denominator, rounded half up once.

    Half up goes by magnitude (-0.5 fen becomes -1), so that a deduction is as large as the bonus
    of the same share. Raises ValueError on a denominator below 1 and OverflowError past MAX_FEN.
    """
    if denominator < 1:
        raise ValueError(f"denominator {denominator} is not positive")
    product = fen * numerator
    rounded = (2 * abs(product) + denominator) // (2 * denominator)
    if rounded > MAX_FEN:
        raise OverflowError(f"{fen} fen x {numerator}/{denominator} is over {MAX_FEN} fen")
    return rounded if product >= 0 else -rounded


def parse_yuan(text: str) -> int:
    """Fen of an amount like "5200.00". Raises ValueError for anything but yuan with 0-2 decimals."""
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an amount in yuan like 5200.00")
    sign, yuan, cents = match.groups()
    fen = int(yuan) * 100 + int((cents or "").ljust(2, "0"))
    return -fen if sign else fen


def parse_exact(text: str) -> Fraction:
    """An exact factor written as decimal text ("21.75"). Raises ValueError for other spellings."""
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a decimal number like 21.75")
    return Fraction(text)


def decimal_text(value: Fraction) -> str:
    """As people write it, 21.75; a fraction without an end keeps six decimals."""
    scaled = (2 * value * 10**6 + 1) // 2
    whole, rest = divmod(abs(scaled), 10**6)
    text = f"{'-' if scaled < 0 else ''}{whole}.{rest:06}"
    return text.rstrip("0").rstrip(".")


def format_fen(fen: int) -> str:
    """¥1,234.56"""
    yuan, cents = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}¥{yuan:,}.{cents:02d}"
