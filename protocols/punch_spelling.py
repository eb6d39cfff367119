"""Punches in JSON straight from their columns: what msgspec writes of the objects, without them.

A core digests and stores every record in this spelling. Of a log of 5,000 rows few people and few
pairs of state and verify are different, so most of a row is a part that was spelled before.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from protocols.punch_columns import PunchColumns
from protocols.records import UNKNOWN_METHOD, Channel, Direction, Flag

_MS_OF_MINUTE: Final = 60_000
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - device clocks are naive

_MINUTES_OF_DAY: Final = [
    f"T{hour:02}:{minute:02}:".encode() for hour in range(24) for minute in range(60)
]

_encode = msgspec.json.Encoder().encode


def spelled_without_raw(
    columns: PunchColumns, user_texts: Sequence[str] | None = None
) -> list[bytes]:
    """JSON of each row's Punch with `raw` left out; a test holds it against msgspec's own.

    `user_texts`: those of `columns`, of a caller who has them.
    """
    users = columns.user_texts() if user_texts is None else user_texts
    rests = _Rests(columns.channel)
    work_codes = columns.work_code or [None] * len(columns)
    rows = list(
        map(
            b"".join,
            zip(
                map(_People(columns.serial).__getitem__, users),
                map(_Minutes().__getitem__, [time // _MS_OF_MINUTE for time in columns.times]),
                map(_Seconds().__getitem__, [time % _MS_OF_MINUTE for time in columns.times]),
                map(_Ways(columns).__getitem__, zip(columns.state, columns.verify, strict=True)),
                map(rests.__getitem__, work_codes),
                strict=True,
            ),
        )
    )
    for row in columns.ordinals.keys() | columns.flags.keys() | columns.cards.keys():
        work_code = work_codes[row]
        rest = _Rest(
            work_code=work_code,
            card=columns.cards.get(row),
            channel=columns.channel,
            ordinal=columns.ordinals.get(row, 0),
            flags=columns.flags.get(row, ()),
        )
        rows[row] = rows[row].removesuffix(rests[work_code]) + _rest(rest)
    return rows


class _Device(Struct, tag="punch", tag_field="kind"):
    serial: str


class _Way(Struct, omit_defaults=True):
    state: int
    verify: int
    direction: Direction = Direction.UNKNOWN
    method: str = UNKNOWN_METHOD


class _Rest(Struct, omit_defaults=True, kw_only=True):
    work_code: int | None = None
    card: str | None = None
    channel: Channel = Channel.PULL
    ordinal: int = 0
    flags: tuple[Flag, ...] = ()


def _rest(rest: _Rest) -> bytes:
    spelled = _encode(rest)
    return b"}" if spelled == b"{}" else b"," + spelled[1:]


class _People(dict[str, bytes]):
    """From the beginning up to the time, by user id."""

    def __init__(self, serial: str) -> None:
        super().__init__()
        self._device = _encode(_Device(serial))[:-1] + b',"user_id":'

    def __missing__(self, user_id: str) -> bytes:
        spelled = self[user_id] = self._device + _encode(user_id) + b',"device_time":"'
        return spelled


class _Days(dict[int, bytes]):
    """The date of a time, by days since 1970."""

    def __missing__(self, day: int) -> bytes:
        spelled = self[day] = (_EPOCH + timedelta(days=day)).date().isoformat().encode()
        return spelled


class _Minutes(dict[int, bytes]):
    """A time up to its seconds, by minutes since 1970."""

    def __init__(self) -> None:
        super().__init__()
        self._days = _Days()

    def __missing__(self, minute: int) -> bytes:
        day, of_day = divmod(minute, len(_MINUTES_OF_DAY))
        spelled = self[minute] = self._days[day] + _MINUTES_OF_DAY[of_day]
        return spelled


class _Seconds(dict[int, bytes]):
    """The seconds of a time, by milliseconds of its minute."""

    def __missing__(self, since_minute: int) -> bytes:
        clock = (_EPOCH + timedelta(milliseconds=since_minute)).time()
        spelled = self[since_minute] = clock.isoformat()[len("00:00:") :].encode()
        return spelled


class _Ways(dict[tuple[int, int], bytes]):
    """From the end of the time, by state and verify."""

    def __init__(self, columns: PunchColumns) -> None:
        super().__init__()
        self._directions = columns.directions
        self._methods = columns.methods

    def __missing__(self, numbers: tuple[int, int]) -> bytes:
        state, verify = numbers
        method = self._methods[verify]
        if method == UNKNOWN_METHOD:  # see records.in_plain_spelling
            method = UNKNOWN_METHOD
        way = _Way(state, verify, self._directions[state], method)
        spelled = self[numbers] = b'",' + _encode(way)[1:-1]
        return spelled


class _Rests(dict[int | None, bytes]):
    """The end, by work code, of a row that is the first of its equals and has no flag or card."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def __missing__(self, work_code: int | None) -> bytes:
        rest = _rest(_Rest(work_code=work_code, channel=self._channel))
        self[work_code] = rest
        return rest
