"""Publishing a month's figures: each as a revision that stays, and corrections of them.

A month that a pay run was computed from is locked: its figures stay as they were published, what
would change them is told, and a correction lands in the open month and refers to the closed one.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.clock import Month
from hr_core.errors import CoreError
from hr_core.pay.run import imported_roster
from hr_core.people.model import Roster
from hr_core.quality.corrections import Correction, Placed, check, placed
from hr_core.quality.presence import TEAM_PREFIX, UNATTRIBUTED
from hr_core.quality.rates_view import RatesView, rates_of_month
from hr_core.quality.windows import Figure, LockedWindowError, WindowState, restated, state_of
from hr_core.store.alerts import add_revisions, history
from hr_core.store.line_entries import CorrectionRow, add_correction
from hr_core.store.results import runs


class Published(NamedTuple):
    """`refused`: subjects of a locked month whose figures are others now."""

    state: WindowState
    revisions: int
    refused: tuple[str, ...]


def publish_month(conn: sa.Connection, month: Month, now: datetime) -> Published:
    """In the caller's write transaction. Equal figures add no revision."""
    view = rates_of_month(conn, month)
    end = month.instants(ZoneInfo(imported_roster(conn).zone))[1]
    locked = str(month) in locked_months(conn)
    state = state_of(int(end.timestamp()), int(now.timestamp()), locked=locked)
    added, refused = 0, []
    for figure in _figures(view, state, int(now.timestamp())):
        before = history(conn, figure.subject, figure.window)
        try:
            after = restated(before, figure)
        except LockedWindowError:
            refused.append(figure.subject)
            continue
        add_revisions(conn, len(before), after)
        added += len(after) - len(before)
    return Published(state, added, tuple(refused))


def locked_months(conn: sa.Connection) -> list[str]:
    return sorted({run.month for run in runs(conn)})


def enter_correction(conn: sa.Connection, row: Correction, now: datetime) -> Placed:
    """In the caller's write transaction. Raises CoreError."""
    check(row)
    roster = imported_roster(conn)
    _check_names(row, roster)
    locked = locked_months(conn)
    lands = placed(row, locked, _open_month(locked, now.astimezone(ZoneInfo(roster.zone))))
    number = add_correction(conn, CorrectionRow(row, lands.window), now)
    return replace(lands, correction=replace(row, identity=str(number)))


def _open_month(locked: Collection[str], now: datetime) -> str:
    """The month that runs, or the next one that no pay run used yet."""
    month = Month(now.year, now.month)
    while str(month) in locked:
        month = Month(month.after.year, month.after.month)
    return str(month)


def _check_names(row: Correction, roster: Roster) -> None:
    team = row.subject.startswith(TEAM_PREFIX)
    if not team and row.subject != UNATTRIBUTED and row.subject not in roster.people:
        raise CoreError(
            f"there is no person {row.subject!r}",
            remedy=f"give an employee number, {TEAM_PREFIX}A+B or {UNATTRIBUTED}",
        )
    if row.line not in roster.lines:
        raise CoreError(f"there is no line {row.line!r}", remedy="give the code of a line")


def _figures(view: RatesView, state: WindowState, now: int) -> list[Figure]:
    rows = [("line:", row) for row in view.lines]
    rows += [("", row) for row in (*view.people, *view.teams)]
    figures = [
        Figure(
            subject=prefix + row.subject,
            window=view.month,
            pieces=row.pieces,
            rejects=row.rejects,
            coverage=row.coverage,
            evidence=row.evidence,
            rule_version=view.grade_version,
            state=state,
            recorded_at=now,
        )
        for prefix, row in rows
    ]
    nobody = Figure(
        subject=UNATTRIBUTED,
        window=view.month,
        pieces=view.unattributed.pieces,
        rejects=view.unattributed.rejects,
        coverage="1/1",
        evidence={},
        rule_version=view.grade_version,
        state=state,
        recorded_at=now,
    )
    return [*figures, nobody]
