"""By which name an account acts, and which others mean the same human: for the rule of four eyes."""

import sqlalchemy as sa

from hr_core.accounts.model import Account
from hr_core.store.accounts import accounts
from hr_core.store.person_records import merged_into
from hr_core.store.work_plan import keys_of


def actor_of(account: Account) -> str:
    """The person, so that nobody decides what it asked under another account's name."""
    return account.person or account.name


def own_keys(conn: sa.Connection, account: Account) -> frozenset[str]:
    """Every key that means the account's person, records merged before and since included."""
    if account.person is None:
        return frozenset()
    now = merged_into(conn).get(account.person, account.person)
    return frozenset({account.person, *keys_of(conn, now)})


def names_of(conn: sa.Connection, account: Account) -> frozenset[str]:
    """The person's keys, and every account of it: a second one makes no second pair of eyes."""
    keys = own_keys(conn, account)
    of_person = sa.select(accounts.c.name).where(accounts.c.person.in_(sorted(keys)))
    return keys | {account.name} | set(conn.execute(of_person).scalars())
