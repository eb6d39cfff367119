"""A team's month as a grid: one row a person, one cell a day, sums beside it. Pure functions.

The cells are made of computed days only; nothing here judges attendance again.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.calendar import CalendarDay, DayKind
from hr_core.attendance.day import OPEN, DayResult, DayStatus
from hr_core.clock import Month
from hr_core.store.attendance_grid import GridDay

SQUARE = 10  # of a day in the small picture: 8 and a gap, in units of its viewBox
_INK = SQUARE - 2


class CellState(StrEnum):
    """The worst that a day has; its value names the colour."""

    FUTURE = "future"  # a workday that was not computed: it is to come, or before the first punch
    FREE = "free"
    OK = "ok"
    WAITING = "waiting"
    OPEN = "open"


SIGNS = {CellState.OPEN: "▲", CellState.WAITING: "◇"}


class GridPerson(Struct, frozen=True, kw_only=True):
    """`key` never changes; `number` is the employee number of the time shown."""

    key: str
    number: str
    name: str


class GridCell(Struct, frozen=True, kw_only=True):
    """`shift` one letter; minutes of an unclear or waiting day are shown as they stand."""

    on: date
    kind: DayKind
    state: CellState
    status: str = ""
    shift: str = ""
    worked_min: int = 0
    overtime_min: int = 0

    @property
    def sign(self) -> str:
        return SIGNS.get(self.state, "")

    @property
    def free_letter(self) -> str:
        """The kind of a free day on which nobody came, for the catalogue; empty otherwise."""
        return self.kind.value if self.state is CellState.FREE else ""


class GridSums(Struct, frozen=True, kw_only=True):
    worked_min: int
    overtime_workday_min: int
    overtime_rest_min: int
    overtime_statutory_min: int
    late: int
    early: int
    missing: int


class GridRow(Struct, frozen=True, kw_only=True):
    person: GridPerson
    cells: tuple[GridCell, ...]
    sums: GridSums
    open_days: int
    waiting_days: int

    @property
    def clear(self) -> bool:
        return not self.open_days

    def squares(self, state: CellState) -> str:
        """The days in `state` as one SVG path, a square each; empty when there is none."""
        return "".join(
            f"M{at * SQUARE} 0h{_INK}v{_INK}h-{_INK}z"
            for at, cell in enumerate(self.cells)
            if cell.state is state
        )


def grid_row(
    person: GridPerson,
    calendar: Sequence[CalendarDay],
    days: Mapping[date, GridDay],
    shift_letters: Mapping[str, str],
) -> GridRow:
    """`calendar` gives the columns; a free day on which nobody came need not be computed."""
    cells = tuple(
        _cell(column, days[column.on], shift_letters) if column.on in days else _empty(column)
        for column in calendar
    )
    return GridRow(
        person=person,
        cells=cells,
        sums=_sums(days.values()),
        open_days=sum(cell.state is CellState.OPEN for cell in cells),
        waiting_days=sum(cell.state is CellState.WAITING for cell in cells),
    )


def cell_state(day: GridDay | DayResult) -> CellState:
    if day.status in {DayStatus.NOT_OVER, DayStatus.WAITING}:
        return CellState.WAITING
    if day.keys_contradict or day.status in OPEN:
        return CellState.OPEN
    if day.status is DayStatus.OFF:
        return CellState.FREE
    return CellState.OK


def short_hours_text(minutes: int) -> str:
    """8 or 8:30: a cell is narrow."""
    hours, rest = divmod(minutes, 60)
    return f"{hours}:{rest:02d}" if rest else str(hours)


def weeks(month: Month) -> list[list[date | None]]:
    """Rows of seven, Monday first, as a wall calendar has them."""
    days: list[date | None] = [None] * month.first.weekday()
    days += month.days()
    days += [None] * (-len(days) % 7)
    return [days[start : start + 7] for start in range(0, len(days), 7)]


def _cell(column: CalendarDay, day: GridDay, letters: Mapping[str, str]) -> GridCell:
    return GridCell(
        on=column.on,
        kind=column.kind,
        state=cell_state(day),
        status=day.status,
        shift=letters.get(day.shift, day.shift[:1].upper()),
        worked_min=day.regular_min,
        overtime_min=day.overtime_min,
    )


def _empty(column: CalendarDay) -> GridCell:
    state = CellState.FUTURE if column.kind is DayKind.WORKDAY else CellState.FREE
    return GridCell(on=column.on, kind=column.kind, state=state)


def _sums(days: Iterable[GridDay]) -> GridSums:
    found = list(days)
    overtime = dict.fromkeys(DayKind, 0)
    for day in found:
        overtime[day.kind] += day.overtime_min
    return GridSums(
        worked_min=sum(day.regular_min for day in found),
        overtime_workday_min=overtime[DayKind.WORKDAY],
        overtime_rest_min=overtime[DayKind.REST_DAY],
        overtime_statutory_min=overtime[DayKind.STATUTORY_HOLIDAY],
        late=sum(day.late_min > 0 for day in found),
        early=sum(day.early_leave_min > 0 for day in found),
        missing=sum(day.status in {DayStatus.MISSING_IN, DayStatus.MISSING_OUT} for day in found),
    )
