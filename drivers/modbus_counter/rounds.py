"""One round over all counters of a box, in which one dead unit does not stall the others."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from drivers.errors import DeviceMisbehavedError, DriverError, LinkDownError
from drivers.modbus_counter.config import CounterBoxConfig, CounterConfig
from drivers.modbus_counter.connecting import Connector
from drivers.modbus_counter.register_map import RegisterMap, Values
from drivers.modbus_counter.session import NoAnswerError, Session
from drivers.ports import Clock
from protocols.modbus.pdu import (
    ILLEGAL_DATA_ADDRESS,
    ExceptionResponse,
    ReadRequest,
    ReadResponse,
)

_FIRST_BACK_OFF_S = 5.0
_LONGEST_BACK_OFF_S = 300.0  # a unit that was repaired is read again after this at the latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one counter showed, when its answer arrived, and the answer itself."""

    counter: CounterConfig
    values: Values
    at: datetime
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    counter: CounterConfig
    at: datetime
    error: DriverError


@dataclass(slots=True)
class Round:
    readings: list[Reading] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


class RefusedReadError(DeviceMisbehavedError):
    """The unit answered with an exception; the connection is as good as before."""

    def __init__(self, refusal: ExceptionResponse, *, where: str) -> None:
        super().__init__(
            f"exception {refusal.code} ({refusal.meaning})",
            where=where,
            remedy="Compare unit, function and addresses (they count from 0) with the register "
            "list of the box",
            code=f"modbus_exception_{refusal.code}",
        )
        self.exception = refusal.code


class CounterReader:
    """Holds the connection and what was learnt about each counter since the start."""

    def __init__(self, config: CounterBoxConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._connector = Connector(config)
        self._session: Session | None = None
        self._maps = {c.tag: RegisterMap(c, config.function) for c in config.counters}
        self._apart: set[str] = set()  # counters whose holes the box refuses to read
        self._failed: dict[str, int] = {}  # times in a row
        self._not_before: dict[str, float] = {}

    async def read_any(self) -> Reading:
        """The first counter that answers. Raises the first error when none does."""
        errors: list[DriverError] = []
        for counter in self._config.counters:
            await self._connect()
            try:
                return await self._read(counter)
            except (LinkDownError, DeviceMisbehavedError) as exc:
                await self._close_unless_harmless(exc)
                errors.append(exc)
        raise errors[0]

    async def read_round(self) -> Round:
        """Every counter that is due, in the order of the site file.

        Raises when the box cannot be reached, or when not one counter could be read.
        """
        done = Round()
        for _, counters in groupby(self._due(), key=lambda counter: counter.unit):
            try:
                await self._connect()
            except LinkDownError:
                if not done.readings:
                    raise
                break  # what was read is stored; the next round tells that the box is gone
            await self._read_unit(list(counters), done)
        if not done.readings:
            await self.aclose()
            raise done.failures[0].error
        return done

    async def read_again(self, counter: CounterConfig) -> Reading | None:
        """The counter that was just read, once more; None when that fails: the round told enough."""
        try:
            return await self._read(counter)
        except (LinkDownError, DeviceMisbehavedError) as exc:
            await self._close_unless_harmless(exc)
            return None

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.aclose()

    def _due(self) -> list[CounterConfig]:
        """All counters except those in back-off; all of them if that would leave none."""
        now = self._clock.monotonic()
        counters = self._config.counters
        due = [c for c in counters if self._not_before.get(c.tag, now) <= now] or counters
        return sorted(due, key=lambda counter: counter.unit)

    async def _connect(self) -> Session:
        if self._session is None:
            self._session = await self._connector.open()
        return self._session

    async def _read_unit(self, counters: list[CounterConfig], done: Round) -> None:
        for position, counter in enumerate(counters):
            try:
                reading = await self._read(counter)
            except RefusedReadError as exc:
                self._fail([counter], exc, done)
            except (LinkDownError, DeviceMisbehavedError) as exc:
                await self._close_unless_harmless(exc)
                self._fail(counters[position:], exc, done)  # asking on would cost a time-out each
                return
            else:
                self._failed.pop(counter.tag, None)
                self._not_before.pop(counter.tag, None)
                done.readings.append(reading)

    async def _close_unless_harmless(self, error: DriverError) -> None:
        if not isinstance(error, NoAnswerError | RefusedReadError):
            await self.aclose()

    def _fail(self, counters: list[CounterConfig], error: DriverError, done: Round) -> None:
        now = self._clock.monotonic()
        for counter in counters:
            times = self._failed[counter.tag] = self._failed.get(counter.tag, 0) + 1
            delay = min(_FIRST_BACK_OFF_S * 2 ** min(times - 1, 16), _LONGEST_BACK_OFF_S)
            self._not_before[counter.tag] = now + delay
            done.failures.append(Failure(counter=counter, at=self._clock.now(), error=error))

    async def _read(self, counter: CounterConfig) -> Reading:
        registers = self._maps[counter.tag]
        together = None if counter.tag in self._apart else registers.together()
        try:
            return await self._ask(counter, [together] if together else registers.apart())
        except RefusedReadError as exc:
            holes = together is not None and registers.has_holes
            if exc.exception != ILLEGAL_DATA_ADDRESS or not holes:
                raise
        self._apart.add(counter.tag)
        return await self._ask(counter, registers.apart())

    async def _ask(self, counter: CounterConfig, requests: list[ReadRequest]) -> Reading:
        session = await self._connect()
        answers: list[tuple[ReadRequest, tuple[int, ...]]] = []
        raw = b""
        for request in requests:
            response, pdu = await session.read(counter.unit, request)
            match response:
                case ReadResponse(registers=words):
                    answers.append((request, words))
                case ExceptionResponse():
                    where = f"{self._connector.where} unit {counter.unit}"
                    raise RefusedReadError(response, where=f"{where} counter {counter.tag}")
            raw += pdu
        return Reading(
            counter=counter,
            values=self._maps[counter.tag].decode(answers),
            at=self._clock.now(),
            raw=raw,
        )
