"""What the commands of scores share: who acts, whom a number means, marks as NAME=SCORE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.errors import CoreError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    import sqlalchemy as sa

    from hr_core.approvals.kinds import Kind
    from hr_core.performance.acting import Deed

PersonArgument = Annotated[str, typer.Argument(help="Employee number.", show_default=False)]
PeriodOption = Annotated[str, typer.Option("--period", help="Like 2026-10, 2026-Q4 or 2026.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in words; it is kept.")]
MarkOption = Annotated[
    list[str] | None,
    typer.Option("--mark", help="INDICATOR=SCORE, once for each.", show_default=False),
]


def deed_now(conn: sa.Connection, by: str | None, second: Kind | None = None) -> Deed:
    """`second`: of what this one is the second pair of eyes; once the core has accounts, one of them
    whose role may do it. Raises RefusedError.
    """
    from hr_core.approvals.actors import approver_named
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.performance.acting import deed_of

    name = by or operator()
    if second is not None:
        approver_named(conn, name, second)
    return deed_of(conn, name, SystemClock().now())


def person_in(conn: sa.Connection, number: str, period: str) -> str:
    """Whoever has the number on the last day of the period. Raises NotFoundError, RefusedError."""
    from datetime import timedelta

    from hr_core.people.lookup import person_of_number
    from hr_core.performance.acting import period_of

    return person_of_number(conn, number, period_of(period).after - timedelta(days=1))


def pairs(texts: Iterable[str] | None, option: str) -> dict[str, str]:
    """Raises a usage error."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.rpartition("=")
        if not (name and equals and value) or name in found:
            raise typer.BadParameter(f"{text!r} is not a new NAME=VALUE", param_hint=option)
        found[name] = value
    return found


def marks(texts: Iterable[str] | None) -> dict[str, Fraction]:
    from hr_core.performance.assessing import exact

    return {name: exact(value) for name, value in pairs(texts, "--mark").items()}


def score_text(value: Fraction | None) -> str:
    from hr_core.money import decimal_text

    return "-" if value is None else decimal_text(value)


def refused(texts: Iterable[tuple[str, CoreError]]) -> list[dict[str, str]]:
    return [
        {"person": person, "what": str(error), "remedy": error.remedy} for person, error in texts
    ]
