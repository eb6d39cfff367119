"""A case's objects, read so that no key is passed over: what nobody took makes it unsupported."""

import re
from collections.abc import Callable, Collection
from datetime import date, datetime
from typing import Any, TypeVar

from hr_core.clock import DAY_S

# A case's JSON as it stands; readers turn it into values before an engine sees it.
Json = Any
Value = TypeVar("Value")
Default = TypeVar("Default")

# Cut at a length that still is a figure: int() of a longer text would only keep the machine busy.
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")
# Longer spans (999999999 seconds, the year 9999) would only keep the machine busy.
_MOST = 10**9
# Engines look days around a date: the calendar's own ends would break them.
_FIRST_YEAR, _LAST_YEAR = 1900, 9990


class UnsupportedError(Exception):
    """The engine has no concept for a key, a value or a step."""


class Fields:
    """An object whose keys are taken one by one; `done` finds what nobody took."""

    def __init__(self, values: Json, where: str = "input") -> None:
        if not isinstance(values, dict):
            raise UnsupportedError(f"{where}: {values!r} is not an object")
        self._left = dict(values)
        self._where = where

    def take(self, key: str, *default: Json) -> Json:
        if default:
            return self._left.pop(key, default[0])
        try:
            return self._left.pop(key)
        except KeyError:
            raise UnsupportedError(f"{self._where}: without {key!r}") from None

    def read(self, key: str, reader: Callable[[Json], Value]) -> Value:
        """A value as `reader` understands it; what it does not is unsupported."""
        return self._understood(key, self.take(key), reader)

    def read_or(
        self, key: str, reader: Callable[[Json], Value], default: Default
    ) -> Value | Default:
        """As `read`; the default where the key is absent or null."""
        value = self._left.pop(key, None)
        return default if value is None else self._understood(key, value, reader)

    def _understood(self, key: str, value: Json, reader: Callable[[Json], Value]) -> Value:
        try:
            return reader(value)
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError):
            raise UnsupportedError(f"{self._where}.{key}: {value!r}") from None

    def choice(self, key: str, choices: Collection[Json], *default: Json) -> Json:
        """One of the words; the default where the key is absent, or null and null is no word."""
        value = self.take(key, *default)
        if value is None and default and None not in choices:
            return default[0]
        if value not in list(choices) and not (default and value == default[0]):
            raise UnsupportedError(f"{self._where}.{key}: {value!r}")
        return value

    def ignore(self, *keys: str) -> None:
        for key in keys:
            self._left.pop(key, None)

    def done(self) -> None:
        if self._left:
            raise UnsupportedError(f"{self._where}: does not know {', '.join(sorted(self._left))}")

    def is_null(self, key: str) -> bool:
        return key in self._left and self._left[key] is None

    def __contains__(self, key: str) -> bool:
        return key in self._left


def text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def flag(value: Json) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def number(value: Json) -> float:
    """Of a JSON number, or of its decimal text: "12434.00" is a figure like any other."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MOST:
        raise TypeError
    return value


def whole(value: Json) -> int:
    found = number(value)
    if int(found) != found:
        raise ValueError
    return int(found)


def length(value: Json) -> int:
    """Seconds, days or pieces: not below zero."""
    found = whole(value)
    if found < 0:
        raise ValueError
    return found


def minutes(value: Json) -> int:
    return round(number(value) * 60)


def hours(value: Json) -> int:
    return round(number(value) * 3600)


def rows(value: Json) -> list[Json]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return list(value)


def texts(value: Json) -> list[str]:
    return [text(one) for one in rows(value)]


def days(value: Json) -> list[date]:
    return [day(one) for one in rows(value)]


def clock(value: Json) -> int:
    """Seconds since midnight of "08:00" or "08:00:30"; "24:00" is the next one."""
    parts = [int(part) for part in text(value).split(":")]
    if len(parts) not in (2, 3) or not all(0 <= part < 60 for part in parts[1:]):
        raise ValueError
    seconds = parts[0] * 3600 + parts[1] * 60 + sum(parts[2:])
    if not 0 <= seconds <= DAY_S:
        raise ValueError
    return seconds


def as_clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


def wall(value: Json) -> int:
    """Seconds on an unbroken local scale of "2024-06-12T08:00" (or of a date alone)."""
    moment = datetime.fromisoformat(text(value))
    if moment.tzinfo is not None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError
    return moment.toordinal() * DAY_S + moment.hour * 3600 + moment.minute * 60 + moment.second


def day(value: Json) -> date:
    found = date.fromisoformat(text(value))
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError
    return found


def as_day_and_time(seconds: int) -> str:
    return f"{date.fromordinal(seconds // DAY_S)}T{as_time(seconds % DAY_S)}"


def as_time(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}"
