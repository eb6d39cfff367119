"""The packed wall clock of ZK terminals: one u32, local time, no zone (protocol.md 4)."""

from datetime import datetime

_FIRST_YEAR = 2000
_LAST_YEAR = 2099  # the encoder folds the year modulo 100


def unpack_time(packed: int) -> datetime | None:
    """The naive wall clock in `packed`, or None for a date that no calendar has (31 February)."""
    rest, second = divmod(packed, 60)
    rest, minute = divmod(rest, 60)
    rest, hour = divmod(rest, 24)
    rest, day = divmod(rest, 31)
    year, month = divmod(rest, 12)
    try:
        return datetime(_FIRST_YEAR + year, month + 1, day + 1, hour, minute, second)  # noqa: DTZ001 - a device clock is naive
    except ValueError:
        return None


def pack_time(time: datetime) -> int:
    """The u32 for a naive wall clock. Raises ValueError outside 2000 to 2099."""
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise ValueError(f"a ZK clock cannot hold the year {time.year}")
    days = (time.year - _FIRST_YEAR) * 372 + (time.month - 1) * 31 + (time.day - 1)
    return days * 86_400 + time.hour * 3_600 + time.minute * 60 + time.second
