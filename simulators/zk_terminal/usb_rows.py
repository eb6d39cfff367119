"""Loading a terminal's log from a real USB export, so that a simulator holds real history."""

from protocols.records import Punch, Quarantined
from protocols.zk.attendance import AttendanceRow
from protocols.zk.usb_export import decode_usb_export

_YEARS = range(2000, 2100)  # what the packed clock can hold
_MAX_BYTE = 0xFF
_MAX_U32 = 0xFFFF_FFFF
_SOURCE = "usb export"


def rows_from_usb_export(data: bytes) -> tuple[list[AttendanceRow], list[Quarantined]]:
    """Every well-formed row that a ZK terminal can hold, in file order, and all others.

    The export does not carry the internal uid: people are numbered by first appearance. A refused
    row says why, with its byte offset in the file.
    """
    rows: list[AttendanceRow] = []
    refused: list[Quarantined] = []
    uids: dict[str, int] = {}
    offset = 0
    for line in data.split(b"\n"):
        for row in decode_usb_export(line, serial=_SOURCE):
            if isinstance(row, Quarantined):
                refused.append(_refused(offset, row.reason, line))
            elif reason := _unrepresentable(row):
                refused.append(_refused(offset, reason, line))
            else:
                rows.append(_log_row(row, uids.setdefault(row.user_id, len(uids) + 1)))
        offset += len(line) + 1
    return rows, refused


def _refused(offset: int, reason: str, line: bytes) -> Quarantined:
    return Quarantined(source=_SOURCE, offset=offset, reason=reason, raw=line)


def _unrepresentable(punch: Punch) -> str:
    """Why no ZK record can hold `punch`; "" when one can."""
    if punch.device_time.year not in _YEARS:
        return f"a ZK clock cannot hold the year {punch.device_time.year}"
    if max(punch.state, punch.verify) > _MAX_BYTE:
        return f"state {punch.state} or verify {punch.verify} does not fit a byte"
    if (punch.work_code or 0) > _MAX_U32:
        return f"work code {punch.work_code} does not fit 32 bits"
    return ""


def _log_row(punch: Punch, uid: int) -> AttendanceRow:
    return AttendanceRow(
        uid=uid,
        user_id=punch.user_id,
        time=punch.device_time,
        state=punch.state,
        verify=punch.verify,
        work_code=punch.work_code or 0,
    )
