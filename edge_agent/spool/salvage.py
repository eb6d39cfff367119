"""A damaged spool is set aside, and a new one begins with all that could be read of it.

Nothing is deleted: the damaged files stay beside the new one under a name with the date. What is not
sure is decided so that it costs a repetition, never a row: a cursor is kept only where the rows
of its device are complete (else the driver pulls again, and identity makes that harmless), a
position only where every hole before it is known (else all is sent again, and the core answers
`duplicate`).
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from edge_agent.spool.carving import Value, carve_devices, carve_pages
from edge_agent.spool.chain import BatchTally
from edge_agent.spool.codec import Envelope, is_sound_envelope, microseconds
from edge_agent.spool.errors import SpoolCorruptError, storage_error
from edge_agent.spool.file_image import FileImage
from edge_agent.spool.intake import EventLog
from edge_agent.spool.lanes import Lane
from edge_agent.spool.page_body import rows_of_body
from edge_agent.spool.remains import Row, Table, read_remains
from edge_agent.spool.schema import connect, create_file, prepare, sync
from protocols.records import Count, DeviceEvent

_PAGES_AT_A_TIME = 1_000
_GATEWAY = 0  # in place of the number of a device
_MOST_NAMED = 20  # devices in the event; the ledger has all

_INSERT_PAGE = """
    INSERT OR IGNORE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_COUNTERS = ("device", "received", "stored", "deleted", "thinned")
_tally = msgspec.msgpack.Decoder(BatchTally)


class Salvaged(Struct, frozen=True, kw_only=True):
    """set_aside  the damaged file
    why           what was found
    pages, rows   that were saved
    lost          rows that are missing, by serial, as far as the counters tell
    pulled_again  serials whose cursor was not safe
    sent_again    whether every sink is sent everything again
    """

    set_aside: Path
    why: str
    pages: int
    rows: int
    lost: dict[str, int]
    pulled_again: tuple[str, ...]
    sent_again: bool


def salvage(path: Path, why: str, now: datetime, boot_id: str, monotonic_ms: int) -> Salvaged:
    """Call with the lock held and the file closed. Raises SpoolError when the disk fails or is full;
    then the damaged file lies where it was.
    """
    part = path.with_name(f"{path.name}.salvage")
    _remove(part)
    create_file(part)
    prepare(part)
    try:
        with closing(connect(part)) as connection:
            report = _Salvage(connection, path).run(aside_name(path, now), why)
            _tell(connection, report, now, boot_id, monotonic_ms)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as exc:
        raise storage_error(exc, part) from exc
    part.replace(_finished(path))
    sync(path.parent)
    finish_salvage(path, report.set_aside)
    return report


def finish_salvage(path: Path, aside: Path) -> None:
    """Puts a salvaged file in the place of the damaged one. A salvage that died before this begins
    anew, one that died in it is finished at the next start.
    """
    if _finished(path).exists():
        _set_aside(path, aside)
        _finished(path).replace(path)
        sync(path.parent)


def aside_name(path: Path, now: datetime) -> Path:
    """Where the damaged spool at `path` is kept: a name with the date that is free."""
    stem = f"{path.name}.damaged-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    names = (stem, *(f"{stem}.{number}" for number in range(1, 1_000)))
    return next(place for name in names if not (place := path.with_name(name)).exists())


