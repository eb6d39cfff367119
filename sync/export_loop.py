"""Drives one exporter: takes batches from its sink of the outbox, settles its verdicts, for ever.

A batch stays in flight until every record of it is judged. Verdicts that an exporter gave before it
failed are remembered, so that a long batch need not begin anew; a crash forgets them, and what was
delivered is delivered again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from protocols.uplink import Answer, Observation, RecordVerdict, Verdict
from sync.backoff import Backoff
from sync.exporters.contract import ExportBatch, Exporter, Selection, accepted
from sync.exporters.errors import ExportBusyError, ExportError, ExportRefusedError
from sync.ports import Clock

GIVE_UP_EVERY_S = 3600.0  # days are counted; an hour more or less does not matter


class PendingExport(Protocol):
    """A batch in flight: the same number, arrivals and records until it is settled."""

    @property
    def number(self) -> int: ...
    @property
    def first_arrival(self) -> int: ...
    @property
    def last_arrival(self) -> int: ...
    @property
    def observations(self) -> tuple[Observation, ...]: ...


class ExportOutbox(Protocol):
    """Records on their way to several sinks, each with its own position."""

    async def next_batch(self, sink: str, *, limit: int) -> PendingExport | None: ...

    async def settle(self, sink: str, answer: Answer) -> Any: ...

    async def give_up(self, sink: str, *, before: datetime) -> int:
        """Passes over what arrived before and is not settled; returns how many records."""
        ...

    async def device_names(self) -> Mapping[str, str]:
        """Names by serial."""
        ...


class ExportProblem(Struct, frozen=True, kw_only=True):
    """The error of the last attempt, for status and doctor. `at` is aware UTC."""

    at: datetime
    what: str
    where: str
    remedy: str
    code: str


class ExportState(Struct, frozen=True, kw_only=True):
    """What an export has done since the agent started.

    left_out  records that its selection does not take: settled without being sent
    given_up  records that were older than its hold time and had not been delivered
    """

    last_success_at: datetime | None = None
    last_error: ExportProblem | None = None
    attempts: int = 0
    failures_in_a_row: int = 0
    batches: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    kept: int = 0
    left_out: int = 0
    given_up: int = 0


class ExportSettings(Struct, frozen=True, kw_only=True):
    """`pause_s`: the least time between two batches that are not full; files want it long."""

    sink: str
    gateway: str
    site: str
    batch_records: int
    hold: timedelta
    selection: Selection = Selection()
    idle_s: float = 1.0
    pause_s: float = 0.0
    backoff: Backoff = Backoff()


class ExportLoop:
    def __init__(
        self,
        outbox: ExportOutbox,
        exporter: Exporter,
        settings: ExportSettings,
        *,
        clock: Clock,
        random: Callable[[], float],
        clock_trusted: Callable[[], bool],
    ) -> None:
        """`clock_trusted`: nothing is too old by a clock that may be wrong."""
        self._outbox = outbox
        self._exporter = exporter
        self._settings = settings
        self._clock = clock
        self._random = random
        self._clock_trusted = clock_trusted
        self._judged: dict[str, RecordVerdict] = {}
        self._looked_for_old_s: float | None = None
        self._state = ExportState()

    @property
    def state(self) -> ExportState:
        return self._state

    @property
    def settings(self) -> ExportSettings:
        return self._settings

    async def run(self) -> None:
        """Delivers until cancelled. Raises what the outbox raises."""
        while True:
            await self._give_up_old()
            try:
                sent = await self._send_next()
            except ExportError as error:
                await self._clock.sleep(self._wait_after(error))
            else:
                await self._wait(self._rest_after(sent))

    async def drain_once(self) -> int:
        """Delivers until the outbox is empty; returns how many records were settled.

        Raises ExportError at the first failure; the batch stays in flight.
        """
        settled = 0
        while sent := await self._send_next():
            settled += sent
        return settled

    async def aclose(self) -> None:
        await self._exporter.aclose()

    def note_bug(self, exc: Exception) -> float:
        """An exporter fell over something that it did not foresee. Returns how long to wait."""
        error = ExportRefusedError(
            f"the exporter failed inside ({type(exc).__name__}: {exc})",
            where=f"export {self._settings.sink}",
            remedy="Report it with the lines of the log; its records are kept",
            code="export_bug",
        )
        self._note_failure(error)
        return self._wait_after(error)

    def _rest_after(self, sent: int) -> float:
        if not sent:
            return self._settings.idle_s
        return 0.0 if sent >= self._settings.batch_records else self._settings.pause_s

    async def _wait(self, seconds: float) -> None:
        if seconds:
            await self._clock.sleep(seconds)

    async def _give_up_old(self) -> None:
        now_s = self._clock.monotonic()
        last = self._looked_for_old_s
        if not self._clock_trusted() or (last is not None and now_s - last < GIVE_UP_EVERY_S):
            return
        self._looked_for_old_s = now_s
        before = self._clock.now() - self._settings.hold
        passed = await self._outbox.give_up(self._settings.sink, before=before)
        self._note(given_up=self._state.given_up + passed)

    async def _send_next(self) -> int:
        """Delivers one batch; returns its number of records, 0 when there was none."""
        settings = self._settings
        pending = await self._outbox.next_batch(settings.sink, limit=settings.batch_records)
        if pending is None:
            return 0
        names = await self._outbox.device_names()
        members = {observation.event_id for observation in pending.observations}
        self._judged = {key: said for key, said in self._judged.items() if key in members}
        takes = settings.selection.takes
        left_out = [one for one in pending.observations if not takes(one, names)]
        self._judged |= {one.event_id: accepted(one) for one in left_out}
        chosen = [one for one in pending.observations if one.event_id not in self._judged]
        try:
            if chosen:
                await self._deliver(pending, tuple(chosen), names)
            answer = Answer(
                number=pending.number,
                verdicts=tuple(self._judged[one.event_id] for one in pending.observations),
            )
            await self._outbox.settle(settings.sink, answer)
            self._judged = {}
            self._count(answer, len(left_out))
            self._check_progress(answer)
        except ExportError as error:
            self._note_failure(error)
            raise
        changes: dict[str, object] = {"last_error": None, "failures_in_a_row": 0}
        if chosen:
            changes["last_success_at"] = self._clock.now()
        self._note(**changes)
        return len(pending.observations)

    async def _deliver(
        self, pending: PendingExport, chosen: tuple[Observation, ...], names: Mapping[str, str]
    ) -> None:
        self._note(attempts=self._state.attempts + 1)
        batch = ExportBatch(
            sink=self._settings.sink,
            gateway=self._settings.gateway,
            site=self._settings.site,
            number=pending.number,
            first_arrival=pending.first_arrival,
            last_arrival=pending.last_arrival,
            observations=chosen,
            device_names=names,
        )
        await self._exporter.deliver(batch, self._judge)
        missing = sum(one.event_id not in self._judged for one in chosen)
        if missing:
            raise ExportRefusedError(
                f"{missing} of {len(chosen)} records were not judged",
                where=f"export {self._settings.sink}",
                remedy="Report it: this is a fault of the exporter; the records are kept",
                code="export_bug",
            )

    def _judge(self, verdict: RecordVerdict) -> None:
        self._judged[verdict.event_id] = verdict

    def _wait_after(self, error: ExportError) -> float:
        plan, jitter = self._settings.backoff, self._random()
        if isinstance(error, ExportRefusedError):
            return plan.after_refusal(jitter=jitter)
        failures = self._state.failures_in_a_row
        if isinstance(error, ExportBusyError):
            return plan.after_busy(failures, error.retry_after_s, jitter=jitter)
        return plan.after_failure(failures, jitter=jitter)

    def _note_failure(self, error: ExportError) -> None:
        self._note(
            failures_in_a_row=self._state.failures_in_a_row + 1,
            last_error=ExportProblem(
                at=self._clock.now(),
                what=error.what,
                where=error.where,
                remedy=error.remedy,
                code=error.code,
            ),
        )

    def _count(self, answer: Answer, left_out: int) -> None:
        verdicts = [judged.verdict for judged in answer.verdicts]
        self._note(
            batches=self._state.batches + 1,
            accepted=self._state.accepted + verdicts.count(Verdict.ACCEPTED) - left_out,
            duplicate=self._state.duplicate + verdicts.count(Verdict.DUPLICATE),
            rejected=self._state.rejected + verdicts.count(Verdict.REJECTED),
            kept=self._state.kept + verdicts.count(Verdict.KEEP),
            left_out=self._state.left_out + left_out,
        )

    def _note(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)

    def _check_progress(self, answer: Answer) -> None:
        """Raises ExportBusyError when all was kept: sending on at once would spin."""
        if any(judged.verdict is not Verdict.KEEP for judged in answer.verdicts):
            return
        first = answer.verdicts[0]  # an outbox never puts an empty batch in flight
        raise ExportBusyError(
            f"cannot take these records yet ({first.detail or first.code})",
            where=f"export {self._settings.sink}",
            remedy="They are kept here and sent again by themselves; if it lasts, look over there",
            code=first.code or "export_keeps",
        )
