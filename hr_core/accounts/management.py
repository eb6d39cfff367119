"""What people who manage accounts do: each in the caller's write transaction, each in the audit log."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from hr_core.accounts import secret_text
from hr_core.accounts.errors import AccountError, UnknownAccountError
from hr_core.accounts.model import Account, AccountScope, Right, Role, plain_name
from hr_core.accounts.passwords import Passwords
from hr_core.audit import log
from hr_core.store import accounts, sessions, tokens
from hr_core.store.organisation import units
from hr_core.store.people import people
from hr_core.store.tokens import ApiToken

# A new colleague reads the note on Monday; a note that is found later opens nothing.
SETUP_CODE_FOR = timedelta(hours=72)
LONGEST_TOKEN = timedelta(days=366)  # who forgets a program for a year should hear of it
MAX_LABEL_CHARS = 100

Entropy = Callable[[int], bytes]


class Act(Struct, frozen=True, kw_only=True):
    """Who orders a change, when, and why."""

    actor: str
    at: datetime
    reason: str = ""


class NewAccount(Struct, frozen=True, kw_only=True):
    name: str
    roles: tuple[Role, ...]
    person: str | None = None
    scope: AccountScope = AccountScope()


class TokenOrder(Struct, frozen=True, kw_only=True):
    account: str
    scopes: tuple[Right, ...]
    valid_for: timedelta
    label: str = ""


def add_account(conn: sa.Connection, new: NewAccount, act: Act) -> Account:
    """An account without a password yet. Raises AccountError."""
    name = plain_name(new.name)
    if accounts.find_account(conn, name) is not None:
        raise AccountError(
            f"the account {name!r} exists already",
            remedy=f"hr-core account password {name} gives it a new password",
        )
    _check(conn, new)
    account = Account(
        name=name, roles=new.roles, person=new.person, scope=new.scope, created_at=act.at
    )
    accounts.add_account(conn, account)
    _note(conn, act, "account_added", name, None, account)
    return account


def make_setup_code(conn: sa.Connection, name: str, act: Act, entropy: Entropy) -> str:
    """A one-time code with which the account's owner chooses a password; an older one becomes void.

    The password of before and open sessions stay until then.
    """
    account = existing(conn, name)
    secret = entropy(secret_text.SECRET_BYTES)
    expires = act.at + SETUP_CODE_FOR
    accounts.set_setup_code(conn, account.name, secret_text.digest(secret), expires)
    _note(conn, act, "setup_code_made", account.name, None, {"expires_at": expires})
    return secret_text.spell(secret_text.SETUP_CODE, secret)


def set_password(
    conn: sa.Connection, name: str, kept: str, act: Act, *, must_change: bool = False
) -> None:
    """`kept` from Passwords.keep. Ends the account's sessions and a wait after failed logins."""
    account = existing(conn, name)
    accounts.set_password(conn, account.name, kept, must_change=must_change)
    sessions.end_sessions_of(conn, account.name)
    accounts.forget_failures(conn, account.name)
    _note(conn, act, "password_set", account.name, None, {"must_change": must_change})


class AccountChange(Struct, frozen=True, kw_only=True):
    """What becomes of an account; UNSET stays as it is."""

    roles: tuple[Role, ...] | UnsetType = UNSET
    person: str | UnsetType | None = UNSET
    scope: AccountScope | UnsetType = UNSET


def change_account(
    conn: sa.Connection, name: str, change: AccountChange, act: Act
) -> tuple[Account, Account]:
    """(before, after). Its sessions end, so that no page of before goes on; its tokens may do what is
    left of their scopes. Raises AccountError: by oneself, or nobody would manage accounts any more.
    """
    before = existing(conn, name)
    if _same_name(act.actor, before):
        raise AccountError(
            f"{act.actor} would change the own account",
            remedy="let another person who manages accounts order it (--by)",
        )
    said = {field: value for field, value in asdict(change).items() if value is not UNSET}
    after = replace(before, **said)
    _check(
        conn,
        NewAccount(name=after.name, roles=after.roles, person=after.person, scope=after.scope),
    )
    if (
        Role.ADMIN in before.roles
        and Role.ADMIN not in after.roles
        and _is_last_admin(conn, before)
    ):
        raise AccountError(
            f"{before.name!r} is the last administrator",
            remedy="give another account the role first: hr-core account change NAME --role admin",
        )
    if after != before:
        accounts.set_rights(conn, after)
        sessions.end_sessions_of(conn, after.name)
        _note(conn, act, "account_changed", after.name, before, after)
    return before, after


def _same_name(actor: str, account: Account) -> bool:
    try:
        name = plain_name(actor)
    except AccountError:  # an operating system's user may be called what no account is
        return False
    return name == account.name or actor.strip() == account.person


def _is_last_admin(conn: sa.Connection, account: Account) -> bool:
    return not any(
        Role.ADMIN in one.roles and not one.disabled and one.name != account.name
        for one in accounts.all_accounts(conn)
    )


