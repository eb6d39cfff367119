"""What changes something sends a JSON body: read whole, in bounds, or refused with its place."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from hr_core.api.v1.problem import MOST_TOLD_CHARS, ProblemError

MOST_TEXT_CHARS = 1_000  # as notes of alerts; the audit log keeps them for ever

Shape = TypeVar("Shape", bound=Struct)


def read_body(raw: bytes, shape: type[Shape]) -> Shape:
    """Raises ProblemError 422, also for a text of the body itself that is too long or has a NUL."""
    try:
        found = msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ProblemError(
            422,
            "bad_body",
            str(exc)[:MOST_TOLD_CHARS],
            where="body",
            remedy=f"/api/v1/docs shows {shape.__name__} with its fields",
        ) from exc
    for name in found.__struct_fields__:
        text = getattr(found, name)
        if isinstance(text, str) and (len(text) > MOST_TEXT_CHARS or "\0" in text):
            raise ProblemError(
                422,
                "bad_body",
                f"a text has a NUL or more than {MOST_TEXT_CHARS} characters",
                where=f"body: {name}",
                remedy="shorten it",
            )
    return found
