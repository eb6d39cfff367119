"""Which note stands beside a difference: made for it, accepted until a month, or offered anew."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

EVERYBODY = "*"
EVERY_LINE = "*"
RUNS = "runs"  # the pair of notes between two runs


class NewNote(Struct, frozen=True, kw_only=True):
    """`person` and `line` may be "*"; months are like "2026-10"."""

    pair: str
    made_for: str
    month: str
    person: str
    line: str
    reason: str
    until: str = ""


class DiffNote(NewNote, frozen=True, kw_only=True):
    number: int
    noted_by: str
    noted_at: datetime


class Standing(StrEnum):
    NOTED = "noted"  # made for this pair
    ACCEPTED = "accepted"  # made before, and said to explain this month too
    OFFERED = "offered"  # made before, and explains nothing until somebody says so again


class Offered(Struct, frozen=True, kw_only=True):
    note: DiffNote
    standing: Standing

    @property
    def explains(self) -> bool:
        return self.standing is not Standing.OFFERED

    @property
    def text(self) -> str:
        if self.standing is Standing.NOTED:
            return self.note.reason
        until = f" until {self.note.until}" if self.note.until else ""
        return f"{self.standing.value} from {self.note.month}{until}: {self.note.reason}"


class Notes:
    """Of one pair, for one comparison."""

    def __init__(self, notes: Iterable[DiffNote], *, made_for: str, month: str) -> None:
        self._notes = tuple(notes)
        self._made_for = made_for
        self._month = month

    def of(self, person: str, line: str) -> Offered | None:
        """The strongest; among equals one of the person before one of everybody, the newer first."""
        found = [
            (standing, note)
            for note in self._notes
            if note.person in {person, EVERYBODY} and note.line in {line, EVERY_LINE}
            if (standing := self._standing(note)) is not None
        ]
        if not found:
            return None
        order = list(Standing)
        standing, note = min(
            found,
            key=lambda one: (
                order.index(one[0]),
                one[1].person == EVERYBODY,
                one[1].line == EVERY_LINE,
                -one[1].number,
            ),
        )
        return Offered(note=note, standing=standing)

    def _standing(self, note: DiffNote) -> Standing | None:
        if note.made_for == self._made_for:
            return Standing.NOTED
        if note.month > self._month:
            return None
        if note.month <= self._month <= note.until:
            return Standing.ACCEPTED
        return Standing.OFFERED
