"""What the kernel reads and what it gives: plain columns that any engine can carry.

A person is a row number here, from 0; which person that is, only the caller knows. The order of
punches does not matter, but those of one person in one second stand in order of their event ids,
which breaks the tie in the reference too: rows read by the store's key (time first) do.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import ARRIVING, LEAVING, DayStatus
from hr_core.clock import DAY_S
from hr_core.people.model import Shift

Int8s = NDArray[np.int8]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]

STATUSES: Final = tuple(DayStatus)
CODE_OF_STATUS: Final = {status: code for code, status in enumerate(STATUSES)}

KINDS: Final = tuple(DayKind)
CODE_OF_KIND: Final = {kind: code for code, kind in enumerate(KINDS)}

# What a pressed key says: all that the rules ask of it.
NO_SIDE: Final = 0
ARRIVAL: Final = 1
DEPARTURE: Final = 2

NO_TIME: Final = int(np.iinfo(np.int32).min)  # in columns of times: nobody came, or nobody left
NO_ROW: Final = -1


def side_of(direction: str) -> int:
    if direction in ARRIVING:
        return ARRIVAL
    return DEPARTURE if direction in LEAVING else NO_SIDE


@dataclass(frozen=True, slots=True, eq=False)
class PeoplePlan:
    """The small table: which days, and what each person has to do on them.

    kinds     [people or 1, days] codes, indices of KINDS; one row: the same for all
    shift_of  [people, days or 1] indices of `shifts`; one column: the same shift on all days
    now       [people] wall seconds of the person's zone, as in `month.compute_month`
    begins    [people, days + 1] wall seconds from which on a punch belongs to the day; the last are
              where the last day ends. None, only for one shift on all days: as its window opens
    """

    first: date
    kinds: Int8s
    shifts: tuple[Shift, ...]
    shift_of: Int32s
    now: Int64s
    begins: Int64s | None = None

    def __post_init__(self) -> None:
        people, days = self.people, self.days
        if self.kinds.shape not in {(1, days), (people, days)} or days < 1:
            raise ValueError("kinds need a column for each day and one row or one for each person")
        if self.now.shape != (people,):
            raise ValueError("shift_of and now need one row for each person")
        if not _within(self.shift_of, len(self.shifts)):
            raise ValueError("a person has a shift that is not among the shifts")
        if self.begins is None:
            if self.shift_of.shape != (people, 1):
                raise ValueError("shifts that change need to know where each day begins")
        elif self.shift_of.shape not in {(people, 1), (people, days)} or (
            self.begins.shape != (people, days + 1) or (np.diff(self.begins) < 0).any()
        ):
            raise ValueError("days need a shift each and begins that follow each other")

    @property
    def people(self) -> int:
        return len(self.shift_of)

    @property
    def days(self) -> int:
        return int(self.kinds.shape[1])

    def of_people(self, start: int, stop: int) -> "PeoplePlan":
        some = slice(start, stop)
        return PeoplePlan(
            self.first,
            self.kinds if len(self.kinds) == 1 else self.kinds[some],
            self.shifts,
            self.shift_of[some],
            self.now[some],
            None if self.begins is None else self.begins[some],
        )

    def windows(self) -> tuple[Int64s, Int64s]:
        """[people, days] where each day's window opens and closes, in wall seconds."""
        edges = np.array([shift.window(0) for shift in self.shifts], np.int64).reshape(-1, 2)
        midnights = (self.first.toordinal() + np.arange(self.days)) * DAY_S
        opens, closes = edges.T
        return midnights + opens[self.shift_of], midnights + closes[self.shift_of]

    def spans(self) -> tuple[Int64s, Int64s]:
        """[people, days] from when and until when a punch counts: in the window, in the day."""
        opens, closes = self.windows()
        if self.begins is None:
            return opens, np.minimum(closes, opens + DAY_S)
        return np.maximum(opens, self.begins[:, :-1]), np.minimum(closes, self.begins[:, 1:])


