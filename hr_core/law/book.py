"""Looking rows of law up: which one holds for a city, an item and a date."""

from collections.abc import Iterable
from datetime import date

from hr_core.errors import CoreError, NoLawError
from hr_core.law.rows import Item, LawRow, Status


class UnverifiedLawError(CoreError):
    """The only row that covers the date is one that nobody checked; it pays nobody by itself."""

    def __init__(self, row: LawRow, on: date) -> None:
        super().__init__(
            f"{row.city}: {row.item} for {on} is known only from an unverified row ({row.source})",
            remedy="compare it with the city's notice and import the row with its source and the "
            "status that it then has, or allow unverified law for this run (the slip says so)",
        )
        self.row = row
        self.on = on


class LawBook:
    """Rows by city. Of several that hold, the better trusted wins, then the one that began later,
    then the one that was announced later: a second notice about the same first day.

    `allow_unverified` lets rows pay that nobody checked; whoever sets it answers for it.
    """

    def __init__(self, rows: Iterable[LawRow], *, allow_unverified: bool = False) -> None:
        self.rows = tuple(rows)
        self.allow_unverified = allow_unverified
        self._by_item: dict[tuple[str, Item], list[LawRow]] = {}
        for row in self.rows:
            self._by_item.setdefault((row.city, row.item), []).append(row)

    def knows(self, city: str, item: Item) -> bool:
        return (city, item) in self._by_item

    def known_on(self, day: date) -> "LawBook":
        """The law as it could be known on `day`: without rows that were announced later."""
        rows = (row for row in self.rows if row.announced is None or row.announced <= day)
        return LawBook(rows, allow_unverified=self.allow_unverified)

    def find(self, city: str, item: Item, on: date, district: str = "") -> LawRow | None:
        """The row that holds, whatever its status; None where there is none."""
        holding = [
            row
            for row in self._by_item.get((city, item), [])
            if row.holds(on) and row.district in ("", district)
        ]
        if not holding:
            return None
        return max(holding, key=_rank)

    def row(self, city: str, item: Item, on: date, district: str = "") -> LawRow:
        """Raises NoLawError, and UnverifiedLawError where only an unchecked row holds."""
        found = self.find(city, item, on, district)
        if found is None:
            raise NoLawError(str(item), on, city=city)
        if found.status is Status.UNVERIFIED and not self.allow_unverified:
            raise UnverifiedLawError(found, on)
        return found


def _rank(row: LawRow) -> tuple[bool, int, date, date]:
    return row.district != "", row.status.trust, row.since, row.announced or date.min
