"""What a scanned code can say about itself: the check digit of trade item numbers (GS1)."""

from typing import Final

# EAN-8, UPC-A, EAN-13, GTIN-14.
_GTIN_LENGTHS: Final = frozenset({8, 12, 13, 14})


def is_trade_item(code: str) -> bool:
    """Whether `code` has the form and the check digit of a product number: all pieces of a product
    carry the same (GS1 General Specifications, 7.9).
    """
    if len(code) not in _GTIN_LENGTHS or not (code.isascii() and code.isdecimal()):
        return False
    weighted = sum(
        int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(code))
    )
    return weighted % 10 == 0
