"""Payloads: vectors of the wire, what two peers disagree about, and what must be refused."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LimitExceededError, ProtocolError
from protocols.sparkplug import (
    DataType,
    HostState,
    NewMetric,
    decode_payload,
    decode_state,
    encode_payload,
    encode_state,
    rebirth_request,
)
from protocols.sparkplug.datatypes import meaning
from protocols.sparkplug.payload import COMPRESSED_UUID, MAX_METRICS, MAX_NESTING, MAX_PAYLOAD_BYTES
from protocols.sparkplug.wire import bytes_field, read_fields, varint_field

# data/line/sparkplug, line 8: sparkplug-client 3.2.4, GZIP, no seq and no timestamp outside.
GZIP_ENVELOPE = bytes.fromhex(
    "12130a09616c676f726974686d200c7a04475a4950221253504256312e305f434f4d505245535345442a391f8b08"
    "00000000000003e3f8b0e141e3021321392e7ee7fcd2bc92d4a262fd80ccd4e4d462811409889c027b04bf043b00"
    "d6954b4e29000000"
)


def envelope(body, algorithm=b"GZIP"):
    named = bytes_field(1, b"algorithm") + varint_field(4, 12) + bytes_field(15, algorithm)
    return bytes_field(2, named) + bytes_field(4, COMPRESSED_UUID.encode()) + bytes_field(5, body)


def pieces(value, datatype=DataType.UINT32, **more):
    return NewMetric(name="Pieces", datatype=datatype, value=value, **more)


def test_a_compressed_envelope_has_its_seq_inside():
    payload = decode_payload(GZIP_ENVELOPE)
    assert (payload.seq, payload.timestamp) == (7, 1795300006000)
    assert (payload.compressed, payload.bare) == ("GZIP", True)
    assert [(m.name, m.value) for m in payload.metrics] == [("Counters/Pieces", 15)]


@pytest.mark.parametrize(
    ("algorithm", "compress"),
    [
        (b"GZIP", gzip.compress),
        (b"DEFLATE", zlib.compress),
        (b"DEFLATE", lambda body: zlib.compress(body)[2:-4]),  # without zlib's head and sum
    ],
)
def test_every_way_to_compress(algorithm, compress):
    plain = encode_payload((pieces(9),), timestamp=5, seq=1)
    payload = decode_payload(envelope(compress(plain), algorithm))
    assert [m.value for m in payload.metrics] == [9]


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        (DataType.INT8, -7), (DataType.INT16, -32768), (DataType.INT32, -7),
        (DataType.INT64, -5), (DataType.UINT32, 2**32 - 1), (DataType.UINT64, 2**64 - 1),
        (DataType.FLOAT, 21.5), (DataType.DOUBLE, 99.75), (DataType.BOOLEAN, True),
        (DataType.STRING, "张三"), (DataType.UINT16, None),
    ],
)  # fmt: skip
def test_what_we_write_we_read(datatype, value):
    (metric,) = decode_payload(
        encode_payload((pieces(value, datatype, alias=3),), timestamp=1, seq=0)
    ).metrics
    assert meaning(metric.value, metric.datatype) == value
    assert metric.is_null == (value is None)
    assert metric.alias == 3


@pytest.mark.parametrize(
    ("raw", "datatype", "value"),
    [
        (4294967289, DataType.INT32, -7),  # Cirrus: two's complement in int_value
        (18446744073709551611, DataType.INT64, -5),  # pysparkplug, in long_value
        (18446744073709551609, DataType.INT32, -7),  # sign extended to 64 bits
        (249, DataType.INT8, -7),
        (4294967289, DataType.INT8, -7),
        (18446744073709551610, DataType.UINT32, 4294967290),  # a Java int, extended
        (4294967290, DataType.UINT32, 4294967290),
        (1, DataType.BOOLEAN, True),
        (7, None, 7),
        (7, DataType.DOUBLE, 7),
        ("7", DataType.INT32, "7"),
    ],
)
def test_the_type_says_what_an_integer_means(raw, datatype, value):
    assert meaning(raw, datatype) == value


@pytest.mark.parametrize(
    ("raw", "datatype"),
    [
        (2**32, DataType.UINT32),
        (70000, DataType.UINT16),
        (300, DataType.INT8),
        (2**33, DataType.INT32),
    ],
)
def test_what_a_type_cannot_hold_is_told(raw, datatype):
    with pytest.raises(ValueError, match=str(raw)):
        meaning(raw, datatype)


def test_a_template_gives_the_metrics_inside_it():
    inner = bytes_field(1, b"Pieces") + varint_field(4, 7) + varint_field(10, 5)
    template = bytes_field(1, b"1.0") + bytes_field(2, inner) + bytes_field(4, b"Counter")
    outer = bytes_field(1, b"Station") + varint_field(4, 19) + bytes_field(18, template)
    payload = decode_payload(bytes_field(2, outer))
    assert [(m.name, m.value) for m in payload.metrics] == [
        ("Station", None),
        ("Station/Pieces", 5),
    ]


def test_the_quality_property_is_read_and_others_passed_over():
    def value(number):
        return varint_field(1, 3) + varint_field(3, number)

    properties = (
        bytes_field(1, b"engUnit") + bytes_field(1, b"quality")
        + bytes_field(2, value(1)) + bytes_field(2, value(500))
    )  # fmt: skip
    metric = bytes_field(1, b"P") + bytes_field(9, properties) + varint_field(10, 1)
    (read,) = decode_payload(bytes_field(2, metric)).metrics
    assert read.quality == 500


def test_fields_of_later_versions_are_passed_over():
    metric = bytes_field(1, b"P") + bytes_field(17, b"\xff\xff") + varint_field(40, 1)
    payload = decode_payload(bytes_field(2, metric) + bytes_field(99, b"x") + varint_field(3, 4))
    assert (payload.seq, payload.metrics[0].value) == (4, None)


def bomb():
    return envelope(gzip.compress(bytes(MAX_PAYLOAD_BYTES + 1)))


def nested(depth):
    data = bytes_field(1, b"deep")
    for _ in range(depth):
        data = bytes_field(1, b"t") + bytes_field(18, bytes_field(2, data))
    return bytes_field(2, data)


@pytest.mark.parametrize(
    "data",
    [
        bytes(10 * 1024 * 1024),
        bomb(),
        nested(MAX_NESTING + 1),
        bytes_field(2, b"") * (MAX_METRICS + 1),
    ],
    ids=["10 MB", "gzip bomb", "templates in templates", "too many metrics"],
)
def test_what_is_too_much_is_refused(data):
    with pytest.raises(LimitExceededError):
        decode_payload(data)


def test_the_caps_are_not_reached_too_early():
    assert len(decode_payload(nested(MAX_NESTING)).metrics) == MAX_NESTING + 1
    assert len(decode_payload(bytes_field(2, b"") * MAX_METRICS).metrics) == MAX_METRICS


@pytest.mark.parametrize(
    "data",
    [
        b"\x12\x7f\x01",  # a metric that is cut
        b"\x08",  # a number that is cut
        b"\x08" + b"\xff" * 11,  # of more than 64 bits
        b"\x00\x01",  # field number 0
        b"\x13\x14",  # a group
        b"\x0f",  # wire type 7
        b"\x0a\x00",  # the timestamp as bytes
        bytes_field(2, bytes_field(10, b"5")),  # int_value as bytes
        bytes_field(2, bytes_field(1, b"\xff\xfe")),  # a name that is no UTF-8
        envelope(b"no gzip"),
        envelope(gzip.compress(b"", mtime=0)[:-4]),
        envelope(gzip.compress(b"", mtime=0), b"LZ4"),
        envelope(gzip.compress(GZIP_ENVELOPE, mtime=0)),
    ],
)
def test_what_is_no_payload_is_told(data):
    with pytest.raises(ProtocolError):
        decode_payload(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    try:
        decode_payload(data)
    except ProtocolError:
        return


@given(st.data())
def test_a_damaged_payload_is_read_or_refused(data):
    whole = bytearray(GZIP_ENVELOPE)
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_payload(bytes(whole))
    except ProtocolError:
        return


def test_a_rebirth_request_is_one_true_boolean():
    payload = decode_payload(rebirth_request(1795300009000))
    (metric,) = payload.metrics
    assert (metric.name, metric.value, payload.seq) == ("Node Control/Rebirth", True, None)


def test_state_in_both_versions():
    assert decode_state(encode_state(HostState(online=True, timestamp=5))).online
    assert not decode_state(b"OFFLINE").online
    for wrong in (b"", b"{}", b"online", b"\xff", b"[1]"):
        with pytest.raises(ProtocolError):
            decode_state(wrong)


def test_fields_come_in_order():
    data = varint_field(1, 300) + bytes_field(2, b"ab")
    assert list(read_fields(data)) == [(1, 0, 300), (2, 2, b"ab")]
