"""The operation log: what happened to a terminal itself (protocol.md 9.8). It explains gaps."""

import struct
from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from protocols.records import DeviceEvent, Quarantined
from protocols.zk.clock import pack_time, unpack_time

OPERATION_BYTES = 16
_ENTRY = struct.Struct("<HBBI4H")

_CODES = {
    0: "power_on",
    1: "power_off",
    2: "verify_failed",
    3: "tamper_alarm",
    4: "menu_entered",
    5: "option_changed",
    6: "fingerprint_enrolled",
    7: "password_enrolled",
    8: "card_enrolled",
    9: "user_deleted",
    10: "fingerprint_deleted",
    11: "password_deleted",
    12: "card_deleted",
    13: "data_cleared",
    21: "clock_set",
    22: "factory_reset",
    23: "log_cleared",
    24: "admins_cleared",
    29: "door_unlocked",
    30: "user_enrolled",
}


class Operation(Struct, frozen=True, kw_only=True, gc=False):
    """One entry as the terminal writes it; `operation` is a number of protocol.md 9.8."""

    operation: int
    time: datetime
    admin: int = 0
    numbers: tuple[int, int, int, int] = (0, 0, 0, 0)


def encode_operations(operations: Iterable[Operation]) -> bytes:
    """The entries without size word. Raises ValueError for what does not fit an entry."""
    try:
        return b"".join(
            _ENTRY.pack(entry.admin, entry.operation, 0, pack_time(entry.time), *entry.numbers)
            for entry in operations
        )
    except struct.error as exc:
        raise ValueError(f"an entry of {OPERATION_BYTES} bytes cannot hold this: {exc}") from exc


def decode_operations(table: bytes, *, serial: str) -> Iterator[DeviceEvent | Quarantined]:
    """The entries of `table` (without size word)."""
    for offset in range(0, len(table), OPERATION_BYTES):
        raw = table[offset : offset + OPERATION_BYTES]
        if len(raw) < OPERATION_BYTES:
            reason = f"record cut after {len(raw)} of {OPERATION_BYTES} bytes"
            yield Quarantined(source=serial, offset=offset, reason=reason, raw=raw)
            continue
        admin, operation, _, packed, *numbers = _ENTRY.unpack(raw)
        time = unpack_time(packed)
        if time is None:
            reason = f"no calendar has the date in packed time {packed:#010x}"
            yield Quarantined(source=serial, offset=offset, reason=reason, raw=raw)
            continue
        detail: dict[str, str | int] = {"operation": operation, "admin": admin}
        detail |= {f"p{place}": number for place, number in enumerate(numbers, 1)}
        yield DeviceEvent(
            serial=serial,
            code=_CODES.get(operation, f"operation_{operation}"),
            device_time=time,
            detail=detail,
            raw=raw,
        )
