"""The spool against a plain model: append, duplicate, drain, mixed verdicts, time, reopen."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from drivers.contract import Delivery
from edge_agent.spool.lanes import Lane
from edge_agent.spool.store import ChainHead, Spool, SpoolError
from protocols.batch_chain import FIRST_PREVIOUS
from protocols.punch_columns import columns_of
from protocols.uplink import Verdict
from tests.edge_agent.spool.deliveries import ManualClock, answer, append, ids, punches, sent

SINKS = ("core", "webhook")
SERIALS = ("SN1", "SN2")


def hash_of(number):
    return FIRST_PREVIOUS if number == 0 else number.to_bytes(32, "big")


class SinkModel:
    """What one sink has seen. `number` and `flight`: the batch in flight."""

    def __init__(self):
        self.done, self.dead = set(), set()
        self.acked = dict.fromkeys(SERIALS, 0)
        self.number, self.flight = 0, None
        self.answered = {0: self.snapshot()}

    def snapshot(self):
        return set(self.done), set(self.dead), dict(self.acked)

    def restore(self, number):
        """What a core knows that was restored to just behind batch `number`."""
        done, dead, acked = self.answered[number]
        self.done, self.dead, self.acked = set(done), set(dead), dict(acked)
        self.number, self.flight = number, None
        self.answered = {n: known for n, known in self.answered.items() if n <= number}


class SpoolModel(RuleBasedStateMachine):
    @initialize()
    def open(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "spool.db"
        self.clock = ManualClock()
        self.loop = asyncio.new_event_loop()
        self.boots = 0
        self.stored = {}  # event id -> serial
        self.cursors = dict.fromkeys(SERIALS)
        self.sinks = {sink: SinkModel() for sink in SINKS}
        self.reopen_file()

    def reopen_file(self):
        self.boots += 1
        self.spool = Spool.open(self.path, clock=self.clock, boot_id=f"boot-{self.boots}")

    def run(self, awaitable):
        return self.loop.run_until_complete(awaitable)

    @rule(
        serial=st.sampled_from(SERIALS),
        lane=st.sampled_from(Lane),
        numbers=st.lists(st.integers(0, 30), max_size=8)
        | st.builds(range, st.integers(0, 25), st.integers(20, 45)),  # a log in its order
        cursor=st.none() | st.binary(max_size=4),
        packed=st.booleans(),
    )
    def append(self, serial, lane, numbers, cursor, packed):
        records = punches(numbers, serial)
        delivery = Delivery(serial=serial, records=records, cursor=cursor)
        if packed and records:
            delivery = Delivery(serial=serial, packed=columns_of(records), cursor=cursor)
        result = self.run(append(self.spool, delivery, lane=lane))
        new = set(ids(records)) - self.stored.keys()
        assert (result.stored, result.known) == (len(new), len(records) - len(new))
        self.stored |= dict.fromkeys(new, serial)
        if cursor is not None:
            self.cursors[serial] = cursor

    @rule(sink=st.sampled_from(SINKS), limit=st.integers(1, 40))
    def take_batch(self, sink, limit):
        model = self.sinks[sink]
        batch = self.run(self.spool.next_batch(sink, limit=limit))
        if model.flight is not None:
            assert batch == model.flight
            return
        if batch is None:
            return
        model.number += 1
        assert batch.number == model.number
        assert 1 <= len(batch.observations) <= limit
        taken = sent(batch)
        assert len(set(taken)) == len(taken)
        assert set(taken) <= self.stored.keys() - model.done - model.dead
        model.flight = batch

    @precondition(lambda self: any(model.flight for model in self.sinks.values()))
    @rule(verdicts=st.lists(st.sampled_from(Verdict), min_size=40, max_size=40))
    def settle(self, verdicts):
        sink, model = next((s, m) for s, m in self.sinks.items() if m.flight is not None)
        judged = answer(model.flight, verdicts[: len(model.flight.observations)])
        number = model.flight.number
        settled = self.run(self.spool.settle(sink, judged, batch_hash=hash_of(number)))
        tally = dict.fromkeys(Verdict, 0)
        for verdict in judged.verdicts:
            tally[verdict.verdict] += 1
            if verdict.verdict in {Verdict.ACCEPTED, Verdict.DUPLICATE}:
                model.done.add(verdict.event_id)
                model.acked[self.stored[verdict.event_id]] += 1
            elif verdict.verdict is Verdict.REJECTED:
                model.dead.add(verdict.event_id)
        assert [settled.accepted, settled.duplicate, settled.rejected, settled.kept] == [
            tally[verdict]
            for verdict in (Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.REJECTED, Verdict.KEEP)
        ]
        model.flight = None
        model.answered[number] = model.snapshot()

    @rule(sink=st.sampled_from(SINKS), data=st.data())
    def the_core_is_restored_from_a_backup(self, sink, data):
        model = self.sinks[sink]
        number = data.draw(st.sampled_from(sorted(model.answered)))
        self.run(self.spool.rewind(sink, ChainHead(number=number, batch_hash=hash_of(number))))
        model.restore(number)

    @rule(sink=st.sampled_from(SINKS), ahead=st.integers(1, 3))
    def a_core_that_knows_more_is_another_one(self, sink, ahead):
        number = max(self.sinks[sink].answered) + ahead
        with pytest.raises(SpoolError) as refused:
            self.run(self.spool.rewind(sink, ChainHead(number=number, batch_hash=hash_of(number))))
        assert refused.value.code == "chain_unknown"

    @rule(seconds=st.sampled_from([1, 30, 3600]))
    def time_passes(self, seconds):
        self.clock.advance(seconds)

    @rule()
    def reopen(self):
        self.spool.close()
        self.reopen_file()

    @invariant()
    def the_ledger_agrees(self):
        stats = self.run(self.spool.stats())
        by_serial = {device.serial: device for device in stats.devices}
        for serial, device in by_serial.items():
            assert device.stored == list(self.stored.values()).count(serial)
            assert device.received == device.stored + device.known
            assert self.run(self.spool.cursor(serial)) == self.cursors[serial]
        for sink, model in self.sinks.items():
            number = max(model.answered)
            head = self.run(self.spool.chain_head(sink))
            assert head == ChainHead(number=number, batch_hash=hash_of(number))
            backlog = self.run(self.spool.backlog(sink))
            assert backlog.total == len(self.stored) - len(model.done) - len(model.dead)
            letters = self.run(self.spool.dead_letters(sink))
            assert {letter.observation.event_id for letter in letters} == model.dead
            for serial, device in by_serial.items():
                assert device.acked_by.get(sink, 0) == model.acked[serial]

    def teardown(self):
        if not hasattr(self, "spool"):
            return
        for sink, model in self.sinks.items():  # liveness: what waits can always be drained
            if model.flight is not None:
                self.run(self.spool.settle(sink, answer(model.flight)))
                model.done |= set(sent(model.flight))
            self.clock.advance(3600)
            while batch := self.run(self.spool.next_batch(sink, limit=10)):
                model.done |= set(sent(batch))
                self.run(self.spool.settle(sink, answer(batch)))
            assert model.done | model.dead == self.stored.keys()
        self.spool.close()
        self.loop.close()
        self.folder.cleanup()


TestSpoolModel = SpoolModel.TestCase
TestSpoolModel.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
