"""Records as rows: plain dicts, JSON-ready, in the shape of design.md 8."""

from typing import Any

from protocols.records import DeviceEvent, Punch, Quarantined
from protocols.zk.templates import Template
from protocols.zk.users import User

Row = dict[str, Any]


def punch_row(punch: Punch, **protocol_fields: object) -> Row:
    """`protocol_fields` are the wire's own, beside the common ones."""
    row: Row = {
        "kind": "punch",
        "serial": punch.serial,
        "user_id": punch.user_id,
        "device_time": punch.device_time.isoformat(timespec="seconds"),
        "state": punch.state,
        "verify": punch.verify,
        "direction": punch.direction.value,
        "method": punch.method,
        "work_code": punch.work_code,
        "card": punch.card,
        "channel": punch.channel.value,
        "ordinal": punch.ordinal,
        "flags": [flag.value for flag in punch.flags],
    }
    return row | protocol_fields | {"raw": punch.raw.hex()}


def user_row(user: User) -> Row:
    """The password is masked in `raw`; a name in an unknown code page is None, its bytes stay."""
    return {
        "kind": "user",
        "uid": user.uid,
        "user_id": user.user_id,
        "name": user.name,
        "name_raw": user.name_raw.hex(),
        "privilege": user.privilege_byte,
        "disabled": user.disabled,
        "card": user.card,
        "group": user.group,
        "time_zones": list(user.time_zones),
        "raw": user.raw.hex(),
    }


def template_row(template: Template) -> Row:
    """Never the template itself: its size and a digest."""
    return {
        "kind": "template",
        "user_id": None,
        "uid": template.uid,
        "finger": template.finger,
        "size": template.size,
        "digest": template.digest,
    }


def device_event_row(event: DeviceEvent) -> Row:
    return {
        "kind": "device_event",
        "serial": event.serial,
        "code": event.code,
        "device_time": event.device_time.isoformat(timespec="seconds"),
        **event.detail,
        "raw": event.raw.hex(),
    }


def quarantined_row(row: Quarantined) -> Row:
    return {
        "kind": "quarantined",
        "source": row.source,
        "offset": row.offset,
        "reason": row.reason,
        "raw": row.raw.hex(),
    }
