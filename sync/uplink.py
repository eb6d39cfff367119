"""The uplink: takes batches from an outbox, sends them to a core, settles the answers, for ever.

A batch stays in flight, with the same number and the same bytes, until an answer to it was
settled; so a lost answer costs a retry, never a record. After an error the *next* batch is
smaller: a slow line gets something through within one time-out.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from protocols.uplink import Answer, Batch, Verdict
from sync.backoff import Backoff
from sync.errors import CoreBusyError, CoreRefusedError, UplinkError
from sync.ports import Clock, Outbox, Transport

_SMALLEST_BATCH = 50  # below that the request itself costs more than its records


class UplinkProblem(Struct, frozen=True, kw_only=True):
    """The error of the last attempt, for status and doctor. `at` is aware UTC."""

    at: datetime
    what: str
    where: str
    remedy: str
    code: str


class UplinkState(Struct, frozen=True, kw_only=True):
    """What the uplink has done since it started. `last_error` is None after a success."""

    last_success_at: datetime | None = None
    last_error: UplinkProblem | None = None
    attempts: int = 0
    failures_in_a_row: int = 0
    batches: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    kept: int = 0


class UplinkSettings(Struct, frozen=True, kw_only=True):
    """Who sends, to which sink of the outbox, how much at a time."""

    gateway: str
    site: str
    sink: str = "core"
    batch_records: int = 1_000
    idle_s: float = 1.0  # how long a fresh punch may wait for the uplink to look again
    backoff: Backoff = Backoff()


class Uplink:
    def __init__(
        self,
        outbox: Outbox,
        transport: Transport,
        settings: UplinkSettings,
        *,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._transport = transport
        self._settings = settings
        self._clock = clock
        self._random = random
        self._limit = settings.batch_records
        self._state = UplinkState()

    @property
    def state(self) -> UplinkState:
        return self._state

    async def run(self) -> None:
        """Delivers until cancelled. Raises only what the outbox raises."""
        while True:
            try:
                sent = await self._send_next()
            except UplinkError as error:
                await self._clock.sleep(self._wait_after(error))
            else:
                if not sent:
                    await self._clock.sleep(self._settings.idle_s)

    async def drain_once(self) -> int:
        """Sends until the outbox is empty; returns how many records were settled.

        Raises UplinkError at the first failure; the batch stays in flight.
        """
        settled = 0
        while sent := await self._send_next():
            settled += sent
        return settled

    async def _send_next(self) -> int:
        """Sends one batch; returns its number of records, 0 when there was none."""
        pending = await self._outbox.next_batch(self._settings.sink, limit=self._limit)
        if pending is None:
            return 0
        batch = Batch(
            gateway=self._settings.gateway,
            site=self._settings.site,
            number=pending.number,
            observations=pending.observations,
        )
        self._note(attempts=self._state.attempts + 1)
        try:
            answer = await self._transport.send(batch)
            await self._outbox.settle(self._settings.sink, answer)
            self._count(answer)
            _check_progress(answer)
        except UplinkError as error:
            self._note_failure(error)
            raise
        self._note(last_success_at=self._clock.now(), last_error=None, failures_in_a_row=0)
        self._limit = min(self._limit * 2, self._settings.batch_records)
        return len(answer.verdicts)

    def _wait_after(self, error: UplinkError) -> float:
        plan, jitter = self._settings.backoff, self._random()
        if isinstance(error, CoreRefusedError):
            return plan.after_refusal(jitter=jitter)
        failures = self._state.failures_in_a_row
        if isinstance(error, CoreBusyError):
            return plan.after_busy(failures, error.retry_after_s, jitter=jitter)
        return plan.after_failure(failures, jitter=jitter)

    def _note_failure(self, error: UplinkError) -> None:
        self._limit = max(self._limit // 2, min(_SMALLEST_BATCH, self._settings.batch_records))
        self._note(
            failures_in_a_row=self._state.failures_in_a_row + 1,
            last_error=UplinkProblem(
                at=self._clock.now(),
                what=error.what,
                where=error.where,
                remedy=error.remedy,
                code=error.code,
            ),
        )

    def _count(self, answer: Answer) -> None:
        verdicts = [judged.verdict for judged in answer.verdicts]
        self._note(
            batches=self._state.batches + 1,
            accepted=self._state.accepted + verdicts.count(Verdict.ACCEPTED),
            duplicate=self._state.duplicate + verdicts.count(Verdict.DUPLICATE),
            rejected=self._state.rejected + verdicts.count(Verdict.REJECTED),
            kept=self._state.kept + verdicts.count(Verdict.KEEP),
        )

    def _note(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)


def _check_progress(answer: Answer) -> None:
    """Raises CoreBusyError when the core kept nothing: sending on at once would spin."""
    if any(judged.verdict is not Verdict.KEEP for judged in answer.verdicts):
        return
    first = answer.verdicts[0]  # an outbox never puts an empty batch in flight
    raise CoreBusyError(
        f"the core cannot take these records yet ({first.detail or first.code})",
        where=f"batch {answer.number}",
        remedy="They are kept here and sent again by themselves; if it lasts, look at the core",
        code=first.code or "core_keeps",
        retry_after_s=None,
    )
