"""The loop: what is in flight stays in flight, waits grow, nothing is settled by an error."""

import asyncio
import contextlib

import pytest
import zstandard

from protocols.batch_chain import NO_BATCH, ChainHead, body_digest
from protocols.uplink import Answer, RecordVerdict, Verdict, decode_batch
from sync.errors import (
    ChainForkError,
    ChainGapError,
    CoreBusyError,
    CoreRefusedError,
    CoreUnreachableError,
    RubbishAnswerError,
)
from sync.sealing import Sealer
from tests.hr_core.ingest.batch_samples import NOW, observe, punch
from tests.hr_core.signed_batches import key_of
from tests.sync.uplink_doubles import IDENTITY, InstantClock, ListOutbox, until, uplink_over

ABOUT = {"where": "core", "remedy": "wait"}
DOWN = CoreUnreachableError("down", code="core_unreachable", **ABOUT)
RUBBISH = RubbishAnswerError("html", code="rubbish_answer", **ABOUT)
REFUSED = CoreRefusedError("401", code="key_refused", **ABOUT)


def busy(retry_after_s):
    return CoreBusyError("503", code="core_busy", retry_after_s=retry_after_s, **ABOUT)


class ScriptedCore:
    """Raises each error of the script once, then answers `verdict`. `sent` holds the batches.

    `head` is the last batch that it holds; `asked` counts the questions for it.
    """

    takes = frozenset()

    def __init__(self, *errors, verdict=Verdict.ACCEPTED, head=NO_BATCH):
        self.errors = list(errors)
        self.verdict = verdict
        self.sent = []
        self.head = head
        self.asked = 0

    async def chain_head(self, ours):
        self.asked += 1
        return self.head

    async def send(self, sealed):
        batch = sealed.batch
        self.sent.append(batch)
        if self.errors:
            raise self.errors.pop(0)
        self.head = ChainHead(number=batch.number, batch_hash=sealed.signed.batch_hash())
        return Answer(
            number=batch.number,
            batch_hash=self.head.batch_hash.hex(),
            verdicts=tuple(
                RecordVerdict(event_id=one.event_id, verdict=self.verdict)
                for one in batch.observations
            ),
        )

    async def aclose(self):
        pass


def outbox_of(size):
    return ListOutbox(observe(punch(n)) for n in range(size))


async def run_until_empty(uplink, outbox):
    running = asyncio.create_task(uplink.run())
    await until(lambda: running.done() or not (outbox.waiting or outbox.in_flight))
    if running.done():
        await running  # raises what ended it
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_everything_goes_in_order_in_numbered_batches():
    outbox, core = outbox_of(25), ScriptedCore()
    uplink = uplink_over(outbox, core, batch_records=10)
    assert await uplink.drain_once() == 25
    assert [batch.number for batch in core.sent] == [1, 2, 3]
    sent = [one.record.user_id for batch in core.sent for one in batch.observations]
    assert sent == [f"{1000 + n}" for n in range(25)]
    assert {(batch.gateway, batch.site) for batch in core.sent} == {("gate-1", "plant")}
    state = uplink.state
    assert (state.batches, state.accepted, state.attempts) == (3, 25, 3)
    assert (state.last_success_at, state.last_error) == (NOW, None)


@pytest.mark.parametrize(
    "error", [DOWN, RUBBISH, REFUSED, busy(None)], ids=lambda error: error.code
)
async def test_after_an_error_the_same_batch_is_sent_again(error):
    outbox, core = outbox_of(5), ScriptedCore(error, error, error)
    uplink = uplink_over(outbox, core, batch_records=5)
    await run_until_empty(uplink, outbox)
    assert len(core.sent) == 4
    assert all(batch == core.sent[0] for batch in core.sent)
    assert len(outbox.settled) == 5
    assert uplink.state.failures_in_a_row == 0
    assert uplink.state.last_error is None


async def test_waits_grow_and_start_anew_after_a_success():
    outbox, clock = outbox_of(4), InstantClock()
    core = ScriptedCore(DOWN, RUBBISH, DOWN)
    uplink = uplink_over(outbox, core, clock, batch_records=2)
    await run_until_empty(uplink, outbox)
    assert clock.slept[:3] == [0.5, 1, 2]
    outbox.waiting.append(observe(punch(99)))
    core.errors.append(DOWN)
    clock.slept.clear()
    await run_until_empty(uplink, outbox)
    assert 0.5 in clock.slept
    assert 4 not in clock.slept


