"""A person says that another counter or box stands under a tag: `edge-agent line replace`.

An order is a file in the agent's state folder, written by another process in one step. The agent
makes an event of it, which travels to the core like any record, and only then removes the file;
the same order stored twice is one event. When no agent runs, the order waits for it.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import structlog
from msgspec import Struct

from edge_agent.spool.store import Spool, SpoolError
from edge_agent.timekeeping import Stamp
from protocols.records import DeviceEvent

_FOLDER = "line-orders"
_SUFFIX = ".json"
_MAX_ORDER_BYTES = 64 * 1024  # what we write is below 2 KiB; more is not ours
REPLACED = "line_replaced"

log = structlog.get_logger()


class LineReplacement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `at` on, counter `tag` of `source` is another one: its readings begin a new series.

    zone    of the site, in whose wall time the event is told
    """

    source: str
    tag: str
    at: datetime
    reason: str
    by: str
    zone: str

    def event(self) -> DeviceEvent:
        """`raw` is the order itself: two of the same time stay two."""
        local = self.at.astimezone(ZoneInfo(self.zone))
        detail: dict[str, str | int] = {
            "tag": self.tag,
            "at": local.isoformat(),
            "reason": self.reason,
            "by": self.by,
        }
        return DeviceEvent(
            serial=self.source,
            code=REPLACED,
            device_time=local.replace(tzinfo=None),
            detail=detail,
            raw=msgspec.json.encode(self),
        )


class Order(NamedTuple):
    file: Path
    replacement: LineReplacement


def give_order(state_dir: Path, order: LineReplacement) -> Path:
    """Durable when it returns; the same order twice is one. Raises OSError."""
    folder = state_dir / _FOLDER
    content = msgspec.json.encode(order)
    owner = state_dir.stat()
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{blake2b(content, digest_size=16).hexdigest()}{_SUFFIX}"
    draft = folder / f".{file.name}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
        if os.geteuid() == 0:  # the agent must be able to take it away
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
            os.chown(folder, owner.st_uid, owner.st_gid)
    finally:
        os.close(descriptor)
    draft.replace(file)
    _sync(folder)
    _sync(state_dir)
    return file


def waiting_orders(state_dir: Path) -> Iterator[Order]:
    """Those that no agent has stored yet, the oldest first. A file that is none is set aside."""
    folder = state_dir / _FOLDER
    if not folder.is_dir():
        return
    files = sorted(folder.glob(f"[!.]*{_SUFFIX}"), key=lambda file: file.stat().st_mtime_ns)
    for file in files:
        try:
            yield Order(file, _read(file))
        except (msgspec.MsgspecError, ValueError) as exc:
            aside = file.with_suffix(".bad")
            file.replace(aside)
            log.error("line_order_unreadable", file=str(aside), what=str(exc))


async def take_orders(state_dir: Path, spool: Spool, stamp: Stamp) -> int:
    """Stores what people have ordered since; how many. Raises SpoolError."""
    taken = 0
    try:
        for order in waiting_orders(state_dir):
            await _take(order, spool, stamp)
            taken += 1
    except OSError as exc:
        raise SpoolError(
            f"orders about lines cannot be taken ({exc.strerror or exc})",
            where=str(state_dir / _FOLDER),
            remedy="The folder and its files must belong to the agent's user",
            code="line_orders_unusable",
        ) from exc
    return taken


async def _take(order: Order, spool: Spool, stamp: Stamp) -> None:
    replacement = order.replacement
    await spool.tell(replacement.event(), zone=replacement.zone, stamp=stamp)
    order.file.unlink(missing_ok=True)
    log.info(
        REPLACED,
        source=replacement.source,
        tag=replacement.tag,
        at=replacement.at.isoformat(),
        by=replacement.by,
        reason=replacement.reason,
    )


def _read(file: Path) -> LineReplacement:
    """Raises ValueError, also for what Msgspec cannot read."""
    with file.open("rb") as stream:
        content = stream.read(_MAX_ORDER_BYTES + 1)
    if len(content) > _MAX_ORDER_BYTES:
        raise ValueError(f"larger than {_MAX_ORDER_BYTES} bytes")
    order = msgspec.json.decode(content, type=LineReplacement)
    if order.at.tzinfo is None:
        raise ValueError("`at` has no zone")
    ZoneInfo(order.zone)
    return order


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
