"""Watermarks at the core: the last batch's word, true of what the same database holds."""

from datetime import timedelta, timezone

import pytest
from msgspec.structs import replace

from hr_core.cli import main
from hr_core.store.watermarks import watermarks_of
from protocols.uplink import Watermark
from tests.hr_core.ingest.batch_samples import NOW, punch_batch
from tests.hr_core.signed_batches import enrol, ingest


def mark(until=NOW, serial="ZK0001", **changes):
    fields = {"on_device": 2, "fetched": 2, "stored": 2}
    return Watermark(serial=serial, complete_until=until, **fields | changes)


def batch(number, *marks):
    return replace(punch_batch(2, first=2 * number, number=number), watermarks=marks)


def found(engine):
    with engine.connect() as conn:
        return {one.serial: one for one in watermarks_of(conn)}


@pytest.fixture
def core(engine):
    enrol(engine)
    return engine


def test_the_latest_batch_counts_also_where_it_takes_something_back(core):
    ingest(core, batch(1, mark(NOW), mark(None, serial="LINE-1", held_by="uncounted")))
    earlier = NOW - timedelta(hours=1)
    ingest(core, batch(2, mark(earlier, held_by="dead_letter")))
    one = found(core)["ZK0001"]
    assert (one.complete_until, one.held_by, one.batch) == (earlier, "dead_letter", 2)
    assert found(core)["LINE-1"].batch == 1, "what a batch does not name stays"


def test_a_batch_that_comes_again_changes_nothing(core):
    first, later = batch(1, mark(NOW - timedelta(hours=1))), batch(2, mark(NOW))
    ingest(core, first)
    ingest(core, later)
    from protocols.batch_chain import FIRST_PREVIOUS

    ingest(core, first, previous=FIRST_PREVIOUS)
    assert found(core)["ZK0001"].complete_until == NOW


def test_nothing_is_complete_that_is_yet_to_come(core):
    ingest(core, batch(1, mark(NOW + timedelta(days=400))))
    assert found(core)["ZK0001"].complete_until == NOW


@pytest.mark.parametrize(
    "odd",
    [
        {"until": NOW.replace(tzinfo=None)},
        {"until": NOW.astimezone(timezone(timedelta(hours=8)))},
        {"fetched": -1},
        {"stored": 2**63},
    ],
)
def test_what_cannot_be_is_nothing_said_and_holds_up_no_batch(core, odd):
    answer = ingest(core, batch(1, mark(**odd), mark(serial="x" * 300)))
    assert len(answer.verdicts) == 2
    one = found(core)["ZK0001"]
    assert (one.complete_until, one.held_by) == (None, "unsound")
    assert set(found(core)) == {"ZK0001"}


def test_a_batch_of_watermarks_alone_is_taken(core):
    ingest(core, batch(1, mark()))
    answer = ingest(core, replace(batch(2, mark(NOW - timedelta(hours=2))), observations=()))
    assert answer.verdicts == ()
    assert found(core)["ZK0001"].batch == 2


def test_the_command_says_who_told_it(core, capsys):
    url = core.url.render_as_string(hide_password=False)
    assert main(["watermark", "--db", url]) == 0
    assert "No gateway" in capsys.readouterr().out
    ingest(core, batch(1, mark(NOW, held_by="log_cleared")))
    assert main(["watermark", "--db", url]) == 1
    shown = capsys.readouterr().out
    assert "ZK0001  complete until 2026-11-21 01:00:00 UTC  held by log_cleared" in shown
    assert "gate-1 batch 1" in shown
    assert main(["watermark", "--db", url, "--device", "nobody"]) == 3
