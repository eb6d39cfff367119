from datetime import timedelta

import pytest

from hr_core.accounts import management, secret_text
from hr_core.accounts.errors import AccountError
from hr_core.accounts.management import Act, TokenOrder
from hr_core.accounts.model import Right
from hr_core.errors import CoreError
from hr_core.store.database import writing
from hr_core.store.tokens import api_tokens_of, token_used, use_of_token
from tests.hr_core.accounts.quick import account

READ = (Right.ATTENDANCE_READ, Right.PEOPLE_READ)


def create(engine, hours, **changes):
    order = TokenOrder(
        **{"account": "bi", "scopes": READ, "valid_for": timedelta(days=90)} | changes
    )
    with writing(engine) as conn:
        act = Act(actor="boss", at=hours.now())
        return management.create_token(conn, order, act, lambda size: b"\5" * size)


def use(engine, hours, text):
    digest = secret_text.digest_of(secret_text.API_TOKEN, text)
    with engine.connect() as conn:
        return use_of_token(conn, digest, hours.now())


def test_a_token_asks_in_its_accounts_name_within_its_scopes(engine, hours):
    account(engine, "bi", "hr", password=None)
    text, token = create(engine, hours)
    found = use(engine, hours, text)
    assert text.startswith("clk_")
    assert (found.id, found.account.name, found.scopes) == (token.id, "bi", frozenset(READ))
    with engine.connect() as conn:
        assert text not in "\n".join(conn.connection.driver_connection.iterdump())


def test_it_ends_by_its_date_by_revocation_and_with_its_account(engine, hours):
    account(engine, "bi", "hr")
    text, token = create(engine, hours)
    hours.pass_(days=90, seconds=-1)
    assert use(engine, hours, text)
    hours.pass_(seconds=1)
    assert use(engine, hours, text) is None
    hours.pass_(days=-10)
    with writing(engine) as conn:
        management.set_disabled(conn, "bi", Act(actor="t", at=hours.now()), disabled=True)
    assert use(engine, hours, text) is None
    with writing(engine) as conn:
        management.set_disabled(conn, "bi", Act(actor="t", at=hours.now()), disabled=False)
        assert use_of_token(conn, secret_text.digest(b"\5" * 32), hours.now())
        management.revoke_token(conn, token.id, Act(actor="t", at=hours.now()))
        management.revoke_token(conn, token.id, Act(actor="t", at=hours.now()))
    assert use(engine, hours, text) is None


def test_last_used_is_kept(engine, hours):
    account(engine, "bi", "hr")
    text, token = create(engine, hours)
    assert use(engine, hours, text).stale(hours.now())
    with writing(engine) as conn:
        token_used(conn, token.id, hours.now())
    assert not use(engine, hours, text).stale(hours.now())
    with engine.connect() as conn:
        assert api_tokens_of(conn, "bi")[0].last_used == hours.now()
        assert api_tokens_of(conn, "other") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": ()},
        {"scopes": (Right.REQUESTS_WRITE,)},
        {"valid_for": timedelta(days=400)},
        {"valid_for": timedelta()},
        {"label": "x" * 101},
        {"account": "nobody"},
    ],
)
def test_a_token_beyond_its_account_or_the_caps_is_refused(engine, hours, changes):
    account(engine, "bi", "auditor")
    with pytest.raises(CoreError) as refused:
        create(engine, hours, **changes)
    assert refused.value.remedy


def test_revoking_an_unknown_token_is_told(engine, hours):
    with writing(engine) as conn, pytest.raises(AccountError):
        management.revoke_token(conn, "nothing", Act(actor="t", at=hours.now()))
