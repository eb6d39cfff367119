"""Tables at rest, hex records and events as rows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decoding.unreadable import UnreadableError
from protocols.zk.attendance import Layout
from tests.edge_agent.decoding.captures import (
    decode,
    file_rows,
    log,
    of_kind,
    people,
    with_size_word,
)

ATT40 = "07003130303700000000000000000000000000000000000000000f88b282330000000000ff000000"
USER72 = (
    "0e0006313233343536007c4e7565766f000000000000000000000000000000000000008f190000"
    "010000000000000000313132323434383800000000000000000000000000000000"
)


def records(*pairs: tuple[str, str | None]) -> bytes:
    listed = [{"kind": kind, "hex": content, "note": "x"} for kind, content in pairs]
    return json.dumps({"schema": "zkrecords/1", "title": "t", "records": listed}).encode()


def test_the_contract_of_a_punch_row():
    (row,), _ = decode("zk-attlog", bytes.fromhex("28000000" + ATT40))
    assert row == {
        "kind": "punch",
        "serial": "input",
        "user_id": "1007",
        "device_time": "2026-11-21T08:30:00",
        "state": 0,
        "verify": 15,
        "direction": "in",
        "method": "face",
        "work_code": 0,
        "card": None,
        "channel": "file",
        "ordinal": 0,
        "flags": [],
        "layout": "att40",
        "uid": 7,
        "raw": ATT40,
    }


@pytest.mark.parametrize("layout", list(Layout))
def test_a_table_with_its_size_word(layout):
    rows, summary = decode("zk-attlog", with_size_word(log(layout, 120)))
    assert {row["layout"] for row in rows} == {layout.value}
    assert summary.records == 120
    assert not summary.degraded
    expected = {None} if layout.holds_uid else {str(1001 + n) for n in range(9)}
    assert {row["user_id"] for row in rows} == expected


@pytest.mark.parametrize("layout", list(Layout))
def test_a_cut_table_gives_its_whole_records_and_one_rest(layout):
    rows, summary = decode("zk-attlog", with_size_word(log(layout, 120))[:-3])
    assert (summary.records, summary.quarantined) == (119, 1)
    assert rows[-1]["offset"] == 4 + 119 * layout.width
    assert summary.extra == {"missing_bytes": 3}
    assert summary.incomplete


def test_a_table_without_size_word():
    _, summary = decode("zk-attlog", log(Layout.ATT40, 30))
    assert (summary.records, summary.quarantined) == (30, 0)


def test_bad_records_in_a_table_cost_one_row_each():
    good = bytes.fromhex(ATT40)
    table = with_size_word(good + b"\x5a" * 40 + good[:2] + bytes(24) + good[26:])
    rows, summary = decode("zk-attlog", table)
    assert (summary.records, summary.quarantined) == (1, 2)
    assert [row["offset"] for row in rows[1:]] == [44, 84]


def test_a_block_written_twice_is_flagged():
    block = log(Layout.ATT40, 20)
    _, summary = decode("zk-attlog", with_size_word(block + block))
    assert (summary.records, summary.repeats) == (40, 20)


def test_senseless_bytes_are_one_quarantined_row():
    rows, summary = decode("zk-attlog", with_size_word(bytes(range(7, 127))))
    assert (summary.records, summary.quarantined) == (0, 1)
    assert rows[0]["reason"] == "120 bytes make no sense as records"


@pytest.mark.parametrize("width", [72, 28])
def test_a_user_table(width):
    rows, summary = decode("zk-users", with_size_word(people(width, 12)))
    assert [row["user_id"] for row in rows] == [str(n) for n in range(1001, 1013)]
    assert {"uid", "name", "privilege", "card", "group", "raw"} <= set(rows[0])
    assert b"48151".hex() not in json.dumps(rows)
    assert not summary.degraded


def test_a_senseless_user_table_shows_nothing_that_may_be_a_password():
    rows, _ = decode("zk-users", with_size_word(b"secret77" * 9))
    assert [row["raw"] for row in of_kind(rows, "quarantined")] == [""]


def test_hex_records_are_read_by_their_kind():
    rows, summary = decode(
        "zk-attlog",
        records(
            ("att8_HBB4s", "07002800a8eba71e"),
            ("att8_HBIB", "07000188b2823301"),
            ("att40", ATT40),
            ("att49", ATT40 + "ff3235350000000000"),
            ("att16", "ef03000088b282330001000000000000"),
            ("oplog16", "0000062ac29b68230300000007000205"),
            ("template_header", "c4040e0004014dfd53533231"),
            ("user72", USER72),
        ),
    )
    assert [row["kind"] for row in rows] == [
        *["punch"] * 5,
        "device_event",
        "template",
        "user",
    ]
    assert [row["uid"] for row in rows[:4]] == [7, 7, 7, 7]
    assert {row["device_time"] for row in rows[1:5]} == {"2026-11-21T08:30:00"}
    assert rows[0]["user_id"] is None
    assert "313233343536" not in rows[7]["raw"]
    assert not summary.degraded


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("att40_head", ATT40[:60]),
        ("att40", "zz"),
        ("att40", None),
        ("user72", USER72[:-2]),
        ("template_header", "c404"),
        ("", "00000000"),
        ("pin", "00" * 5),
    ],
)
def test_a_record_that_does_not_decode_is_one_row(kind, content):
    rows, summary = decode("zk-attlog", records(("att40", ATT40), (kind, content)))
    assert (summary.records, summary.quarantined) == (1, 1)
    assert rows[1]["offset"] == 40
    assert "313233343536" not in rows[1]["raw"]


def test_a_record_without_kind_is_read_by_its_bytes():
    rows, _ = decode("zk-users", records(("", USER72), ("", ATT40)))
    assert [row["kind"] for row in rows] == ["user", "punch"]


def test_events():
    hexes = [
        "f4017545010000002a9349000000120c07130906",
        "f401a04e010000000200008714041d12371200000000",
        "f40188fd800000000200000001",
        "f40188fd80000000ffffffff01",
        "5050827d09000000f401a7fc0001000064",
        "d007000000000000",
        "f401",
        "f401000001000000aabbcc",
    ]
    body = {"schema": "zkevents/1", "events": [{"hex": text} for text in hexes]}
    rows, summary = decode("zk-events", json.dumps(body).encode())
    assert [row["kind"] for row in rows] == [
        "punch",
        "punch",
        "device_event",
        "device_event",
        "device_event",
        "quarantined",
        "quarantined",
        "quarantined",
    ]
    assert (rows[0]["user_id"], rows[0]["device_time"]) == ("4821802", "2018-12-07T19:09:06")
    assert (rows[1]["user_id"], rows[1]["uid"], rows[1]["state"]) == (None, 2, 7)
    assert (rows[2]["uid"], rows[3]["uid"], rows[4]["score"]) == (2, None, 100)
    assert rows[7]["raw"] == "aabbcc"
    assert summary.quarantined == 3


@given(st.binary(max_size=400))
@pytest.mark.parametrize("kind", ["zk-attlog", "zk-users"])
def test_random_tables_never_crash(kind, data):
    try:
        decode(kind, data)
    except UnreadableError:
        assert data.lstrip().startswith((b"{", b"\xef\xbb\xbf"))


def test_real_records(shared_data):
    path = shared_data / "zk_pull" / "att_records_small.json"
    expected = [record["expect"] for record in json.loads(path.read_text())["records"]]
    rows, summary, code = file_rows("zk-attlog", path)
    assert (summary["records"], summary["quarantined"], code) == (6, 1, 1)
    for row, facts in zip(rows, expected, strict=True):
        if row["kind"] == "punch":
            assert row["uid"] == facts["uid"]
            assert row["user_id"] == facts.get("user")
            assert "time" not in facts or row["device_time"] == facts["time"].replace(" ", "T")


def test_real_events(shared_data):
    rows, summary, code = file_rows("zk-events", shared_data / "zk_pull" / "events_attlog.json")
    assert (summary["records"], summary["quarantined"], code) == (4, 0, 0)
    assert [row["kind"] for row in rows] == ["punch", "punch", "device_event", "device_event"]
