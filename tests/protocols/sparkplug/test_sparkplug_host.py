"""The host's state: every case of data/line/cases/sparkplug_session.json, and what they leave open."""

import json

import pytest

from protocols.errors import LimitExceededError, ProtocolError
from protocols.sparkplug import (
    DataType,
    Deviation,
    MessageType,
    NewMetric,
    SparkplugHost,
    decode_payload,
    edge_node,
    encode_payload,
    host,
    parse_topic,
)
from protocols.sparkplug.wire import bytes_field, varint_field

NODE = "Factory/Box"
REORDER_S = 2.0


class Plant:
    """One edge node with one device, as a host hears it."""

    def __init__(self):
        self.host = SparkplugHost(reorder_s=REORDER_S, rebirth_every_s=30.0)
        self.now = 1000.0

    def send(self, kind, metrics=(), *, seq=None, device=None, retained=False):
        topic = f"spBv1.0/Factory/{kind}/Box" + (f"/{device}" if device else "")
        return self.raw(topic, encode_payload(metrics, timestamp=5_000, seq=seq), retained=retained)

    def raw(self, topic, data, *, retained=False):
        return self.host.feed(
            parse_topic(topic), decode_payload(data), now_s=self.now, retained=retained
        )

    def born(self, seq=0, bd_seq=0, *, device="ST"):
        self.send(
            "NBIRTH", (bd(bd_seq), metric("Node Control/Rebirth", DataType.BOOLEAN, False)), seq=seq
        )
        birth = (metric("Pieces", value=1, alias=100), metric("DATA/Rejects", value=1, alias=101))
        self.send("DBIRTH", birth, seq=(seq + 1) % 256, device=device)

    def rebirths(self, after=0.0):
        self.now += after
        return self.host.due(self.now).rebirths


def metric(name, datatype=DataType.UINT32, value=1, **more):
    return NewMetric(name=name, datatype=datatype, value=value, **more)


def bd(number):
    return metric("bdSeq", DataType.INT64, number)


@pytest.fixture
def plant():
    return Plant()


def seq_case(plant, case):
    first = case["seqs"][0]
    plant.born(seq=(first - 2) % 256)
    for seq in case["seqs"]:
        plant.send("DDATA", (metric("Pieces"),), seq=seq, device="ST")
    assert plant.rebirths() == ()
    wanted = case.get("rebirth", not case.get("ok", True))
    assert plant.rebirths(REORDER_S) == ((NODE,) if wanted else ())


def nbirth_seq_case(plant, case):
    plant.born(seq=case["nbirth_seq"])
    heard = plant.send("DDATA", (metric("Pieces"),), seq=case["nbirth_seq"] + 2, device="ST")
    assert heard.deviations == ()


def older_death_case(plant, case):
    plant.born(bd_seq=case["nbirth_bdseq"])
    plant.send("NDEATH", (bd(case["ndeath_bdseq"]),))
    assert plant.host.online(NODE) is not case["node_goes_offline"]


def before_birth_case(plant, case):
    heard = plant.send(case["first"], (metric("Pieces", value=7),), seq=5, device="ST")
    assert [r.value for r in heard.readings] == [7], "stored all the same"
    assert Deviation.NO_BIRTH in heard.deviations
    assert bool(plant.rebirths()) is case["rebirth"]


def unknown_alias_case(plant, case):
    plant.born()
    heard = plant.send("DDATA", (metric(None, alias=case["alias"]),), seq=2, device="ST")
    assert heard.readings[0].tag is None
    assert bool(plant.rebirths()) is case["rebirth"]


def envelope_case(plant, case):
    assert case["read_seq_from"] == "inner payload"
    from tests.protocols.sparkplug.test_sparkplug_payload import GZIP_ENVELOPE

    plant.born(seq=5)
    heard = plant.raw("spBv1.0/Factory/DDATA/Box/ST", GZIP_ENVELOPE)
    assert heard.deviations == (Deviation.BARE_ENVELOPE, Deviation.NAME_AND_ALIAS), "7 follows 6"


def both_names_case(plant, case):
    plant.born()
    heard = plant.send("DDATA", (metric("Pieces", alias=100, value=9),), seq=2, device="ST")
    assert case["accept"]
    assert [(r.tag, r.value) for r in heard.readings] == [("Pieces", 9)]
    assert heard.deviations == (Deviation.NAME_AND_ALIAS,)


