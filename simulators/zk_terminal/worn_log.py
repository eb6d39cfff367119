"""A log as worn terminals hold it, with the truth about every row that is not right beside it.

Seen in real exports and downloads (protocol.md 8.8): dates that no calendar has, rows filled with
0x5A, holes of zeros, rows of the year 2000 after a battery loss, rows of years to come.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from protocols.zk.attendance import AttendanceRow
from protocols.zk.clock import pack_time
from protocols.zk.layouts import Layout, pack_row

_POWER_BACK: Final = datetime(2000, 1, 1, 0, 4, 15)  # noqa: DTZ001 - a device clock is naive
_YEARS_AHEAD: Final = 5
_LAST_YEAR: Final = 2099  # of the packed clock
_THREE_DAYS_S: Final = 3 * 86_400  # from 28 February of the packed calendar, which has 31 days
_FILL: Final = b"\x5a"


class Damage(StrEnum):
    """What is wrong with a row."""

    INVALID_DATE = "invalid_date"
    FILLED = "filled"
    HOLE = "hole"
    YEAR_2000 = "year_2000"
    FUTURE = "future"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """How many rows of the log suffered what.

    invalid_dates  rows of 31 February
    filled_rows    rows filled with 0x5A
    nul_hole       rows in one hole of zeros
    year_2000      rows in a row after a battery loss, from 2000-01-01 00:04:15 on
    future_rows    rows five years ahead
    """

    invalid_dates: int = 0
    filled_rows: int = 0
    nul_hole: int = 0
    year_2000: int = 0
    future_rows: int = 0

    @property
    def rows(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class WornLog:
    """`rows` and `worn` are what a ZkTerminal is made of; `damage` is the truth by row number.

    A row of the year 2000 or of the future is a row like any other. The punch under a row in
    `worn` is lost: `rows` holds what was there before.
    """

    rows: list[AttendanceRow]
    worn: dict[int, bytes]
    damage: dict[int, Damage]

    def places(self, *damages: Damage) -> list[int]:
        """The numbers of the rows that suffered one of these."""
        return sorted(row for row, damage in self.damage.items() if damage in damages)


def worn_log(rows: Sequence[AttendanceRow], layout: Layout, wear: Wear, *, seed: int) -> WornLog:
    """`rows` after `wear`; the same seed hits the same places. Raises ValueError for too few."""
    damage = _places(len(rows), wear, random.Random(f"wear {seed}"))  # noqa: S311 - repeatable
    log = list(rows)
    worn: dict[int, bytes] = {}
    after_loss = _POWER_BACK
    for row in sorted(damage):
        match damage[row]:
            case Damage.YEAR_2000:
                log[row] = replace(log[row], time=after_loss)
                after_loss += timedelta(minutes=1)
            case Damage.FUTURE:
                log[row] = replace(log[row], time=_years_ahead(log[row].time))
            case Damage.INVALID_DATE:
                worn[row] = _thirty_first_of_february(log[row], layout)
            case Damage.FILLED:
                worn[row] = _FILL * layout.width
            case Damage.HOLE:
                worn[row] = bytes(layout.width)
    return WornLog(rows=log, worn=worn, damage=damage)


def _places(count: int, wear: Wear, draw: random.Random) -> dict[int, Damage]:
    """The hole lies in the first half, the battery loss in the second, all else anywhere."""
    half = count // 2
    if wear.rows > half:
        raise ValueError(f"{wear.rows} worn rows need a log of at least twice as many, not {count}")
    damage: dict[int, Damage] = {}
    hole = draw.randrange(half - wear.nul_hole + 1)
    damage |= dict.fromkeys(range(hole, hole + wear.nul_hole), Damage.HOLE)
    loss = half + draw.randrange(count - half - wear.year_2000 + 1)
    damage |= dict.fromkeys(range(loss, loss + wear.year_2000), Damage.YEAR_2000)
    for single, wanted in (
        (Damage.INVALID_DATE, wear.invalid_dates),
        (Damage.FILLED, wear.filled_rows),
        (Damage.FUTURE, wear.future_rows),
    ):
        left = [row for row in range(count) if row not in damage]
        damage |= dict.fromkeys(draw.sample(left, wanted), single)
    return damage


def _years_ahead(time: datetime) -> datetime:
    day = min(time.day, 28)  # every month has one
    return time.replace(year=min(time.year + _YEARS_AHEAD, _LAST_YEAR), day=day)


def _thirty_first_of_february(row: AttendanceRow, layout: Layout) -> bytes:
    last_valid = row.time.replace(month=2, day=28)
    packed = pack_time(last_valid) + _THREE_DAYS_S
    return pack_row(layout, row.uid, row.user_id, (row.verify, packed, row.state, row.work_code))
