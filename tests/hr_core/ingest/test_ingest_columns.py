"""A batch in columns is judged and stored as its JSON form is, and at most once."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.audit.verification import verify_chains
from hr_core.ingest import columns as ingest_columns
from hr_core.ingest import pages as ingest_pages
from hr_core.ingest.batches import ingest_batch
from hr_core.ingest.opening import open_batch
from hr_core.ingest.pages import OpenedPage, judge_next_page, judge_pages, open_columns, store_page
from hr_core.store.batch_pages import batch_pages, page_of
from hr_core.store.chains import ChainForkError, ChainGapError, head_of
from hr_core.store.database import writing
from hr_core.store.events import batches, raw_events
from hr_core.store.refusals import refusals
from hr_core.store.watermarks import watermarks_of
from hr_core.trace.event_trace import trace_event
from protocols.batch_chain import FIRST_PREVIOUS, BatchHead, body_digest, sign_head, signed_type
from protocols.column_batch import (
    COLUMNS_TYPE,
    ColumnBatch,
    decode_columns,
    encode_columns,
    sections_of,
)
from protocols.event_prefix import read_prefix
from protocols.record_digest import batch_digests, merkle_root
from protocols.records import Channel, Direction, Flag
from protocols.uplink import Watermark, decode_answer, encode_answer, encode_batch
from tests.hr_core.ingest.batch_samples import GATEWAY, NOW, batch_of, count, observe, punch
from tests.hr_core.signed_batches import CORE_KEY, enrol, key_of, seal


def in_columns(batch, *, previous=FIRST_PREVIOUS, **changes):
    """(signed head, body) of `batch`."""
    body = encode_columns(
        ColumnBatch(
            gateway=batch.gateway,
            site=batch.site,
            number=batch.number,
            salt=batch.salt_bytes(),
            sections=sections_of(batch.observations),
            watermarks=batch.watermarks,
        )
    )
    head = BatchHead(
        gateway=batch.gateway,
        number=batch.number,
        previous=previous,
        content_type=signed_type(COLUMNS_TYPE, "identity"),
        body_digest=body_digest(body),
        records=len(batch.observations),
        records_root=merkle_root(batch_digests(batch.salt_bytes(), batch.observations)),
    )
    return sign_head(replace(head, **changes), key_of()), body


def store(engine, batch, **more):
    signed, body = in_columns(batch, **more)
    open_columns(signed, body)
    return store_page(engine, signed, key_of().public, body, received_at=NOW)


def judged(engine, batch, **more):
    """The answer to the column form, stored and judged."""
    store(engine, batch, **more)
    assert judge_next_page(engine, core_key=CORE_KEY)
    with engine.connect() as conn:
        page = page_of(conn, batch.gateway, batch.number)
    assert page.body == b""
    return decode_answer(page.answer, batch)


def ingested(engine, batch, *, previous=FIRST_PREVIOUS):
    """The answer to the JSON form."""
    signed, _, _ = seal(batch, previous=previous)
    opened = open_batch(signed, key_of().public, encode_batch(batch))
    return ingest_batch(engine, opened, received_at=NOW, core_key=CORE_KEY)


FORM = {"content_type", "body_digest", "batch_hash", "previous", "signature", "receipt"}


def contents(engine):
    """Every row that the two forms must agree about."""
    with engine.connect() as conn:
        events = conn.execute(sa.select(raw_events).order_by(raw_events.c.event_id)).all()
        kept = [
            {name: value for name, value in row._mapping.items() if name not in FORM}
            for row in conn.execute(sa.select(batches).order_by(batches.c.number))
        ]
        refused = conn.execute(sa.select(refusals)).all()
        return events, kept, sorted(refused), watermarks_of(conn)


def test_the_watermarks_of_a_batch_in_columns_are_noted_when_it_is_judged(engine):
    enrol(engine)
    mark = Watermark(serial="ZK0001", complete_until=NOW, on_device=3, fetched=3, stored=3)
    batch = replace(batch_of(*map(observe, map(punch, range(3)))), watermarks=(mark,))
    store(engine, batch)
    with engine.connect() as conn:
        assert watermarks_of(conn) == [], "not before its place in the chain is sure"
    assert judge_next_page(engine, core_key=CORE_KEY)
    with engine.connect() as conn:
        (told,) = watermarks_of(conn)
    assert (told.serial, told.complete_until, told.batch) == ("ZK0001", NOW, batch.number)


def test_a_record_that_came_in_columns_is_traced_to_its_signed_batch(engine):
    enrol(engine)
    batch = batch_of(*map(observe, map(punch, range(20))))
    store(engine, batch)
    assert judge_next_page(engine, core_key=CORE_KEY)
    wanted = batch.observations[7]
    with engine.connect() as conn:
        found = trace_event(conn, read_prefix(wanted.event_id[:20]))
    assert (found.event.event_id, found.event.raw) == (wanted.event_id, wanted.record.raw.hex())
    assert (found.batch.position, found.batch.records, found.batch.faults) == (7, 20, [])


@pytest.fixture
def core(fresh_core):
    """Makes empty cores."""
    with contextlib.ExitStack() as stack:

        def make():
            engine = stack.enter_context(fresh_core())
            enrol(engine)
            return engine

        yield make


@st.composite
def runs(draw):
    """Punches of one delivery, some of them equal to those of another one in all or in part."""
    zone = draw(st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "No/Where"]))
    channel = draw(st.sampled_from([Channel.PULL, Channel.PUSH]))
    received_at = draw(st.sampled_from([NOW, NOW, NOW, datetime(1970, 1, 2, tzinfo=UTC)]))
    flags = draw(st.sampled_from([(), (Flag.GATEWAY_CLOCK_SUSPECT,)]))
    start = draw(
        st.sampled_from(
            [
                datetime(2026, 3, 29, 1, 50),  # the clock changes in Berlin
                datetime(2026, 10, 25, 1, 50),
                datetime(1, 1, 1),
                datetime(9999, 12, 31, 23, 50),
            ]
        )
    )
    return [
        observe(
            punch(
                n,
                device_time=start + timedelta(seconds=30 * n),
                verify=draw(st.sampled_from([15, 15, 15, 1])),
                direction=Direction.IN,
                channel=channel,
                card=draw(st.sampled_from([None, None, "7"])),
            ),
            zone=zone,
            received_at=received_at,
            flags=flags,
        )
        for n in range(draw(st.integers(0, 8)), draw(st.integers(16, 19)))
    ]


@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.generate],  # shrinking makes hundreds of databases,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(runs(), min_size=1, max_size=2), st.lists(runs(), max_size=2), st.booleans())
def test_both_forms_give_the_same_verdicts_and_rows(core, first, second, rows):
    parts = [[one for run in part for one in run] for part in (first, second)]
    parts[1] += [observe(count(3)), observe(punch(77), event_id="none of mine")] if rows else []
    by_json, by_columns = core(), core()
    heads = [FIRST_PREVIOUS, FIRST_PREVIOUS]
    for number, part in enumerate(parts, start=1):
        batch = batch_of(*part, number=number)
        ours = ingested(by_json, batch, previous=heads[0])
        theirs = judged(by_columns, batch, previous=heads[1])
        heads = [bytes.fromhex(one.batch_hash) for one in (ours, theirs)]
        assert theirs.verdicts == ours.verdicts
    assert contents(by_columns) == contents(by_json)
    with by_columns.connect() as conn:
        assert [report.faults for report in verify_chains(conn)] == [()]


def a_batch(size=20, number=1, first=0):
    return batch_of(*(observe(punch(first + n)) for n in range(size)), number=number)


def test_a_nul_in_a_user_id_is_refused_alone_and_alike_in_both_forms(core):
    batch = batch_of(observe(punch(1)), observe(punch(2, user_id="10\x0007")), observe(punch(3)))
    theirs, ours = judged(core(), batch), ingested(core(), batch)
    assert theirs.verdicts == ours.verdicts
    assert [one.code for one in theirs.verdicts] == [None, "bad_text", None]


def test_a_plain_batch_takes_the_short_way(core, monkeypatch):
    """Or the test above would compare one way with itself."""
    monkeypatch.setattr(ingest_columns, "ingest_opened", None)
    assert {one.verdict for one in judged(core(), a_batch()).verdicts} == {"accepted"}
    [section] = sections_of(a_batch().observations)
    assert len(section) == 20


def test_a_stored_page_is_a_link_of_the_chain(core):
    engine = core()
    first = store(engine, a_batch())
    with engine.connect() as conn:
        assert head_of(conn, GATEWAY).batch_hash == first.batch_hash
    second = store(engine, a_batch(number=2, first=20), previous=first.batch_hash)
    with pytest.raises(ChainGapError):
        store(engine, a_batch(number=4, first=60), previous=second.batch_hash)
    with pytest.raises(ChainForkError):
        store(engine, a_batch(number=3, first=40), previous=first.batch_hash)
    with pytest.raises(ChainForkError):
        store(engine, a_batch(number=2, first=90), previous=first.batch_hash)
    assert len(contents(engine)[0]) == 0
    judge_pages(engine, GATEWAY, core_key=CORE_KEY)
    assert len(contents(engine)[0]) == 40
    with engine.connect() as conn:
        assert head_of(conn, GATEWAY).batch_hash == second.batch_hash
        assert [report.faults for report in verify_chains(conn)] == [()]


def test_the_same_page_again_is_the_same_batch(core):
    engine = core()
    assert store(engine, a_batch()) == store(engine, a_batch())
    answer = judged(engine, a_batch())
    again = store(engine, a_batch())
    assert decode_answer(again.answer, a_batch()) == answer
    assert len(contents(engine)[0]) == 20


def test_a_resent_batch_may_have_the_other_form(core):
    engine = core()
    answer = judged(engine, a_batch())
    again = ingested(engine, a_batch())
    assert again.batch_hash == answer.batch_hash
    assert {one.verdict for one in again.verdicts} == {"duplicate"}
    other = core()
    ingested(other, a_batch())
    assert store(other, a_batch()) is None, "judged before: it goes the way of a batch that came"


def test_an_answer_stays_until_the_next_batch_comes(core):
    engine = core()
    first = judged(engine, a_batch())
    store(engine, a_batch(number=2, first=20), previous=bytes.fromhex(first.batch_hash))
    with engine.connect() as conn:
        assert [row.number for row in conn.execute(sa.select(batch_pages))] == [2]


def test_a_page_that_is_not_of_its_root_is_rejected_whole_and_shown(core):
    engine = core()
    batch = a_batch()
    answer = judged(engine, batch, records_root=bytes(32))
    assert {(one.verdict, one.code) for one in answer.verdicts} == {("rejected", "root_mismatch")}
    events, kept, refused, told = contents(engine)
    assert (events, kept[0]["outcomes"], len(refused), told) == ([], b"R" * 20, 1, [])
    with engine.connect() as conn:
        [report] = verify_chains(conn)
    assert [fault.what for fault in report.faults] == ["its digests do not make its signed root"]


def test_a_page_that_a_disk_has_damaged_holds_up_nobody(core):
    engine = core()
    page = store(engine, a_batch())
    with writing(engine) as conn:
        conn.execute(batch_pages.update().values(body=page.body[:-9] + bytes(9)))
    judge_pages(engine, GATEWAY, core_key=CORE_KEY)
    with engine.connect() as conn:
        assert page_of(conn, GATEWAY, 1) is None
        assert head_of(conn, GATEWAY).number == 0
        assert [row.code for row in conn.execute(sa.select(refusals))] == ["page_damaged"]
    assert {one.verdict for one in judged(engine, a_batch()).verdicts} == {"accepted"}


def test_a_crash_while_judging_judges_again(core, monkeypatch):
    engine = core()
    store(engine, a_batch())
    with monkeypatch.context() as broken:
        broken.setattr(ingest_columns, "note_deliveries", lambda *_a, **_k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            judge_next_page(engine, core_key=CORE_KEY)
    assert contents(engine)[:2] == ([], [])
    judge_pages(engine, GATEWAY, core_key=CORE_KEY)
    assert len(contents(engine)[0]) == 20
    assert not judge_next_page(engine, core_key=CORE_KEY)
    assert encode_answer(judged_answer(engine)).count(b"accepted") == 20


def judged_answer(engine):
    with engine.connect() as conn:
        return decode_answer(page_of(conn, GATEWAY, 1).answer, a_batch())


def test_a_page_handed_over_is_not_read_again_and_another_one_is(core, monkeypatch):
    engine = core()
    first = store(engine, a_batch())
    signed, body = in_columns(a_batch(number=2, first=20), previous=first.batch_hash)
    store_page(engine, signed, key_of().public, body, received_at=NOW + timedelta(seconds=1))
    read = []
    monkeypatch.setattr(
        ingest_pages, "decode_columns", lambda body: read.append(body) or decode_columns(body)
    )
    second = OpenedPage(signed.batch_hash(), decode_columns(body))
    for _ in range(2):
        assert judge_next_page(engine, core_key=CORE_KEY, opened=second)
    assert read == [first.body]
    assert len(contents(engine)[0]) == 40
    with engine.connect() as conn:
        assert [report.faults for report in verify_chains(conn)] == [()]
