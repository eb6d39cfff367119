"""Who has a claim on a person's pay, in which order, and how much of a month it may take."""

import tomllib
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from functools import cache

import msgspec
from msgspec import Struct

from hr_core.data_files import read_text
from hr_core.errors import NoLawError
from hr_core.law.rows import Status
from hr_core.trace.calculation import EntryInput, LawInput


class ClaimKind(StrEnum):
    MAINTENANCE = "maintenance"  # 抚养费, 赡养费, 扶养费
    WAGES = "wages"
    INJURY = "injury"
    TAX = "tax"
    DEBT = "debt"
    FINE = "fine"
    OWN = "own"  # the employer's: damages, pay that was too much


class ClaimOrder(Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """The ranks that hold from a day on."""

    version: str
    since: date
    status: Status
    source: str
    rank: dict[str, int]
    own_rank: int

    def of(self, kind: ClaimKind) -> int:
        return self.own_rank if kind is ClaimKind.OWN else self.rank[kind.value]

    @property
    def as_input(self) -> LawInput:
        return LawInput(
            item="claim_order",
            version=self.version,
            since=self.since.isoformat(),
            status=self.status.value,
            source=self.source,
        )


class _Orders(Struct, frozen=True, forbid_unknown_fields=True):
    edition: tuple[ClaimOrder, ...]


class Claim(Struct, frozen=True, kw_only=True):
    """What is owed up to and with a month, as far as no earlier month took it.

    code            of its line; the same in every month
    owed_fen        not below zero
    grows           an order without a whole sum: each month adds its instalment (which `owed_fen`
                    holds already) or its share of the net pay
    instalment_fen  at most so much a month; None: no such limit
    net_percent     at most this share of the net pay of the month, in hundredths of a percent
    protected_fen   what must be left to the person; None: the city's minimum wage
    received        the day on which the order came: of one rank, the first comes first
    rank            as the court told it; None: the law's of the kind
    told            court and number of the order, or why the money is owed
    """

    code: str
    kind: ClaimKind
    owed_fen: int
    received: date
    told: str
    grows: bool = False
    instalment_fen: int | None = None
    net_percent: int | None = None
    protected_fen: int | None = None
    rank: int | None = None
    entry: EntryInput | None = None


def in_order(claims: Iterable[Claim], law: ClaimOrder) -> list[Claim]:
    return sorted(claims, key=lambda one: (rank_of(one, law), one.received, one.code))


def rank_of(claim: Claim, law: ClaimOrder) -> int:
    return law.of(claim.kind) if claim.rank is None else claim.rank


@cache
def _orders() -> tuple[ClaimOrder, ...]:
    text = tomllib.loads(read_text("wage_claims.toml"))
    return msgspec.convert(text, _Orders).edition


def claim_order_on(day: date) -> ClaimOrder:
    """Raises NoLawError."""
    holding = [one for one in _orders() if one.since <= day]
    if not holding:
        raise NoLawError("order of claims on wages", day)
    return max(holding, key=lambda one: one.since)
