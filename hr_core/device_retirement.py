"""A device that is gone: taken down, broken, replaced. Its watermark would hold people's days for ever.

What it never told until then stays unknown; that is why a person says so, with a reason, and can take
it back.
"""

from datetime import date, datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit.log import append
from hr_core.errors import CoreError, NotFoundError
from hr_core.store.device_gateways import all_devices
from hr_core.store.retired_devices import retired, set_retired
from hr_core.store.watermarks import watermarks_of

ACTION = "device."


class Ruling(Struct, frozen=True, kw_only=True):
    """Who says so, when (aware UTC) and why."""

    by: str
    at: datetime
    reason: str


class Retirement(Struct, frozen=True, kw_only=True):
    """`since` None: the device is in use."""

    serial: str
    since: date | None


def retire_device(conn: sa.Connection, serial: str, since: date, ruling: Ruling) -> Retirement:
    """From `since` on it holds nobody up. In a write transaction; the days are computed by the next
    step. Said again with another date, that date holds. Raises NotFoundError, CoreError (no reason).
    """
    known = {one.serial for one in all_devices(conn)} | {one.serial for one in watermarks_of(conn)}
    if serial not in known:
        raise NotFoundError(
            f"no gateway ever told of a device {serial!r}",
            remedy="hr-core devices lists them, hr-core watermark too",
        )
    return _set(conn, serial, since, ruling)


def return_device(conn: sa.Connection, serial: str, ruling: Ruling) -> Retirement:
    """Takes a retirement back. Raises CoreError when there is none, or no reason."""
    if serial not in retired(conn):
        raise CoreError(f"device {serial!r} is not retired", remedy="see hr-core devices")
    return _set(conn, serial, None, ruling)


def note_replacement(conn: sa.Connection, old: str, new: str, on: date, ruling: Ruling) -> None:
    """A person ordered at a gateway that `new` stands where `old` was; a unit that came back is in use."""
    if retired(conn).get(new) is not None:
        _set(conn, new, None, ruling)
    if retired(conn).get(old) is None:
        _set(conn, old, on, ruling)


def _set(conn: sa.Connection, serial: str, since: date | None, ruling: Ruling) -> Retirement:
    if not ruling.reason.strip():
        raise CoreError("a device is not retired or returned without a reason", remedy="say why")
    before = Retirement(serial=serial, since=retired(conn).get(serial))
    after = Retirement(serial=serial, since=since)
    if before != after:
        action = f"{ACTION}{'return' if since is None else 'retire'}"
        append(conn, ruling.at, ruling.by, action, f"device {serial}", before, after, ruling.reason)
        set_retired(conn, serial, since)
    return after