class _Salvage:
    """Fills one new, empty spool from the damaged file at `path`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._new = connection
        self._path = path
        self._rows_of: Counter[int] = Counter()  # by device number
        self._newest: dict[int, int] = {}
        self._serial_of: dict[int, str] = {}
        self._boots: set[int] = set()
        self._pages = 0

    def run(self, set_aside: Path, why: str) -> Salvaged:
        ledger = read_remains(self._path)
        with closing(FileImage(self._path)) as image:
            carved = carve_devices(image)
            self._copy_pages(image)
        self._new.execute("BEGIN IMMEDIATE")
        self._copy("boots", ledger["boots"].rows)
        self._name_boots()
        lost, pulled_again = self._copy_devices(ledger["devices"].rows, carved)
        sure = all(
            ledger[name].whole
            for name in ("sinks", "batches", "sent_batches", "unsettled", "dead_letters")
        )
        self._copy_progress(ledger, sure=sure)
        if not sure or lost or pulled_again:
            self._drop_batches_in_flight()
        for name in (
            *("quarantine", "units", "replacements", "lifetime", "days"),
            *("holds", "acts", "discarded"),
        ):
            self._copy(name, ledger[name].rows)
        decided = all(ledger[name].whole for name in ("quarantine", "holds", "acts"))
        self._hold_completeness([*lost, *pulled_again], everywhere=not decided)
        self._new.execute("COMMIT")
        return Salvaged(
            set_aside=set_aside,
            why=why,
            pages=self._pages,
            rows=self._rows_of.total(),
            lost=lost,
            pulled_again=pulled_again,
            sent_again=not sure,
        )

    def _copy_pages(self, image: FileImage) -> None:
        for bunch in _bunches(carve_pages(image)):
            self._new.execute("BEGIN IMMEDIATE")
            for page in bunch:
                self._copy_page(page)
            self._new.execute("COMMIT")

    def _copy_page(self, page: tuple[Any, ...]) -> None:
        first, last, lane, device, _, _, newest, *_, zone, flags, _, boot, _, _, body = page
        try:
            rows = rows_of_body(body, where=f"page {first}")
            if last != first + len(rows) - 1 or not is_sound_envelope(lane, zone, flags):
                return
            done = self._new.execute(_INSERT_PAGE, page).rowcount
        except (SpoolCorruptError, sqlite3.IntegrityError):  # or a type that no page has
            return
        if not done:  # an older state of the same page
            return
        self._pages += 1
        self._boots.add(boot)
        self._rows_of[device or _GATEWAY] += len(rows)
        if device is None:
            return
        self._newest[device] = max(self._newest.get(device, newest), newest)
        record = rows[0][1]
        self._serial_of.setdefault(
            device, record.source if isinstance(record, Count) else record.serial
        )

    def _name_boots(self) -> None:
        """A page names its boot; which one it was may be lost."""
        self._new.executemany(
            "INSERT OR IGNORE INTO boots (boot, boot_id, first_opened_at) VALUES (?, ?, 0)",
            [(boot, f"lost-{boot}") for boot in sorted(self._boots)],
        )

    def _copy_devices(
        self, rows: list[Row], carved: Mapping[int, tuple[str, str]]
    ) -> tuple[dict[str, int], tuple[str, ...]]:
        """Returns the lost rows by serial, and whose cursor was dropped."""
        lost: dict[str, int] = {}
        pulled_again: list[str] = []
        for row in rows:
            if not all(isinstance(row.get(name), int) for name in _COUNTERS):
                continue
            here = self._rows_of[row["device"]]
            missing = row["stored"] - row["deleted"] - row["thinned"] - here
            if missing:
                pulled_again.append(str(row["serial"]))
                row.update(cursor=None, on_device=None, log_rows=None, read_from=None)
                row["stored"] -= missing
                row["received"] -= missing
            if missing > 0:
                lost[str(row["serial"])] = missing
            row["newest_time"] = self._newest.get(row["device"], row.get("newest_time"))
        self._copy("devices", rows)
        known = {device for (device,) in self._new.execute("SELECT device FROM devices")}
        for device in sorted(self._serial_of.keys() - known):
            serial, name = carved.get(device, (self._serial_of[device], self._serial_of[device]))
            pulled_again.append(serial)
            self._new_device(device, serial, name)
        return lost, tuple(pulled_again)

    def _new_device(self, device: int, serial: str, name: str) -> None:
        """Of which only rows are left. Two logs of one unit may have become one."""
        other = self._new.execute(
            "SELECT device FROM devices WHERE serial = ?", (serial,)
        ).fetchone()
        into = device if other is None else other[0]
        if other is None:
            self._new.execute(
                "INSERT INTO devices (device, serial, name) VALUES (?, ?, ?)",
                (device, serial, name),
            )
        else:
            self._new.execute("UPDATE pages SET device = ? WHERE device = ?", (into, device))
        self._new.execute(
            """UPDATE devices SET received = received + :rows, stored = stored + :rows,
                newest_time = max(coalesce(newest_time, :newest), :newest) WHERE device = :into""",
            {"rows": self._rows_of[device], "newest": self._newest[device], "into": into},
        )

    def _hold_completeness(self, serials: list[str], *, everywhere: bool) -> None:
        """No mark of a read was saved, so nothing is complete before the next one; where rows went,
        or what held a watermark, a person has to look.
        """
        self._new.execute(
            """UPDATE devices SET lowest = NULL, ends = (
                SELECT json_group_object(lane, last) FROM (
                    SELECT lane, max(last_arrival) AS last FROM pages
                    WHERE pages.device = devices.device GROUP BY lane))"""
        )
        self._new.execute(
            """INSERT INTO holds (device, code, until, found_at, what)
            SELECT device, 'spool_salvaged', NULL, 0, 'rows or decisions went with the damaged file'
            FROM devices WHERE ? OR serial IN (SELECT value FROM json_each(?))""",
            (everywhere, msgspec.json.encode(serials).decode()),
        )

    def _copy_progress(self, ledger: Mapping[str, Table], *, sure: bool) -> None:
        """Positions, batches and their chain. Not `sure`: every position goes back to 0."""
        for name in (
            "sent_batches",
            "sink_devices",
            "dead_letters",
            "unsettled",
            "sinks",
            "batches",
        ):
            self._copy(name, ledger[name].rows)
        new = self._new
        if not sure:
            new.execute("UPDATE sinks SET position = 0, batch_end = 0")
            new.execute("DELETE FROM unsettled")
            new.execute("DELETE FROM dead_letters")
            new.execute(
                """UPDATE sink_devices SET duplicate = 0, rejected = 0, accepted = coalesce(
                    (SELECT deleted FROM devices WHERE devices.device = sink_devices.device), 0)"""
            )
        for sink, position, lane in self._positions_that_disagree():
            new.execute(
                "UPDATE sinks SET position = ? WHERE sink = ? AND lane = ?",
                (position, sink, lane),
            )
        here = """EXISTS (SELECT 1 FROM pages WHERE first_arrival = (
            SELECT max(first_arrival) FROM pages WHERE first_arrival <= arrival)
            AND last_arrival >= arrival)"""
        for name in ("unsettled", "dead_letters"):
            new.execute(f"DELETE FROM {name} WHERE NOT {here}")  # noqa: S608 - our own words
        new.execute("UPDATE batches SET adopt = 1")

    def _drop_batches_in_flight(self) -> None:
        """One may lack rows now, and its number may be at the core already: the uplink asks for the
        core's head before it sends again (`Spool.adopt_head`).
        """
        self._new.execute("UPDATE batches SET number = number - in_flight, in_flight = 0")
        self._new.execute("UPDATE sinks SET batch_end = position")
        self._new.execute("UPDATE unsettled SET in_batch = 0")

    def _positions_that_disagree(self) -> Iterator[tuple[int, str, int]]:
        """A position is also told by the sink's last answered batch: the lower one counts."""
        heads = self._new.execute("SELECT sink, tally, max(number) FROM sent_batches GROUP BY sink")
        for sink, tally, _ in heads.fetchall():
            with suppress(msgspec.MsgspecError):
                told = _tally.decode(tally).positions
                rows = self._new.execute("SELECT lane, position FROM sinks WHERE sink = ?", (sink,))
                for lane, position in rows.fetchall():
                    if told.get(lane, 0) < position:
                        yield told.get(lane, 0), sink, lane

    def _copy(self, name: str, rows: list[Row]) -> None:
        """Rows that break a rule of the new table are damaged, and left out."""
        known = [column[1] for column in self._new.execute(f"PRAGMA table_info({name})")]
        for row in rows:
            held = {column: row[column] for column in known if column in row}
            columns, places = ", ".join(held), ", ".join("?" * len(held))
            with suppress(sqlite3.IntegrityError, sqlite3.ProgrammingError, OverflowError):
                self._new.execute(
                    f"INSERT OR IGNORE INTO {name} ({columns}) VALUES ({places})",  # noqa: S608 - names of our own tables
                    tuple(held.values()),
                )