def uint32_case(plant, case):
    assert case["accept"] == "both"
    plant.born()
    for seq, field in enumerate((10, 11), start=2):
        sent = bytes_field(1, b"Pieces") + varint_field(4, 7) + varint_field(field, 4294967290)
        heard = plant.raw(
            "spBv1.0/Factory/DDATA/Box/ST", bytes_field(2, sent) + varint_field(3, seq)
        )
        assert heard.readings[0].value == 4294967290


def signed_case(plant, case):
    wide = "Int64" in case["name"]
    raw = int(case["name"].split("complement in int_value ")[-1] if not wide else 2**64 - 5)
    sent = varint_field(2, 100) + varint_field(4, 4 if wide else 3) + varint_field(10 + wide, raw)
    plant.born()
    heard = plant.raw("spBv1.0/Factory/DDATA/Box/ST", bytes_field(2, sent) + varint_field(3, 2))
    assert heard.readings[0].value == case["value"]


def same_bd_seq_case(plant, case):
    plant.born()
    plant.send("NDEATH", (bd(0),))
    assert "new NBIRTH always opens a new session" in case["treat"]
    heard = plant.send("NBIRTH", (bd(0),), seq=0)
    assert heard.began
    assert Deviation.BD_SEQ_REUSED in heard.deviations
    assert plant.host.online(NODE)


def unmatched_death_case(plant, case):
    plant.born()
    heard = plant.send("NDEATH", (bd(1),))
    assert "after the reorder window" in case["treat"]
    assert heard.deviations == (Deviation.BD_SEQ_UNMATCHED,)
    assert plant.rebirths() == ()
    assert plant.rebirths(REORDER_S) == (NODE,)


def prefix_case(plant, case):
    plant.born()
    heard = plant.send("DDATA", (metric("Rejects"),), seq=2, device="ST")
    assert "alias table" in case["treat"]
    assert [(r.tag, r.deviations) for r in heard.readings] == [
        ("DATA/Rejects", (Deviation.PREFIXED_NAME,))
    ]


def death_without_seq_case(plant, case):
    plant.born()
    heard = plant.send("DDEATH", (bd(0),), device="ST")
    assert case["accept"]
    assert heard.deviations == (Deviation.MISSING_SEQ,)
    later = plant.send("DDATA", (metric("Pieces"),), seq=2, device="ST")
    assert Deviation.NO_BIRTH in later.deviations, "the device is gone"


def two_connections_case(plant, case):
    assert case["accept"]
    plant.born()
    plant.send("DBIRTH", (bd(9), metric("Pieces")), seq=0, device="own")
    for seq in (1, 2, 3):
        heard = plant.send("DDATA", (metric("Pieces"),), seq=seq, device="own")
        assert heard.deviations == ()
    assert plant.send("DDATA", (metric("Pieces"),), seq=2, device="ST").deviations == ()
    plant.send("NDEATH", (bd(0),))
    assert plant.send("DDATA", (metric("Pieces"),), seq=4, device="own").deviations == ()
    assert plant.rebirths(REORDER_S) == ()


def historical_case(plant, case):
    plant.born(seq=case["seq"] - 2)
    both = (metric("Pieces", value=9, is_historical=True, timestamp=1), metric("Pieces", value=12))
    heard = plant.send("DDATA", both, seq=case["seq"], device="ST")
    assert [(r.value, r.timestamp, r.metric.is_historical) for r in heard.readings] == [
        (9, 1, True),
        (12, 5_000, False),
    ]


CASES = {
    "seq continues": seq_case,
    "gap starts": seq_case,
    "gap not filled": seq_case,
    "NBIRTH seq may be": nbirth_seq_case,
    "NDEATH of an older": older_death_case,
    "DDATA before any birth": before_birth_case,
    "unknown alias": unknown_alias_case,
    "compressed envelope": envelope_case,
    "DDATA carries name AND alias": both_names_case,
    "UInt32 in long_value": uint32_case,
    "negative Int32": signed_case,
    "negative Int64": signed_case,
    "same bdSeq 0": same_bd_seq_case,
    "graceful NDEATH": unmatched_death_case,
    "birth names DATA/Pieces": prefix_case,
    "DDEATH without seq": death_without_seq_case,
    "node and device on two": two_connections_case,
    "is_historical metric": historical_case,
}


