"""Rows of ZK tables, wherever their bytes come from."""

import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from edge_agent.decoding.kinds import Row
from edge_agent.decoding.rows import device_event_row, punch_row, quarantined_row, user_row
from protocols.ordinals import LogOrder
from protocols.records import Channel, Quarantined
from protocols.zk.attendance import decode_attendance
from protocols.zk.layouts import Layout, unpack_rows
from protocols.zk.oplog import decode_operations
from protocols.zk.users import User, UserWidth, decode_users

_UID = struct.Struct("<H")

# Without a profile there is no code page: a name that is not UTF-8 stays bytes, it is not guessed.
NO_CODE_PAGE = "utf-8"


def wall_clock() -> datetime:
    """Now, naive UTC: device clocks run in any zone, the day of tolerance covers that."""
    return datetime.now(tz=UTC).replace(tzinfo=None)


def attendance_rows(
    records: bytes,
    layout: Layout,
    *,
    source: str,
    order: LogOrder,
    offset: int = 0,
    users: Mapping[int, str] | None = None,
) -> Iterator[Row]:
    """`offset` of `records` in the input. A layout that holds the uid, without the device's user
    table, gives rows with a uid and no user id.
    """
    known = users or {}
    texts = known
    if layout.holds_uid:
        uids = {key for key, *_ in unpack_rows(records, layout) if isinstance(key, int)}
        texts = {uid: str(uid) for uid in uids} | dict(known)
    for record in decode_attendance(
        records, layout, serial=source, users=texts, channel=Channel.FILE, now=wall_clock()
    ):
        if isinstance(record, Quarantined):
            yield moved(record, offset)
            continue
        fields: dict[str, object] = {"layout": layout.value}
        if layout is not Layout.ATT16:
            (fields["uid"],) = _UID.unpack_from(record.raw)
        row = punch_row(order.place(record), **fields)
        if layout.holds_uid and fields["uid"] not in known:
            row["user_id"] = None
        yield row


def user_rows(records: bytes, width: UserWidth, *, source: str, offset: int = 0) -> Iterator[Row]:
    for user in decode_users(records, encoding=NO_CODE_PAGE, source=source, width=width):
        yield user_row(user) if isinstance(user, User) else moved(user, offset)


def operation_rows(records: bytes, *, source: str, offset: int = 0) -> Iterator[Row]:
    for event in decode_operations(records, serial=source):
        if isinstance(event, Quarantined):
            yield moved(event, offset)
        else:
            yield device_event_row(event)


def moved(row: Quarantined, offset: int) -> Row:
    """The row of a quarantined record whose own offset counts from `offset`."""
    return quarantined_row(row) | {"offset": row.offset + offset}


def bad_row(source: str, offset: int, reason: str, raw: bytes = b"") -> Row:
    return quarantined_row(Quarantined(source=source, offset=offset, reason=reason, raw=raw))