def set_disabled(conn: sa.Connection, name: str, act: Act, *, disabled: bool) -> bool:
    """True when that changed anything. A disabled account's sessions end; its tokens are refused."""
    account = existing(conn, name)
    if account.disabled == disabled:
        return False
    accounts.set_disabled(conn, account.name, disabled=disabled)
    sessions.end_sessions_of(conn, account.name)
    action = "account_disabled" if disabled else "account_enabled"
    _note(conn, act, action, account.name, {"disabled": account.disabled}, {"disabled": disabled})
    return True


def unlock(conn: sa.Connection, name: str, act: Act) -> int:
    """Ends the wait after failed logins; how many failures are forgotten."""
    account = existing(conn, name)
    failures = accounts.failures_of(conn, account.name, act.at)
    accounts.forget_failures(conn, account.name)
    _note(conn, act, "account_unlocked", account.name, {"failures": failures.count}, None)
    return failures.count


def create_token(
    conn: sa.Connection, order: TokenOrder, act: Act, entropy: Entropy
) -> tuple[str, ApiToken]:
    """(the token, shown this once; what is stored). Raises AccountError."""
    account = existing(conn, order.account)
    _check_order(account, order)
    secret = entropy(secret_text.SECRET_BYTES)
    token = ApiToken(
        id=entropy(4).hex(),
        account=account.name,
        label=order.label,
        scopes=tuple(sorted(set(order.scopes))),
        created_at=act.at,
        created_by=act.actor,
        expires_at=act.at + order.valid_for,
    )
    tokens.add_api_token(conn, token, secret_text.digest(secret))
    _note(conn, act, "token_created", account.name, None, token)
    return secret_text.spell(secret_text.API_TOKEN, secret), token


def revoke_token(conn: sa.Connection, identity: str, act: Act) -> ApiToken:
    """Raises AccountError for an id that no token has. Twice is harmless."""
    token = tokens.find_api_token(conn, identity)
    if token is None:
        raise AccountError(
            f"there is no token {identity[:40]!r}", remedy="list them: hr-core token list"
        )
    if token.revoked_at is None:
        tokens.revoke_api_token(conn, identity, act.at)
        _note(conn, act, "token_revoked", token.account, {"id": token.id}, None)
    return token


def existing(conn: sa.Connection, name: str) -> Account:
    """Raises UnknownAccountError."""
    account = accounts.find_account(conn, plain_name(name))
    if account is None:
        raise UnknownAccountError(name)
    return account


def kept_password(passwords: Passwords, name: str, password: str) -> str:
    """Raises WeakPasswordError."""
    return passwords.keep(password, name=plain_name(name))


def _check(conn: sa.Connection, new: NewAccount) -> None:
    if not new.roles:
        raise AccountError(
            "an account needs a role", remedy=f"--role {'|'.join(role.value for role in Role)}"
        )
    for code in new.scope.departments + new.scope.sites:
        if conn.execute(sa.select(units.c.code).where(units.c.code == code)).scalar() is None:
            raise AccountError(
                f"the organisation has no unit {code!r}",
                remedy="import the organisation first, or use a code of it",
            )
    if new.person is None:
        if Role.WORKER in new.roles:
            raise AccountError(
                "a worker's account needs its person: it shows nobody else",
                remedy="--person NUMBER, as in the people file",
            )
        return
    known = sa.select(people.c.number).where(people.c.number == new.person)
    if conn.execute(known).one_or_none() is None:
        raise AccountError(
            f"there is no person {new.person!r}",
            remedy="use the number of the people file, and import that file first",
        )


def _check_order(account: Account, order: TokenOrder) -> None:
    beyond = set(order.scopes) - account.rights
    if beyond or not order.scopes:
        allowed = ", ".join(sorted(account.rights))
        named = ", ".join(sorted(beyond)) or "nothing"
        raise AccountError(
            f"the account {account.name!r} cannot give {named} away",
            remedy=f"scopes of its roles: {allowed}",
        )
    if Right.BOARD_WALL in order.scopes and len(set(order.scopes)) > 1:
        raise AccountError(
            f"a token with {Right.BOARD_WALL.value} stands in a screen's address and may nothing else",
            remedy="make another token for the other scopes",
        )
    if not timedelta() < order.valid_for <= LONGEST_TOKEN:
        raise AccountError(
            "a token is good for 1 to 366 days", remedy="make another one before it ends"
        )
    if len(order.label) > MAX_LABEL_CHARS:
        raise AccountError(
            f"the label has more than {MAX_LABEL_CHARS} characters", remedy="shorten it"
        )


def _note(
    conn: sa.Connection, act: Act, action: str, name: str, before: object, after: object
) -> None:
    log.append(conn, act.at, act.actor, action, f"account {name}", before, after, act.reason)


def roles_of(texts: Sequence[str]) -> tuple[Role, ...]:
    """Raises AccountError."""
    try:
        return tuple(dict.fromkeys(Role(text) for text in texts))
    except ValueError as exc:
        raise AccountError(
            f"{exc}", remedy=f"roles are {', '.join(role.value for role in Role)}"
        ) from exc


def rights_of(texts: Sequence[str]) -> tuple[Right, ...]:
    """Raises AccountError."""
    try:
        return tuple(dict.fromkeys(Right(text) for text in texts))
    except ValueError as exc:
        raise AccountError(
            f"{exc}", remedy=f"scopes are {', '.join(right.value for right in Right)}"
        ) from exc