async def test_retry_after_is_obeyed():
    outbox, clock = outbox_of(1), InstantClock()
    await run_until_empty(uplink_over(outbox, ScriptedCore(busy(17.0)), clock), outbox)
    assert clock.slept[0] == 17


async def test_a_refusal_is_tried_slowly_and_says_why():
    outbox, clock = outbox_of(1), InstantClock()
    uplink = uplink_over(outbox, ScriptedCore(REFUSED), clock)
    with pytest.raises(CoreRefusedError):
        await uplink.drain_once()
    problem = uplink.state.last_error
    assert (problem.what, problem.where, problem.remedy) == ("401", "core", "wait")
    assert (problem.code, problem.at) == ("key_refused", NOW)
    assert uplink.state.last_success_at is None
    await run_until_empty(uplink, outbox)
    core = ScriptedCore(REFUSED)
    outbox.waiting.append(observe(punch(9)))
    await run_until_empty(uplink_over(outbox, core, clock), outbox)
    assert 300 in clock.slept


async def test_only_the_next_batch_is_smaller_after_an_error():
    outbox, core = outbox_of(1400), ScriptedCore(DOWN, DOWN)
    uplink = uplink_over(outbox, core, batch_records=400)
    await run_until_empty(uplink, outbox)
    assert [len(batch.observations) for batch in core.sent] == [400, 400, 400, 200, 400, 400]
    assert len({one.event_id for one in outbox.settled}) == 1400


async def test_batches_shrink_to_a_floor_and_never_grow_over_the_setting():
    outbox, core = outbox_of(60), ScriptedCore(*[DOWN] * 20)
    uplink = uplink_over(outbox, core, batch_records=4)
    await run_until_empty(uplink, outbox)
    assert {len(batch.observations) for batch in core.sent} == {4}


async def test_verdicts_are_counted_apart():
    outbox, core = outbox_of(6), ScriptedCore()
    uplink = uplink_over(outbox, core, batch_records=2)
    for core.verdict in (Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.REJECTED):
        pending = len(outbox.waiting)
        while len(outbox.waiting) == pending:
            assert await uplink._send_next() == 2
    state = uplink.state
    assert (state.accepted, state.duplicate, state.rejected, state.kept) == (2, 2, 2, 0)


async def test_a_core_that_keeps_everything_is_not_hammered():
    outbox, clock = outbox_of(3), InstantClock(patience=200)
    core = ScriptedCore(verdict=Verdict.KEEP)
    uplink = uplink_over(outbox, core, clock)
    with pytest.raises(CoreBusyError):
        await uplink.drain_once()
    assert uplink.state.kept == 3
    assert uplink.state.last_error.code == "core_keeps"
    running = asyncio.create_task(uplink.run())
    await until(lambda: len(clock.slept) >= 5)
    core.verdict = Verdict.ACCEPTED
    await until(lambda: not (outbox.waiting or outbox.in_flight))
    running.cancel()
    assert clock.slept[:5] == [1, 2, 4, 8, 16]
    assert uplink.state.accepted == 3


async def test_an_idle_uplink_looks_again_without_spinning():
    outbox, clock, core = outbox_of(0), InstantClock(patience=5000), ScriptedCore()
    running = asyncio.create_task(uplink_over(outbox, core, clock, idle_s=3.0).run())
    await asyncio.sleep(0.01)
    assert set(clock.slept) == {3.0}
    outbox.waiting.append(observe(punch()))
    await until(lambda: outbox.settled)
    running.cancel()


async def test_stopping_in_the_middle_of_a_request_settles_nothing():
    outbox = outbox_of(1)

    class HangingCore(ScriptedCore):
        async def send(self, sealed):
            self.sent.append(sealed)
            await asyncio.Event().wait()

    core = HangingCore()
    running = asyncio.create_task(uplink_over(outbox, core).run())
    await until(lambda: core.sent)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert outbox.in_flight is not None
    assert outbox.settled == []


async def test_what_the_outbox_raises_is_not_swallowed():
    class SickOutbox(ListOutbox):
        async def settle(self, sink, answer, *, batch_hash):
            raise OSError("disk")

    outbox = SickOutbox([observe(punch())])
    with pytest.raises(OSError, match="disk"):
        await uplink_over(outbox, ScriptedCore()).run()


