"""Whether an answer holds what a case expects, within the tolerances of hrcase/1."""

from hr_core.cases.case_input import Json, UnsupportedError, number

# What floats leave of a decimal: a difference of just the tolerance is within it.
_FLOAT_REST = 1e-9
_MONEY = 0.005 + _FLOAT_REST
_HOURS = 0.01 + _FLOAT_REST
_PERCENT = 0.0001 + _FLOAT_REST
_ABOUT = 0.2
_NEARLY = "_about"
_NOT_COMPARED = ("note", "law", "warning")
_REFUSED = "refused"


def compare(expected: Json, found: Json, where: str = "") -> list[str]:
    """What of `expected` the answer does not hold; keys that are not asserted do not matter.
    Raises UnsupportedError for an expected key that the engine does not answer.
    """
    if isinstance(expected, dict):
        return _objects(expected, found, where)
    if isinstance(expected, list):
        if not isinstance(found, list | tuple) or len(expected) != len(found):
            return [f"{where}: expected {expected}, found {found}"]
        return [
            line
            for position, (one, other) in enumerate(zip(expected, found, strict=True))
            for line in compare(one, other, f"{where}[{position}]")
        ]
    if _equal(expected, found, where):
        return []
    return [f"{where}: expected {expected}, found {found}"]


def _objects(expected: Json, found: Json, where: str) -> list[str]:
    if "skip" in expected:
        return []
    if not isinstance(found, dict):
        return [f"{where}: expected {expected}, found {found}"]
    if found.get(_REFUSED) and not expected.get(_REFUSED):
        return [f"{where}: refused: {found[_REFUSED]}"]
    lines = []
    for key, value in expected.items():
        if key == _REFUSED:
            # The words are for people: only whether it was refused counts.
            if bool(value) != bool(found.get(_REFUSED)):
                lines.append(f"{where}: was not refused" if value else f"{where}: was refused")
            continue
        if key in _NOT_COMPARED or (_is_sentence(value) and _answers_no_words(found, key)):
            continue
        if key.endswith(_NEARLY) and key not in found and key.removesuffix(_NEARLY) in found:
            lines += compare(value, found[key.removesuffix(_NEARLY)], f"{where}.{key}")
            continue
        if key not in found:
            raise UnsupportedError(f"expect: does not answer {where}.{key}")
        lines += compare(value, found[key], f"{where}.{key}")
    return lines


def _answers_no_words(found: dict[str, Json], key: str) -> bool:
    """Beside a figure a sentence is a note; beside a name (or none) it is another name."""
    return key not in found or isinstance(found[key], int | float | dict | list | tuple)


def asserts_something(expected: Json) -> bool:
    """Whether there is more than notes to compare."""
    if not isinstance(expected, dict):
        return bool(expected)
    return any(
        key == _REFUSED or (key not in _NOT_COMPARED and not _is_sentence(value))
        for key, value in expected.items()
    )


def _is_sentence(value: Json) -> bool:
    return isinstance(value, str) and len(value.split()) > 2  # "overlapping shift" is an answer


def _equal(expected: Json, found: Json, where: str) -> bool:
    """A figure may be told as its decimal text."""
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if not isinstance(found, int | float) or not isinstance(expected, int | float | str):
        return bool(expected == found)
    try:
        return _within(number(expected), found, where)
    except TypeError:
        return False


def _within(expected: float, found: float, where: str) -> bool:
    key = where.rpartition(".")[2]
    if key.endswith(_NEARLY):
        return abs(expected - found) <= _ABOUT * abs(expected)
    if "seconds" in key:
        return expected == found
    if "percent" in key:
        return abs(expected - found) <= _PERCENT
    in_hours = "hours" in where or "by_day" in where or ("[" in where and "tax" not in where)
    return abs(expected - found) <= (_HOURS if in_hours else _MONEY)
