"""An account: its name, what it may do (roles, rights) and about whom (its person, its scope)."""

import re
import unicodedata
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from hr_core.accounts.errors import AccountError

# As long as words of the people file; letters of any script, so that 张伟 can be a login name.
MAX_NAME_CHARS = 64
_NAME = re.compile(r"\w[\w.@-]*")


class Role(StrEnum):
    ADMIN = "admin"  # everything, accounts too
    HR = "hr"  # people, attendance, requests, pay
    MANAGER = "manager"  # attendance and requests of the people in its scope
    WORKER = "worker"  # its own person alone
    AUDITOR = "auditor"  # reads all, changes nothing


class Right(StrEnum):
    """What a request needs. Tokens are given some of them as their scopes."""

    PEOPLE_READ = "people:read"
    ATTENDANCE_READ = "attendance:read"
    REQUESTS_READ = "requests:read"
    REQUESTS_WRITE = "requests:write"
    REQUESTS_DECIDE = "requests:decide"
    PEOPLE_WRITE = "people:write"
    QUALITY_READ = "quality:read"
    DEVICES_READ = "devices:read"
    WAITING_READ = "waiting:read"
    PAY_READ = "pay:read"
    SCORES_READ = "scores:read"
    SCORES_WRITE = "scores:write"  # marks of the own side
    APPROVALS_DECIDE = "approvals:decide"  # reading them too: they hold pay
    BOARD_WALL = "board:wall"  # the line board's wall form and nothing else: for a screen


# What changes something: an auditor has none of them.
WRITES = frozenset(
    {
        Right.REQUESTS_WRITE,
        Right.REQUESTS_DECIDE,
        Right.PEOPLE_WRITE,
        Right.SCORES_WRITE,
        Right.APPROVALS_DECIDE,
    }
)
_OWN = frozenset(
    {
        Right.PEOPLE_READ,
        Right.ATTENDANCE_READ,
        Right.REQUESTS_READ,
        Right.REQUESTS_WRITE,
        Right.PAY_READ,
        Right.SCORES_READ,
        Right.SCORES_WRITE,
    }
)
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.HR: frozenset(Right),
    Role.MANAGER: _OWN
    | {Right.REQUESTS_DECIDE, Right.QUALITY_READ, Right.DEVICES_READ, Right.BOARD_WALL},
    Role.WORKER: _OWN,
    Role.AUDITOR: frozenset(Right) - WRITES,
}


class AccountScope(Struct, frozen=True, kw_only=True):
    """Units of the organisation whose people an account sees, with all units under them.

    Empty: no limit for admin, hr and auditor; a manager sees those whom its person manages.
    """

    departments: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()

    @property
    def units(self) -> tuple[str, ...]:
        return self.departments + self.sites


class Account(Struct, frozen=True, kw_only=True):
    """`must_change`: the password is good for choosing another one only.

    `has_password` false: a set-up code is yet to be used, or was made in vain.
    """

    name: str
    roles: tuple[Role, ...]
    person: str | None = None
    scope: AccountScope = AccountScope()
    disabled: bool = False
    must_change: bool = False
    has_password: bool = False
    created_at: datetime

    @property
    def rights(self) -> frozenset[Right]:
        return frozenset().union(*(RIGHTS[role] for role in self.roles))

    def has_role(self, *roles: Role) -> bool:
        return not set(self.roles).isdisjoint(roles)


def plain_name(text: str) -> str:
    """The one spelling of a login name: "Ａｄｍｉｎ " is admin. Raises AccountError."""
    name = unicodedata.normalize("NFKC", text).strip().casefold()
    if len(name) > MAX_NAME_CHARS or _NAME.fullmatch(name) is None:
        raise AccountError(
            f"{text[:MAX_NAME_CHARS]!r} cannot be a login name",
            remedy=f"use up to {MAX_NAME_CHARS} letters, digits and . _ - @, a letter or digit first",
        )
    return name
