"""Records that no batch may carry."""

from msgspec import json
from msgspec.structs import replace

from drivers.contract import Delivery
from protocols.records import DeviceEvent, Punch, Quarantined, Record
from protocols.uplink import MAX_BATCH_BYTES

# Half a batch: the rest is its envelope, and what a form of transport adds.
MAX_RECORD_BYTES = MAX_BATCH_BYTES // 2


def without_giants(delivery: Delivery) -> Delivery:
    """A record that no batch may carry would stall every sink: it goes to quarantine. (What comes
    in columns has a cap of its own.)
    """
    if not any(map(_is_giant, delivery.records)):
        return delivery
    giants = [
        Quarantined(
            source=delivery.serial,
            offset=place,
            reason=f"larger than a batch may be ({_bulk(record)} bytes)",
            raw=record.raw or json.encode(record),
        )
        for place, record in enumerate(delivery.records)
        if _is_giant(record)
    ]
    fitting = tuple(record for record in delivery.records if not _is_giant(record))
    return replace(delivery, records=fitting, quarantined=(*delivery.quarantined, *giants))


def _is_giant(record: Record) -> bool:
    return _bulk(record) > MAX_RECORD_BYTES


def _bulk(record: Record) -> int:
    """About its bytes in a batch, where they can grow."""
    size = len(record.raw) * 4 // 3
    if isinstance(record, DeviceEvent):
        size += sum(len(key) + 4 * len(str(value)) for key, value in record.detail.items())
    elif isinstance(record, Punch):
        size += 4 * len(record.user_id)
    return size
