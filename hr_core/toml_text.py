"""TOML that somebody else wrote: whatever it holds, it is read or refused."""

import tomllib
from typing import Any


def parse_toml_text(text: str) -> dict[str, Any]:
    """Raises tomllib.TOMLDecodeError, also where tomllib gives up in other words: brackets nested some
    thousand deep, a whole number of more digits than Python converts.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except (RecursionError, ValueError) as exc:
        raise tomllib.TOMLDecodeError(
            "brackets or names are nested too deep"
            if isinstance(exc, RecursionError)
            else str(exc)[:100]
        ) from exc
