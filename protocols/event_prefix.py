"""An event id as people type it: the first digits are enough when they name one event."""

from msgspec import Struct

from protocols.identity import EVENT_ID_BYTES

FEWEST_DIGITS = 8  # about a minute of one day; fewer would name a shift change
_ALL_DIGITS = 2 * EVENT_ID_BYTES
_HEX = frozenset("0123456789abcdef")


class EventPrefix(Struct, frozen=True):
    """`digits`: 8 to 32 in lower case. `first` and `last`: the ids between which it lies."""

    digits: str

    @property
    def first(self) -> bytes:
        return bytes.fromhex(self.digits.ljust(_ALL_DIGITS, "0"))

    @property
    def last(self) -> bytes:
        return bytes.fromhex(self.digits.ljust(_ALL_DIGITS, "f"))

    @property
    def is_whole(self) -> bool:
        return len(self.digits) == _ALL_DIGITS

    def names(self, identity: bytes) -> bool:
        return identity.hex().startswith(self.digits)


def read_prefix(text: str) -> EventPrefix:
    """Blanks and hyphens between digits do not count. Raises ValueError with what is wrong."""
    digits = "".join(text.split()).replace("-", "").lower()
    strange = next((letter for letter in digits if letter not in _HEX), None)
    if strange is not None:
        raise ValueError(f"an event id is 32 hex digits, and {strange!r} is none")
    if not FEWEST_DIGITS <= len(digits) <= _ALL_DIGITS:
        raise ValueError(
            f"an event id is 32 hex digits, of which the first {FEWEST_DIGITS} or more may do; "
            f"these are {len(digits)}"
        )
    return EventPrefix(digits)
