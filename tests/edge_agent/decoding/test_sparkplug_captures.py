import json

import pytest

from edge_agent.decoding.sparkplug import decode_sparkplug
from edge_agent.decoding.summary import Summary
from edge_agent.decoding.unreadable import UnreadableError

SESSION = "cirrus_sparkplug-client-3.2.4_session"
INTEGERS = {"UInt64", "Int64"}  # the peer writes them as text


def decoded(data):
    summary = Summary()
    rows = []
    for row in decode_sparkplug(data, source="capture", summary=summary):
        json.dumps(row)
        summary.count(row)
        rows.append(row)
    return rows, summary.as_row()["summary"]


def of_peer(line):
    for metric in line["metrics"]:
        value = metric.get("value")
        if metric["type"] in INTEGERS and value is not None:
            value = int(value)
        yield line["topic"].split("/")[2], metric["name"], value, metric.get("hist", False)


def test_every_metric_of_the_captured_session_is_what_its_own_decoder_says(shared_data):
    folder = shared_data / "line" / "sparkplug"
    rows, summary = decoded((folder / f"{SESSION}.jsonl").read_bytes())
    peer = [
        json.loads(line) for line in (folder / f"{SESSION}.decoded.jsonl").read_text().splitlines()
    ]
    expected = [metric for line in peer for metric in of_peer(line)]
    ours = [
        (row["type"], row["tag"], row["value"], "historical" in row["flags"])
        for row in rows
        if "tag" in row
    ]
    assert ours == expected, "no fault of this peer shows in a value"
    assert (summary["records"], summary["quarantined"]) == (len(rows), 0)
    assert summary["records"] - len(ours) == 11, "3 NBIRTH, 3 DBIRTH, 2 NDEATH, 2 DDEATH, 1 NCMD"
    deviations = {key: value for key, value in summary.items() if "_" in key}
    assert deviations == {
        "bare_envelope": 4,
        "bd_seq_not_int64": 3,
        "bd_seq_reused": 1,
        "name_and_alias": 516,
        "uint32_as_long": 515,
    }


def test_the_same_messages_come_out_of_the_recorded_connections(shared_data):
    folder = shared_data / "line" / "sparkplug"
    rows, summary = decoded((folder / "cirrus_raw_mqtt_tcp.jsonl").read_bytes())
    heard, _ = decoded((folder / f"{SESSION}.jsonl").read_bytes())
    assert summary["quarantined"] == 0
    counts = [(r["source"], r["tag"], r["value"], r["raw"]) for r in heard if r["kind"] == "count"]
    sent = [(r["source"], r["tag"], r["value"], r["raw"]) for r in rows if r["kind"] == "count"]
    for one in sent:
        if one[1] != "bdSeq":
            assert one in counts
    assert sum("will" in row["flags"] for row in rows) == 2, "one for each of its processes"


def line(topic, payload, **more):
    return json.dumps({"topic": topic, "payload_hex": payload, **more}).encode() + b"\n"


GOOD = "08e807120c0a0650696563657320075009180a"  # Pieces = 9, seq 10


def test_bad_lines_cost_themselves_alone():
    rows, summary = decoded(
        line("spBv1.0/G/DDATA/N/D", GOOD)
        + line("spBv1.0/G/DDATA/N/D", "zz")
        + b'{"topic": 1}\n\n'
        + line("spBv1.0/G/DDATA/N/D", "127f01")
        + line("some/other/topic", GOOD)
        + line("spBv1.0/STATE/host", b'{"online":true,"timestamp":5}'.hex(), retain=True)
        + line("spBv1.0/STATE/host", b"gibberish".hex())
    )
    kinds = [row["kind"] for row in rows]
    assert kinds == ["count"] + ["quarantined"] * 4 + ["device_event", "quarantined"]
    assert rows[0]["flags"] == ["no_birth"]
    assert (rows[0]["tag"], rows[0]["value"], rows[0]["seq"]) == ("Pieces", 9, 10)
    assert rows[3]["raw"] == "127f01"
    assert (rows[5]["code"], rows[5]["online"]) == ("state", True)
    assert summary["quarantined"] == 5


def test_one_payload_alone():
    (event, count), summary = decoded(bytes.fromhex(GOOD))
    assert (event["code"], event["seq"], event["flags"]) == ("payload", 10, [])
    assert (count["kind"], count["tag"], count["value"]) == ("count", "Pieces", 9)
    assert summary["quarantined"] == 0
    rows, summary = decoded(bytes.fromhex("127f01"))
    assert (rows[0]["kind"], summary["quarantined"]) == ("quarantined", 1)


def test_connections_that_are_no_mqtt_and_packets_that_are_cut():
    def segment(conn, data, way="c2s"):
        return json.dumps({"conn": conn, "dir": way, "hex": data}).encode() + b"\n"

    topic = b"spBv1.0/G/DDATA/N/D"
    body = len(topic).to_bytes(2, "big") + topic + bytes.fromhex(GOOD)
    publish = (bytes([0x30, len(body)]) + body).hex()
    rows, summary = decoded(
        segment(1, publish[:20]) + segment(1, publish[20:])
        + segment(2, b"\x00 GET / HTTP".hex()) + segment(2, "00")
        + segment(3, publish[:-2])
    )  # fmt: skip
    assert [row["kind"] for row in rows] == ["count"] + ["quarantined"] * 3
    assert summary["quarantined"] == 3


def test_another_kind_of_json_is_unreadable():
    with pytest.raises(UnreadableError):
        decoded(b'{"schema": "zkcapture/1"}\n')
