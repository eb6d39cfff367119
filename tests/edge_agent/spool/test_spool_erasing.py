"""One person's records go from the spool, and nobody else's; what is still to be sent stays."""

import sqlite3
from base64 import b64encode
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drivers.contract import Delivery
from edge_agent.spool import row_folding
from edge_agent.spool.acts import Person
from edge_agent.spool.codec import Envelope
from edge_agent.spool.dead_letters import discard, read_dead_letters
from edge_agent.spool.erasing import Erased, Whose, _rewrite, erase_person
from edge_agent.spool.intake import EventLog
from edge_agent.spool.lanes import Lane
from edge_agent.spool.schema import migrations
from edge_agent.spool.store import ChainHead
from edge_agent.spool.stored_rows import LAST_ARRIVAL, rows_of_lane
from edge_agent.spool.verification import verify
from protocols.batch_chain import FIRST_PREVIOUS
from protocols.identity import event_id
from protocols.records import DeviceEvent
from protocols.uplink import Verdict
from tests.edge_agent.spool.deliveries import NOON, answer, append, ids, punch, punches, sent

LIN, OPS = "lin", Person("ops", NOON)
MARK = b"a mark that is Lin's alone"


def of_lin(number, **changes):
    return replace(punch(number), user_id=LIN, raw=MARK, **changes)


def faults(path):
    return verify(path, lambda done, total: None).faults


async def settle_all(spool, verdicts=()):
    while batch := await spool.next_batch("core", limit=999):
        await spool.settle("core", answer(batch, verdicts))
        verdicts = ()


async def here(spool):
    """The ids of all rows, as a sink that had nothing would get them."""
    return [one.event_id for one in await spool.peek("nobody", limit=5_000)]


async def test_every_row_of_the_person_goes_and_nobody_elses(spool, path):
    refused = DeviceEvent(
        serial="SN1", code="access_refused", device_time=NOON.replace(tzinfo=None),
        detail={"user_id": LIN},
    )  # fmt: skip
    others = punches(range(20))
    await append(spool, Delivery(serial="SN1", records=(of_lin(100), *others[:9], of_lin(101),
                                                        of_lin(102), *others[9:], of_lin(103))))  # fmt: skip
    await append(spool, Delivery(serial="SN1", records=(of_lin(200),)))
    await append(spool, Delivery(serial="SN1", records=(refused,)), lane=Lane.TELEMETRY)
    await settle_all(spool)
    spelled = b64encode(MARK)
    assert any(spelled in file.read_bytes() for file in path.parent.glob("spool.db*"))
    done = erase_person(path, Whose(LIN), "the person asked for it", OPS)
    assert done == Erased(rows=6, kept_apart=0, waiting=0)
    assert not any(spelled in file.read_bytes() for file in path.parent.glob("spool.db*"))
    assert sorted(await here(spool)) == sorted(ids(others))
    assert faults(path) == ()
    batch = await spool.next_batch("core", limit=9)
    told = [one.record for one in batch.observations]
    assert [(one.code, one.detail["subject"]) for one in told] == [("records_erased", "6 records")]
    assert LIN not in str(told)
    again = await append(spool, Delivery(serial="SN1", records=others))
    assert again.known == 20, "the others are recognised as before"
    assert erase_person(path, Whose(LIN), "again", OPS) == Erased(rows=0, kept_apart=0, waiting=0)


async def test_what_a_sink_has_not_answered_stays_until_it_has(spool, path):
    await append(spool, Delivery(serial="SN1", records=(of_lin(1), punch(2), of_lin(3))))
    first = await spool.next_batch("core", limit=1)
    assert erase_person(path, Whose(LIN), "asked", OPS).waiting == 2
    await spool.settle("core", answer(first, [Verdict.KEEP]))
    assert erase_person(path, Whose(LIN), "asked", OPS).waiting == 2, "to be sent again"
    await spool.next_batch("webhook", limit=1)
    await settle_all(spool)
    assert erase_person(path, Whose(LIN), "asked", OPS).rows == 0, "the webhook has none of it"
    assert faults(path) == ()


async def test_dead_letters_and_what_was_discarded_go_too(spool, path, clock):
    await append(spool, Delivery(serial="SN1", records=(of_lin(1), punch(2), of_lin(3))))
    await settle_all(spool, [Verdict.REJECTED, Verdict.REJECTED, Verdict.REJECTED])
    letters = read_dead_letters(path, "core").letters
    discard(path, [one for one in letters if one.row.record == of_lin(3)], "a test", OPS)
    await settle_all(spool)
    done = erase_person(path, Whose(LIN, "SN1"), "asked", OPS)
    assert done == Erased(rows=2, kept_apart=1, waiting=0)
    left = read_dead_letters(path, "core")
    assert [one.event_id for one in left.letters] == [event_id(punch(2)).hex()]
    assert left.discarded == ()
    assert faults(path) == ()


async def test_of_one_device_alone(spool, path):
    await append(spool, Delivery(serial="SN1", records=(of_lin(1),)))
    await append(spool, Delivery(serial="SN2", records=(of_lin(1, serial="SN2"),)))
    await settle_all(spool)
    assert erase_person(path, Whose(LIN, "SN2"), "another Lin", OPS).rows == 1
    assert await here(spool) == [event_id(of_lin(1)).hex()]


async def test_a_core_that_went_back_is_sent_what_is_left(spool, path, clock):
    await append(spool, Delivery(serial="SN1", records=(of_lin(1), *punches(range(5, 12)))))
    await append(spool, Delivery(serial="SN1", records=(of_lin(20),)))
    await settle_all(spool, [Verdict.KEEP])
    clock.advance(timedelta(hours=1).total_seconds())
    await settle_all(spool)
    assert erase_person(path, Whose(LIN), "asked", OPS).rows == 2
    await spool.rewind("core", ChainHead(number=0, batch_hash=FIRST_PREVIOUS))
    batch = await spool.next_batch("core", limit=99)
    assert set(sent(batch)) >= set(ids(punches(range(5, 12))))
    assert LIN not in str(batch.observations)


@given(whose=st.lists(st.booleans(), min_size=1, max_size=40))
def test_any_page_keeps_its_others_at_their_arrivals(whose):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        row_folding.register(connection)
        for script in migrations():
            connection.executescript(script)
        connection.execute("INSERT INTO boots VALUES (1, 'boot', 0)")
        records = [of_lin(n) if lin else punch(n) for n, lin in enumerate(whose)]
        envelope = Envelope(device_name="gate", zone="UTC", lane=Lane.PUNCH_LIVE, received_at=NOON,
                            monotonic_ms=7, clock_offset_ms=3)  # fmt: skip
        EventLog(connection, boot=1).append(
            connection, Delivery(serial="SN1", records=records), envelope
        )
        lane = Lane.PUNCH_LIVE.number
        before = list(rows_of_lane(connection, lane, after=0, until=LAST_ARRIVAL))
        left = [row for row in before if row.record.user_id != LIN]
        _rewrite(connection, 1, left)
        assert list(rows_of_lane(connection, lane, after=0, until=LAST_ARRIVAL)) == left
    finally:
        connection.close()
