"""What a person may have meant who typed a word that we do not know."""

import difflib
from collections.abc import Iterable

_NEAR = 0.7  # two letters swapped in a word of four ("prot") still count


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean "port"?`, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=_NEAR)
    return f', did you mean "{near[0]}"?' if near else ""
