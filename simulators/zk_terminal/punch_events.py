"""EF_ATTLOG: what a terminal sends when somebody punches, in the form of its firmware."""

from collections.abc import Sequence
from typing import Final

from protocols.zk.attendance import AttendanceRow
from protocols.zk.commands import EVENT
from protocols.zk.events import EventFlag, LiveRow, encode_attlog_event
from protocols.zk.framing import Packet

_KNOWN_BYTES: Final = frozenset({10, 12, 14, 32, 36, 37, 52})  # protocol.md 10
_LONGEST: Final = 52


def punch_event(rows: Sequence[AttendanceRow], record_bytes: int) -> Packet:
    """One event that tells of all `rows`. Raises ValueError for what the form cannot hold.

    In a length that has no layout, the longest form is cut or filled with zeros.
    """
    data = b"".join(_record(row, record_bytes) for row in rows)
    return Packet(command=EVENT, session=EventFlag.ATTLOG, reply_id=0, data=data)


def _record(row: AttendanceRow, record_bytes: int) -> bytes:
    told = LiveRow(
        uid=row.uid,
        user_id=row.user_id,
        verify=row.verify,
        state=row.state,
        time=row.time,
        work_code=row.work_code,
        raw=b"",
    )
    if record_bytes in _KNOWN_BYTES:
        return encode_attlog_event(told, record_bytes)
    return encode_attlog_event(told, _LONGEST)[:record_bytes].ljust(record_bytes, b"\0")
