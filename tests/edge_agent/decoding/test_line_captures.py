import json

import pytest

from edge_agent.decoding.line import decode_modbus, decode_rdm6300
from edge_agent.decoding.summary import Summary
from edge_agent.decoding.unreadable import UnreadableError
from protocols.modbus.mbap import TcpMessage, encode_tcp
from protocols.modbus.rtu import encode_rtu
from protocols.rdm6300 import encode_card

REGISTERS = [65535, 65530, 65530, 65535, 65530, 3, 0, 77]


def decoded(decode, data):
    summary = Summary()
    rows = []
    for row in decode(data, source="capture", summary=summary):
        json.dumps(row)
        summary.count(row)
        rows.append(row)
    return rows, summary.as_row()["summary"]


def segment(conn, direction, wire):
    return json.dumps({"conn": conn, "dir": direction, "hex": wire, "t": 1.5}).encode() + b"\n"


def message(transaction, unit, pdu):
    return encode_tcp(TcpMessage(transaction=transaction, unit=unit, pdu=bytes.fromhex(pdu))).hex()


def transfer(direction, data):
    head = f"{direction} 2026/11/21 22:55:52.000996056  length={len(data)} from=0 to=9\n"
    return head.encode() + b" " + data.hex(" ").encode() + b"\n"


def test_the_captured_tcp_session(shared_data):
    path = shared_data / "line" / "modbus" / "tcp_mbpoll+modbus-serial_vs_pymodbus.jsonl"
    rows, summary = decoded(decode_modbus, path.read_bytes())
    assert summary == {"records": 7, "quarantined": 0, "repeats": 0, "unanswered": 0}
    assert [
        (r["conn"], r["unit"], r["function"], r["address"], r["registers"])
        for r in rows
        if r["kind"] == "registers"
    ] == [
        (1, 1, 3, 0, REGISTERS),
        (2, 1, 3, 0, REGISTERS[:2]),
        (5, 1, 3, 0, [65535, 65530, 65530, 65535, 65535, 3, 0, 77]),
        (5, 1, 4, 0, REGISTERS[:2]),
    ]
    assert [
        (r["conn"], r["address"], r["exception"]) for r in rows if r["kind"] == "device_event"
    ] == [(4, 100, 2), (5, 500, 2)]
    (write,) = [r for r in rows if r["kind"] == "command_result"]
    assert (write["function"], write["address"], write["value"]) == (6, 4, 65535)


def test_the_captured_serial_line(shared_data):
    path = shared_data / "line" / "modbus" / "rtu_mbpoll_vs_pymodbus_socat.txt"
    rows, summary = decoded(decode_modbus, path.read_bytes())
    assert summary == {"records": 3, "quarantined": 0, "repeats": 0, "unanswered": 0}
    assert [(r["kind"], r["unit"], r["address"]) for r in rows] == [
        ("registers", 17, 0),
        ("device_event", 17, 90),
        ("device_event", 18, 0),
    ]
    assert rows[0]["registers"] == REGISTERS
    assert rows[0]["raw"] == "110310fffffffafffafffffffa00030000004dad99"
    assert [r["exception"] for r in rows[1:]] == [2, 4]


def test_the_captured_card_frames(shared_data):
    folder = shared_data / "vendors"
    for name in ("rdm6300_frames.bin", "rdm6300_datasheet_frame.bin"):
        rows, summary = decoded(decode_rdm6300, (folder / name).read_bytes())
        facts = json.loads((folder / f"{name}.expected.json").read_text())
        cards = {(row["hex"], row["card"]) for row in rows}
        assert cards == {(fact["frame"][:10], fact["calc10"]) for fact in facts}
        assert summary["quarantined"] == 0
        assert summary["records"] - summary["repeats"] == len(facts)


def test_a_card_is_a_repeat_until_it_was_away_for_the_debounce_time():
    anna, *others = (encode_card(number.to_bytes(5, "big")) for number in range(27))
    rows, summary = decoded(decode_rdm6300, anna + anna + b"".join(others[:25]) + anna + anna)
    flagged = [at for at, row in enumerate(rows) if row["flags"] == ["repeat"]]
    assert flagged == [1, 28]
    assert summary["repeats"] == 2


def test_bad_card_frames_are_rows_with_their_bytes():
    good = encode_card(bytes.fromhex("01001293D8"))
    rows, summary = decoded(decode_rdm6300, b"\xff" + good[:-3] + b"59\x03" + good + good[:4])
    assert [(r["kind"], r.get("offset")) for r in rows] == [
        ("quarantined", 0),
        ("quarantined", 1),
        ("card", None),
        ("quarantined", 29),
    ]
    assert summary["quarantined"] == 3
    raws = "".join(row["raw"] for row in rows)
    assert bytes.fromhex(raws) == b"\xff" + good[:-3] + b"59\x03" + good + good[:4]


def test_segments_cut_anywhere_and_connections_mixed():
    asked, answered = message(1, 1, "0300000001"), message(1, 1, "030200ff")
    lines = [segment(c, "c2s", asked[at : at + 2]) for at in range(0, 24, 2) for c in ("a", 2)]
    lines += [segment(c, "s2c", answered[at : at + 6]) for at in range(0, 22, 6) for c in ("a", 2)]
    rows, summary = decoded(decode_modbus, b"".join(lines))
    assert [(r["conn"], r["registers"]) for r in rows] == [("a", [255]), (2, [255])]
    assert summary["unanswered"] == 0