def _tell(
    connection: sqlite3.Connection,
    report: Salvaged,
    now: datetime,
    boot_id: str,
    monotonic_ms: int,
) -> None:
    named = [f"{serial}: {rows}" for serial, rows in report.lost.items()]
    detail: dict[str, str | int] = {
        "why": report.why,
        "set_aside": report.set_aside.name,
        "pages": report.pages,
        "rows": report.rows,
        "lost_rows": sum(report.lost.values()),
        "lost_of": ", ".join(named[:_MOST_NAMED]),
        "pulled_again": ", ".join(report.pulled_again[:_MOST_NAMED]),
        "sent_again": int(report.sent_again),
    }
    event = DeviceEvent(
        serial="gateway",
        code="spool_salvaged",
        device_time=now.astimezone(UTC).replace(tzinfo=None),
        detail=detail,
    )
    envelope = Envelope(
        device_name="",
        zone="UTC",
        lane=Lane.TELEMETRY,
        received_at=now,
        monotonic_ms=monotonic_ms,
    )
    connection.execute("BEGIN IMMEDIATE")
    boot = connection.execute(
        """INSERT INTO boots (boot_id, first_opened_at) VALUES (?, ?)
        ON CONFLICT (boot_id) DO UPDATE SET boot_id = excluded.boot_id RETURNING boot""",
        (boot_id, microseconds(now)),
    ).fetchone()[0]
    EventLog(connection, boot=boot).store(connection, (event,), envelope, device=None)
    connection.execute("COMMIT")


def _finished(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaged")


def _set_aside(path: Path, aside: Path) -> None:
    """The log too: the new file would take it for its own."""
    for suffix in ("-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.replace(aside.with_name(aside.name + suffix))
    os.link(path, aside)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _bunches(pages: Iterator[tuple[Value, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    bunch: list[tuple[Any, ...]] = []
    for page in pages:
        bunch.append(page)
        if len(bunch) == _PAGES_AT_A_TIME:
            yield bunch
            bunch = []
    yield bunch
