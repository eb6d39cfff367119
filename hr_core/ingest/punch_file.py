"""A terminal's export (`N_attlog.dat`) taken in by the core itself, the way of every other punch.

Rows become records with their bytes, records become signed batches of the gateway `file-import`, and
those go through ingest: judged, chained, with verdicts and receipts. The core signs them with its own
key, because it is the one that read the file. The same file twice brings nothing new.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import zstandard
from msgspec import Struct

from hr_core.errors import InputFileError
from hr_core.ingest.batches import ingest_batch
from hr_core.ingest.opening import open_batch
from hr_core.store.chains import head_of
from hr_core.store.database import writing
from hr_core.store.gateway_keys import keys_in_force, register_key
from hr_core.store.gateways import set_site
from protocols.batch_chain import BatchHead, body_digest, sign_head, signed_type
from protocols.identity import event_id
from protocols.ordinals import LogOrder
from protocols.record_digest import batch_digests, merkle_root
from protocols.records import Flag, Punch, Quarantined
from protocols.signing import SigningKey
from protocols.uplink import (
    MAX_RECORDS_PER_BATCH,
    Batch,
    Observation,
    Verdict,
    Watermark,
    encode_batch,
)
from protocols.zk.usb_export import decode_usb_export

GATEWAY = "file-import"
# 1,000,000 rows, the most that a terminal keeps, are 60 MB.
_MAX_BYTES = 256 * 1024 * 1024
_LEVEL = 3
_MOST_NAMED = 20


class BadRow(Struct, frozen=True, kw_only=True):
    """A line that is no row, by its place in the file in bytes."""

    offset: int
    reason: str


class PunchFileImported(Struct, frozen=True, kw_only=True):
    """`complete_until`: what the core now holds to be complete of the device, where that was said."""

    file: str
    device: str
    rows: int
    accepted: int
    duplicate: int
    rejected: int
    repeats: int
    unreadable: int
    first_unreadable: tuple[BadRow, ...]
    complete_until: datetime | None


class PunchFile(Struct, frozen=True, kw_only=True):
    """`whole_log`: the file is all that the device holds, so nothing until its last row is missing."""

    path: Path
    device: str
    zone: str
    site: str
    whole_log: bool = False


def import_punch_file(
    engine: sa.Engine,
    file: PunchFile,
    key: SigningKey,
    *,
    now: Callable[[], datetime],
    entropy: Callable[[int], bytes],
    told: Callable[[int], None] = lambda _rows: None,
) -> PunchFileImported:
    """`told` hears how many rows are taken in. Raises InputFileError, StorageError."""
    punches, bad = _read(file, now())
    verdicts: Counter[Verdict] = Counter()
    _admit(engine, file.site, key, now())
    sender = _Sender(engine, file, key, now, entropy)
    for start in range(0, len(punches), MAX_RECORDS_PER_BATCH):
        verdicts.update(sender.send(punches[start : start + MAX_RECORDS_PER_BATCH]))
        told(min(start + MAX_RECORDS_PER_BATCH, len(punches)))
    until = _complete_until(file, punches, bad, verdicts)
    if file.whole_log:
        sender.send((), (_watermark(file, punches, until, bad),))
    return PunchFileImported(
        file=str(file.path),
        device=file.device,
        rows=len(punches),
        accepted=verdicts[Verdict.ACCEPTED],
        duplicate=verdicts[Verdict.DUPLICATE],
        rejected=verdicts[Verdict.REJECTED] + verdicts[Verdict.KEEP],
        repeats=sum(Flag.REPEAT in punch.flags for punch in punches),
        unreadable=len(bad),
        first_unreadable=tuple(bad[:_MOST_NAMED]),
        complete_until=until,
    )


def _read(file: PunchFile, now: datetime) -> tuple[list[Punch], list[BadRow]]:
    try:
        if file.path.stat().st_size > _MAX_BYTES:
            raise _refused(
                file, f"more than {_MAX_BYTES} bytes", "split it: each part imports alone"
            )
        data = file.path.read_bytes()
    except OSError as exc:
        raise _refused(file, exc.strerror or "cannot be read", "check the path") from exc
    order, punches, bad = LogOrder(), [], []
    wall = now.astimezone(ZoneInfo(file.zone)).replace(tzinfo=None)
    for row in decode_usb_export(data, serial=file.device, now=wall):
        if isinstance(row, Quarantined):
            bad.append(BadRow(offset=row.offset, reason=row.reason))
        else:
            punches.append(order.place(row))
    if not punches:
        raise _refused(file, "holds no row of a terminal's export", "give an N_attlog.dat")
    return punches, bad


def _refused(file: PunchFile, what: str, remedy: str) -> InputFileError:
    return InputFileError(what, file=str(file.path), key="rows", remedy=remedy)


def _admit(engine: sa.Engine, site: str, key: SigningKey, at: datetime) -> None:
    with writing(engine) as conn:
        set_site(conn, GATEWAY, site, at)
        if key.public not in keys_in_force(conn, GATEWAY, at):
            register_key(conn, GATEWAY, key.public, at)


def _complete_until(
    file: PunchFile, punches: Sequence[Punch], bad: Sequence[BadRow], verdicts: Counter[Verdict]
) -> datetime | None:
    """The last row whose time is to be believed; nothing can be said of a file with lost rows."""
    lost = bad or verdicts[Verdict.REJECTED] or verdicts[Verdict.KEEP]
    believed = [one.device_time for one in punches if not one.flags]
    if not file.whole_log or lost or not believed:
        return None
    return max(believed).replace(tzinfo=ZoneInfo(file.zone)).astimezone(UTC)


def _watermark(
    file: PunchFile, punches: Sequence[Punch], until: datetime | None, bad: Sequence[BadRow]
) -> Watermark:
    rows = len(punches)
    return Watermark(
        serial=file.device,
        complete_until=until,
        on_device=rows + len(bad),
        fetched=rows + len(bad),
        stored=rows,
        held_by="quarantined" if bad else None,
    )


class _Sender:
    """The chain of the gateway that files come by."""

    def __init__(
        self,
        engine: sa.Engine,
        file: PunchFile,
        key: SigningKey,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._engine = engine
        self._file = file
        self._key = key
        self._now = now
        self._entropy = entropy

    def send(
        self, punches: Sequence[Punch], watermarks: tuple[Watermark, ...] = ()
    ) -> list[Verdict]:
        now = self._now()
        with self._engine.connect() as conn:
            last = head_of(conn, GATEWAY)
        salt = self._entropy(32)
        batch = Batch(
            gateway=GATEWAY,
            site=self._file.site,
            number=last.number + 1,
            salt=salt.hex(),
            observations=tuple(
                Observation(
                    event_id=event_id(punch).hex(),
                    record=punch,
                    received_at=now,
                    zone=self._file.zone,
                )
                for punch in punches
            ),
            watermarks=watermarks,
        )
        content = encode_batch(batch)
        head = BatchHead(
            gateway=GATEWAY,
            number=batch.number,
            previous=last.batch_hash,
            content_type=signed_type("application/json", "zstd"),
            body_digest=body_digest(zstandard.compress(content, _LEVEL)),
            records=len(batch.observations),
            records_root=merkle_root(batch_digests(salt, batch.observations)),
        )
        opened = open_batch(sign_head(head, self._key), self._key.public, content)
        answer = ingest_batch(self._engine, opened, received_at=now, core_key=self._key)
        return [one.verdict for one in answer.verdicts]
