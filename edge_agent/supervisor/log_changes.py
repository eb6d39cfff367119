"""What a device's driver says about its log: cleared, wrapped or rewritten (driver contract)."""

from datetime import datetime

from msgspec import Struct

from drivers.contract import Delivery
from protocols.records import DeviceEvent

_WORDS = {
    "log_cleared": "was cleared",
    "log_wrapped": "is full or was thinned: its oldest rows are gone",
    "log_rewritten": "was changed after it was read",
}


class LogChange(Struct, frozen=True, kw_only=True):
    """In words for a person, and when it was found."""

    what: str
    at: datetime


def log_change(delivery: Delivery, at: datetime) -> LogChange | None:
    """The last one that `delivery` says, None for none.

    A terminal's own operation log knows a `log_cleared` too, possibly of years ago: without counts.
    """
    change = None
    for record in delivery.records:
        if isinstance(record, DeviceEvent) and record.code in _WORDS and "epoch" in record.detail:
            before, now = record.detail["rows_before"], record.detail["rows_now"]
            what = (
                f"its log {_WORDS[record.code]} ({before} rows, the last of them from "
                f"{record.device_time}; {now} rows now, epoch {record.detail['epoch']})"
            )
            change = LogChange(what=what, at=at)
    return change
