"""On which line of a TOML text each key stands. tomllib tells values, not places.

Works on text that tomllib has already accepted, so it need not judge syntax, only follow it.
"""

import re
import tomllib
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL = re.compile(r"'[^'\n]*'")
# Up to two quotes may stand right before the three that end a multi-line string.
_LONG_BASIC = re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL)
_STRINGS = (_LONG_BASIC, _LONG_LITERAL, _BASIC, _LITERAL)
_SCALAR = re.compile(r"[^,\]}\n#]*")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Line (from 1) of every table, array element and key of a valid TOML text."""
    return _Walk(text).lines


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of `path`, or of the nearest enclosing thing that the text names, or 1."""
    for length in range(len(path), 0, -1):
        line = lines.get(path[:length])
        if line is not None:
            return line
    return 1


class _Walk:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._array_lengths: dict[KeyPath, int] = {}
        self.lines: dict[KeyPath, int] = {}
        table: KeyPath = ()
        while self._skip_blank():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip_blank(self) -> bool:
        """Moves to the next thing that counts; False at the end of the text."""
        blank = _BLANK.match(self._text, self._at)
        if blank:
            self._at = blank.end()
        return self._at < len(self._text)

    def _take(self, token: str) -> bool:
        self._skip_blank()
        if self._text.startswith(token, self._at):
            self._at += len(token)
            return True
        return False

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _mark(self, path: KeyPath) -> None:
        self.lines.setdefault(path, self._line())

    def _header(self) -> KeyPath:
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        path: KeyPath = ()
        keys = self._dotted_key()
        for key in keys[:-1]:
            path = self._inside((*path, key))
        path = (*path, keys[-1])
        if is_array:
            self._mark(path)
            self._array_lengths[path] = self._array_lengths.get(path, 0) + 1
            path = self._inside(path)
        self._mark(path)
        self._at += 2 if is_array else 1
        return path

    def _inside(self, path: KeyPath) -> KeyPath:
        """`path`, and the last element when it is an array of tables."""
        length = self._array_lengths.get(path)
        return path if length is None else (*path, length - 1)

    def _dotted_key(self) -> list[str]:
        keys = [self._key()]
        while self._take("."):
            keys.append(self._key())
        self._skip_blank()
        return keys

    def _key(self) -> str:
        self._skip_blank()
        bare = _BARE_KEY.match(self._text, self._at)
        quoted = _BASIC.match(self._text, self._at) or _LITERAL.match(self._text, self._at)
        if bare:
            self._at = bare.end()
            return bare.group()
        if quoted:
            self._at = quoted.end()
            return str(tomllib.loads(f"key = {quoted.group()}")["key"])
        raise AssertionError(f"no key at character {self._at} of a text that tomllib accepted")

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for key in self._dotted_key():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._at += len("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._take("["):
            self._elements(path)
        elif self._take("{"):
            while not self._take("}"):
                self._pair(path)
                self._take(",")
        else:
            patterns = (*_STRINGS, _SCALAR)
            found = next(filter(None, (p.match(self._text, self._at) for p in patterns)))
            self._at = found.end()

    def _elements(self, path: KeyPath) -> None:
        index = 0
        while not self._take("]"):
            self._mark((*path, index))
            self._value((*path, index))
            self._take(",")
            index += 1