@dataclass(frozen=True, slots=True, eq=False)
class PunchTable:
    """The large table, a row a punch; each event once.

    person      row of `PeoplePlan`
    at          wall seconds, as `PunchFact.at`
    side        NO_SIDE, ARRIVAL or DEPARTURE
    distrusted  True: kept, shown and not believed
    """

    person: Int32s
    at: Int64s
    side: Int8s
    distrusted: Bools

    def __post_init__(self) -> None:
        if not len(self.person) == len(self.at) == len(self.side) == len(self.distrusted):
            raise ValueError("the columns of a punch table must be equally long")
        types = {"person": np.int32, "at": np.int64, "side": np.int8, "distrusted": np.bool_}
        for name, kind in types.items():
            if getattr(self, name).dtype != kind:
                raise ValueError(f"the column {name} of a punch table must be {np.dtype(kind)}")

    def __len__(self) -> int:
        return len(self.person)

    def belongs_to(self, plan: PeoplePlan) -> bool:
        return _within(self.person, plan.people)


class DayFigures(NamedTuple):
    """One day: fields as in `DayResult`, but `used` as rows of the PunchTable."""

    status: DayStatus
    arrived: int | None
    left: int | None
    regular_min: int
    overtime_min: int
    late_min: int
    early_leave_min: int
    keys_contradict: bool
    used: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DayTable:
    """The answer, each column [people, days].

    status                code, an index of STATUSES
    arrived, left         seconds after midnight of `first`, or NO_TIME
    arrived_row, left_row the punches that bound the day: rows of the PunchTable, or NO_ROW
    """

    first: date
    status: Int8s
    arrived: Int32s
    left: Int32s
    regular_min: Int32s
    overtime_min: Int32s
    late_min: Int32s
    early_leave_min: Int32s
    keys_contradict: Bools
    arrived_row: Int64s
    left_row: Int64s

    @classmethod
    def empty(cls, first: date, people: int, days: int) -> Self:
        """Every day with status 0 and nothing in it."""
        blank = {"arrived": NO_TIME, "left": NO_TIME, "arrived_row": NO_ROW, "left_row": NO_ROW}
        shape = people, days
        return cls(
            first,
            *(np.full(shape, blank.get(name, 0), kind) for name, kind in DAY_COLUMNS.items()),
        )

    @classmethod
    def joined(cls, parts: Iterable["DayTable"]) -> Self:
        """The people of all parts, one part after the other. Raises ValueError for no part."""
        tables = list(parts)
        if not tables:
            raise ValueError("no part to join")
        columns = (
            np.concatenate([getattr(table, name) for table in tables]) for name in DAY_COLUMNS
        )
        return cls(tables[0].first, *columns)

    def of_people(self, start: int, stop: int) -> Self:
        """A view: what is written to it stands in the whole."""
        return type(self)(self.first, *(one[start:stop] for one in self.columns().values()))

    def columns(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self, name) for name in DAY_COLUMNS}

    def figures(self, person: int, day: int) -> DayFigures:
        """`day` counts from `first`."""
        cell = person, day
        midnight = self.first.toordinal() * DAY_S
        arrived, left = int(self.arrived[cell]), int(self.left[cell])
        rows = int(self.arrived_row[cell]), int(self.left_row[cell])
        return DayFigures(
            status=STATUSES[self.status[cell]],
            arrived=None if arrived == NO_TIME else arrived + midnight,
            left=None if left == NO_TIME else left + midnight,
            regular_min=int(self.regular_min[cell]),
            overtime_min=int(self.overtime_min[cell]),
            late_min=int(self.late_min[cell]),
            early_leave_min=int(self.early_leave_min[cell]),
            keys_contradict=bool(self.keys_contradict[cell]),
            used=tuple(row for row in rows if row != NO_ROW),
        )


DAY_COLUMNS: Final[dict[str, type[np.generic]]] = {
    "status": np.int8,
    "arrived": np.int32,
    "left": np.int32,
    "regular_min": np.int32,
    "overtime_min": np.int32,
    "late_min": np.int32,
    "early_leave_min": np.int32,
    "keys_contradict": np.bool_,
    "arrived_row": np.int64,
    "left_row": np.int64,
}


def _within(indices: Int32s, size: int) -> bool:
    return not indices.size or (int(indices.min()) >= 0 and int(indices.max()) < size)
