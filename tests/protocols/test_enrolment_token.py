"""One-time tokens: every mistake of a typist is told apart from a refusal of the core."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.enrolment_token import (
    MAX_TOKEN_CHARS,
    PREFIX,
    EnrolmentToken,
    TokenError,
    decode_token,
    encode_token,
    is_gateway_name,
    token_digest,
)

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

tokens = st.builds(
    EnrolmentToken,
    secret=st.binary(min_size=16, max_size=16),
    gateway=st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True) | st.just("门岗-1"),
    core_public=st.binary(min_size=32, max_size=32),
    expires_at=st.integers(0, 2**33),
    url=st.none() | st.just("https://core.example.com:8443/hr"),
)


def sample(**changes):
    fields = {
        "secret": bytes(range(16)), "gateway": "gw-1", "core_public": bytes(32),
        "expires_at": 1_795_000_000, "url": None,
    }  # fmt: skip
    return EnrolmentToken(**(fields | changes))


@given(tokens)
def test_a_token_survives_the_way_and_the_mail_program(token):
    text = encode_token(token)
    assert text.startswith(PREFIX)
    assert len(text) <= MAX_TOKEN_CHARS
    assert decode_token(text) == token
    folded = " \r\n".join(text[start : start + 20] for start in range(0, len(text), 20))
    assert decode_token(f"\t{folded}\n") == token


@given(tokens, st.data())
def test_one_wrong_character_is_a_typing_error(token, data):
    text = encode_token(token)
    place = data.draw(st.integers(len(PREFIX), len(text) - 1))
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != text[place]]))
    kind = data.draw(st.sampled_from(["replace", "insert", "remove", "cut", "double"]))
    mutated = {
        "replace": text[:place] + other + text[place + 1 :],
        "insert": text[:place] + other + text[place:],
        "remove": text[:place] + text[place + 1 :],
        "cut": text[:place],
        "double": text + text,
    }[kind]
    with pytest.raises(TokenError) as caught:
        decode_token(mutated)
    assert caught.value.code == "token_mistyped"


@given(st.text(max_size=200))
def test_rubbish_is_told_as_rubbish(text):
    with pytest.raises(TokenError) as caught:
        decode_token(text)
    assert caught.value.code == "not_a_token"


def test_a_huge_paste_is_not_read():
    with pytest.raises(TokenError) as caught:
        decode_token(PREFIX + "A" * 10_000_000)
    assert caught.value.code == "not_a_token"


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": b"short"}, {"gateway": ""}, {"gateway": "a/b"}, {"gateway": "a+"},
        {"gateway": "x" * 65}, {"core_public": bytes(31)}, {"expires_at": -1}, {"url": ""},
        {"url": "https://" + "x" * 400},
    ],
)  # fmt: skip
def test_no_token_is_made_that_nobody_could_read(wrong):
    with pytest.raises(ValueError, match="out of bounds"):
        encode_token(sample(**wrong))


def test_a_whole_token_of_another_version_is_told_as_such(monkeypatch):
    monkeypatch.setattr("protocols.enrolment_token._VERSION", 2)
    text = encode_token(sample())
    monkeypatch.undo()
    with pytest.raises(TokenError) as caught:
        decode_token(text)
    assert caught.value.code == "token_version"


def test_the_secret_shows_nowhere_and_the_digest_is_not_the_token():
    token = sample()
    assert token.secret.hex() not in repr(token)
    public = token.key().public
    assert token.secret not in public
    assert token_digest(public) not in {public, token.secret}
    assert sample().key().public == public != sample(secret=bytes(16)).key().public


def test_the_longest_token_fits():
    longest = sample(gateway="x" * 64, url="https://" + "x" * 392, expires_at=2**40 - 1)
    assert len(encode_token(longest)) <= MAX_TOKEN_CHARS


@pytest.mark.parametrize(
    ("name", "good"),
    [("gw-1", True), ("厂门", True), ("a.b_c", True), ("", False), ("a b", False), ("#", False),
     ("a\n", False), ("厂" * 22, False), ("\udcff", False)],
)  # fmt: skip
def test_names_of_gateways(name, good):
    assert is_gateway_name(name) is good