def test_answers_are_matched_by_their_number_and_silence_is_counted():
    rows, summary = decoded(
        decode_modbus,
        segment(1, "c2s", message(1, 1, "0300000001"))
        + segment(1, "c2s", message(2, 1, "0300500001"))
        + segment(1, "c2s", message(3, 9, "0300000001"))
        + segment(1, "s2c", message(2, 1, "03020002") + message(1, 1, "03020001"))
        + segment(1, "c2s", message(3, 9, "0300000001")),
    )
    assert [(r["address"], r["registers"]) for r in rows] == [(0x50, [2]), (0, [1])]
    assert summary["unanswered"] == 2


def test_an_answer_without_its_question_has_no_address():
    (row,), _ = decoded(decode_modbus, segment(1, "s2c", message(1, 1, "03020001")))
    assert (row["address"], row["registers"], row["flags"]) == (None, [1], ["no_request"])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (message(1, 2, "03020001"), "unit 2 answered"),
        (message(1, 1, "04020001"), "answered with function 4"),
        (message(1, 1, "030400010002"), "got 2"),
        (message(1, 1, "0303ffff"), "holds 3"),
    ],
)
def test_answers_that_cannot_be_are_quarantined(answer, reason):
    rows, summary = decoded(
        decode_modbus,
        segment(1, "c2s", message(1, 1, "0300000001"))
        + segment(1, "s2c", answer)
        + segment(1, "c2s", message(2, 1, "0300000001"))
        + segment(1, "s2c", message(2, 1, "03020007")),
    )
    assert [row["kind"] for row in rows] == ["quarantined", "registers"]
    assert reason in rows[0]["reason"]
    assert rows[0]["raw"] == answer
    assert summary["quarantined"] == 1


def test_what_is_not_modbus_tcp_costs_its_direction_only():
    first = segment(1, "s2c", b"HTTP/1.1".hex())
    rows, summary = decoded(
        decode_modbus,
        first
        + segment(1, "s2c", b"rest".hex())
        + b'{"conn": 1}\n\n'
        + segment(2, "s2c", message(1, 1, "03020007"))
        + segment(2, "s2c", message(1, 1, "03020007")[:10]),
    )
    assert [row["kind"] for row in rows] == ["quarantined"] * 3 + ["registers", "quarantined"]
    assert [row["raw"] for row in rows[:2]] == [b"HTTP/1.1".hex(), b"rest".hex()]
    assert rows[1]["offset"] == len(first)
    assert summary["quarantined"] == 4


def test_a_function_that_we_do_not_decode_is_a_frame():
    rows, _ = decoded(
        decode_modbus,
        segment(1, "c2s", message(1, 1, "11")) + segment(1, "s2c", message(1, 1, "110200ff")),
    )
    assert [(r["kind"], r["function"]) for r in rows] == [("frame", 17)]


@pytest.mark.parametrize(("client", "server"), ["<>", "><"])
def test_a_serial_line_with_silence_noise_and_cut_transfers(client, server):
    asked = encode_rtu(17, bytes.fromhex("0300000002"))
    answered = encode_rtu(17, bytes.fromhex("030400010002"))
    rows, summary = decoded(
        decode_modbus,
        transfer(client, encode_rtu(9, bytes.fromhex("0300000002")))  # nobody there
        + transfer(client, asked[:3])
        + transfer(client, asked[3:])
        + transfer(server, b"\xff" + answered[:5])
        + transfer(server, answered[5:])
        + transfer(client, asked)
        + transfer(server, encode_rtu(9, bytes.fromhex("030400030004")))  # late, of another unit
        + transfer(client, asked),
    )
    assert [(r["kind"], r.get("unit"), r.get("registers"), r.get("address")) for r in rows] == [
        ("quarantined", None, None, None),
        ("registers", 17, [1, 2], 0),
        ("registers", 9, [3, 4], None),
    ]
    assert summary == {"records": 2, "quarantined": 1, "repeats": 0, "unanswered": 3}


def test_text_that_socat_did_not_write_is_quarantined():
    answer = encode_rtu(17, bytes.fromhex("030400010002"))
    rows, summary = decoded(
        decode_modbus,
        b"some words\n"
        + transfer("<", answer).replace(b" 11 ", b" zz ")
        + transfer("<", answer).replace(b"length=9", b"length=8")
        + transfer(">", answer),
    )
    assert [row["kind"] for row in rows] == ["quarantined"] * 3 + ["registers"]
    assert "8 bytes announced, 9 given" in rows[2]["reason"]
    assert summary["quarantined"] == 3


def test_an_input_of_another_kind_is_unreadable():
    with pytest.raises(UnreadableError):
        decoded(decode_modbus, b"1001\t2026-11-21 08:30:00\t0\n")
    assert decoded(decode_modbus, b"") == (
        [],
        {"records": 0, "quarantined": 0, "repeats": 0, "unanswered": 0},
    )
