"""Requests and answers of enrolment: who signed what, and nothing else passes."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.enrolment import (
    MAX_MESSAGE_BYTES,
    EnrolmentAnswer,
    EnrolmentRequest,
    KeyQuery,
    KeyReport,
    KeyStatus,
    RotationAnswer,
    RotationRequest,
    WrongCoreError,
    ask_status,
    ask_to_enrol,
    ask_to_rotate,
    check_answers,
    decode_request,
    encode,
    read_answer,
    signed,
)
from protocols.enrolment_token import EnrolmentToken
from protocols.errors import ProtocolError
from protocols.key_text import fingerprint, read_key, spell_key
from protocols.signing import SignatureError, SigningKey

CORE, OTHER_CORE = SigningKey(bytes([1] * 32)), SigningKey(bytes([2] * 32))
KEY, NEW_KEY = SigningKey(bytes([3] * 32)), SigningKey(bytes([4] * 32))
NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
TOKEN = EnrolmentToken(
    secret=bytes(range(16)), gateway="gw-1", core_public=CORE.public, expires_at=1_795_000_000
)
REQUESTS = {
    EnrolmentRequest: ask_to_enrol(TOKEN, KEY),
    RotationRequest: ask_to_rotate("gw-1", KEY, NEW_KEY, CORE.public),
    KeyQuery: ask_status("gw-1", KEY, CORE.public, nonce=bytes(16)),
}
ANSWERS = {
    EnrolmentAnswer: EnrolmentAnswer(
        gateway="gw-1", site="plant", public_key=KEY.public, valid_from=NOW
    ),
    RotationAnswer: RotationAnswer(
        gateway="gw-1", public_key=KEY.public, valid_from=NOW, old_refused_from=NOW
    ),
    KeyReport: KeyReport(
        gateway="gw-1", public_key=KEY.public, nonce=bytes(16), status=KeyStatus.IN_FORCE, now=NOW
    ),
}
kinds = pytest.mark.parametrize("kind", REQUESTS)
answers = pytest.mark.parametrize("kind", ANSWERS)


@kinds
def test_a_request_travels_and_proves_its_keys(kind):
    body = encode(REQUESTS[kind])
    assert len(body) < MAX_MESSAGE_BYTES / 4
    assert decode_request(body, kind, CORE.public) == REQUESTS[kind]


@kinds
def test_a_request_to_another_core_proves_nothing(kind):
    with pytest.raises(SignatureError):
        decode_request(encode(REQUESTS[kind]), kind, OTHER_CORE.public)


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind in REQUESTS for field in kind.__struct_fields__]
)
def test_every_field_is_signed(kind, field):
    value = getattr(REQUESTS[kind], field)
    changed = "gw-2" if isinstance(value, str) else bytes([value[0] ^ 1]) + value[1:]
    forged = msgspec.structs.replace(REQUESTS[kind], **{field: changed})
    with pytest.raises(SignatureError):
        decode_request(encode(forged), kind, CORE.public)


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind in REQUESTS for field in kind.__struct_fields__]
)
def test_sizes_and_names_are_bounded(kind, field):
    value = getattr(REQUESTS[kind], field)
    wrong = "a/b" if isinstance(value, str) else value + b"x"
    forged = msgspec.structs.replace(REQUESTS[kind], **{field: wrong})
    with pytest.raises(ProtocolError):
        decode_request(encode(forged), kind, CORE.public)


@given(st.binary(max_size=300))
def test_rubbish_is_a_protocol_error(body):
    for kind in REQUESTS:
        with pytest.raises(ProtocolError):
            decode_request(body, kind, CORE.public)
    for kind in ANSWERS:
        with pytest.raises(ProtocolError):
            read_answer(body, kind, CORE.public)


@pytest.mark.parametrize("body", [b"[" * 4_000, b"{}", b'{"gateway": 1}', b" " * 5_000])
@kinds
def test_nested_and_long_bodies(kind, body):
    with pytest.raises(ProtocolError):
        decode_request(body, kind, CORE.public)


def test_a_stolen_token_signature_enrols_no_other_key():
    """Who reads the request on its way cannot put his own key into it."""
    theirs = REQUESTS[EnrolmentRequest]
    other = SigningKey(bytes([9] * 32))
    forged = msgspec.structs.replace(
        theirs,
        public_key=other.public,
        key_signature=ask_to_enrol(TOKEN, other).key_signature,
    )
    with pytest.raises(SignatureError):
        decode_request(encode(forged), EnrolmentRequest, CORE.public)
    assert TOKEN.secret.hex().encode() not in encode(theirs)


@answers
def test_an_answer_travels_and_is_the_core_s(kind):
    answer = signed(ANSWERS[kind], CORE)
    assert read_answer(encode(answer), kind, CORE.public) == answer
    with pytest.raises(WrongCoreError):
        read_answer(encode(answer), kind, OTHER_CORE.public)
    with pytest.raises(WrongCoreError):
        read_answer(encode(ANSWERS[kind]), kind, CORE.public)


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, f) for kind in ANSWERS for f in kind.__struct_fields__ if f != "signature"],
)
def test_every_field_of_an_answer_is_signed(kind, field):
    answer = signed(ANSWERS[kind], CORE)
    changes = {
        str: "gw-2", bytes: bytes(32), datetime: datetime(2027, 1, 1, tzinfo=UTC),
        KeyStatus: KeyStatus.REVOKED, type(None): NOW,
    }  # fmt: skip
    value = getattr(answer, field)
    changed = bytes([1] * 16) if field == "nonce" else changes[type(value)]
    forged = msgspec.structs.replace(answer, **{field: changed})
    with pytest.raises(WrongCoreError):
        read_answer(encode(forged), kind, CORE.public)


def test_a_signed_answer_about_somebody_else():
    answer = ANSWERS[EnrolmentAnswer]
    check_answers(answer, "gw-1", KEY.public)
    for gateway, key in (("gw-2", KEY), ("gw-1", NEW_KEY)):
        with pytest.raises(WrongCoreError):
            check_answers(answer, gateway, key.public)


def test_no_signature_serves_as_one_of_another_kind():
    """Each kind of message has its own domain."""
    messages = {signed(answer, CORE).signature for answer in ANSWERS.values()}
    messages |= {getattr(r, r.__struct_fields__[-1]) for r in REQUESTS.values()}
    assert len(messages) == 6


def test_keys_as_text():
    assert read_key(spell_key(KEY).encode()).public == KEY.public
    assert read_key(b"  " + b"03" * 32 + b" \r\n").public == KEY.public
    for wrong in (b"", b"03" * 31, b"zz" * 32, b"\xff" * 64, KEY.seed, b"03" * 33):
        with pytest.raises(ProtocolError) as caught:
            read_key(wrong)
        assert "0303" not in str(caught.value)
    assert fingerprint(bytes(range(32))) == "0001:0203:0405:0607"
