import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.accounts import secret_text
from hr_core.accounts.errors import AccountError, WeakPasswordError
from hr_core.accounts.lockout import LONGEST_WAIT, wait_after
from hr_core.accounts.model import RIGHTS, WRITES, Role, plain_name
from hr_core.accounts.passwords import MIN_CHARS, Passwords, check_strength
from tests.hr_core.accounts.quick import QUICK


@pytest.mark.parametrize(
    ("typed", "name"), [("Admin", "admin"), ("ＡＤＭＩＮ", "admin"), (" 张伟 ", "张伟"), ("a.b@c-d_1", "a.b@c-d_1")]
)  # fmt: skip
def test_a_name_has_one_spelling(typed, name):
    assert plain_name(typed) == name


@pytest.mark.parametrize("typed", ["", " ", "a b", "a/b", "../x", "-a", "a\0b", "a" * 65, "<b>"])
def test_other_names_are_refused(typed):
    with pytest.raises(AccountError):
        plain_name(typed)


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("", "short"),
        ("x" * (MIN_CHARS - 1), "short"),
        ("abcd" * 40, "long"),
        ("administrator1", "name"),
        ("1234567890", "common"),
        ("Password123", "common"),
        ("aaaaaaaaaaaaaaab", "common"),
    ],
)
def test_a_weak_password_is_refused_by_rule(password, rule):
    with pytest.raises(WeakPasswordError) as weak:
        check_strength(password, name="administrator")
    assert weak.value.rule == rule
    assert not password or password not in str(weak.value)


@pytest.mark.parametrize("password", ["correct horse battery", "今天车间第三条线停了两次", "q" * 9 + "abcdef"])  # fmt: skip
def test_a_sentence_is_a_password(password):
    kept = QUICK.keep(password, name="li")
    assert QUICK.fits(kept, password)
    assert not QUICK.fits(kept, password + " ")


def test_the_kept_form_is_argon2id_at_the_rfcs_cost():
    kept = Passwords().keep("correct horse battery", name="li")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_nobody_fits_and_a_damaged_hash_fits_nothing():
    assert not QUICK.fits(None, "nobody has this password")
    assert not QUICK.fits("$argon2id$broken", "correct horse battery")


@given(st.binary(min_size=32, max_size=32))
def test_a_secret_is_found_by_its_text(secret):
    text = secret_text.spell(secret_text.API_TOKEN, secret)
    assert secret_text.digest_of(secret_text.API_TOKEN, text) == secret_text.digest(secret)
    assert secret_text.digest_of(secret_text.SESSION, text) is None


@given(st.text(max_size=60))
def test_other_texts_are_no_secrets(text):
    found = secret_text.digest_of(secret_text.API_TOKEN, text)
    assert found is None or text.startswith("clk_")


def test_waits_grow_to_their_cap_and_never_beyond():
    waits = [wait_after(count) for count in range(2000)]
    assert waits == sorted(waits)
    assert waits[4].total_seconds() == 0
    assert waits[5].total_seconds() == 30
    assert max(waits) == LONGEST_WAIT


def test_every_role_has_rights_and_workers_have_the_fewest():
    assert set(RIGHTS) == set(Role)
    assert all(RIGHTS[Role.WORKER] <= RIGHTS[role] | WRITES for role in Role)
    assert RIGHTS[Role.AUDITOR].isdisjoint(WRITES)