@pytest.mark.parametrize("begin", CASES)
def test_the_known_cases(shared_data, plant, begin):
    found = json.loads((shared_data / "line/cases/sparkplug_session.json").read_text())["cases"]
    assert all(any(case["name"].startswith(known) for known in CASES) for case in found)
    (case,) = [case for case in found if case["name"].startswith(begin)]
    CASES[begin](plant, case)


def test_a_storm_of_gaps_is_one_rebirth_in_thirty_seconds(plant):
    plant.born()
    asked = []
    for step in range(600):  # a minute, each second message lost
        plant.send("DDATA", (metric("Pieces"),), seq=(2 + 2 * step) % 256, device="ST")
        if plant.rebirths(after=0.1):
            asked.append(plant.now)
    assert len(asked) == 2
    assert asked[1] - asked[0] >= 30


def test_a_birth_ends_the_wish_for_one(plant):
    plant.send("DDATA", (metric("Pieces"),), seq=2, device="ST")
    plant.born()
    assert plant.rebirths(60) == ()
    assert plant.host.next_due_s() is None


def test_lost_messages_are_counted_once(plant):
    plant.born()
    plant.send("DDATA", (metric("Pieces"),), seq=6, device="ST")  # 2 to 5
    late = plant.send("DDATA", (metric("Pieces"),), seq=3, device="ST")
    assert late.readings[0].late
    assert plant.host.next_due_s() == plant.now + REORDER_S
    plant.now += REORDER_S
    due = plant.host.due(plant.now)
    assert [(one.node_key, one.messages) for one in due.lost] == [(NODE, 3)]
    assert plant.host.due(plant.now + 100).lost == ()


def test_aliases_are_forgotten_at_a_birth_of_the_node(plant):
    plant.born()
    plant.send("NBIRTH", (bd(1),), seq=0)
    heard = plant.send("DDATA", (metric(None, alias=100),), seq=1, device="ST")
    assert heard.readings[0].tag is None


def test_an_alias_carries_the_type_of_its_birth(plant):
    plant.send("NBIRTH", (bd(0),), seq=0)
    plant.send("DBIRTH", (metric("T", DataType.INT32, -1, alias=5),), seq=1, device="ST")
    sent = varint_field(2, 5) + varint_field(10, 4294967289)
    heard = plant.raw("spBv1.0/Factory/DDATA/Box/ST", bytes_field(2, sent) + varint_field(3, 2))
    assert [(r.tag, r.value) for r in heard.readings] == [("T", -7)]


def test_what_cannot_be_is_told_and_kept(plant):
    plant.born()
    sent = bytes_field(1, b"Pieces") + varint_field(4, 6) + varint_field(10, 70000)
    heard = plant.raw("spBv1.0/Factory/DDATA/Box/ST", bytes_field(2, sent) + varint_field(3, 2))
    assert heard.readings[0].value == 70000
    assert Deviation.OUT_OF_RANGE in heard.readings[0].deviations


def test_retained_data_is_flagged(plant):
    plant.born()
    heard = plant.send("DDATA", (metric("Pieces"),), seq=2, device="ST", retained=True)
    assert Deviation.RETAINED in heard.deviations


def test_the_memory_of_births_has_a_cap(plant, monkeypatch):
    monkeypatch.setattr(edge_node, "MAX_METRICS", 5)
    monkeypatch.setattr(host, "MAX_NODES", 1)
    with pytest.raises(LimitExceededError):
        plant.send("NBIRTH", [metric(f"M{n}") for n in range(6)], seq=0)
    with pytest.raises(LimitExceededError):
        plant.raw("spBv1.0/Factory/NDATA/Other", encode_payload((), timestamp=1, seq=1))


def test_deviations_are_counted_by_source(plant):
    plant.born()
    plant.send("DDATA", (metric("New"),), seq=2, device="ST")
    assert plant.host.deviations["Factory/Box/ST", Deviation.NOT_IN_BIRTH] == 1


@pytest.mark.parametrize(
    "topic",
    ["", "spBv1.0", "spBv1.0/G/DDATA/N", "spBv1.0/G/NDATA/N/D", "spBv1.0/G/XDATA/N", "spAv1.0/G/NDATA/N",
     "spBv1.0//NDATA/N", "spBv1.0/G/NDATA/" + "n" * 300, "STATE"],
)  # fmt: skip
def test_other_topics_are_refused(topic):
    with pytest.raises(ProtocolError):
        parse_topic(topic)


def test_both_spellings_of_state():
    assert parse_topic("STATE/h").type is MessageType.STATE
    assert parse_topic("spBv1.0/STATE/h").node == "h"
