"""Vectors are from the captures of mbpoll, modbus-serial and pymodbus, less MBAP and CRC."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import LimitExceededError, ProtocolError
from protocols.modbus.pdu import (
    ExceptionResponse,
    OtherPdu,
    ReadRequest,
    ReadResponse,
    WriteRegister,
    check_answers,
    decode_read_answer,
    decode_request,
    decode_response,
    encode_pdu,
)
from protocols.modbus.registers import signed, to_words, unsigned

REGISTERS = (0xFFFF, 0xFFFA, 0xFFFA, 0xFFFF, 0xFFFA, 3, 0, 77)

REQUESTS = [
    ("0300000008", ReadRequest(function=3, address=0, count=8)),
    ("0401f40002", ReadRequest(function=4, address=500, count=2)),
    ("060004ffff", WriteRegister(address=4, value=0xFFFF)),
    ("11", OtherPdu(function=17, data=b"")),
]
RESPONSES = [
    ("0310fffffffafffafffffffa00030000004d", ReadResponse(function=3, registers=REGISTERS)),
    ("0404fffffffa", ReadResponse(function=4, registers=(0xFFFF, 0xFFFA))),
    ("8302", ExceptionResponse(function=3, code=2)),
    ("060004ffff", WriteRegister(address=4, value=0xFFFF)),
    ("1100ff", OtherPdu(function=17, data=b"\x00\xff")),
]


@pytest.mark.parametrize(("wire", "request_"), REQUESTS)
def test_requests_both_ways(wire, request_):
    assert decode_request(bytes.fromhex(wire)) == request_
    assert encode_pdu(request_).hex() == wire


@pytest.mark.parametrize(("wire", "response"), RESPONSES)
def test_responses_both_ways(wire, response):
    assert decode_response(bytes.fromhex(wire)) == response
    assert encode_pdu(response).hex() == wire


def test_exceptions_say_what_they_mean():
    assert ExceptionResponse(function=3, code=2).meaning == "illegal data address"
    assert "target device failed" in ExceptionResponse(function=3, code=11).meaning
    assert ExceptionResponse(function=3, code=99).meaning == "unknown exception"


@pytest.mark.parametrize(
    "wire",
    [
        "",  # no function
        "03",  # cut
        "0303ffff",  # odd byte count
        "0304ffff",  # fewer bytes than said
        "0400",  # no registers
        "8302ff",  # exception with more than a code
        "03" + "00" * 253,  # over the limit of a PDU
    ],
)
def test_malformed_responses_are_refused(wire):
    with pytest.raises(ProtocolError):
        decode_response(bytes.fromhex(wire))


def test_a_request_for_more_registers_than_an_answer_holds_is_refused():
    with pytest.raises(LimitExceededError):
        decode_request(bytes.fromhex("030000007e"))
    with pytest.raises(ValueError, match="126"):
        encode_pdu(ReadRequest(function=3, address=0, count=126))
    with pytest.raises(ValueError, match="65535"):
        encode_pdu(ReadRequest(function=3, address=65535, count=2))
    with pytest.raises(ValueError, match="0 registers"):
        encode_pdu(ReadResponse(function=3, registers=()))


@pytest.mark.parametrize(
    "answer",
    [
        ReadResponse(function=4, registers=(1, 2)),
        ReadResponse(function=3, registers=(1,)),
        ExceptionResponse(function=4, code=2),
        WriteRegister(address=0, value=2),
    ],
)
def test_an_answer_to_another_question_is_refused(answer):
    asked = ReadRequest(function=3, address=0, count=2)
    with pytest.raises(ProtocolError):
        decode_read_answer(asked, encode_pdu(answer))


def test_an_answer_to_the_question_is_taken():
    asked = ReadRequest(function=3, address=0, count=2)
    answer = ReadResponse(function=3, registers=(1, 2))
    assert decode_read_answer(asked, encode_pdu(answer)) == answer
    refusal = ExceptionResponse(function=3, code=4)
    assert decode_read_answer(asked, encode_pdu(refusal)) == refusal


def test_a_write_that_is_not_repeated_is_refused():
    asked = WriteRegister(address=4, value=1)
    check_answers(asked, WriteRegister(address=4, value=1))
    with pytest.raises(ProtocolError):
        check_answers(asked, WriteRegister(address=4, value=2))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_protocol_errors(data):
    for decode in (decode_request, decode_response):
        try:
            pdu = decode(data)
        except ProtocolError:
            continue
        assert encode_pdu(pdu) == data  # what decodes says exactly what was sent


def test_the_captured_words_in_both_orders():
    assert unsigned(REGISTERS[0:2], "big") == 4294967290
    assert unsigned(REGISTERS[2:4], "little") == 4294967290
    assert unsigned(REGISTERS[2:4], "big") != 4294967290
    assert unsigned(REGISTERS[4:5]) == 65530
    assert signed(REGISTERS[4:5]) == -6
    assert signed(REGISTERS[0:2]) == -6
    assert signed((0x7FFF, 0xFFFF)) == 2**31 - 1


ORDERS = st.sampled_from(["big", "little"])


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), ORDERS, ORDERS, st.sampled_from([16, 32, 64]))
def test_words_hold_the_number_modulo_their_width(value, order, byte_order, width):
    words = to_words(value, width, order, byte_order)
    assert len(words) == width // 16
    assert unsigned(words, order, byte_order) == value % 2**width
    assert signed(words, order, byte_order) % 2**width == value % 2**width


def test_bytes_swapped_in_each_word():
    assert to_words(0x01020304, 32, "big", "little") == (0x0201, 0x0403)
    assert unsigned((0x0201, 0x0403), "big", "little") == 0x01020304
