"""One ZK terminal, step by step from the route to its log: what each step found, and what to do.

The steps are those of a pull, so whoever passes them all can be pulled. Nothing is changed on the
terminal and no record is read.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from drivers.errors import DriverError, LinkDownError
from drivers.links.tcp import TcpLink, open_tcp
from drivers.ports import Clock
from drivers.zk_pull import ZkPullConfig
from drivers.zk_pull.recognition import profile_of, proven_serial, read_facts
from drivers.zk_pull.runner import Runner
from drivers.zk_pull.translation import translated
from drivers.zk_pull.wire import TcpWire
from edge_agent.doctor.findings import Severity
from protocols.errors import ProtocolError, RefusedError
from protocols.zk.commands import Command, Reply
from protocols.zk.dialogue import (
    ATTENDANCE,
    Dialogue,
    Request,
    SilenceError,
    end,
    login,
    read_time,
)
from protocols.zk.refusals import WrongKeyError, refusal

_CLOCK_TOLERANCE = timedelta(seconds=60)  # beyond it a punch falls on the wrong minute for people
_GOODBYE_S = 1.0  # EXIT is a courtesy: a hung terminal must not delay the answer


class Step(StrEnum):
    """In this order; each needs those before it."""

    ROUTE = "route"
    TCP = "tcp"
    FRAME = "frame"
    AUTH = "auth"
    SERIAL = "serial"
    CLOCK = "clock"
    PROFILE = "profile"
    LOG = "log"


class ProbeFinding(Struct, frozen=True, kw_only=True):
    """What one step found. `code` is the driver's stable word, "ok" when nothing is wrong.

    facts  ready to paste into a report, where no profile knows the terminal
    """

    step: Step
    severity: Severity = Severity.OK
    code: str = "ok"
    what: str
    remedy: str = ""
    facts: str = ""


async def probe_terminal(
    config: ZkPullConfig, *, clock: Clock, zone: str
) -> AsyncIterator[ProbeFinding]:
    """Findings as they are made. The first step that fails is the last one told, but for the
    profile, which the log does not need.
    """
    probe = _Probe(config, clock, zone)
    try:
        for step, examine in probe.steps():
            finding = await _examined(step, examine, config)
            yield finding
            if finding.severity is Severity.BAD and step is not Step.PROFILE:
                return
    finally:
        await probe.aclose()


async def _examined(
    step: Step, examine: Callable[[], Awaitable[ProbeFinding]], config: ZkPullConfig
) -> ProbeFinding:
    where = f"{config.host}:{config.port}"
    try:
        return await examine()
    except WrongKeyError as exc:
        if config.comm_key is None:
            return _comm_key_needed(exc, where)
        return _failed(step, translated(exc, where=where))
    except ProtocolError as exc:
        return _failed(step, translated(exc, where=where))
    except DriverError as exc:
        return _failed(step, exc)


def _failed(step: Step, error: DriverError) -> ProbeFinding:
    what, separator, facts = error.what.partition("\n")
    return ProbeFinding(
        step=step,
        severity=Severity.BAD,
        code=error.code,
        what=what,
        remedy=error.remedy,
        facts=facts if separator else "",
    )


def _comm_key_needed(error: WrongKeyError, where: str) -> ProbeFinding:
    return ProbeFinding(
        step=Step.AUTH,
        severity=Severity.BAD,
        code="comm_key_needed",
        what=str(error),
        remedy="Read the number on the terminal under Comm. > PC Connection and set `comm_key` in "
        f"the site file; to try it first: edge-agent device probe 'zk-pull://{where}?comm_key=N'",
    )


class _Probe:
    """The state that one step leaves to the next."""

    def __init__(self, config: ZkPullConfig, clock: Clock, zone: str) -> None:
        self._config = config
        self._clock = clock
        self._zone = zone
        self._where = f"{config.host}:{config.port}"
        self._link: TcpLink | None = None
        self._opened: Runner | None = None
        self._refused: RefusedError | None = None
        self._facts: dict[str, str] = {}

    def steps(self) -> tuple[tuple[Step, Callable[[], Awaitable[ProbeFinding]]], ...]:
        return (
            (Step.ROUTE, self._route),
            (Step.TCP, self._tcp),
            (Step.FRAME, self._frame),
            (Step.AUTH, self._auth),
            (Step.SERIAL, self._serial),
            (Step.CLOCK, self._device_clock),
            (Step.PROFILE, self._profile),
            (Step.LOG, self._log),
        )

    async def aclose(self) -> None:
        if self._link is None:
            return
        with contextlib.suppress(ProtocolError, DriverError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._runner.run(end())
        await self._link.aclose()

    @property
    def _runner(self) -> Runner:
        assert self._opened is not None  # noqa: S101 - the order of the steps
        return self._opened

    async def _route(self) -> ProbeFinding:
        """From which of our addresses; asks the kernel's table, sends nothing (pings get lost)."""
        config, loop = self._config, asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
        except socket.gaierror as exc:
            raise LinkDownError(
                f"the name {config.host} does not resolve ({exc.strerror})",
                where=self._where,
                remedy="Write the terminal's IP address, or mend the gateway's DNS",
                code="link_name",
            ) from exc
        family, _, _, _, address = found[0]
        return ProbeFinding(step=Step.ROUTE, what=f"leaves from {_source(family, address)}")

    async def _tcp(self) -> ProbeFinding:
        config = self._config
        self._link = await open_tcp(config.host, config.port, timeout_s=config.timeout_s)
        self._opened = Runner(TcpWire(self._link), timeout_s=config.timeout_s)
        return ProbeFinding(step=Step.TCP, what=f"port {config.port} accepts connections")

    async def _frame(self) -> ProbeFinding:
        """A refusal is a good frame too; the next step tells it."""
        try:
            await self._runner.run(login(self._config.comm_key_number()))
        except RefusedError as exc:
            self._refused = exc
        return ProbeFinding(step=Step.FRAME, what="a standalone ZK terminal answers")

    async def _auth(self) -> ProbeFinding:
        if self._refused is not None:
            raise self._refused
        key = "without a comm key" if self._config.comm_key is None else "with the comm key"
        return ProbeFinding(step=Step.AUTH, what=f"the session is open {key}")

    async def _serial(self) -> ProbeFinding:
        self._facts = await self._runner.run(read_facts())
        serial = proven_serial(self._facts, self._config, where=self._where)
        expected = " as expected" if self._config.serial is not None else ""
        return ProbeFinding(step=Step.SERIAL, what=f"{serial}{expected}")

    async def _device_clock(self) -> ProbeFinding:
        asked = self._clock.monotonic()
        time = await self._runner.run(read_time())
        half_way = timedelta(seconds=(self._clock.monotonic() - asked) / 2)
        if time is None:
            return self._clock_finding("shows a date that no calendar has", "clock_invalid")
        wall = self._clock.now().astimezone(ZoneInfo(self._zone)).replace(tzinfo=None)
        offset = time - (wall - half_way)
        seconds = round(offset.total_seconds())
        told = f"shows {time}, {seconds:+d} s from {self._zone}"
        if abs(offset) > _CLOCK_TOLERANCE:
            return self._clock_finding(told, "clock_off")
        return ProbeFinding(step=Step.CLOCK, what=told)

    @staticmethod
    def _clock_finding(what: str, code: str) -> ProbeFinding:
        return ProbeFinding(
            step=Step.CLOCK,
            severity=Severity.WARN,
            code=code,
            what=what,
            remedy="Set the clock in the terminal's menu; if it is right, the zone is not: --zone, "
            "or `zone` in the site file",
        )

    async def _profile(self) -> ProbeFinding:
        profile = profile_of(self._facts, self._config, where=self._where)
        return ProbeFinding(
            step=Step.PROFILE,
            what=f"{profile.key}: {profile.name} ({profile.evidence}), {profile.record_layout}",
        )

    async def _log(self) -> ProbeFinding:
        await self._runner.run(_try_log())
        return ProbeFinding(step=Step.LOG, what="the attendance log can be read")


def _source(family: int, address: Any) -> str:
    """Our address on the way to `address`. Raises LinkDownError when there is no way."""
    with socket.socket(family, socket.SOCK_DGRAM) as unsent:
        try:
            unsent.connect(address)
        except OSError as exc:
            raise LinkDownError(
                f"this gateway has no route ({exc.strerror})",
                where=str(address[0]),
                remedy="Check the gateway's cable, address and default route (ip route)",
                code="link_unreachable",
            ) from exc
        return str(unsent.getsockname()[0])


def _try_log() -> Dialogue[None]:
    """Has the terminal prepare its log, and lets it go again. Raises its refusal."""
    answer = yield ATTENDANCE.request()
    with contextlib.suppress(SilenceError):  # an answer to this one matters to nobody
        yield Request(Command.FREE_DATA)
    if answer.command not in {Reply.ACK_OK, Reply.DATA, Reply.PREPARE_DATA}:
        raise refusal(ATTENDANCE.command, answer)
