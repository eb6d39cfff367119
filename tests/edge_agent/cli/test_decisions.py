"""What people decide about records that wait for one, as they type it, beside the agent and without."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from drivers.contract import Delivery
from drivers.zk_pull.log_cursor import cursor_after
from drivers.zk_pull.packed_log import PackedLog
from edge_agent.front_door import main
from edge_agent.spool.store import Lane, PastReading, Spool
from edge_agent.spool.verification import verify
from protocols.identity import event_id
from protocols.records import DeviceEvent, Quarantined
from protocols.uplink import Verdict
from protocols.zk.attendance import AttendanceRow, decode_attendance, encode_attendance
from protocols.zk.layouts import Layout
from tests.edge_agent.spool.deliveries import NOON, ManualClock, answer, sent
from tests.edge_agent.status.gateway_on_disk import SERIAL, make_gateway

DEVICE = '\n[[device]]\nname = "gate"\nkind = "zk-pull"\nhost = "127.0.0.1"\n'
WORN = b"\x01" * 40


def row(number):
    return AttendanceRow(
        uid=number, user_id=str(1000 + number),
        time=datetime(2026, 11, 20, 8) + timedelta(minutes=number),
    )  # fmt: skip


def bytes_of(*numbers):
    return encode_attendance([row(number) for number in numbers], Layout.ATT40)


def punches_of(*numbers):
    return list(decode_attendance(bytes_of(*numbers), Layout.ATT40, serial=SERIAL))


@pytest.fixture
def site(tmp_path):
    return make_gateway(tmp_path, more=DEVICE, punches=0)


@pytest.fixture
def path(site):
    return site.parent / "state" / "spool.db"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def work(path, clock):
    """Runs `use(spool)` in an agent's spool: opened before, closed behind."""

    def run(use, boot="boot-1"):
        spool = Spool.open(path, clock=clock, boot_id=boot)
        try:
            return asyncio.run(use(spool))
        finally:
            spool.close()

    return run


