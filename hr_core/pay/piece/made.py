"""What was made, piece by piece of evidence: counted stretches and rows of tally sheets."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.pay.piece.prices import Goods
from hr_core.trace.calculation import TallyInput, WorkInput


class What(StrEnum):
    """`own_rework`: the person's own defects made good; `scrap`: lost by the person's fault."""

    MADE = "made"
    REWORK = "rework"
    OWN_REWORK = "own_rework"
    SCRAP = "scrap"


class Made(Struct, frozen=True, kw_only=True):
    """Of one person or one group on one day. `overtime`: the kind of the day in whose overtime minutes
    it was made, None for regular hours.
    """

    day: date
    goods: Goods
    what: What = What.MADE
    overtime: DayKind | None = None
    work: tuple[WorkInput, ...] = ()
    tallies: tuple[TallyInput, ...] = ()

    @property
    def pieces(self) -> int:
        """Counted pieces less the counted rejects that are not paid, and those of tally rows."""
        counted = sum(one.amount if one.metric == "pieces" else -one.amount for one in self.work)
        return counted + sum(one.pieces for one in self.tallies)


def of_what(made: Iterable[Made], what: What) -> tuple[Made, ...]:
    return tuple(one for one in made if one.what is what)
