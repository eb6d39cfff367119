"""Made-up ids, names, cards and days in the place of true ones: the same for the same, of the same
length, and without the key, which nobody keeps, nothing leads back.
"""

import string
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import shake_256
from itertools import count
from typing import Final

from protocols.zk.clock import pack_time, unpack_time

_FIRST_DAY: Final = datetime(2010, 1, 1)  # noqa: DTZ001 - earlier is a clock that was never set
_LAST_YEAR: Final = 2099
_FILLS: Final = frozenset({0, 0x5A5A5A5A, 0xFFFFFFFF})
_MAX_U32: Final = 0xFFFF_FFFF
_U32_DIGITS: Final = 10
_MAX_UID: Final = 0xFFFE  # 0xFFFF stands for "nobody"
# A made-up id that is somebody else's true one would look like a leak. With few digits there may be
# no other left.
_AVOIDING_TRIES: Final = 100
# Characters: shorter texts stand in any other by accident, as the id 2016 in the date of a firmware.
_MIN_TELLING: Final = 6
_MIN_TELLING_CODE: Final = 1_000
_MAX_MENU_CODE: Final = 9_999

# Bytes that are two-byte GB2312 characters in pairs, letters in most code pages alone, never UTF-8.
_HIGH_LEAD: Final = bytes(range(0xC4, 0xD7))
_HIGH_TRAIL: Final = bytes(range(0xC4, 0xFE))
_UTF8_RANGES: Final = {2: (0x0400, 0x0450), 3: (0x4E00, 0x9F00), 4: (0x1F600, 0x1F640)}


