"""The driver of demo clocks. Of Clockline it imports `protocols.records` and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from protocols.records import ClockReading, Punch, Quarantined
from pydantic import BaseModel, Field

from demo_clock.wire import decode_log, parse_time

PAGE_ROWS = 500  # one commit of the spool
MAX_LINE_BYTES = 256  # the longest real line has 50
MAX_ROWS = 200_000  # twice what the clock can hold; more is a lie


class DemoClockConfig(BaseModel):
    """Our own keys of a [[device]]; Clockline adds `name`, `kind` and `poll_s`."""

    host: str = Field(description="IP address or name of the clock")
    port: int = Field(default=5600, ge=1, le=65_535, description="Its TCP port")
    serial: str | None = Field(default=None, description="Another clock is refused")
    timeout_s: float = Field(default=5.0, gt=0, le=60, description="Seconds for one answer")


class DemoClockError(Exception):
    """`what` happened and the `remedy`, for a person. `blocked`: trying again cannot help."""

    def __init__(self, what: str, *, remedy: str, code: str, blocked: bool = False) -> None:
        super().__init__(f"{what}. {remedy}")
        self.what = what
        self.remedy = remedy
        self.code = code
        self.blocked = blocked


@dataclass(frozen=True)
class Manifest:
    kind: str = "demo-clock"
    title: str = "Demo clock, asked over TCP"
    makes: tuple[str, ...] = ("Demo",)
    mode: str = "asked"  # it holds a log and is asked for it
    capabilities: tuple[str, ...] = ("count", "clock")
    simulator: str = "demo-clock"  # the entry point in the group clockline.simulators
    config: type[BaseModel] = DemoClockConfig


@dataclass(frozen=True)
class Identity:
    serial: str
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LogCount:
    records: int


@dataclass(frozen=True, kw_only=True)
class Page:
    """One transaction's worth. `cursor` and `on_device` only on the last page of a whole read."""

    serial: str
    records: list[Punch]
    quarantined: list[Quarantined]
    log_rows: int
    last: bool
    clock: ClockReading | None = None
    cursor: bytes | None = None
    on_device: int | None = None


class DemoClockDriver:
    manifest = Manifest()

    def __init__(self, config: Any, context: Any) -> None:
        self._config = config
        self._clock = context.clock  # the only source of time

    async def identity(self) -> Identity:
        async with self._connected() as talk:
            return Identity(await self._serial(talk))

    async def count(self) -> LogCount:
        async with self._connected() as talk:
            return LogCount(int(await talk.ask("COUNT")))

    async def fetch(self, cursor: bytes | None) -> AsyncIterator[Page]:
        """The whole log each time, and of it the rows after the cursor."""
        async with self._connected() as talk:
            serial = await self._serial(talk)
            clock = await self._reading(talk, serial)
            lines = await talk.log()
        known = _known(cursor, lines)
        rows = decode_log(lines, serial)
        for start in range(known, max(len(rows), known + 1), PAGE_ROWS):
            page = rows[start : start + PAGE_ROWS]
            end = start + len(page)
            last = end == len(rows)
            yield Page(
                serial=serial,
                records=[row for row in page if isinstance(row, Punch)],
                quarantined=[row for row in page if isinstance(row, Quarantined)],
                log_rows=end,
                last=last,
                clock=clock,
                cursor=_cursor(lines) if last else None,
                on_device=end if last else None,
            )

    async def live(self) -> AsyncIterator[Page]:
        raise DemoClockError(
            "a demo clock sends nothing by itself",
            remedy="Poll it more often (`poll_s`)",
            code="no_live",
            blocked=True,
        )
        yield  # makes this a generator, as the contract wants

    async def acknowledge(self, delivery: object) -> None:
        """Nothing to do: the clock keeps its log."""

    async def aclose(self) -> None:
        """Nothing to do: no connection outlives a call."""

    async def _serial(self, talk: "Talk") -> str:
        found = await talk.ask("WHO", answer="SERIAL")
        expected = self._config.serial
        if expected not in {None, found}:
            raise DemoClockError(
                f"expected serial {expected}, found {found}",
                remedy="Correct `host` or `serial` in the site file",
                code="wrong_serial",
                blocked=True,
            )
        return found

    async def _reading(self, talk: "Talk", serial: str) -> ClockReading:
        asked_at, started = self._clock.now(), self._clock.monotonic()
        shown = await talk.ask("TIME")
        round_trip_s = self._clock.monotonic() - started
        try:
            device_time = parse_time(shown)
        except ValueError as exc:
            raise _not_ours(f"it shows the time {shown!r}") from exc
        return ClockReading(
            serial=serial,
            device_time=device_time,
            gateway_time=asked_at + timedelta(seconds=round_trip_s / 2),
            round_trip_s=round_trip_s,
        )

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator["Talk"]:
        """A short connection. Its OSErrors need no translation: Clockline knows what they mean."""
        config = self._config
        async with asyncio.timeout(config.timeout_s):
            reader, writer = await asyncio.open_connection(
                config.host, config.port, limit=MAX_LINE_BYTES
            )
        try:
            yield Talk(reader, writer, config.timeout_s)
        finally:
            writer.transport.abort()  # nothing is left to be sent


class Talk:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout_s: float
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout_s = timeout_s

    async def ask(self, command: str, *, answer: str | None = None) -> str:
        """What follows the word `answer` (default: the command's own)."""
        self._writer.write(f"{command}\n".encode())
        word, _, value = (await self._line()).decode("ascii", "backslashreplace").partition(" ")
        if word != (answer or command) or not value.strip():
            raise _not_ours(f"it answered {word[:20]!r} to {command}")
        return value.strip()

    async def log(self) -> list[bytes]:
        """Every row, proven complete by the count that ends them."""
        self._writer.write(b"LOG\n")
        lines: list[bytes] = []
        while not (line := await self._line()).startswith(b"END "):
            lines.append(line)
            if len(lines) > MAX_ROWS:
                raise _not_ours(f"its log has more than {MAX_ROWS} rows")
        if line.split()[1:] != [b"%d" % len(lines)]:
            raise DemoClockError(
                f"{len(lines)} rows arrived, the clock says {line.decode('ascii', 'replace')!r}",
                remedy="It is tried again by itself; if it repeats, check the cable",
                code="incomplete",
            )
        return lines

    async def _line(self) -> bytes:
        async with asyncio.timeout(self._timeout_s):
            try:
                return await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as exc:
                raise _not_ours(f"it sent a line of more than {MAX_LINE_BYTES} bytes") from exc


def _not_ours(what: str) -> DemoClockError:
    return DemoClockError(
        f"this is no demo clock: {what}",
        remedy="Check `host` and `port` in the site file",
        code="not_a_demo_clock",
    )


def _cursor(lines: list[bytes]) -> bytes:
    """How many rows are stored, and what they were: a cleared or rewritten log must be noticed."""
    digest = blake2b(b"".join(lines), digest_size=16).hexdigest()
    return f"{len(lines)}:{digest}".encode()


def _known(cursor: bytes | None, lines: list[bytes]) -> int:
    """How many leading rows `cursor` has seen; 0 delivers all again, which doubles nothing."""
    rows = int((cursor or b"0").partition(b":")[0])
    return rows if rows <= len(lines) and _cursor(lines[:rows]) == cursor else 0
