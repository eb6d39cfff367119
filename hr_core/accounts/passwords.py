"""Passwords: what may be one, and how one is kept (argon2id) and compared."""

import unicodedata
from functools import cached_property

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from hr_core.accounts.errors import WeakPasswordError

# NIST SP 800-63B asks for 8 at least and for no rules of composition; two more, because no second
# factor stands beside it. The upper end keeps a body of megabytes from being hashed.
MIN_CHARS = 10
MAX_CHARS = 128
_TOO_COMMON = frozenset(
    [
        "1234567890",
        "0123456789",
        "0987654321",
        "12345678910",
        "123456789a",
        "a123456789",
        "1q2w3e4r5t",
        "qwertyuiop",
        "qwerty12345",
        "qwerty1234",
        "1qaz2wsx3edc",
        "password123",
        "password1234",
        "passw0rd123",
        "administrator",
        "clockline123",
        "admin12345",
        "admin123456",
        "woaini1314",
        "5201314520",
        "iloveyou123",
        "changeme123",
    ]
)


class Passwords:
    """RFC 9106's second recommended option: 64 MiB, 3 passes, 4 lanes; tests may take less."""

    def __init__(self, *, memory_kib: int = 65_536, passes: int = 3, lanes: int = 4) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=lanes
        )

    def keep(self, password: str, *, name: str) -> str:
        """What is stored for a new password. Raises WeakPasswordError."""
        text = _plain(password)
        check_strength(text, name=name)
        return self._hasher.hash(text)

    def rehash(self, password: str) -> str:
        """Of one that is in use: rules that came later do not lock its owner out."""
        return self._hasher.hash(_plain(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Takes as long for an account without a password (None) as for any other."""
        try:
            self._hasher.verify(kept or self._nobodys, _plain(password))
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    def outdated(self, kept: str) -> bool:
        return self._hasher.check_needs_rehash(kept)

    def prepare(self) -> None:
        """Makes the hash that names of nobody are compared with, before the first of them comes."""
        self._hasher.check_needs_rehash(self._nobodys)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody has this password")


def check_strength(password: str, *, name: str) -> None:
    """Raises WeakPasswordError."""
    if len(password) < MIN_CHARS:
        raise WeakPasswordError("short", f"the password has less than {MIN_CHARS} characters")
    if len(password) > MAX_CHARS:
        raise WeakPasswordError("long", f"the password has more than {MAX_CHARS} characters")
    folded = password.casefold()
    if name.casefold() in folded and len(folded) - len(name) < MIN_CHARS // 2:
        raise WeakPasswordError("name", "the password is little more than the login name")
    if len(set(folded)) < 4 or folded in _TOO_COMMON:
        raise WeakPasswordError("common", "the password is one of the first that are guessed")


def _plain(password: str) -> str:
    """The same characters typed on another keyboard are the same password."""
    return unicodedata.normalize("NFKC", password)
