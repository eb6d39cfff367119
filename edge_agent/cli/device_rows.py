"""What a driver delivers, as the rows that `decode` prints."""

from collections.abc import Iterator
from typing import Any

from drivers.contract import Delivery, UserList
from edge_agent.decoding.rows import device_event_row, punch_row, quarantined_row
from protocols.records import Count, DeviceEvent, Punch, Record


def rows_of(delivery: Delivery) -> Iterator[dict[str, Any]]:
    for record in delivery.every_record():
        yield row_of(record)
    for quarantined in delivery.quarantined:
        yield quarantined_row(quarantined)


def user_rows(listed: UserList) -> Iterator[dict[str, Any]]:
    """Passwords are masked in `raw`; a name in an unknown code page is None, its bytes stay."""
    for user in listed.users:
        yield {
            "kind": "user",
            "uid": user.uid,
            "user_id": user.user_id,
            "name": user.name,
            "name_raw": user.name_raw.hex(),
            "privilege": user.privilege | user.disabled,  # as the device holds it, bit 0 disabled
            "disabled": user.disabled,
            "card": user.card,
            "group": user.group,
            "time_zones": list(user.time_zones),
            "raw": user.raw.hex(),
        }
    for quarantined in listed.quarantined:
        yield quarantined_row(quarantined)


def row_of(record: Record) -> dict[str, Any]:
    match record:
        case Punch():
            return punch_row(record)
        case DeviceEvent():
            return device_event_row(record)
        case Count():
            return _count_row(record)


def _count_row(count: Count) -> dict[str, Any]:
    return {
        "kind": "count",
        "source": count.source,
        "tag": count.tag,
        "metric": count.metric,
        "value": count.value,
        "boot_id": count.boot_id,
        "seq": count.seq,
        "source_time": count.source_time.isoformat(),
        "reject_code": count.reject_code,
        "badge": count.badge,
        "quality": count.quality,
        "flags": [flag.value for flag in count.flags],
        "raw": count.raw.hex(),
    }
