"""Login against a real database: who gets in, who waits, and what is written down."""

import threading

import pytest
import sqlalchemy as sa

from hr_core.accounts import management, secret_text
from hr_core.accounts.errors import LoginRefusedError, LoginWaitError, WeakPasswordError
from hr_core.accounts.login import LoginDesk, csrf_token
from hr_core.accounts.management import Act
from hr_core.accounts.passwords import Passwords
from hr_core.audit import log
from hr_core.store import sessions
from hr_core.store.accounts import any_account, find_account
from hr_core.store.database import writing
from hr_core.web.form_token import fits
from tests.hr_core.accounts.quick import PASSWORD, account

HERE = {"address": "127.0.0.1"}


def session(engine, hours, opened):
    digest = secret_text.digest_of(secret_text.SESSION, opened.secret)
    with engine.connect() as conn:
        return sessions.find_session(conn, digest, hours.now())


def fail(desk, name, times):
    for _ in range(times):
        with pytest.raises(LoginRefusedError):
            desk.log_in(name, "wrong password", **HERE)


def test_a_login_opens_a_session_of_the_account(engine, hours, desk):
    account(engine, "li")
    opened = desk.log_in(" LI ", PASSWORD, **HERE)
    assert session(engine, hours, opened).account.name == "li"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("li", "correct horse batterz"),
        ("li", ""),
        ("nobody", PASSWORD),
        ("", ""),
        ("\0", "x" * 500),
    ],
)
def test_whatever_is_wrong_is_refused_in_the_same_words(engine, desk, name, password):
    account(engine, "li")
    with pytest.raises(LoginRefusedError) as refused:
        desk.log_in(name, password, **HERE)
    assert str(refused.value) == "name or password is wrong"


def test_an_account_without_a_password_or_disabled_is_refused_alike(engine, hours, desk):
    account(engine, "new", password=None)
    account(engine, "gone")
    with writing(engine) as conn:
        assert management.set_disabled(conn, "gone", Act(actor="t", at=hours.now()), disabled=True)
    fail(desk, "new", 1)
    with pytest.raises(LoginRefusedError):
        desk.log_in("gone", PASSWORD, **HERE)


@pytest.mark.parametrize("name", ["li", "nobody"])
def test_waits_grow_and_are_the_same_for_a_name_of_nobody(engine, hours, desk, name):
    account(engine, "li")
    fail(desk, name, 5)
    for wait_s in (30, 60, 120, 240, 480, 900, 900):
        with pytest.raises(LoginWaitError) as waits:
            desk.log_in(name, PASSWORD, **HERE)
        assert waits.value.wait_s == wait_s + 1
        hours.pass_(seconds=wait_s)
        fail(desk, name, 1)


def test_the_right_password_after_the_wait_forgets_the_failures(engine, hours, desk):
    account(engine, "li")
    fail(desk, "li", 5)
    hours.pass_(seconds=30)
    desk.log_in("li", PASSWORD, **HERE)
    fail(desk, "li", 4)
    desk.log_in("li", PASSWORD, **HERE)


def test_four_failures_a_day_never_add_up(engine, hours, desk):
    account(engine, "li")
    for _ in range(3):
        fail(desk, "li", 4)
        hours.pass_(hours=24, seconds=1)
    desk.log_in("li", PASSWORD, **HERE)


def test_unlocking_ends_a_wait(engine, hours, desk):
    account(engine, "li")
    fail(desk, "li", 5)
    with writing(engine) as conn:
        assert management.unlock(conn, "li", Act(actor="boss", at=hours.now())) == 5
    desk.log_in("li", PASSWORD, **HERE)


def test_many_attempts_at_once_are_counted_each(engine, desk):
    account(engine, "li")
    results = []

    def attempt():
        try:
            desk.log_in("li", "wrong password", **HERE)
        except (LoginRefusedError, LoginWaitError) as exc:
            results.append(type(exc))

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(LoginRefusedError) == 5
    assert results.count(LoginWaitError) == 7


def test_a_login_never_takes_over_the_session_that_the_browser_brought(engine, hours, desk):
    account(engine, "li")
    planted = desk.log_in("li", PASSWORD, **HERE)
    opened = desk.log_in("li", PASSWORD, **HERE, old=planted.secret)
    assert opened.secret != planted.secret
    assert session(engine, hours, planted) is None
    assert session(engine, hours, opened) is not None


