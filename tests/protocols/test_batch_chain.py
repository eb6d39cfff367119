"""The signed head: what it binds, how it travels, what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols.batch_chain import (
    FIRST_PREVIOUS,
    LAST_NUMBER,
    BatchHead,
    HeadError,
    SignedHead,
    body_digest,
    read_head,
    sign_head,
)
from protocols.signing import SignatureError, SigningKey

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(32))
BODY = b"\x28\xb5\x2f\xfd body"
TYPE = "application/json; coding=zstd"
HEAD = BatchHead(
    gateway="plant-7",
    number=1,
    previous=FIRST_PREVIOUS,
    content_type=TYPE,
    body_digest=body_digest(BODY),
    records=3,
    records_root=bytes(range(32)),
)

CHANGES: dict[str, Any] = {
    "gateway": "plant-8",
    "number": 2,
    "previous": bytes([1]) * 32,
    "content_type": "application/json; coding=identity",
    "body_digest": body_digest(BODY + b" "),
    "records": 4,
    "records_root": bytes(32),
}


def test_a_head_travels_beside_its_body() -> None:
    signed = sign_head(HEAD, KEY)
    read = read_head(signed.as_headers(), content_type=TYPE, body=BODY)
    assert read == signed
    read.check(KEY.public)


def test_the_hash_is_what_it_was_when_the_first_release_signed() -> None:
    """A change of the spelling would break every chain that exists."""
    assert sign_head(HEAD, KEY).batch_hash().hex() == (
        "0af13fba6ae0aa0c8d858a244ccc79b9aa7280eab99bf71a41ae9a48c5c0e6d6"
    )


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_is_signed_and_hashed(field: str) -> None:
    signed = sign_head(HEAD, KEY)
    changed = SignedHead(head=replace(HEAD, **{field: CHANGES[field]}), signature=signed.signature)
    with pytest.raises(SignatureError):
        changed.check(KEY.public)
    assert changed.batch_hash() != signed.batch_hash()


def test_another_key_did_not_sign_it() -> None:
    with pytest.raises(SignatureError):
        sign_head(HEAD, KEY).check(OTHER.public)


@given(public=st.binary(max_size=40), signature=st.binary(max_size=70))
def test_nonsense_is_no_signature(public: bytes, signature: bytes) -> None:
    with pytest.raises(SignatureError):
        SignedHead(head=HEAD, signature=signature).check(public)


def test_a_changed_body_is_another_body() -> None:
    signed = sign_head(HEAD, KEY)
    read = read_head(signed.as_headers(), content_type=TYPE, body=BODY + b"\0")
    with pytest.raises(SignatureError):
        read.check(KEY.public)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clockline-gateway", ""),
        ("clockline-gateway", "x" * 65),
        ("clockline-batch", "0"),
        ("clockline-batch", str(LAST_NUMBER + 1)),
        ("clockline-batch", "9" * 5_000),
        ("clockline-batch", "-1"),
        ("clockline-batch", "١"),
        ("clockline-previous", "00"),
        ("clockline-previous", "zz" * 32),
        ("clockline-records", ""),
        ("clockline-root", "0" * 63),
        ("clockline-signature", "0" * 126),
    ],
)
def test_a_head_that_is_none_is_refused(name: str, value: str) -> None:
    headers = sign_head(HEAD, KEY).as_headers() | {name: value}
    with pytest.raises(HeadError, match=name):
        read_head(headers, content_type=TYPE, body=BODY)


def test_a_missing_head_is_refused() -> None:
    with pytest.raises(HeadError):
        read_head({}, content_type=TYPE, body=BODY)


@given(
    headers=st.dictionaries(
        st.sampled_from(sorted(sign_head(HEAD, KEY).as_headers())), st.text(max_size=140)
    ),
    content_type=st.text(max_size=120),
)
def test_whatever_comes_only_head_errors_escape(headers: dict[str, str], content_type: str) -> None:
    with pytest.raises(HeadError):
        read_head(headers, content_type=content_type, body=b"")


def test_a_key_shows_no_secret() -> None:
    assert KEY.seed.hex() not in repr(KEY)
    with pytest.raises(ValueError, match="32 bytes"):
        SigningKey(b"short")
