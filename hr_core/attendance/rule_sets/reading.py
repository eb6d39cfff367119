"""A rule file (TOML) into a rule set: each value as the engine's field wants it, or a problem.

People write lengths with their unit ("8h", "30min"), times of day as "22:00" and weekdays by name;
a bare number where a length belongs is refused, because nobody could tell hours from seconds.
"""

import re
import tomllib
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from hr_core.attendance.rule_sets.checks import problems_of
from hr_core.attendance.rule_sets.errors import Problem, RuleFileError
from hr_core.attendance.rule_sets.model import RuleSet
from hr_core.toml_text import parse_toml_text

_MAX_BYTES = 1 << 20
_LENGTH = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})min)?(?:(\d{1,7})s)?")
_TIME_OF_DAY = re.compile(r"(\d{2}):(\d{2})")
# Fields whose whole number is no length of time.
_NUMBERS = frozenset(
    {
        "order", "days", "weeks", "months", "rate_percent", "worked", "among", "divisor",
        "debounce_s", "one_visit_min", "overtime_step_min", "late_grace_min",
        "early_leave_grace_min",
    }
)  # fmt: skip
_WEEK = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
# A week's first day counts from Sunday, a weekday as Python's from Monday.
_NAMED_NUMBERS = {
    "week_starts": {name: index for index, name in enumerate(_WEEK)},
    "weekdays": {name[:3]: (index - 1) % 7 for index, name in enumerate(_WEEK)},
}

Shape = TypeVar("Shape", bound=Struct)


_WANTED = {
    bool: "true or false",
    date: "a date like 2026-01-01",
    str: "a text",
    float: "a number from 0 to 100",
}


class _Refused:
    """Stands where a value was refused."""


_REFUSED = _Refused()


def read_rule_set(text: str, file: str) -> RuleSet:
    """Raises RuleFileError with every problem of the file."""
    try:
        content = parse_toml_text(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleFileError(file, [Problem("file", f"is not TOML: {error}")]) from error
    reader = _Reader()
    found = reader.struct(content, RuleSet, "")
    if reader.problems or isinstance(found, _Refused):
        raise RuleFileError(file, reader.problems)
    problems = list(problems_of(found))
    if problems:
        raise RuleFileError(file, problems)
    return found


def read_rule_file(file: Path) -> RuleSet:
    """Raises RuleFileError for a file that cannot be read, too."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise RuleFileError(str(file), [Problem("file", f"is larger than {_MAX_BYTES} bytes")])
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        problem = Problem("file", f"cannot be read: {error.strerror or error}")
        raise RuleFileError(str(file), [problem]) from error
    except UnicodeDecodeError as error:
        raise RuleFileError(str(file), [Problem("file", "is not UTF-8 text")]) from error
    return read_rule_set(text, str(file))


class _Reader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def struct(self, value: Any, shape: type[Shape], where: str) -> Shape | _Refused:
        if not isinstance(value, dict):
            return self._refuse(where, f"{value!r} is not a table")
        known = {field.name: field for field in fields(shape)}
        for key in value.keys() - known.keys():
            self._refuse(_inside(where, key), f"is not known; known are {', '.join(known)}")
        made: dict[str, Any] = {}
        for name, field in known.items():
            if name in value:
                made[name] = self.value(value[name], field.type, _inside(where, name), name)
            elif _is_required(field):
                made[name] = self._refuse(where or "file", f"says no {name}")
        if any(isinstance(one, _Refused) for one in made.values()):
            return _REFUSED
        return shape(**made)

    def value(self, value: Any, kind: Any, where: str, name: str) -> Any:
        origin, inner = get_origin(kind), get_args(kind)
        if origin in (Union, UnionType):
            [kind] = [one for one in inner if one is not NoneType]
            return self.value(value, kind, where, name)
        if origin in (tuple, frozenset):
            return self._several(value, origin, inner[0], (where, name))
        if origin is Literal:
            return self._one_of(value, inner, where)
        if issubclass(kind, Struct):
            return self.struct(value, kind, where)
        if issubclass(kind, StrEnum):
            found = self._one_of(value, list(kind), where)
            return found if isinstance(found, _Refused) else kind(found)
        return self._plain(value, kind, where, name)

    def _several(self, value: Any, made: type, kind: Any, at: tuple[str, str]) -> Any:
        where, name = at
        if not isinstance(value, list):
            return self._refuse(where, f"{value!r} is not a list")
        rows = [
            self.value(one, kind, f"{where} row {number}", name)
            for number, one in enumerate(value, 1)
        ]
        return _REFUSED if any(isinstance(one, _Refused) for one in rows) else made(rows)

    def _one_of(self, value: Any, choices: Any, where: str) -> Any:
        if value in list(choices):
            return value
        return self._refuse(where, f"{value!r} is none of {', '.join(map(str, choices))}")

    def _plain(self, value: Any, kind: type, where: str, name: str) -> Any:
        if kind is int:
            return self._whole(value, where, name)
        if _is_plain(value, kind):
            return float(value) if kind is float else value
        return self._refuse(where, f"{value!r} is not {_WANTED[kind]}")

    def _whole(self, value: Any, where: str, name: str) -> Any:
        if name in _NAMED_NUMBERS:
            found = _NAMED_NUMBERS[name].get(value) if isinstance(value, str) else None
            if found is not None:
                return found
            return self._refuse(where, f"{value!r} is none of {', '.join(_NAMED_NUMBERS[name])}")
        if name in _NUMBERS:
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000:
                return value
            return self._refuse(where, f"{value!r} is not a whole number")
        zero = value == 0 and not isinstance(value, bool | float)
        seconds = 0 if zero else seconds_of(value) if isinstance(value, str) else None
        if seconds is not None:
            return seconds
        return self._refuse(
            where, f'{value!r} is no length like "8h" or "30min", nor a time like "22:00"'
        )

    def _refuse(self, where: str, reason: str) -> _Refused:
        self.problems.append(Problem(where, reason))
        return _REFUSED


def _is_plain(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    if kind is date:
        return isinstance(value, date) and not isinstance(value, datetime)
    if kind is str:
        return isinstance(value, str) and bool(value.strip())
    return kind is float and isinstance(value, int | float) and 0 <= value <= 100


def seconds_of(text: str) -> int | None:
    """Of "8h", "1h30min", "45s" or the time of day "22:00"."""
    time = _TIME_OF_DAY.fullmatch(text)
    if time:
        hour, minute = int(time[1]), int(time[2])
        whole = hour < 24 or (hour, minute) == (24, 0)
        return hour * 3600 + minute * 60 if whole and minute < 60 else None
    length = _LENGTH.fullmatch(text)
    if not text or length is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in length.groups())
    return hours * 3600 + minutes * 60 + seconds


def _inside(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _is_required(field: FieldInfo) -> bool:
    return field.default is NODEFAULT and field.default_factory is NODEFAULT
