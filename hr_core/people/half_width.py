"""Digits and letters as a Chinese input method types them (１００７), for the plain ones.

Nobody means two people by 1007 and １００７, and no terminal ever sends the wide form.
"""

_OFFSET = ord("０") - ord("0")
_PLAIN = {
    ord(plain) + _OFFSET: plain
    for plain in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
}


def half_width(text: str) -> str:
    """Other wide characters, like brackets in names, stay."""
    return text.translate(_PLAIN)
