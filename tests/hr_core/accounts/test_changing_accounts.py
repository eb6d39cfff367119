"""Other roles, another person, another scope: audited, by somebody else, never the last administrator."""

import secrets
from datetime import timedelta

import pytest
from msgspec import UNSET

from hr_core.accounts import management
from hr_core.accounts.errors import AccountError
from hr_core.accounts.management import AccountChange, Act, TokenOrder
from hr_core.accounts.model import AccountScope, Right, Role
from hr_core.audit import log
from hr_core.people.records import Unit, UnitKind
from hr_core.store.accounts import find_account
from hr_core.store.database import writing
from hr_core.store.organisation import Organisation, save_organisation
from hr_core.store.sessions import add_session, find_session
from hr_core.store.tokens import use_of_token
from tests.hr_core.accounts.quick import START, account

ACT = Act(actor="root", at=START, reason="moved")
D1 = AccountScope(departments=("D1",))


@pytest.fixture
def core(engine):
    unit = Unit(code="D1", kind=UnitKind.DEPARTMENT, name="D1")
    with writing(engine) as conn:
        save_organisation(conn, Organisation(units={"D1": unit}))
    account(engine, "boss", "admin")
    account(engine, "li", "hr")
    return engine


def change(engine, name, act=ACT, **said):
    with writing(engine) as conn:
        return management.change_account(conn, name, AccountChange(**said), act)


def test_what_is_said_changes_and_the_rest_stays(core):
    change(core, "Li", scope=D1)
    before, after = change(core, "li", roles=(Role.AUDITOR,))
    assert (before.roles, before.scope) == ((Role.HR,), D1)
    assert (after.roles, after.scope) == ((Role.AUDITOR,), D1)
    change(core, "li", scope=AccountScope())
    with core.connect() as conn:
        now = find_account(conn, "li")
        entry = log.entries(conn)[-1]
    assert (now.roles, now.scope, now.has_password) == ((Role.AUDITOR,), AccountScope(), True)
    assert (entry.action, entry.actor, entry.reason) == ("account_changed", "root", "moved")
    assert entry.before["scope"]["departments"] == ["D1"]


def test_sessions_end_and_tokens_keep_what_is_left(core):
    order = TokenOrder(
        account="li", scopes=(Right.PAY_READ, Right.PEOPLE_READ, Right.REQUESTS_DECIDE),
        valid_for=timedelta(days=1),
    )  # fmt: skip
    with writing(core) as conn:
        add_session(conn, b"d" * 32, "li", address="x", now=START)
        text, _ = management.create_token(conn, order, ACT, secrets.token_bytes)
    change(core, "li", roles=(Role.AUDITOR,))
    digest = management.secret_text.digest_of("clk_", text)
    with core.connect() as conn:
        assert find_session(conn, b"d" * 32, START) is None
        use = use_of_token(conn, digest, START)
    assert use.scopes & use.account.rights == {Right.PAY_READ, Right.PEOPLE_READ}


def test_saying_what_is_so_already_writes_nothing(core):
    with core.connect() as conn:
        count = len(log.entries(conn))
    change(core, "li", roles=(Role.HR,))
    with core.connect() as conn:
        assert len(log.entries(conn)) == count


@pytest.mark.parametrize(
    ("name", "actor", "said", "told"),
    [
        ("li", "Ｌｉ", {"roles": (Role.ADMIN,)}, "own account"),
        ("boss", "root", {"roles": (Role.HR,)}, "last administrator"),
        ("li", "root", {"roles": ()}, "needs a role"),
        ("li", "root", {"roles": (Role.WORKER,)}, "needs its person"),
        ("li", "root", {"person": "nobody"}, "no person"),
        ("li", "root", {"scope": AccountScope(sites=("S9",))}, "no unit"),
        ("wu", "root", {"roles": (Role.HR,)}, "no account"),
    ],
)
def test_what_is_refused_changes_nothing(core, name, actor, said, told):
    with core.connect() as conn:
        before = find_account(conn, name)
    with pytest.raises(Exception, match=told) as refused:
        change(core, name, Act(actor=actor, at=START), **said)
    assert refused.value.remedy
    with core.connect() as conn:
        assert find_account(conn, name) == before


def test_one_of_two_administrators_may_go(core):
    account(core, "second", "admin")
    _, after = change(core, "boss", roles=(Role.AUDITOR,), person=UNSET)
    assert after.roles == (Role.AUDITOR,)
    with pytest.raises(AccountError, match="last administrator"):
        change(core, "second", roles=(Role.HR,))
