"""A line of pay with the steps that give it, and the refusal to compute one."""

from datetime import date
from typing import Protocol

from msgspec import Struct

from hr_core.errors import CoreError
from hr_core.law.rows import LawRow, Status
from hr_core.trace.calculation import Calculation, LawInput, Trace


class PayRefusedError(CoreError):
    """These inputs cannot be paid as they stand; `remedy` says who can mend it and how."""


class Line(Struct, frozen=True):
    """`kind` is the word of the line; its amount is the last step of its trace."""

    kind: str
    trace: Trace

    @property
    def fen(self) -> int:
        return self.trace.amount_fen


class Authority(Struct, frozen=True):
    """The dated law that a line rests on; an unverified one is said on the line. `law`: its rows."""

    version: str
    source: str
    status: Status = Status.SECONDARY
    law: tuple[LawInput, ...] = ()


class _Edition(Protocol):
    """Of the country's law (hr_core.law.national)."""

    @property
    def version(self) -> str: ...
    @property
    def since(self) -> date: ...
    @property
    def status(self) -> Status: ...
    @property
    def source(self) -> str: ...


def by_row(row: LawRow) -> Authority:
    named = LawInput(
        item=row.item.value,
        version=row.version,
        since=row.since.isoformat(),
        status=row.status.value,
        source=row.source,
        city=row.city,
    )
    return Authority(row.version, row.source, row.status, (named,))


def by_edition(item: str, edition: _Edition) -> Authority:
    named = LawInput(
        item=item,
        version=edition.version,
        since=edition.since.isoformat(),
        status=edition.status.value,
        source=edition.source,
    )
    return Authority(edition.version, edition.source, edition.status, (named,))


def line(
    kind: str,
    steps: Calculation,
    law: Authority,
    *,
    formula: str,
    facts: dict[str, str] | None = None,
) -> Line:
    told = dict(facts or {})
    if law.status is Status.UNVERIFIED:
        told["law_status"] = str(law.status)
    return Line(
        kind,
        Trace(
            rule=kind,
            version=law.version,
            source=law.source,
            formula=formula,
            steps=steps.steps,
            facts=told,
            law=law.law,
        ),
    )
