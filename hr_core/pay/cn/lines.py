"""A line of pay with the steps that give it, and the refusal to compute one."""

from msgspec import Struct

from hr_core.errors import CoreError
from hr_core.law.rows import Status
from hr_core.trace.calculation import Calculation, Trace


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
    """The dated law that a line rests on; an unverified one is said on the line."""

    version: str
    source: str
    status: Status = Status.SECONDARY


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
        ),
    )