@pytest.fixture
def edge(site, capsys, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "lin")

    def call(*words):
        code = main([*words, "-c", str(site)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def asked(edge):
    def call(*words):
        code, out, err = edge(*words, "--json")
        assert out, err
        return code, json.loads(out)

    return call


async def _fill(spool, quarantined=()):
    log = PackedLog()
    log.write(bytes_of(*range(6)))
    await spool.append(
        Delivery(
            serial=SERIAL, records=punches_of(*range(6)), quarantined=quarantined,
            cursor=cursor_after(log, Layout.ATT40, epoch=0).encode(),
            on_device=6 + len(quarantined), log_rows=6 + len(quarantined),
        ),
        device_name="gate", zone="Asia/Shanghai", lane=Lane.PUNCH_LIVE, received_at=NOON,
        clock_offset_ms=0, past_reading=PastReading(read_from=NOON, offset_ms=0),
    )  # fmt: skip
    batch = await spool.next_batch("core", limit=50)
    verdicts = [Verdict.ACCEPTED, Verdict.REJECTED, Verdict.REJECTED]
    await spool.settle("core", answer(batch, verdicts), batch_hash=b"h" * 32)
    return sent(batch)


async def next_records(spool):
    batch = await spool.next_batch("core", limit=50)
    return {} if batch is None else {one.event_id: one.record for one in batch.observations}


async def settle_all(spool):
    while batch := await spool.next_batch("core", limit=50):
        await spool.settle("core", answer(batch), batch_hash=b"i" * 32)


@pytest.fixture
def refused(work):
    """Ids of six punches, the second and third of them refused."""
    return work(_fill)


# dead letters


def test_the_list_says_whose_and_how_many_of_each_code(refused, edge, asked):
    code, found = asked("dead", "list")
    assert code == 1
    assert [one["event_id"] for one in found["dead"]] == refused[1:3]
    assert found["by_code"] == {"unknown_person": 2}
    first = found["dead"][0]
    assert (first["device"], first["record"]["user_id"]) == ("gate", "1001")
    _, table, _ = edge("dead", "list")
    assert table.splitlines()[1].split()[:5] == [
        refused[1][:16], "unknown_person", "2026-11-21", "04:00", "gate",
    ]  # fmt: skip
    assert "unknown_person 2" in table
    assert asked("dead", "list", "--code", "other") == (
        0, {"sink": "core", "dead": [], "by_code": {}, "discarded": []},
    )  # fmt: skip


def test_show_has_bytes_reason_and_what_to_do(refused, edge, asked):
    _, facts = asked("dead", "show", refused[1][:16])
    assert facts["record"]["raw"] == bytes_of(1).hex()
    assert facts["do"]
    _, text, _ = edge("dead", "show", refused[1])
    assert bytes_of(1).hex() in text
    assert "edge-agent dead replay" in text


def test_a_replayed_record_goes_with_the_next_batch_of_the_running_agent(
    refused, path, clock, asked
):
    agent = Spool.open(path, clock=clock, boot_id="running")
    try:
        code, done = asked("dead", "replay", refused[1][:16])
        assert (code, done["done"], done["event_ids"]) == (0, 1, [refused[1]])
        batch = asyncio.run(agent.next_batch("core", limit=9))
        assert sent(batch) == [refused[1]]
        asyncio.run(agent.settle("core", answer(batch), batch_hash=b"2" * 32))
        stats = asyncio.run(agent.stats())
        assert (stats.devices[0].acked, stats.dead_letters) == (5, {"core": 1})
        assert len(asked("dead", "list")[1]["dead"]) == 1
    finally:
        agent.close()
    assert verify(path, lambda done, total: None).faults == ()


def test_a_fix_is_a_note_and_a_replay_and_changes_no_byte(refused, work, edge, asked):
    edge("dead", "fix", refused[1], "--note", "the person was added at the core")
    records = work(next_records)
    assert records[refused[1]].raw == bytes_of(1)
    assert event_id(records[refused[1]]).hex() == refused[1]
    _, facts = asked("trace", refused[1])
    assert [(act["who"], act["what"], act["reason"]) for act in facts["acts"]] == [
        ("lin", "dead_letter_noted", "the person was added at the core"),
        ("lin", "dead_letter_replayed", None),
    ]


def test_refused_again_it_is_dead_again_with_its_history(refused, work, edge, asked):
    edge("dead", "replay", "--all")

    async def refuse(spool):
        batch = await spool.next_batch("core", limit=9)
        both = [Verdict.REJECTED, Verdict.REJECTED]
        await spool.settle("core", answer(batch, both), batch_hash=b"2" * 32)

    work(refuse)
    found = asked("dead", "list")[1]["dead"]
    assert [one["event_id"] for one in found] == refused[1:3]
    assert found[0]["acts"][0]["what"] == "dead_letter_replayed"


def test_what_is_discarded_stays_whole_for_ever_and_the_core_is_told(
    refused, work, edge, asked, path
):
    code, done = asked("dead", "discard", refused[1], "--reason", "a test of the terminal")
    assert (code, done["done"]) == (0, 1)
    (event,) = [one for one in work(next_records).values() if isinstance(one, DeviceEvent)]
    assert (event.code, event.serial) == ("dead_letter_discarded", SERIAL)
    assert event.detail == {
        "by": "lin", "subject": refused[1], "reason": "a test of the terminal", "sink": "core",
    }  # fmt: skip
    edge("dead", "discard", refused[2], "--reason", "another test")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM pages")  # it went by age
    (kept, _) = asked("dead", "list")[1]["discarded"]
    assert (kept["by"], kept["reason"]) == ("lin", "a test of the terminal")
    assert kept["record"]["raw"] == bytes_of(1).hex()
    code, facts = asked("trace", refused[1], "--offline")
    assert (code, facts["stored"], facts["verdicts"][0]["state"]) == (1, None, "discarded")
    code, _, err = edge("dead", "replay", refused[1])
    assert code == 3
    assert "a test of the terminal" in err


def test_a_restored_core_that_refuses_it_again_finds_it_discarded(refused, work, edge, asked):
    edge("dead", "discard", "--all", "--reason", "tests")

    async def restored(spool):
        from protocols.batch_chain import NO_BATCH

        await spool.rewind("core", NO_BATCH)
        batch = await spool.next_batch("core", limit=9)
        wrong = [one.event_id in refused[1:3] for one in batch.observations]
        await spool.settle(
            "core",
            answer(batch, [Verdict.REJECTED if one else Verdict.ACCEPTED for one in wrong]),
            batch_hash=b"1" * 32,
        )

    work(restored)
    assert asked("dead", "list")[1]["dead"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dead", "show", "zz"], "too short"),
        (["dead", "show", "0000"], "no dead letter 0000"),
        (["dead", "replay"], "which ones"),
        (["dead", "replay", "--all", "--code", "x"], "two ways"),
        (["dead", "replay", "--code", "nope"], "Codes: unknown_person"),
        (["dead", "discard", "--all"], "--reason"),
        (["dead", "discard", "--all", "--reason", " .. "], "says nothing"),
        (["dead", "discard", "--all", "--reason", "x" * 501], "501"),
        (["dead", "fix", "--code", "unknown_person", "--note", ""], "says nothing"),
        (["dead", "list", "--sink", "cor"], 'did you mean "core"'),
        (["quarantine", "retry"], "which ones"),
        (["quarantine", "retry", "--all"], "nothing waits"),
        (["quarantine", "settle", "#7", "--reason", "worn"], "no row '7'"),
        (["quarantine", "show", "-1"], "-1"),
        (["watermark", "release", "gate", "--reason", "fine"], "nothing holds"),
        (["watermark", "release", "gat", "--reason", "fine"], "no device gat"),
        (["trace", "12345"], "these are 5"),
        (["trace", "x" * 32], "'x' is none"),
        (["trace", "ff" * 16], "holds no event"),
    ],
)
def test_odd_input_is_answered_with_what_helps(refused, edge, words, said):
    code, out, err = edge(*words)
    assert (code, out) == (3, "")
    assert said in err
    assert "— try: edge-agent" in err


def test_without_a_spool_every_verb_says_so(tmp_path, capsys):
    file = tmp_path / "site.toml"
    file.write_text('[site]\nname = "p"\nzone = "UTC"\n[gateway]\nname = "g"\nstate_dir = "none"\n')
    for words in (["dead", "list"], ["quarantine", "list"], ["watermark"], ["trace", "ab" * 16]):
        assert main([*words, "-c", str(file)]) == 2
        assert "there is no spool" in capsys.readouterr().err


# quarantine


@pytest.fixture
def quarantined(work):
    rows = (
        Quarantined(source=SERIAL, offset=240, reason="of yesterday", raw=bytes_of(30)),
        Quarantined(source=SERIAL, offset=280, reason="worn", raw=WORN),
        Quarantined(source=SERIAL, offset=320, reason="of yesterday", raw=bytes_of(2)),
    )
    return work(lambda spool: _fill(spool, rows))


def test_good_rows_become_punches_by_the_agents_own_intake(quarantined, work, edge, asked, path):
    assert [row["state"] for row in asked("quarantine", "list")[1]["rows"]] == ["waits"] * 3
    code, done = asked("quarantine", "retry", "--all")
    assert (code, done["decoded"], done["left"]) == (1, 2, 1)
    assert "not printable" in done["rows"][1]["why_not"]
    new = work(next_records)
    (wanted,) = punches_of(30)
    assert event_id(wanted).hex() in new
    assert len(new) == 1, "the bytes of row 3 are a punch that is here already"
    rows = asked("quarantine", "list", "--settled")[1]
    assert rows["waiting"] == 1
    assert [row["state"] for row in rows["rows"]] == ["decoded by lin", "waits", "decoded by lin"]
    assert asked("quarantine", "retry", "--all")[1]["decoded"] == 0
    assert verify(path, lambda done, total: None).faults == ()


def test_an_equal_punch_of_other_bytes_is_another_punch(work, asked):
    twin = bytes_of(2)[:36] + b"\x07\0\0\0"
    row = Quarantined(source=SERIAL, offset=240, reason="of yesterday", raw=twin)
    ids = work(lambda spool: _fill(spool, (row,)))
    assert asked("quarantine", "retry", "1")[0] == 0
    ((identity, record),) = work(next_records).items()
    assert (record.ordinal, record.raw) == (1, twin)
    assert identity not in ids


def test_settled_rows_hold_nothing_and_the_core_is_told(quarantined, work, edge, asked):
    edge("quarantine", "retry", "--all")
    assert asked("watermark")[1]["held_by"] == "quarantined"
    code, done = asked("quarantine", "settle", "#2", "--reason", "worn flash")
    assert (code, done["settled"]) == (0, 1)
    codes = [one.code for one in work(next_records).values() if isinstance(one, DeviceEvent)]
    assert codes == ["quarantine_settled"]
    assert asked("quarantine", "list")[0] == 0
    assert asked("status")[1]["quarantined"] == 0
    edge("dead", "discard", "--all", "--reason", "tests")
    work(settle_all)
    assert asked("watermark")[1]["held_by"] is None


# watermark


def test_the_watermark_says_what_holds_it_and_a_person_releases_it(work, path, edge, asked):
    async def cleared(spool):
        await _fill(spool)
        event = DeviceEvent(
            serial=SERIAL, code="log_cleared", device_time=datetime(2026, 11, 20, 9),
            detail={"rows_before": 6, "rows_now": 0, "epoch": 1}, raw=b"1",
        )  # fmt: skip
        for delivery, lane in (
            (Delivery(serial=f"{SERIAL}/operations", records=(event,), last=False), Lane.TELEMETRY),
            (Delivery(serial=SERIAL, on_device=0), Lane.PUNCH_LIVE),
        ):
            await spool.append(
                delivery, device_name="gate", zone="Asia/Shanghai", lane=lane,
                received_at=NOON + timedelta(hours=1), clock_offset_ms=0,
                past_reading=PastReading(read_from=NOON + timedelta(hours=1), offset_ms=0),
            )  # fmt: skip

    work(cleared)
    edge("dead", "discard", "--all", "--reason", "tests")
    work(settle_all)
    code, device = asked("watermark")
    holds = device.pop("holds")
    assert code == 1
    assert set(device) == {
        "device", "serial", "on_device", "fetched", "stored", "acked", "complete_until", "held_by",
    }  # fmt: skip
    before = (NOON - timedelta(seconds=5)).isoformat()
    assert (device["held_by"], device["complete_until"]) == ("log_cleared", before)
    assert holds[0]["what"] == "6 rows before, 0 rows now"
    assert "watermark release" in edge("watermark")[1]
    assert (
        edge("watermark", "release", "gate", "--reason", "cleared at its own menu by Lin")[0] == 0
    )
    told = [one for one in work(next_records).values() if isinstance(one, DeviceEvent)]
    assert "watermark_released" in [one.code for one in told]
    code, found = asked("watermark")
    assert found["holds"] == []
    assert found["complete_until"] > before


def test_our_own_clearing_is_no_loss(work, path, asked):
    from edge_agent.spool.acts import Person
    from edge_agent.spool.releasing import note_clearing

    event = DeviceEvent(
        serial=SERIAL, code="log_cleared", device_time=datetime(2026, 11, 20, 9),
        detail={"rows_before": 6, "rows_now": 0, "epoch": 1}, raw=b"1",
    )  # fmt: skip

    async def found(spool, raw=b"1"):
        await spool.append(
            Delivery(serial=f"{SERIAL}/operations", records=(event,), last=False),
            device_name="gate", zone="UTC", lane=Lane.TELEMETRY, received_at=NOON,
            clock_offset_ms=0,
        )  # fmt: skip

    work(_fill)
    note_clearing(path, SERIAL, 6, Person("lin", NOON))
    work(found)
    assert asked("watermark")[1]["holds"] == []


def test_trace_names_the_events_that_a_short_id_may_mean(work, edge):
    ids = work(_fill)
    code, _, err = edge("trace", ids[0][:8])
    same_minute = [one for one in ids if one.startswith(ids[0][:8])]
    assert code == (3 if len(same_minute) > 1 else 0)
    if len(same_minute) > 1:
        assert all(one in err for one in same_minute)
    code, out, _ = edge("trace", ids[0][:12].upper(), "--offline")
    assert code == 0
    assert ids[0] in out


def test_trace_goes_from_bytes_to_verdict(refused, work, asked):
    work(settle_all)
    code, facts = asked("trace", refused[0])
    assert code == 0
    fields = {one["name"]: one["means"] for one in facts["wire"]["fields"]}
    assert (fields["user_id"], fields["time"]) == ("1000", "2026-11-20T08:00:00")
    covered = sorted((one["offset"], one["length"]) for one in facts["wire"]["fields"])
    assert sum(length for _, length in covered) == 40, "every byte has a line"
    assert facts["stored"]["page"] == [1, 6]
    assert [(one["number"], one["again"]) for one in facts["batches"]] == [(1, False)]
    assert facts["batches"][0]["batch_hash"] == (b"h" * 32).hex()
    assert facts["verdicts"][0]["state"] == "settled"
    assert facts["core"] == {"asked": False, "why_not": "no core is configured"}
    code, facts = asked("trace", refused[1])
    assert (code, facts["verdicts"][0]["code"]) == (1, "unknown_person")


# erasure


def test_a_person_is_erased_and_whoever_is_nobody_is_told(work, edge, asked):
    async def one_more(spool):
        await spool.append(
            Delivery(serial=SERIAL, records=punches_of(60)), device_name="gate", zone="UTC",
            lane=Lane.PUNCH_LIVE, received_at=NOON, clock_offset_ms=0,
        )  # fmt: skip

    work(_fill)
    work(one_more)
    words = ("spool", "erase", "--user", punches_of(60)[0].user_id, "--reason")
    code, waiting = asked(*words, "the person asked, ticket 7")
    assert (code, waiting["waiting"]) == (1, 1), "not before the core has it"
    work(settle_all)
    code, done = asked(*words, "the person asked, ticket 7", "--device", "gate")
    assert (code, done["waiting"], done["set_aside"]) == (0, 0, [])
    assert done["erased"] > 0
    assert asked("spool", "verify")[0] == 0
    assert edge(*words, "again")[0] == 3
    assert edge(*words, "?")[0] == 3, "a reason is a sentence"
    assert edge(*words, "asked", "--device", "nobody")[0] == 3
