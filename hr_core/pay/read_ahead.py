"""Reading what belongs to people for many at once, though it is asked for one by one."""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

# Of whom things are held at once: traces take some 5 MB.
_AT_ONCE = 100
Found = TypeVar("Found")


class ReadAhead(Generic[Found]):
    """`read` is asked for a hundred people, in their order, and for nobody twice as long as they are
    asked for in that order too. It finds something of everybody.
    """

    def __init__(
        self, people: Iterable[str], read: Callable[[Sequence[str]], dict[str, Found]]
    ) -> None:
        self._people = sorted(people)
        self._places = {person: at for at, person in enumerate(self._people)}
        self._read = read
        self._found: dict[str, Found] = {}

    def __contains__(self, person: str) -> bool:
        return person in self._places

    def of(self, person: str) -> Found:
        if person not in self._found:
            first = self._places[person] // _AT_ONCE * _AT_ONCE
            self._found = self._read(self._people[first : first + _AT_ONCE])
        return self._found[person]