def test_a_session_ends_when_idle_after_a_shift_and_by_logout(engine, hours, desk):
    account(engine, "li")
    idle = desk.log_in("li", PASSWORD, **HERE)
    hours.pass_(minutes=29)
    assert session(engine, hours, idle)
    hours.pass_(minutes=1)
    assert session(engine, hours, idle) is None
    busy = desk.log_in("li", PASSWORD, **HERE)
    digest = secret_text.digest_of(secret_text.SESSION, busy.secret)
    for _ in range(35):
        hours.pass_(minutes=20)
        assert session(engine, hours, busy)
        with writing(engine) as conn:
            sessions.session_seen(conn, digest, hours.now())
    hours.pass_(minutes=20)
    assert session(engine, hours, busy) is None
    left = desk.log_in("li", PASSWORD, **HERE)
    desk.log_out(left.secret, left.account)
    assert session(engine, hours, left) is None


def test_disabling_and_a_new_password_end_every_session(engine, hours, desk):
    account(engine, "li")
    first, second = (desk.log_in("li", PASSWORD, **HERE) for _ in range(2))
    changed = desk.change_password(
        first.account, (PASSWORD, "another long sentence"), **HERE, old=first.secret
    )
    assert session(engine, hours, first) is session(engine, hours, second) is None
    with writing(engine) as conn:
        management.set_disabled(conn, "li", Act(actor="t", at=hours.now()), disabled=True)
    assert session(engine, hours, changed) is None
    with engine.connect() as conn:
        assert any_account(conn)  # a last account that was shut out opens nothing


def test_a_set_up_code_works_once_until_it_ends(engine, hours, desk):
    account(engine, "new", password=None)
    seeds = iter((b"\1" * 32, b"\2" * 32))
    act = Act(actor="boss", at=hours.now())
    with writing(engine) as conn:
        void = management.make_setup_code(conn, "new", act, lambda _: next(seeds))
        code = management.make_setup_code(conn, "new", act, lambda _: next(seeds))
    with pytest.raises(LoginRefusedError):
        desk.set_up(void, PASSWORD, **HERE)
    with pytest.raises(WeakPasswordError):
        desk.set_up(code, "short", **HERE)
    assert desk.set_up(f" {code}\n", PASSWORD, **HERE).account.name == "new"
    with pytest.raises(LoginRefusedError):
        desk.set_up(code, PASSWORD, **HERE)
    desk.log_in("new", PASSWORD, **HERE)
    with engine.connect() as conn:
        assert not find_account(conn, "new").must_change


def test_a_set_up_code_that_is_over_is_refused(engine, hours, desk):
    account(engine, "new", password=None)
    with writing(engine) as conn:
        act = Act(actor="boss", at=hours.now())
        code = management.make_setup_code(conn, "new", act, lambda size: b"\1" * size)
    hours.pass_(hours=72)
    with pytest.raises(LoginRefusedError):
        desk.set_up(code, PASSWORD, **HERE)


def test_no_password_code_or_secret_stands_anywhere_in_the_database(engine, hours, desk, caplog):
    caplog.set_level(0)
    account(engine, "li")
    opened = desk.log_in("li", PASSWORD, **HERE)
    fail(desk, PASSWORD, 6 - 1)
    with writing(engine) as conn:
        act = Act(actor="boss", at=hours.now())
        code = management.make_setup_code(conn, "li", act, lambda size: b"\7" * size)
    with engine.connect() as conn:
        dump = "\n".join(conn.connection.driver_connection.iterdump())
        report = log.verify(conn)
        actions = [entry.action for entry in log.entries(conn)]
    for secret in (PASSWORD, opened.secret, code, "wrong password", csrf_token(opened.secret)):
        assert secret not in dump
        assert secret.encode().hex() not in dump.lower()
        assert secret not in caplog.text
    assert "argon2id" in dump
    assert report.faults == ()
    assert actions == [
        "account_added", "password_set", "login", "login_locked", "setup_code_made"
    ]  # fmt: skip


def test_an_older_hash_is_renewed_at_the_next_login(engine, hours):
    account(engine, "li")
    stronger = Passwords(memory_kib=8, passes=2, lanes=1)
    desk = LoginDesk(engine, stronger, now=hours.now, entropy=lambda size: b"\1" * size)
    desk.log_in("li", PASSWORD, **HERE)
    with engine.connect() as conn:
        assert "t=2" in conn.execute(sa.text("SELECT password FROM accounts")).scalar_one()


def test_a_csrf_token_belongs_to_one_session():
    assert csrf_token("s_a") == csrf_token("s_a") != csrf_token("s_b")
    assert fits(csrf_token("s_a"), csrf_token("s_a"))
    for given in ("", "é", "\ud800", csrf_token("s_b")):
        assert not fits(csrf_token("s_a"), given)
