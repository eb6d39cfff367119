"""A signed question, and the core's answers bound to what was asked."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.batch_chain import (
    FIRST_PREVIOUS,
    NO_BATCH,
    BatchHead,
    ChainHead,
    HeadError,
    sign_head,
)
from protocols.core_signature import (
    NamedHead,
    check_batch_answer,
    check_request_answer,
    decode_head,
    decode_refused_head,
    sign_batch_answer,
    sign_request_answer,
)
from protocols.errors import ProtocolError
from protocols.signed_request import CHAIN_TARGET, DEVICES_TARGET, read_request, sign_request
from protocols.signing import SignatureError, SigningKey, each_part

KEY, CORE = SigningKey(bytes(range(32))), SigningKey(bytes(32))
NONCE = bytes(range(16))
ASKED = sign_request(KEY, "gw-1", CHAIN_TARGET, nonce=NONCE)


def test_a_question_travels_in_headers() -> None:
    read = read_request(ASKED.as_headers(), target=CHAIN_TARGET)
    assert read == ASKED
    read.check(KEY.public)


@pytest.mark.parametrize(
    "other",
    [
        sign_request(KEY, "gw-2", CHAIN_TARGET, nonce=NONCE),
        sign_request(KEY, "gw-1", DEVICES_TARGET, nonce=NONCE),
        sign_request(KEY, "gw-1", CHAIN_TARGET, nonce=bytes(16)),
        sign_request(KEY, "gw-1", CHAIN_TARGET, nonce=NONCE, body=b"x"),
    ],
)
def test_each_part_is_signed_and_an_answer_is_to_one_question(other: object) -> None:
    mixed = msgspec.structs.replace(other, signature=ASKED.signature)  # type: ignore[type-var]
    with pytest.raises(SignatureError):
        mixed.check(KEY.public)  # type: ignore[attr-defined]
    signature = sign_request_answer(CORE, ASKED, b"body")
    check_request_answer(CORE.public, ASKED, b"body", signature)
    with pytest.raises(ProtocolError):
        check_request_answer(CORE.public, other, b"body", signature)  # type: ignore[arg-type]
    with pytest.raises(ProtocolError):
        check_request_answer(CORE.public, ASKED, b"", signature)


@given(st.dictionaries(st.sampled_from(sorted(ASKED.as_headers())), st.text(max_size=140)))
def test_only_head_errors_escape(headers: dict[str, str]) -> None:
    with pytest.raises(HeadError):
        read_request(headers, target=CHAIN_TARGET)


def test_an_answer_to_a_batch_is_not_one_to_a_question() -> None:
    head = BatchHead(
        gateway="gw-1",
        number=1,
        previous=FIRST_PREVIOUS,
        content_type="t",
        body_digest=bytes(32),
        records=0,
        records_root=bytes(32),
    )
    signed = sign_head(head, KEY)
    signature = sign_batch_answer(CORE, signed, b"body")
    check_batch_answer(CORE.public, signed, b"body", signature)
    for spoilt in (signature[:-2] + "00", "zz", ""):
        with pytest.raises(ProtocolError):
            check_batch_answer(CORE.public, signed, b"body", spoilt)
    with pytest.raises(ProtocolError):
        check_request_answer(CORE.public, ASKED, b"body", signature)


def test_heads_travel() -> None:
    for head in (NO_BATCH, ChainHead(number=7, batch_hash=bytes([7]) * 32)):
        answer = NamedHead.of("gw-1", head)
        assert decode_head(msgspec.json.encode(answer)) == head
        assert decode_refused_head(msgspec.json.encode({"error": {}, "head": answer})) == head


@pytest.mark.parametrize("body", [b"", b"{}", b'{"head":7}', b"[" * 100_000, b"\xff"])
def test_what_names_no_head_is_a_protocol_error(body: bytes) -> None:
    for decode in (decode_head, decode_refused_head):
        with pytest.raises(ProtocolError):
            decode(body)


@given(st.lists(st.binary(max_size=4)), st.lists(st.binary(max_size=4)))
def test_no_two_lists_of_parts_share_a_spelling(one: list[bytes], other: list[bytes]) -> None:
    assert (each_part(*one) == each_part(*other)) == (one == other)
