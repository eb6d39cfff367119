"""The terminal's operation log (power, clock set, log cleared) as events beside its punches.

It is read when the terminal states another count than at the last read, and also when it states
none or 0, because counts are hints (protocol.md 7). Whatever goes wrong with it never costs a
punch: a terminal that refuses the table has none, and one that keeps failing on it is not asked
again by this driver; a row in quarantine says so.
"""

from collections.abc import Iterator
from hashlib import blake2b

from msgspec import Struct

from drivers.contract import Delivery
from drivers.errors import LinkDownError
from drivers.zk_pull.terminal import Terminal
from protocols.errors import ProtocolError, RefusedError
from protocols.records import DeviceEvent, Quarantined
from protocols.zk.dialogue import OPERATION_LOG
from protocols.zk.oplog import OPERATION_BYTES, decode_operations
from protocols.zk.refusals import BusyError, StorageError, UnauthorisedError

_PASSING = (BusyError, StorageError, UnauthorisedError)  # refusals that may pass
_BROKEN_READS = 3
_PAGE_ENTRIES = 1_000
_PAGE_BYTES = _PAGE_ENTRIES * OPERATION_BYTES
_DIGEST_BYTES = 16
_CLEARING = frozenset({"data_cleared", "factory_reset", "log_cleared"})


def ledger_name(serial: str) -> str:
    """A log of its own: the counters and the quarantine of the attendance log decide about
    completeness and about clearing it, and what happens to a terminal is no punch.
    """
    return f"{serial}/operations"


class OperationsPlace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the operation log is stored: `count` is what the terminal said it holds."""

    count: int | None
    entries: int
    digest: str


class OperationLog:
    """Reads the log of one terminal when there may be something new in it."""

    def __init__(self) -> None:
        self._absent = False
        self._broken_reads = 0

    async def read(
        self, terminal: Terminal, count: int | None, stored: OperationsPlace | None
    ) -> "Operations":
        """What is new since `stored`. When it `broke_off`, the connection must be closed."""
        if self._absent or (stored is not None and count and count == stored.count):
            return Operations(place=stored)
        try:
            table = await terminal.read_table(OPERATION_LOG)
        except RefusedError as exc:
            self._absent = not isinstance(exc, _PASSING)
            return Operations(place=stored)
        except ProtocolError as exc:
            self._absent = True
            return Operations(place=stored, broke_off=True, failure=str(exc))
        except LinkDownError as exc:
            # Once is a network that went away; again and again it is this table.
            self._broken_reads += 1
            self._absent = self._broken_reads >= _BROKEN_READS
            failure = str(exc) if self._absent else None
            return Operations(place=stored, broke_off=True, failure=failure)
        self._broken_reads = 0
        if not table:
            return Operations(place=stored)
        return Operations(
            place=_place(table, count), table=table, known=_known_bytes(table, stored)
        )


class Operations(Struct, frozen=True, kw_only=True):
    """The bytes of one read; the first `known` of them are stored already."""

    place: OperationsPlace | None
    table: bytes = b""
    known: int = 0
    broke_off: bool = False
    failure: str | None = None  # told once, when it is given up

    def clears_the_log(self) -> bool:
        """Whether somebody deleted punches, by what is new here."""
        return any(
            isinstance(entry, DeviceEvent) and entry.code in _CLEARING
            for entry in decode_operations(self.table[self.known :], serial="")
        )

    def deliveries(self, serial: str) -> Iterator[Delivery]:
        """Pages without a cursor: the last page of the fetch carries it."""
        source = ledger_name(serial)
        if self.failure is not None:
            reason = f"the operation log cannot be read ({self.failure}); punches are not affected"
            row = Quarantined(source=source, offset=0, reason=reason, raw=b"")
            yield Delivery(serial=source, quarantined=(row,), last=False)
        for start in range(self.known, len(self.table), _PAGE_BYTES):
            page = self.table[start : start + _PAGE_BYTES]
            yield _delivery(page, serial=serial, source=source, start=start)


def _delivery(page: bytes, *, serial: str, source: str, start: int) -> Delivery:
    rows = list(decode_operations(page, serial=serial))
    quarantined = [row for row in rows if isinstance(row, Quarantined)]
    if 2 * len(quarantined) > len(rows):
        reason = f"no operation log of {OPERATION_BYTES}-byte entries"
        whole = Quarantined(source=source, offset=start, reason=reason, raw=page)
        return Delivery(serial=source, quarantined=(whole,), last=False)
    return Delivery(
        serial=source,
        records=[row for row in rows if isinstance(row, DeviceEvent)],
        quarantined=[
            Quarantined(source=source, offset=start + row.offset, reason=row.reason, raw=row.raw)
            for row in quarantined
        ],
        last=False,
    )


def _place(table: bytes, count: int | None) -> OperationsPlace:
    entries = len(table) // OPERATION_BYTES
    return OperationsPlace(
        count=count, entries=entries, digest=_digest(table, entries * OPERATION_BYTES)
    )


def _known_bytes(table: bytes, stored: OperationsPlace | None) -> int:
    """0 for a log that was cleared or has wrapped: its events are known by their identity."""
    if stored is None:
        return 0
    end = stored.entries * OPERATION_BYTES
    return end if end <= len(table) and _digest(table, end) == stored.digest else 0


def _digest(table: bytes, end: int) -> str:
    return blake2b(memoryview(table)[:end], digest_size=_DIGEST_BYTES).hexdigest()
