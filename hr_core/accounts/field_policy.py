"""Which role sees which field of other people: one policy for API, exports, traces, pages and logs.

Who sees a person at all is another question (accounts.visible): a manager sees the hours of the team
and none of its pay.
"""

import logging
import re
from enum import StrEnum
from functools import cache
from typing import Any

from msgspec import Struct
from typing_extensions import override

from hr_core.accounts.model import Account, Role
from hr_core.data_files import load


class Field(StrEnum):
    BASE_PAY = "base_pay"
    AMOUNTS = "amounts"
    BANK_ACCOUNT = "bank_account"
    IDENTITY = "identity"
    SCORES = "scores"


class FieldRule(Struct, frozen=True, forbid_unknown_fields=True):
    """`names`: how the field is called in answers, tables and logs."""

    code: Field
    names: frozenset[str]
    roles: frozenset[Role]


class FieldPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    source: str
    field: tuple[FieldRule, ...]


class Sight(Struct, frozen=True):
    """What is hidden from somebody: the fields, and the names under which their values stand."""

    fields: frozenset[Field]
    names: frozenset[str]


@cache
def field_policy() -> FieldPolicy:
    return load("field_policy.toml", FieldPolicy)


def roles_seeing(field: Field) -> frozenset[Role]:
    """Of other people; nobody when the policy does not name the field."""
    return frozenset().union(*(rule.roles for rule in field_policy().field if rule.code is field))


def sight_of(account: Account | None, *, own: bool = False) -> Sight:
    """`own`: it looks at its own person. None: nobody's account, as a log's reader."""
    roles = frozenset(account.roles) if account else frozenset()
    hidden = [rule for rule in field_policy().field if not own and not rule.roles & roles]
    return Sight(
        frozenset(rule.code for rule in hidden),
        frozenset[str]().union(*(rule.names for rule in hidden)),
    )


def masked(value: Any, sight: Sight) -> Any:
    """A JSON value with null in place of every hidden one, however deep it stands."""
    if isinstance(value, dict):
        return {
            key: None if key in sight.names else masked(one, sight) for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(one, sight) for one in value]
    return value


class LogMask(logging.Filter):
    """For a handler: values of fields that the policy names never reach a log, whoever reads it."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        told = record.getMessage()
        clean = masked_text(told)
        if clean != told:
            record.msg, record.args = clean, ()
        return True


def masked_text(text: str) -> str:
    """`base_fen=870000`, `"base_fen": 870000` and `base_fen: '8700.00'` lose their values."""
    return _named_values().sub(lambda found: f"{found['name']}***", text)


def mask_logs() -> None:
    """Of this process: every record passes the mask when it is made, whatever handles it later."""
    make = logging.getLogRecordFactory()
    if getattr(make, "masks_fields", False):
        return
    mask = LogMask()

    def made(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        mask.filter(record)
        return record

    made.masks_fields = True  # type: ignore[attr-defined] # so that it is put in place once
    logging.setLogRecordFactory(made)


@cache
def _named_values() -> re.Pattern[str]:
    """A plain word like note or total counts as a field's name only where it is quoted, as in JSON:
    sentences have such words too.
    """
    names = sorted(sight_of(None).names)
    own = "|".join(re.escape(name) for name in names if "_" in name)
    quoted = "|".join(re.escape(name) for name in names)
    return re.compile(
        rf"""(?P<name>(?:(?<!\w)(?:{own})["']?|["'](?:{quoted})["'])\s*[=:]\s*)"""
        r"""(?:"[^"]*"|'[^']*'|\{[^}]*\}|\[[^\]]*\]|\([^)]*\)|[^\s,;}\])]+)"""
    )
