"""Topics, mappings, sums and gaps, without a broker."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LimitExceededError, ProtocolError
from protocols.line_json import (
    SHAPES,
    Fields,
    GapWatch,
    RunningTotals,
    TopicFilter,
    TopicMapping,
    read_message,
)
from protocols.line_json import running_totals as sums


@pytest.mark.parametrize(
    ("text", "topic", "names"),
    [
        ("gw/v1/{site}/+/count", "gw/v1/s/l/count", {"site": "s"}),
        ("a/{b}/#", "a/x/y/z", {"b": "x"}),
        ("a/{b}/#", "a/x", {"b": "x"}),
        ("a/b", "a/b/c", None),
        ("a/b/c", "a/b", None),
        ("a/+", "b/c", None),
    ],
)
def test_filters(text, topic, names):
    found = TopicFilter(text)
    found.check()
    assert found.match(topic) == names


@pytest.mark.parametrize("text", ["", "a//b", "a/#/b", "a/{b}c", "a/x+", "{a}/{a}", "a/{B}"])
def test_filters_that_mean_nothing(text):
    with pytest.raises(ProtocolError):
        TopicFilter(text).check()


@pytest.mark.parametrize(
    ("name", "rows", "pieces"),
    [
        ("umh_addLowSpeedStates_countSlice_1601391491.json", 530, 7381),
        ("umh_addLowSpeedStates_countSlice_1601392325.json", 487, 8092),
    ],
)
def test_a_real_packing_line_by_umh_is_added_up(shared_data, name, rows, pieces):
    entries = json.loads((shared_data / "line" / "counts" / name).read_text())
    assert len(entries) == rows
    mapping = TopicMapping(
        filter=TopicFilter("ia/{customer}/{location}/{asset}/count"),
        source="{asset}", tag="count", counting="delta",
        fields=Fields(pieces="Count", time="Timestamp"),
    )  # fmt: skip
    totals = RunningTotals(None, epoch="e")
    last = 0
    for entry in reversed(entries):
        names = {"customer": "c", "location": "l", "asset": "filler"}
        message = read_message(mapping, names, json.dumps(entry).encode())
        assert message.at.isoformat(timespec="milliseconds").startswith("2020-09-29T")
        (sample,) = message.samples
        last = totals.add("filler", sample.value)[-1].value
    assert last == pieces


def test_umh_shapes():
    classic, scrap = SHAPES["umh-classic"]
    names = {"customer": "c", "location": "l", "asset": "a"}
    read = read_message(classic, names, b'{"timestamp_ms": 1601391491000, "count": 16, "scrap": 1}')
    assert [(s.metric, s.value) for s in read.samples] == [("pieces", 16), ("rejects", 1)]
    read = read_message(scrap, names, b'{"timestamp_ms": 1601391491000, "scrap": 3}')
    assert [(s.metric, s.value) for s in read.samples] == [("rejects", 3)]
    (v1,) = SHAPES["umh-v1"]
    names = v1.filter.match("umh/v1/e/s/a/l/c/_historian/good")
    read = read_message(v1, names, b'{"timestamp_ms": 1601391491000, "value": 120}')
    assert (read.source, read.tag, read.samples[0].value) == ("e/s/a/l/c", "good", 120)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda c: st.dictionaries(st.sampled_from(["v", "boot", "seq", "ts", "pieces", "rejects", "rej", "badge", "x"]), c) | st.lists(c), max_leaves=10).map(lambda v: json.dumps(v).encode()))  # fmt: skip
def test_any_message_is_read_or_refused(payload):
    (mapping,) = SHAPES["gw-v1"]
    try:
        message = read_message(mapping, {"site": "s", "line": "l", "station": "x"}, payload)
    except ProtocolError:
        return
    assert message.samples
    assert all(0 <= sample.value < 2**63 for sample in message.samples)


def test_sums_go_on_from_their_cursor_and_know_what_they_added():
    totals = RunningTotals(None, epoch="first")
    assert not totals.is_repeat("t", b"1")
    assert [(t.value, t.seq) for t in totals.add("c", 5)] == [(0, 0), (5, 1)]
    again = RunningTotals(totals.encode(), epoch="second")
    assert again.epoch == "first"
    assert again.is_repeat("t", b"1")
    assert not again.is_repeat("t", b"2")
    assert [(t.value, t.seq) for t in again.add("c", 2)] == [(7, 2)]


def test_sums_have_caps(monkeypatch):
    monkeypatch.setattr(sums, "MAX_TOTALS", 1)
    totals = RunningTotals(None, epoch="e")
    totals.add("a", 1)
    with pytest.raises(LimitExceededError):
        totals.add("b", 1)
    for number in range(sums.REMEMBERED + 10):
        assert not totals.is_repeat("t", b"%d" % number)
    assert len(totals.encode()) < 20_000
    assert not totals.is_repeat("t", b"1"), "forgotten: long ago"


@given(st.permutations(range(30)), st.sets(st.integers(1, 28), max_size=10))
def test_gaps_are_what_never_came(order, missing):
    """Whatever the order, once the first is there and the last has come."""
    watch = GapWatch()
    came = [0, *(seq for seq in order if seq not in missing and seq not in (0, 29)), 29]
    found = [gap for seq in came for gap in watch.note("s", "1", seq, 0.0)]
    found += watch.due(1000.0)
    told = {seq for gap in found for seq in range(gap.first, gap.last + 1)}
    assert told == missing
    assert watch.due(2000.0) == []
    assert watch.next_due_s() is None


def test_a_new_boot_ends_the_waiting():
    watch = GapWatch()
    for seq in (1, 3):
        assert watch.note("s", "1", seq, 0.0) == []
    (gap,) = watch.note("s", "2", 0, 0.0)
    assert (gap.boot, gap.first, gap.last) == ("1", 2, 2)
    watch.note("s", "2", 0, 0.0)
    assert watch.repeats == 1
