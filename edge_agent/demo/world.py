"""The plant that the demo plays: twenty people, two shifts, two terminals and one line for a month.

Pure data from a seed. What it holds is what really happens in plants: people who come early, stay
late, press twice, forget to press, work on a holiday, and who differ in how many pieces fail.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

ZONE = "Asia/Shanghai"
MONTH = date(2026, 10, 1)
TERMINALS = ("DEMO-GATE-01", "DEMO-SHOP-02")
LINE_BOX = "DEMO-LINE-01"
STATIONS = 10
_NATIONAL_DAYS = frozenset(date(2026, 10, day) for day in range(1, 8))
_MADE_UP_WORKDAYS = frozenset({date(2026, 10, 10)})
_IN, _OUT = 0, 1
_FACE, _FINGER = 15, 1
_ODD_DAY_SHARE = 0.02  # how often a person forgets a punch, or presses twice


@dataclass(frozen=True, slots=True)
class Shift:
    code: Literal["day", "night"]
    start: time
    end: time
    break_minutes: int

    @property
    def hours(self) -> int:
        """Whole hours from start to end."""
        return (self.end.hour - self.start.hour) % 24


DAY = Shift("day", time(8, 0), time(17, 0), 60)
NIGHT = Shift("night", time(18, 0), time(6, 0), 60)


@dataclass(frozen=True, slots=True)
class Person:
    """`reject_share` is the chance that a piece of this person fails, in thousandths."""

    number: str
    name: str
    shift: Shift
    base_fen: int
    station: int
    pieces_per_hour: int
    reject_share: int


@dataclass(frozen=True, slots=True)
class PressedKey:
    """A person presses at a terminal. `wall` is the site's clock."""

    wall: datetime
    terminal: int
    user_id: str
    state: int
    verify: int


@dataclass(frozen=True, slots=True)
class StationHour:
    """What one station made until `wall`, and whose badge it shows (None = nobody logged on)."""

    wall: datetime
    station: int
    badge: str | None
    pieces: int
    rejects: int


_NAMES = (
    "王伟 Wang Wei", "李娜 Li Na", "张敏 Zhang Min", "刘洋 Liu Yang", "陈静 Chen Jing",
    "杨磊 Yang Lei", "赵丽 Zhao Li", "黄强 Huang Qiang", "周芳 Zhou Fang", "吴军 Wu Jun",
    "徐燕 Xu Yan", "孙涛 Sun Tao", "马超 Ma Chao", "朱红 Zhu Hong", "胡斌 Hu Bin",
    "郭玲 Guo Ling", "何勇 He Yong", "高洁 Gao Jie", "林峰 Lin Feng", "罗梅 Luo Mei",
)  # fmt: skip


def people(seed: int) -> tuple[Person, ...]:
    """Ten people on each shift; each has a station that the other shift's person also uses."""
    draw = random.Random(seed)
    return tuple(
        Person(
            number=str(1001 + index),
            name=name,
            shift=DAY if index < STATIONS else NIGHT,
            base_fen=draw.randrange(4_200_00, 7_800_00, 100_00),
            station=index % STATIONS + 1,
            pieces_per_hour=draw.randrange(28, 46),
            reject_share=draw.choice((8, 12, 15, 18, 22, 26, 34, 42, 58)),
        )
        for index, name in enumerate(_NAMES)
    )


def month_days(first: date) -> Iterator[date]:
    day = first
    while day.month == first.month:
        yield day
        day += timedelta(days=1)


def utc(wall: datetime) -> datetime:
    return wall.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that happens, in the order of the site's clock."""

    people: tuple[Person, ...]
    keys: tuple[PressedKey, ...]
    stations: tuple[StationHour, ...]


def plan_month(seed: int) -> Plan:
    draw = random.Random(seed + 1)
    crew = people(seed)
    keys: list[PressedKey] = []
    stations: list[StationHour] = []
    for day in month_days(MONTH):
        for person in crew:
            if _works(day, draw):
                keys += _keys_of_day(person, day, draw)
                stations += _hours_of_day(person, day, draw)
    return Plan(
        crew,
        tuple(sorted(keys, key=lambda key: key.wall)),
        tuple(sorted(stations, key=lambda hour: (hour.wall, hour.station))),
    )


def _works(day: date, draw: random.Random) -> bool:
    if day in _NATIONAL_DAYS:
        return draw.random() < 0.1  # a few keep the plant running, for triple pay
    if day.weekday() >= 5 and day not in _MADE_UP_WORKDAYS:
        return draw.random() < 0.12
    return draw.random() < 0.97


def _keys_of_day(person: Person, day: date, draw: random.Random) -> Iterator[PressedKey]:
    begin = datetime.combine(day, person.shift.start)
    end = begin + timedelta(hours=person.shift.hours)
    arrives = begin - timedelta(seconds=draw.randrange(60, 900))
    if draw.random() < 0.06:
        arrives = begin + timedelta(seconds=draw.randrange(60, 1_500))
    stays_on = draw.choice((0, 0, 0, 0, 30, 60, 90, 120)) if person.shift is DAY else 0
    leaves = end + timedelta(minutes=stays_on, seconds=draw.randrange(30, 600))
    terminal = draw.randrange(len(TERMINALS))
    verify = draw.choice((_FACE, _FINGER))
    for wall, state in ((arrives, _IN), (leaves, _OUT)):
        fate = draw.random()
        if fate < _ODD_DAY_SHARE:
            continue  # forgotten
        yield PressedKey(wall, terminal, person.number, state, verify)
        if fate > 1 - _ODD_DAY_SHARE:
            again = wall + timedelta(seconds=draw.choice((0, 3, 8)))
            yield PressedKey(again, terminal, person.number, state, verify)


def _hours_of_day(person: Person, day: date, draw: random.Random) -> Iterator[StationHour]:
    """Pieces appear ten minutes before each full hour; the badge goes on before the first reading
    of the shift and off after the last, so that no piece falls between two people.
    """
    begin = datetime.combine(day, person.shift.start)
    yield StationHour(begin - timedelta(minutes=10), person.station, person.number, 0, 0)
    for hour in range(1, person.shift.hours + 1):
        pieces = draw.randrange(person.pieces_per_hour - 6, person.pieces_per_hour + 7)
        rejects = sum(draw.randrange(1_000) < person.reject_share for _ in range(pieces))
        wall = begin + timedelta(hours=hour, minutes=-10)
        yield StationHour(wall, person.station, person.number, pieces, rejects)
    signed_off = begin + timedelta(hours=person.shift.hours, minutes=10)
    yield StationHour(signed_off, person.station, None, 0, 0)
