"""The loop of an export: what it sends, settles, waits for and remembers."""

import asyncio
from datetime import timedelta

import pytest

from protocols.records import Direction
from protocols.uplink import RecordVerdict, Verdict
from sync.exporters.contract import DEFAULT_SENSES, Selection, Sense, accepted, kept
from sync.exporters.errors import ExportBusyError, ExportRefusedError, ExportUnreachableError
from tests.hr_core.ingest.batch_samples import NOW, count, observe
from tests.sync.exporters.export_doubles import ExportOutboxDouble, came, loop_over
from tests.sync.uplink_doubles import InstantClock, until

DOWN = ExportUnreachableError("down", where="x", remedy="wait", code="down")
REFUSED = ExportRefusedError("401", where="x", remedy="mend", code="credentials_refused")


def busy(seconds):
    return ExportBusyError("busy", where="x", remedy="wait", code="busy", retry_after_s=seconds)


class Scripted:
    """Fails as told, one error a delivery; judges `first` records before each failure."""

    def __init__(self, *errors, first=0, judge=accepted):
        self.errors = list(errors)
        self.first = first
        self.judge = judge
        self.batches = []
        self.closed = False

    async def deliver(self, batch, judge):
        self.batches.append(batch)
        error = self.errors.pop(0) if self.errors else None
        for observation in batch.observations[: self.first if error else None]:
            judge(self.judge(observation))
        if error:
            raise error

    async def aclose(self):
        self.closed = True


def outbox_of(size):
    return ExportOutboxDouble(came(number) for number in range(size))


async def run_until_empty(loop, outbox):
    running = asyncio.create_task(loop.run())
    await until(lambda: not outbox.waiting and outbox.in_flight is None)
    running.cancel()


async def test_a_batch_is_named_and_settled():
    outbox, exporter = outbox_of(5), Scripted()
    loop = loop_over(outbox, exporter, batch_records=3)
    assert await loop.drain_once() == 5
    assert [(one.number, one.first_arrival, one.last_arrival) for one in exporter.batches] == [
        (1, 1, 3),
        (2, 4, 5),
    ]
    assert exporter.batches[0].device_names == {"ZK0001": "gate"}
    assert (loop.state.accepted, loop.state.batches, loop.state.last_success_at) == (5, 2, NOW)


async def test_only_what_was_not_judged_is_delivered_again():
    outbox, exporter = outbox_of(5), Scripted(DOWN, first=2)
    loop = loop_over(outbox, exporter)
    with pytest.raises(ExportUnreachableError):
        await loop.drain_once()
    assert outbox.settled == []
    assert await loop.drain_once() == 5
    assert [len(one.observations) for one in exporter.batches] == [5, 3]
    assert (loop.state.accepted, loop.state.failures_in_a_row) == (5, 0)


@pytest.mark.parametrize(
    ("errors", "slept"),
    [((DOWN, DOWN), [0.5, 1.0]), ((busy(17.0),), [17.0]), ((REFUSED,), [300.0])],
)
async def test_waits(errors, slept):
    outbox, clock = outbox_of(1), InstantClock()
    loop = loop_over(outbox, Scripted(*errors), clock)
    await run_until_empty(loop, outbox)
    assert clock.slept[: len(slept)] == slept


async def test_the_last_error_is_said_until_something_works():
    outbox = outbox_of(1)
    loop = loop_over(outbox, Scripted(REFUSED))
    with pytest.raises(ExportRefusedError):
        await loop.drain_once()
    problem = loop.state.last_error
    assert (problem.what, problem.remedy, problem.code) == ("401", "mend", "credentials_refused")
    await loop.drain_once()
    assert loop.state.last_error is None


async def test_what_the_selection_leaves_out_is_settled_and_not_sent():
    no_unknown = {**DEFAULT_SENSES, Direction.UNKNOWN: Sense.SKIP}
    outbox = ExportOutboxDouble(
        [
            came(0),
            came(1, direction=Direction.UNKNOWN),
            came(2, serial="OTHER"),
            observe(count()),
        ]
    )
    exporter = Scripted()
    selection = Selection(devices=frozenset({"gate"}), senses=no_unknown)
    loop = loop_over(outbox, exporter, selection=selection)
    assert await loop.drain_once() == 4
    assert [len(one.observations) for one in exporter.batches] == [1]
    assert (loop.state.accepted, loop.state.left_out) == (1, 3)


async def test_a_batch_of_nothing_but_left_out_asks_nobody():
    outbox, exporter = ExportOutboxDouble([observe(count())]), Scripted()
    loop = loop_over(outbox, exporter)
    assert await loop.drain_once() == 1
    assert exporter.batches == []
    assert loop.state.last_success_at is None


async def test_all_kept_is_not_hammered():
    outbox, clock = outbox_of(2), InstantClock()
    loop = loop_over(outbox, Scripted(judge=lambda one: kept(one, "unknown_employee", "x")), clock)
    with pytest.raises(ExportBusyError):
        await loop.drain_once()
    assert (loop.state.kept, loop.state.last_error.code) == (2, "unknown_employee")


async def test_a_record_without_a_verdict_is_a_fault_that_settles_nothing():
    class Forgetful(Scripted):
        async def deliver(self, batch, judge):
            judge(accepted(batch.observations[0]))

    outbox = outbox_of(2)
    loop = loop_over(outbox, Forgetful())
    with pytest.raises(ExportRefusedError, match="1 of 2 records were not judged"):
        await loop.drain_once()
    assert outbox.settled == []


async def test_old_records_are_given_up_once_an_hour_and_only_by_a_trusted_clock():
    outbox, clock = outbox_of(0), InstantClock(patience=5000)
    running = asyncio.create_task(loop_over(outbox, Scripted(), clock, idle_s=600.0).run())
    await until(lambda: len(clock.slept) > 7)
    running.cancel()
    assert outbox.gave_up_before[0] == NOW - timedelta(days=30)
    assert len(outbox.gave_up_before) == 2
    outbox = outbox_of(0)
    running = asyncio.create_task(loop_over(outbox, Scripted(), clock, trusted=False).run())
    await asyncio.sleep(0.01)
    running.cancel()
    assert outbox.gave_up_before == []


async def test_files_are_not_written_for_every_punch():
    outbox, clock = outbox_of(7), InstantClock(patience=5000)
    loop = loop_over(outbox, Scripted(), clock, batch_records=3, pause_s=300.0)
    running = asyncio.create_task(loop.run())
    await until(lambda: clock.slept)
    running.cancel()
    assert loop.state.batches == 3  # full ones follow at once, the last is waited after
    assert clock.slept[0] == 300.0


async def test_verdicts_of_an_exporter_reach_the_outbox_as_they_are():
    def judge(observation):
        return RecordVerdict(
            event_id=observation.event_id, verdict=Verdict.REJECTED, code="no", detail="why"
        )

    outbox = outbox_of(1)
    loop = loop_over(outbox, Scripted(judge=judge))
    await loop.drain_once()
    [verdict] = outbox.settled
    assert (verdict.verdict, verdict.code, verdict.detail) == (Verdict.REJECTED, "no", "why")
    assert loop.state.rejected == 1