async def test_each_batch_names_the_one_before_and_is_signed():
    outbox, core = outbox_of(6), ScriptedCore()
    sealed = []
    real = core.send

    async def keeping(one):
        sealed.append(one)
        return await real(one)

    core.send = keeping
    await uplink_over(outbox, core, batch_records=2).drain_once()
    links = [one.signed.head.previous for one in sealed]
    assert links == [NO_BATCH.batch_hash, *(one.signed.batch_hash() for one in sealed[:2])]
    for one in sealed:
        one.signed.check(key_of().public)
        assert one.signed.head.body_digest == body_digest(one.body)
        assert decode_batch(zstandard.decompress(one.body)) == one.batch


async def test_the_core_is_asked_at_the_start_after_an_error_and_now_and_then():
    outbox, core, clock = outbox_of(6), ScriptedCore(), InstantClock()
    uplink = uplink_over(outbox, core, clock, batch_records=2, compare_s=100)
    await uplink.drain_once()
    assert core.asked == 1
    core.errors.append(DOWN)
    outbox.waiting.append(observe(punch(50)))
    with pytest.raises(CoreUnreachableError):
        await uplink.drain_once()
    await uplink.drain_once()
    assert core.asked == 2
    await clock.sleep(101)
    await uplink.drain_once()
    assert core.asked == 3, "a restored core is noticed though nothing waits"


async def test_a_core_that_went_back_gets_again_what_it_lacks():
    outbox, core = outbox_of(10), ScriptedCore()
    await uplink_over(outbox, core, batch_records=2).drain_once()
    core.head = outbox.chain[2][0]  # restored: batches 4 and 5 are gone
    core.sent.clear()
    uplink = uplink_over(outbox, core, batch_records=2)
    assert await uplink.drain_once() == 4
    assert [batch.number for batch in core.sent] == [4, 5]
    assert uplink.state.rewinds == 1
    rewind = uplink.state.last_rewind
    assert (rewind.number, rewind.batches, rewind.rows, rewind.at) == (3, 2, 4, NOW)


async def test_a_gap_found_while_sending_leads_to_the_question():
    outbox, core = outbox_of(6), ScriptedCore()
    uplink = uplink_over(outbox, core, batch_records=2)
    await uplink.drain_once()
    core.head = NO_BATCH
    core.errors.append(ChainGapError("gap", code="chain_gap", head=NO_BATCH, **ABOUT))
    outbox.waiting.append(observe(punch(9)))
    await run_until_empty(uplink, outbox)
    assert outbox.rewound == [NO_BATCH]
    assert len({one.event_id for one in outbox.settled}) == 7


async def test_a_lost_answer_is_no_reason_to_go_back():
    outbox, core = outbox_of(4), ScriptedCore()
    pending = await outbox.next_batch("core", limit=2)
    sealed = Sealer(IDENTITY, site="plant").seal(pending)
    await core.send(sealed)  # taken, and its answer never seen
    assert await uplink_over(outbox, core, batch_records=2).drain_once() == 4
    assert outbox.rewound == []


async def test_a_foreign_chain_stops_the_uplink_until_somebody_looks():
    outbox, clock = outbox_of(4), InstantClock()
    core = ScriptedCore()
    uplink = uplink_over(outbox, core, clock, batch_records=2)
    await uplink.drain_once()
    core.head = ChainHead(number=9, batch_hash=bytes([9]) * 32)
    outbox.waiting.append(observe(punch(9)))
    sent = len(core.sent)
    again = uplink_over(outbox, core, clock, batch_records=2)
    with pytest.raises(ChainForkError):
        await again.drain_once()
    assert again.state.last_error.code == "chain_fork"
    assert len(core.sent) == sent, "nothing is sent into a foreign chain"
    assert again._wait_after(ChainForkError("x", code="chain_fork", **ABOUT)) == 300


async def test_a_new_outbox_goes_on_behind_what_the_core_holds():
    head = ChainHead(number=9, batch_hash=bytes([9]) * 32)
    outbox, core = outbox_of(2), ScriptedCore(head=head)
    await uplink_over(outbox, core).drain_once()
    assert [batch.number for batch in core.sent] == [10]
    assert outbox.rewound == []