class Pseudonyms:
    """Counts as it goes what it was asked for, so that a second one can avoid it (`survey`).

    days  how many whole days times go back; fewer where the earliest one would leave the calendar
          of real punches
    """

    def __init__(self, key: bytes, days: int, survey: "Pseudonyms | None" = None) -> None:
        self._key = key
        self._days = days if survey is None else survey.possible_days
        self._avoided = survey.originals if survey is not None else frozenset[str]()
        self._earliest: datetime | None = None
        self._known: dict[tuple[str, str], str] = {}
        self._taken: set[tuple[str, str]] = set()

    @property
    def originals(self) -> frozenset[str]:
        return frozenset(original for _, original in self._known)

    @property
    def possible_days(self) -> int:
        if self._earliest is None:
            return self._days
        return min(self._days, (self._earliest - _FIRST_DAY).days)

    # people

    def user_id(self, text: str) -> str:
        """Leading zeros stay: the id as a number is another spelling of the same."""
        body = text.lstrip("0")
        return text[: len(text) - len(body)] + self._like("user", body)

    def user_number(self, number: int) -> int:
        return int(self.user_id(str(number)))

    def uid(self, uid: int) -> int:
        """0 and 0xFFFF are nobody."""
        if not 0 < uid <= _MAX_UID:
            return uid
        return int(
            self._unique("uid", str(uid), lambda words: str(1 + words[0] % _MAX_UID), words=1)
        )

    def card(self, number: int) -> int:
        return 0 if number == 0 else int(self._like("card", str(number)))

    def work_code(self, number: int) -> int:
        """Small ones are the terminal's own menu and stay, unless they are somebody's id."""
        if number > _MAX_MENU_CODE or (
            number >= _MIN_TELLING_CODE and str(number) in self._avoided
        ):
            return self.user_number(number)
        return number

    def password(self, raw: bytes) -> bytes:
        text = raw.partition(b"\0")[0]
        if not text.isascii() or not text.decode("ascii").isprintable():
            return bytes(len(raw))
        return self._like("password", text.decode("ascii")).encode().ljust(len(raw), b"\0")

    def name(self, raw: bytes) -> bytes:
        """As long, and of the same kind of code page; what stands after the first NUL goes."""
        text = raw.partition(b"\0")[0]
        try:
            made_up = self._utf8_name(text.decode("utf-8"))
        except UnicodeDecodeError:
            made_up = self._bytes_name(text)
        return made_up.ljust(len(raw), b"\0")

    # devices

    def label(self, text: str) -> str:
        """A serial number, a MAC, a network address: digit for digit, letter for letter."""
        letters = [character for character in text if character.isalpha()]
        is_hex = bool(letters) and all(letter in string.hexdigits for letter in letters)

        def make(words: list[int]) -> str:
            return "".join(
                _same_class(character, word, is_hex=is_hex)
                for character, word in zip(text, words, strict=True)
            )

        return self._unique("label", text, make, words=len(text))

    def tells(self, text: str) -> bool:
        """Whether `text` holds something that has a pseudonym."""
        return any(len(each) >= _MIN_TELLING and each in text for each in self._avoided)

    # time

    def packed_time(self, packed: int) -> int:
        """No date, and one beyond the clock's last year, is damage and stays."""
        time = None if packed in _FILLS else unpack_time(packed)
        if time is None or time.year > _LAST_YEAR:
            return packed
        return pack_time(self.time(time))

    def time(self, time: datetime) -> datetime:
        """A clock that was never set (before 2010) tells no day and stays."""
        if time < _FIRST_DAY:
            return time
        self._earliest = time if self._earliest is None else min(self._earliest, time)
        moved = time - timedelta(days=self._days)
        return max(moved, _FIRST_DAY)

    # how

    def _like(self, space: str, text: str) -> str:
        """Digit for digit, letter for letter, the first digit not 0, and a u32 if `text` is one."""

        def make(words: list[int]) -> str:
            made = [
                _same_class(character, word, is_hex=False)
                for character, word in zip(text, words, strict=True)
            ]
            if text[:1].isdigit():
                small = text.isdigit() and len(text) == _U32_DIGITS and int(text) <= _MAX_U32
                made[0] = str(1 + words[0] % (3 if small else 9))
            return "".join(made)

        return self._unique(space, text, make, words=len(text))

    def _unique(
        self, space: str, original: str, make: Callable[[list[int]], str], *, words: int
    ) -> str:
        if not original:
            return original
        if (known := self._known.get((space, original))) is not None:
            return known
        for attempt in count():
            made = make(self._words(space, original.encode(), words, attempt))
            avoided = made == original or made in self._avoided
            if (space, made) not in self._taken and (attempt >= _AVOIDING_TRIES or not avoided):
                self._taken.add((space, made))
                self._known[space, original] = made
                return made
        raise AssertionError  # as many made-up texts as true ones have this form: one is free

    def _words(self, space: str, original: bytes, number: int, attempt: int = 0) -> list[int]:
        """`number` words that look random and are the same for the same question."""
        parts = (self._key, space.encode(), original, str(attempt).encode())
        spelled = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        stream = shake_256(spelled).digest(8 * number)
        return [int.from_bytes(stream[start : start + 8]) for start in range(0, len(stream), 8)]

    def _utf8_name(self, text: str) -> bytes:
        self._known.setdefault(("name", text), "")
        words = self._words("name", text.encode(), len(text))
        return b"".join(
            _same_utf8_length(character, word).encode()
            for character, word in zip(text, words, strict=True)
        )

    def _bytes_name(self, text: bytes) -> bytes:
        words = self._words("name", text, len(text))
        made = bytearray()
        leads = True
        for byte, word in zip(text, words, strict=True):
            if byte < 0x80:
                made += _same_class(chr(byte), word, is_hex=False).encode()
                leads = True
                continue
            high = _HIGH_LEAD if leads else _HIGH_TRAIL
            made.append(high[word % len(high)])
            leads = not leads
        return bytes(made)


def _same_class(character: str, word: int, *, is_hex: bool) -> str:
    letters = "abcdef" if is_hex else string.ascii_lowercase
    if character in string.digits:
        return string.digits[word % 10]
    if character in string.ascii_lowercase:
        return letters[word % len(letters)]
    if character in string.ascii_uppercase:
        return letters[word % len(letters)].upper()
    return character


def _same_utf8_length(character: str, word: int) -> str:
    span = _UTF8_RANGES.get(len(character.encode()))
    if span is None:
        return _same_class(character, word, is_hex=False)
    first, end = span
    return chr(first + word % (end - first))
