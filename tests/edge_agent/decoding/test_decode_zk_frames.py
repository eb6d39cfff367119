"""Captures: what a whole one gives, and what is left of a damaged one."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.decoding.unreadable import UnreadableError
from protocols.zk.attendance import Layout
from protocols.zk.framing import encode_tcp
from tests.edge_agent.decoding.captures import (
    Wire,
    capture,
    decode,
    file_rows,
    log,
    of_kind,
    people,
    with_size_word,
)

ATTENDANCE = "010d000000000000000000"
USERS = "0109000500000000000000"
TEXT_LAYOUTS = [Layout.ATT40, Layout.ATT49, Layout.ATT36, Layout.ATT16]


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("only", [None, "RX"])
@pytest.mark.parametrize("cut", [0, 7, 1460])
def test_a_download_gives_every_punch(layout, only, cut):
    wire = Wire().read_table(ATTENDANCE, log(layout, 250))
    rows, summary = decode("zk-frames", wire.dump(only=only, cut=cut))
    assert len(of_kind(rows, "punch")) == 250
    assert of_kind(rows, "quarantined") == []
    assert not summary.degraded
    if cut == 0 and only is None:
        assert len(rows) == 250  # frames that carried the table have no rows of their own


@pytest.mark.parametrize("width", [72, 28])
def test_users_and_attendance_by_uid_in_one_capture(width):
    wire = Wire().read_table(ATTENDANCE, log(Layout.ATT8A, 40))
    wire.read_table(USERS, people(width, 9))
    data = wire.dump(cut=1460)
    rows, summary = decode("zk-frames", data)
    assert [user["user_id"] for user in of_kind(rows, "user")] == [
        str(n) for n in range(1001, 1010)
    ]
    punches = of_kind(rows, "punch")
    assert [punch["user_id"] for punch in punches] == [str(1001 + n % 9) for n in range(40)]
    assert summary.quarantined == 0
    assert b"48151".hex() in data.decode()
    assert b"48151".hex() not in json.dumps(rows)


def test_an_attendance_log_by_uid_without_its_users_keeps_the_uid():
    rows, _ = decode("zk-frames", Wire().read_table(ATTENDANCE, log(Layout.ATT8A, 5)).dump())
    assert {(punch["user_id"], punch["uid"]) for punch in rows} == {
        (None, uid) for uid in range(1, 6)
    }


def lose(wire: Wire, keep):
    wire.packets = [item for index, item in enumerate(wire.packets) if keep(index, item[1])]
    return wire


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("only", [None, "RX"])
def test_without_the_first_packets(layout, only):
    """No request, no announcement, no first packet: the rest finds its own records."""
    wire = Wire().read_table(ATTENDANCE, log(layout, 600), chunk=99_999)
    data_seen = [i for i, (_, packet) in enumerate(wire.packets) if packet.command == 1501]
    lose(wire, lambda index, _: index > data_seen[1])
    rows, summary = decode("zk-frames", wire.dump(only=only))
    kept = 600 * layout.width + 4 - 2 * 1008
    punches = of_kind(rows, "punch")
    assert kept // layout.width - 1 <= len(punches) <= kept // layout.width
    assert {punch["raw"] for punch in punches} <= raws(layout, 600)
    assert summary.quarantined <= 1
    assert summary.degraded


def raws(layout: Layout, rows: int) -> set[str]:
    table = log(layout, rows)
    return {
        table[start : start + layout.width].hex() for start in range(0, len(table), layout.width)
    }


@pytest.mark.parametrize("layout", list(Layout))
def test_without_the_last_packets(layout):
    wire = Wire().read_table(ATTENDANCE, log(layout, 250))
    data_seen = [i for i, (_, packet) in enumerate(wire.packets) if packet.command == 1501]
    lose(wire, lambda index, _: index < data_seen[-1])
    rows, summary = decode("zk-frames", wire.dump(only="RX"))
    assert {punch["raw"] for punch in of_kind(rows, "punch")} <= raws(layout, 250)
    assert len(of_kind(rows, "punch")) > 25
    assert summary.quarantined <= 1
    assert summary.incomplete
    assert summary.extra["missing_bytes"] > 0


def test_without_the_final_ack_nothing_is_missing():
    wire = Wire().read_table(ATTENDANCE, log(Layout.ATT40, 100))
    lose(wire, lambda index, _: index < len(wire.packets) - 3)
    rows, summary = decode("zk-frames", wire.dump(only="RX"))
    assert len(of_kind(rows, "punch")) == 100
    assert not summary.degraded


@settings(max_examples=60, deadline=None)
@given(
    layout=st.sampled_from(TEXT_LAYOUTS),
    start=st.integers(0, 9000),
    length=st.integers(1, 9000),
)
def test_any_window_of_a_stream_gives_true_records_only(layout, start, length):
    wire = Wire().read_table(ATTENDANCE, log(layout, 200))
    stream = b"".join(encode_tcp(packet) for side, packet in wire.packets if side == "RX")
    rows, _ = decode("zk-frames", capture([("RX", stream[start : start + length])]))
    # The first bytes of an ATT49 record are an ATT40 record: a short window may be read as that.
    known = {raw[:80] for raw in raws(layout, 200)}
    assert {punch["raw"][:80] for punch in of_kind(rows, "punch")} <= known


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_lost_segment_costs_its_own_records_only(data):
    wire = Wire().read_table(ATTENDANCE, log(Layout.ATT40, 200), packet=1008)
    stream = b"".join(encode_tcp(packet) for side, packet in wire.packets if side == "RX")
    segments = [stream[start : start + 700] for start in range(0, len(stream), 700)]
    lost = data.draw(st.integers(0, len(segments) - 1))
    kept = [("RX", part) for index, part in enumerate(segments) if index != lost]
    rows, _ = decode("zk-frames", capture(kept))
    punches = {punch["raw"] for punch in of_kind(rows, "punch")}
    assert punches <= raws(Layout.ATT40, 200)
    assert len(punches) > 150


@pytest.mark.parametrize("order", ["reversed", "twice", "ack_first", "announcement_late"])
def test_datagrams_out_of_order(order):
    wire = Wire().read_table(ATTENDANCE, log(Layout.ATT16, 300), chunk=99_999, packet=1024)
    data = [item for item in wire.packets if item[1].command == 1501]
    at = wire.packets.index(data[0])
    others = [item for item in wire.packets if item[1].command != 1501]
    shuffled = {
        "reversed": data[::-1],
        "twice": [*data, *data],
        "ack_first": [others[at], *data],
        "announcement_late": [data[0], others[at - 1], *data[1:]],
    }[order]
    others = [item for item in others if item not in shuffled]
    at -= order == "announcement_late"
    wire.packets = others[:at] + shuffled + others[at:]
    rows, summary = decode("zk-frames", wire.dump(transport="udp"))
    assert len(of_kind(rows, "punch")) == 300
    assert not summary.degraded


@pytest.mark.parametrize("only", [None, "RX"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_users_without_the_announcement_of_their_packets(transport, only):
    """The first packet has its size word, the others follow it by number."""
    wire = Wire().read_table(USERS, people(72, 70), chunk=99_999, packet=1008)
    wire.packets = wire.packets[4:]
    assert wire.packets[0][1].command == 1501
    rows, summary = decode("zk-frames", wire.dump(transport=transport, only=only))
    assert [row["user_id"] for row in of_kind(rows, "user")] == [str(n) for n in range(1001, 1071)]
    assert not summary.degraded


@pytest.mark.parametrize("lost", range(30, 40))
@pytest.mark.parametrize("width", [72, 28])
def test_users_from_the_middle_of_a_chunk_are_never_made_of_two(width, lost):
    """What is captured begins in a chunk whose place in the table nobody knows."""
    wire = Wire().read_table(USERS, people(width, 1500), chunk=16_384, packet=1024)
    wire.packets = [item for item in wire.packets[lost:] if item[0] == "RX"]
    rows, _ = decode("zk-frames", wire.dump(transport="udp"))
    found = [row["user_id"] for row in of_kind(rows, "user")]
    assert len(found) > 100
    assert set(found) <= {str(n) for n in range(1001, 2501)}


@pytest.mark.parametrize("layout", TEXT_LAYOUTS)
@pytest.mark.parametrize("asked", [True, False])
def test_an_inline_table_in_a_datagram_that_is_cut(layout, asked):
    """Its session field is the session id, no packet number."""
    wire = Wire()
    wire.answer(2000)
    wire.ask(1503, bytes.fromhex(ATTENDANCE))
    wire.answer(1501, with_size_word(log(layout, 8)))
    if not asked:
        wire.packets = [item for item in wire.packets if item[0] == "RX"]
    sent = json.loads(wire.dump(transport="udp"))
    whole = 2
    sent["frames"][-1]["hex"] = sent["frames"][-1]["hex"][: 2 * (8 + 4 + whole * layout.width + 7)]
    rows, summary = decode("zk-frames", json.dumps(sent).encode())
    assert [punch["raw"] for punch in of_kind(rows, "punch")] == [
        log(layout, 8)[at * layout.width : (at + 1) * layout.width].hex() for at in range(whole)
    ]
    assert summary.incomplete


def test_the_mark_of_a_windows_editor_is_no_damage():
    whole = Wire().read_table(USERS, people(72, 3)).dump()
    rows, _ = decode("zk-frames", b"\xef\xbb\xbf" + whole)
    assert len(of_kind(rows, "user")) == 3


def test_a_chunk_that_was_asked_twice_counts_once():
    records = log(Layout.ATT40, 150)
    wire = Wire().read_table(ATTENDANCE, records, chunk=99_999)
    again = Wire().read_table(ATTENDANCE, records, chunk=99_999)
    retry = again.packets[2:]
    first_try = [item for item in wire.packets[:6] if item[1].command != 2000 or item[1].data]
    wire.packets = first_try + [
        (side, type(p)(command=p.command, session=p.session, reply_id=p.reply_id + 5, data=p.data))
        for side, p in retry
    ]
    rows, summary = decode("zk-frames", wire.dump())
    assert len(of_kind(rows, "punch")) == 150
    assert summary.repeats == 0


def test_a_single_datagram_from_the_middle():
    """As udp_att16_packet123.json: it begins inside a record, and is cut at its end."""
    content = with_size_word(log(Layout.ATT16, 400))
    wire = Wire()
    wire.answer(1501, content[3 * 1024 : 4 * 1024 - 387], session=3)
    rows, summary = decode("zk-frames", wire.dump(transport="udp"))
    assert {punch["raw"] for punch in of_kind(rows, "punch")} <= raws(Layout.ATT16, 400)
    assert len(of_kind(rows, "punch")) == 39
    (rest,) = of_kind(rows, "quarantined")
    assert "cut records" in rest["reason"]
    assert summary.incomplete


def test_garbage_behind_a_right_size_word_is_quarantined_whole():
    wire = Wire()
    wire.answer(1501, with_size_word(bytes(range(7, 127))))
    rows, summary = decode("zk-frames", wire.dump())
    assert (summary.records, summary.quarantined) == (0, 1)
    assert rows[0]["raw"] == bytes(range(7, 127)).hex()


TEMPLATE = b"\x4d\x98SS21" + bytes(range(256)) * 4


@pytest.mark.parametrize("lost", ["nothing", "request", "last"])
def test_a_template_is_measured_and_never_shown(lost):
    wire = Wire()
    wire.ask(88, b"\x0e\x00\x04")
    wire.answer(1500, (len(TEMPLATE)).to_bytes(4, "little") + (1008).to_bytes(4, "little"))
    wire.answer(1501, TEMPLATE[:1008], session=0)
    wire.answer(1501, TEMPLATE[1008:], session=1)
    wire.answer(2000)
    lose(
        wire,
        lambda index, _: not ((lost == "request" and index == 0) or (lost == "last" and index > 2)),
    )
    rows, summary = decode("zk-frames", wire.dump())
    (row,) = of_kind(rows, "template")
    assert row["size"] == len(TEMPLATE)
    assert (row["uid"], row["finger"]) == ((None, None) if lost == "request" else (14, 4))
    assert summary.incomplete == (lost == "last")
    assert TEMPLATE[200:260].hex() not in json.dumps(rows)


def test_a_template_without_its_beginning_is_not_shown_either():
    wire = Wire()
    wire.answer(1501, TEMPLATE[300:], session=1)
    rows, _ = decode("zk-frames", wire.dump())
    (row,) = of_kind(rows, "quarantined")
    assert row["raw"] == ""
    assert "digest" in row["reason"]


def test_uploads_of_templates_and_keys_are_hidden():
    wire = Wire()
    wire.ask(1102, bytes.fromhex("614d323c"))
    wire.ask(1501, TEMPLATE)
    wire.ask(12, b"COMKey=123456\0")
    wire.ask(8, b"\x01\0\0" + b"48151\0\0\0" + bytes(30))
    rows, _ = decode("zk-frames", wire.dump())
    shown = json.dumps(rows)
    assert len(rows) == 4
    for secret in ("614d323c", TEMPLATE[:20].hex(), "123456", b"48151".hex()):
        assert secret not in shown


def test_frames_without_a_table_have_one_row_each():
    wire = Wire()
    wire.ask(1000)
    wire.answer(2005)
    wire.ask(11, b"~Platform\0")
    wire.answer(2000, b"~Platform=ZEM760_TFT\0")
    wire.ask(50)
    wire.answer(2000, bytes(92))
    wire.packets.append(
        ("RX", type(wire.packets[0][1])(command=500, session=256, reply_id=0, data=b"\x64"))
    )
    rows, summary = decode("zk-frames", wire.dump())
    assert [row["kind"] for row in rows] == [
        "frame",
        "frame",
        "frame",
        "options",
        "frame",
        "frame",
        "device_event",
    ]
    assert rows[0]["name"] == "CONNECT"
    assert rows[1]["name"] == "ACK_UNAUTH"
    assert rows[3]["values"] == {"Platform": "ZEM760_TFT"}
    assert rows[5]["sizes"]["attendance"] == 0
    assert rows[6]["score"] == 100
    assert not summary.degraded


def test_an_event_in_mid_download_is_a_punch_of_its_own():
    wire = Wire().read_table(ATTENDANCE, log(Layout.ATT40, 60))
    event = bytes.fromhex("3939393131313333330000000000000000000000000000000100120619112905")
    packet = type(wire.packets[0][1])(command=500, session=1, reply_id=0, data=event)
    wire.packets.insert(5, ("RX", packet))
    rows, _ = decode("zk-frames", wire.dump(cut=100))
    live = [row for row in of_kind(rows, "punch") if row["channel"] == "live"]
    assert [row["user_id"] for row in live] == ["999111333"]
    assert len(of_kind(rows, "punch")) == 61


def test_the_client_side_alone_is_incomplete():
    rows, summary = decode(
        "zk-frames", Wire().read_table(ATTENDANCE, log(Layout.ATT40, 60)).dump(only="TX")
    )
    assert {row["kind"] for row in rows} == {"frame"}
    assert summary.incomplete


def test_a_broken_checksum_is_counted_not_fatal():
    frame = bytearray(encode_tcp(Wire().read_table(USERS, people(72, 2)).packets[0][1]))
    frame[10] ^= 1
    rows, summary = decode("zk-frames", capture([("TX", bytes(frame))]))
    assert rows[0]["checksum_ok"] is False
    assert summary.extra["wrong_checksums"] == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["RX", "TX"]), st.binary(max_size=80)), max_size=6),
    st.sampled_from(["tcp", "udp"]),
)
def test_random_bytes_never_crash(frames, transport):
    rows, summary = decode("zk-frames", capture(frames, transport))
    assert summary.records + summary.quarantined == len(rows)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"schema": "zkcapture/2", "transport": "tcp", "frames": []}',
        b'{"schema": "zkcapture/1", "transport": "tcp", "frames": [{"dir": "RX", "hex": "5x"}]}',
    ],
)
def test_what_is_no_capture_is_unreadable(data):
    with pytest.raises(UnreadableError):
        decode("zk-frames", data)


REAL = {
    # capture: (kind of its records, how many, quarantined, exit code)
    "tcp_client_15k_download.json": ("frame", 10, 0, 1),
    "tcp_d2_free_sizes.json": ("frame", 3, 0, 0),
    "tcp_k40_direct_attlog_garbage.json": ("punch", 0, 1, 1),
    "tcp_session_auth.json": ("frame", 11, 0, 1),
    "tcp_template_1244.json": ("template", 1, 0, 0),
    "tcp_users72_inline_7.json": ("user", 7, 0, 0),
    "tcp_users72_inline_split_k20.json": ("user", 2, 0, 0),
    "udp_att16_packet123.json": ("punch", 38, 1, 1),
    "udp_users28_packet0.json": ("user", 18, 0, 1),
}


@pytest.mark.parametrize("name", REAL)
def test_real_captures(shared_data, name):
    kind, count, quarantined, code = REAL[name]
    rows, summary, exit_code = file_rows("zk-frames", shared_data / "zk_pull" / name)
    assert len(of_kind(rows, kind)) == count
    assert summary["quarantined"] == quarantined
    assert summary["records"] + summary["quarantined"] == len(rows)
    assert exit_code == code


def test_the_real_frames_of_an_f19(shared_data):
    rows, summary, code = file_rows("zk-frames", shared_data / "zk_pull/tcp_f19_frames.json")
    written, sample = of_kind(rows, "user")
    assert (written["user_id"], written["privilege"], written["card"]) == ("11224488", 6, 6543)
    assert (sample["user_id"], sample["card"], sample["group"]) == ("555", 222, 2)
    assert sample["time_zones"] == [1, 2, 0]
    assert {punch["user_id"] for punch in of_kind(rows, "punch")} == {"999111333"}
    values = [row["values"] for row in of_kind(rows, "options")]
    assert values == [
        {"Platform": "ZEM760_TFT"},
        {"WorkCode": "0"},
        {"LockOn": "5"},
        {"AntiPassbackOn": "0"},
    ]
    assert (len(rows), summary["quarantined"], code) == (19, 0, 0)
