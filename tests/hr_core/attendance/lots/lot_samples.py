"""Ledgers for the tests of lots."""

from datetime import date

from msgspec import structs

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.lots.ledger import Entry, Origin

D = date(2026, 5, 2)  # a Saturday


def origin(day=D, last_day=None, **more):
    return Origin(
        day=day, kind=more.pop("kind", DayKind.REST_DAY), last_day=last_day,
        rule="time-off/1", law="art. 44(2)", **more,
    )  # fmt: skip


class Book:
    """What the store does: numbers drafts and keeps them."""

    def __init__(self):
        self.entries = []

    def write(self, drafts, booked):
        for draft in drafts:
            number = len(self.entries) + 1
            self.entries.append(Entry(number=number, booked=booked, **structs.asdict(draft)))
