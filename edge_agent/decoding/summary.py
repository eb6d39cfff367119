"""What `decode` says about a whole input: the last line of its output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from protocols.records import Flag


@dataclass(slots=True)
class Summary:
    """Counts of the rows that were printed, and what else the whole input tells.

    extra       further counts by name, printed beside the common ones (`unanswered`, …)
    incomplete  the capture lacks a part that it should have, though no row shows it
    """

    records: int = 0
    quarantined: int = 0
    repeats: int = 0
    extra: dict[str, int] = field(default_factory=dict)
    incomplete: bool = False

    def count(self, row: Mapping[str, Any]) -> None:
        """Called by the runner for each row it prints; decoders only fill `extra`."""
        if row["kind"] == "quarantined":
            self.quarantined += 1
            return
        self.records += 1
        if Flag.REPEAT in row.get("flags", ()):
            self.repeats += 1

    def add(self, name: str, amount: int = 1) -> None:
        self.extra[name] = self.extra.get(name, 0) + amount

    @property
    def degraded(self) -> bool:
        return self.incomplete or self.quarantined > 0

    def as_row(self) -> dict[str, dict[str, int]]:
        common = {
            "records": self.records,
            "quarantined": self.quarantined,
            "repeats": self.repeats,
        }
        return {"summary": common | self.extra}
