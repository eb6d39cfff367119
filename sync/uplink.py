"""The uplink: takes batches from an outbox, sends them to a core, settles the answers, for ever.

A batch stays in flight, with the same number and the same bytes, until an answer to it was
settled; so a lost answer costs a retry, never a record. After an error the *next* batch is
smaller: a slow line gets something through within one time-out.

Each session (after the start, after an error, and now and then) begins with a question: which is
the last batch that the core holds? A core that was restored from a backup names an older one; then
what came after is sent again.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from protocols.batch_chain import NO_BATCH
from protocols.column_batch import COLUMNS_TYPE
from protocols.uplink import Answer, Verdict
from sync.backoff import Backoff
from sync.errors import CoreBusyError, CoreRefusedError, FormRefusedError, UplinkError
from sync.ports import Clock, Outbox, PendingBatch, Transport
from sync.sealing import Sealer

_SMALLEST_BATCH = 50  # below that the request itself costs more than its records


class UplinkProblem(Struct, frozen=True, kw_only=True):
    """The error of the last attempt, for status and doctor. `at` is aware UTC."""

    at: datetime
    what: str
    where: str
    remedy: str
    code: str


class UplinkRewind(Struct, frozen=True, kw_only=True):
    """The core had lost batches: we went back to batch `number`. `at` is aware UTC."""

    at: datetime
    number: int
    batches: int
    rows: int


class UplinkState(Struct, frozen=True, kw_only=True):
    """What the uplink has done since it started. `last_error` is None after a success.

    agreed_at  when core and gateway last named the same batch as the last one; aware UTC
    """

    last_success_at: datetime | None = None
    last_error: UplinkProblem | None = None
    attempts: int = 0
    failures_in_a_row: int = 0
    batches: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    kept: int = 0
    agreed_at: datetime | None = None
    rewinds: int = 0
    last_rewind: UplinkRewind | None = None


class UplinkSettings(Struct, frozen=True, kw_only=True):
    """To which sink of the outbox, how much at a time."""

    sink: str = "core"
    batch_records: int = 1_000
    idle_s: float = 1.0  # how long a fresh punch may wait for the uplink to look again
    compare_s: float = 300.0  # a core restored while nothing is sent is noticed within this
    backoff: Backoff = Backoff()


class Uplink:
    def __init__(
        self,
        outbox: Outbox,
        transport: Transport,
        settings: UplinkSettings,
        *,
        sealer: Sealer,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._transport = transport
        self._settings = settings
        self._sealer = sealer
        self._clock = clock
        self._random = random
        self._limit = settings.batch_records
        self._state = UplinkState()
        self._columns_refused = False  # remembered until the agent starts again
        self._compared_s: float | None = None  # when the chains were last seen to agree

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
        try:
            return await self._deliver()
        except UplinkError as error:
            self._compared_s = None
            self._note_failure(error)
            raise

    async def _deliver(self) -> int:
        if self._must_compare():
            await self._compare()
        pending = await self._outbox.next_batch(self._settings.sink, limit=self._limit)
        if pending is None:
            if self._state.last_error is not None:  # the core answers again, and nothing waits
                self._note(last_error=None, failures_in_a_row=0)
            return 0
        answer = await self._send(pending)
        batch_hash = bytes.fromhex(answer.batch_hash)
        await self._outbox.settle(self._settings.sink, answer, batch_hash=batch_hash)
        self._count(answer)
        _check_progress(answer)
        self._note(last_success_at=self._clock.now(), last_error=None, failures_in_a_row=0)
        self._limit = min(self._limit * 2, self._settings.batch_records)
        return len(answer.verdicts)

    async def _send(self, pending: PendingBatch) -> Answer:
        """In columns where the core reads them and the batch gains by it, else in JSON."""
        self._note(attempts=self._state.attempts + 1)
        columns = COLUMNS_TYPE in self._transport.takes and not self._columns_refused
        try:
            return await self._transport.send(self._sealer.seal(pending, columns=columns))
        except FormRefusedError:
            if not columns:
                raise
            self._columns_refused = True
            return await self._transport.send(self._sealer.seal(pending))

    def _must_compare(self) -> bool:
        return (
            self._compared_s is None
            or self._clock.monotonic() - self._compared_s >= self._settings.compare_s
        )

    async def _compare(self) -> None:
        """Agrees with the core on the last batch. Raises UplinkError, ChainForkError among them."""
        sink = self._settings.sink
        ours = await self._outbox.chain_head(sink)
        core = await self._transport.chain_head(ours)
        joined = ours == NO_BATCH != core and await self._outbox.join(sink, core)
        # One more at the core is our batch in flight, whose answer was lost: sending it again tells,
        # and if it is another's batch the core says so.
        if not joined and core != ours and core.number != ours.number + 1:
            rewound = await self._outbox.rewind(sink, core)
            self._note(
                rewinds=self._state.rewinds + 1,
                last_rewind=UplinkRewind(
                    at=self._clock.now(),
                    number=core.number,
                    batches=rewound.batches,
                    rows=rewound.rows,
                ),
            )
        self._compared_s = self._clock.monotonic()
        self._note(agreed_at=self._clock.now())

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
    if not answer.verdicts or any(one.verdict is not Verdict.KEEP for one in answer.verdicts):
        return  # a batch without records brought watermarks
    first = answer.verdicts[0]
    raise CoreBusyError(
        f"the core cannot take these records yet ({first.detail or first.code})",
        where=f"batch {answer.number}",
        remedy="They are kept here and sent again by themselves; if it lasts, look at the core",
        code=first.code or "core_keeps",
        retry_after_s=None,
    )
