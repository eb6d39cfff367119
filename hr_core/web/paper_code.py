"""A QR code for paper: what a phone reads off a printed page."""

import segno
from markupsafe import Markup

_PIXELS_A_MODULE = 2  # on paper: 3 cm for a hash and where it belongs, at arm's length


def paper_code(text: str, title: str) -> Markup:
    """An SVG picture without styles or scripts; `title` is what it is called where it cannot be seen."""
    code = segno.make(text, error="m", micro=False)
    return Markup(code.svg_inline(scale=_PIXELS_A_MODULE, title=title))  # noqa: S704 - segno escapes the title
