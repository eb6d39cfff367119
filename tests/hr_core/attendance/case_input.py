"""A case's objects, read so that no key is passed over: what nobody took makes it unsupported."""

from collections.abc import Iterable
from datetime import date, datetime


class UnsupportedError(Exception):
    """The engine has no concept for a key, a mode or a step."""


class Fields:
    def __init__(self, values, where="input"):
        if not isinstance(values, dict):
            raise UnsupportedError(f"{where}: {values!r} is not an object")
        self._left = dict(values)
        self._where = where

    def take(self, key, *default):
        if default:
            return self._left.pop(key, default[0])
        try:
            return self._left.pop(key)
        except KeyError:
            raise UnsupportedError(f"{self._where}: without {key!r}") from None

    def choice(self, key, choices: Iterable, *default):
        value = self.take(key, *default)
        if value not in choices and not (default and value == default[0]):
            raise UnsupportedError(f"{self._where}.{key}: {value!r}")
        return value

    def ignore(self, *keys):
        for key in keys:
            self._left.pop(key, None)

    def done(self):
        if self._left:
            raise UnsupportedError(f"{self._where}: does not know {', '.join(sorted(self._left))}")

    def is_null(self, key):
        return key in self._left and self._left[key] is None

    def __contains__(self, key):
        return key in self._left


def clock(text):
    """Seconds since midnight of "08:00" or "08:00:30"."""
    hours, minutes, *seconds = (int(part) for part in text.split(":"))
    return hours * 3600 + minutes * 60 + (seconds[0] if seconds else 0)


def as_clock(seconds):
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


def wall(text):
    """Seconds on an unbroken local scale of "2024-06-12T08:00" (or of a date alone)."""
    moment = datetime.fromisoformat(text)
    return moment.toordinal() * 86_400 + moment.hour * 3600 + moment.minute * 60 + moment.second


def day(text):
    return date.fromisoformat(text)
