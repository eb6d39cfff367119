"""Accounts for tests: real argon2 at its lowest cost, and a clock that tests move."""

import secrets
from datetime import UTC, datetime, timedelta

from hr_core.accounts import management
from hr_core.accounts.management import Act, NewAccount, TokenOrder
from hr_core.accounts.model import AccountScope, Right, Role
from hr_core.accounts.passwords import Passwords
from hr_core.store.database import writing

QUICK = Passwords(memory_kib=8, passes=1, lanes=1)
PASSWORD = "correct horse battery"
START = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)


class Hours:
    def __init__(self, start=START):
        self.at = start

    def now(self):
        return self.at

    def pass_(self, **span):
        self.at += timedelta(**span)


def account(engine, name, *roles, password=PASSWORD, person=None, departments=(), at=START):
    """Makes an account; without a password when that is None."""
    act = Act(actor="test", at=at)
    new = NewAccount(
        name=name,
        roles=tuple(Role(role) for role in roles) or (Role.ADMIN,),
        person=person,
        scope=AccountScope(departments=tuple(departments)),
    )
    with writing(engine) as conn:
        made = management.add_account(conn, new, act)
        if password is not None:
            management.set_password(conn, name, QUICK.keep(password, name=name), act)
    return made


def bearer_of(engine, name, *, at=START):
    """The header of a new token with all rights of the account."""
    with writing(engine) as conn:
        rights = tuple(management.existing(conn, name).rights - {Right.BOARD_WALL})
        order = TokenOrder(account=name, scopes=rights, valid_for=timedelta(days=1))
        text, _ = management.create_token(
            conn, order, Act(actor="test", at=at), secrets.token_bytes
        )
    return {"Authorization": f"Bearer {text}"}
