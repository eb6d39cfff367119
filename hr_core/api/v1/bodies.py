"""What changes something sends a JSON body: read whole, in bounds, or refused with its place."""

from datetime import date, datetime
from typing import TypeVar

import msgspec
from msgspec import Struct

from hr_core.api.v1.problem import MOST_TOLD_CHARS, ProblemError

MOST_TEXT_CHARS = 1_000  # as notes of alerts; the audit log keeps them for ever

Shape = TypeVar("Shape", bound=Struct)


_FIRST_YEAR, _LAST_YEAR = 1900, 2999  # as days of addresses (parameters.Day)


def check_day(name: str, value: date) -> None:
    """Whoever computes with them adds days, and subtracts one wall clock from another. Raises
    ProblemError 422.
    """
    aware = isinstance(value, datetime) and value.tzinfo is not None
    if aware or not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ProblemError(
            422,
            "bad_body",
            f"{name} is no day or wall-clock time of {_FIRST_YEAR} to {_LAST_YEAR}",
            where=f"body: {name}",
            remedy="write 2026-12-01 or 2026-12-01T08:00:00, the site's own time, no offset",
        )


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
