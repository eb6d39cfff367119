"""What goes by age: only what every sink has settled, and by no jump of the clock."""

from datetime import timedelta

import pytest

from drivers.contract import Delivery
from edge_agent.spool.lanes import Lane
from edge_agent.spool.retention import Keep
from edge_agent.spool.store import ChainHead, Spool
from protocols.identity import event_id
from protocols.records import Quarantined
from protocols.uplink import Verdict
from tests.edge_agent.spool.deliveries import BOOT, answer, append, ids, punch, punches, sent

KEEP = Keep(punch_days=30, event_days=30, count_days=7, quarantine_days=60)
DAY_S = 86_400


class Days:
    """Lets days pass, with a round of retention in each."""

    def __init__(self, spool, clock):
        self.spool, self.clock = spool, clock
        self.ran_at = clock.monotonic()

    async def round(self, keep=KEEP):
        ran = timedelta(seconds=self.clock.monotonic() - self.ran_at)
        self.ran_at = self.clock.monotonic()
        return await self.spool.housekeeping.retire(keep, self.clock.now(), ran)

    async def live(self, days, keep=KEEP):
        gone = 0
        for _ in range(days):
            self.clock.advance(DAY_S)
            gone += await self.round(keep)
        return gone


@pytest.fixture
def days(spool, clock):
    return Days(spool, clock)


async def send_all(spool, sink="core", verdicts=()):
    number = 0
    while batch := await spool.next_batch(sink, limit=100):
        number = batch.number
        await spool.settle(sink, answer(batch, verdicts), batch_hash=number.to_bytes(32, "big"))
    return number


async def test_what_every_sink_has_goes_after_its_days_and_not_before(spool, days):
    await append(spool, Delivery(serial="SN1", records=punches(range(300))))
    await days.round()
    await send_all(spool)
    assert await days.live(30) == 0
    assert await days.live(3) == 300
    assert await spool.find(event_id(punch(1))) is None
    device = (await spool.stats()).devices[0]
    assert (device.stored, device.acked) == (300, 300)
    # What comes now takes numbers of its own and is sent.
    await append(spool, Delivery(serial="SN1", records=punches(range(400, 403))))
    assert sent(await spool.next_batch("core", limit=10)) == ids(punches(range(400, 403)))


async def test_what_one_sink_lacks_stays(spool, days):
    await append(spool, Delivery(serial="SN1", records=punches(range(10))))
    assert await days.live(400) == 0, "no sink at all"
    await send_all(spool)
    batch = await spool.next_batch("webhook", limit=4)
    assert await days.live(100) == 0, "the webhook has had nothing"
    await spool.settle("webhook", answer(batch))
    assert await days.live(100) == 0, "a page goes whole or not at all"
    await send_all(spool, "webhook")
    assert await days.live(33) == 10


async def test_dead_letters_and_kept_rows_hold_their_page(spool, days):
    for number, verdict in enumerate((Verdict.REJECTED, Verdict.KEEP, Verdict.ACCEPTED)):
        await append(spool, Delivery(serial="SN1", records=(punch(number),)))
        batch = await spool.next_batch("core", limit=1)
        await spool.settle("core", answer(batch, [verdict]), batch_hash=bytes([number]) * 32)
    await days.round()
    assert await days.live(40) == 1
    assert await spool.find(event_id(punch(2))) is None
    letters = await spool.dead_letters("core")
    assert [letter.observation.event_id for letter in letters] == ids([punch(0)])
    # The kept one is taken at last, and can be asked for again for thirty days from then.
    head = await spool.chain_head("core")
    await send_all(spool)
    assert await days.live(25) == 0
    await spool.rewind("core", head)
    assert sent(await spool.next_batch("core", limit=9)) == ids([punch(1)])


@pytest.mark.parametrize("years", [10, -56])
async def test_a_clock_that_jumps_deletes_nothing(path, clock, years):
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    days = Days(spool, clock)
    await append(spool, Delivery(serial="SN1", records=punches(range(5))))
    await days.round()
    await send_all(spool)
    await days.live(20)
    clock.step(timedelta(days=365 * years))
    assert await days.live(5) == 0
    spool.close()
    spool = Spool.open(path, clock=clock, boot_id="boot-2")  # and over a restart
    try:
        days = Days(spool, clock)
        assert await days.round() == 0
        clock.step(timedelta(days=-365 * years))
        assert await days.live(4) == 0
        assert await days.live(4) == 5, "its days went on, whatever the clock showed"
    finally:
        spool.close()


async def test_a_gateway_that_is_off_at_night_counts_its_nights(path, clock):
    gone = 0
    for day in range(34):
        spool = Spool.open(path, clock=clock, boot_id=f"boot-{day}")
        if day == 0:
            await append(spool, Delivery(serial="SN1", records=punches(range(5))))
            await send_all(spool)
        gone += await Days(spool, clock).round()
        spool.close()
        clock.step(timedelta(days=1))  # off: the monotonic clock begins anew
    assert gone == 5


async def test_each_class_has_its_days(spool, days):
    await append(spool, Delivery(serial="SN1", records=punches(range(5))), lane=Lane.PUNCH_LIVE)
    await append(spool, Delivery(serial="SN1", records=punches(range(5, 9))), lane=Lane.COUNT_LIVE)
    await append(spool, Delivery(serial="SN1", quarantined=(
        Quarantined(source="SN1", offset=0, reason="day 40", raw=b"\xff"),)))  # fmt: skip
    await days.round()
    await send_all(spool)
    assert await days.live(10) == 0, "punches in a lane of counts stay as long as punches do"
    assert await days.live(23) == 9
    assert (await spool.stats()).quarantined == 1
    await days.live(30)
    assert (await spool.stats()).quarantined == 0


async def test_links_go_but_the_one_that_a_rewind_needs(spool, days, path):
    heads = []
    for day in range(40):
        await append(spool, Delivery(serial="SN1", records=(punch(day),)))
        number = await send_all(spool)
        heads.append(ChainHead(number=number, batch_hash=number.to_bytes(32, "big")))
        await days.live(1)
    rewound = await spool.rewind("core", heads[12])
    assert rewound.batches == 27
    again = await spool.next_batch("core", limit=100)
    assert sent(again) == ids(punches(range(13, 40)))
    # Numbers are given again: what is answered now is young.
    await spool.settle("core", answer(again), batch_hash=b"x" * 32)
    assert await days.live(5) < 13
    assert await spool.find(event_id(punch(20))) is not None


async def test_small_steps(spool, days, monkeypatch):
    monkeypatch.setattr("edge_agent.spool.retention.PAGES_AT_A_TIME", 3)
    for number in range(11):
        await append(spool, Delivery(serial="SN1", records=(punch(number),)))
    await days.round()
    await send_all(spool)
    before = spool._writer.commits
    assert await days.live(33) == 11
    assert spool._writer.commits - before >= 33 + 4
