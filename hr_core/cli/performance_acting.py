"""Who acts on goals and scores on the command line, and the numbers and periods that are typed."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.errors import NotFoundError

if TYPE_CHECKING:
    from datetime import date

    import sqlalchemy as sa

    from hr_core.performance.acting import Deed
    from hr_core.performance.periods import Period

NoteOption = Annotated[str, typer.Option("--note", help="Why, for whoever reads it later.")]
PeriodOption = Annotated[str, typer.Option("--period", help="Like 2026-10, 2026-Q4 or 2026.")]


def goal_deed(conn: sa.Connection, by: str | None, note: str = "") -> Deed:
    """`by`: an account, an employee number of today, or a person's key."""
    from hr_core.approvals.actors import actor_named
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.people.today import today_at
    from hr_core.performance.acting import Deed

    at = SystemClock().now()
    name = (by or operator()).strip()
    return Deed(
        at=at, actor=actor_named(conn, _key(conn, name, today_at(conn, at))), note=note.strip()
    )


def _key(conn: sa.Connection, name: str, on: date) -> str:
    from hr_core.people.lookup import person_of_number
    from hr_core.store.accounts import find_account

    if find_account(conn, name) is not None:
        return name
    try:
        return person_of_number(conn, name, on)
    except NotFoundError:
        return name


def parse_period(text: str) -> Period:
    """Raises a usage error."""
    from hr_core.performance.periods import Period

    try:
        return Period.parse(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--period") from exc


def parse_number(text: str, hint: str) -> Fraction:
    """Raises a usage error."""
    from hr_core.money import parse_exact

    try:
        return parse_exact(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint=hint) from exc


def owner_key(conn: sa.Connection, owner: str, on: date) -> str:
    """A unit's code as it is, else the person with the employee number."""
    from hr_core.people.lookup import person_of_number
    from hr_core.performance.units import Units

    return owner if owner in Units.load(conn).codes else person_of_number(conn, owner, on)
