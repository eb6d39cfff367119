"""What is booked about the shown shift's month: its revision, whether it is paid, corrections."""

from typing import NamedTuple

import sqlalchemy as sa

from hr_core.clock import Month
from hr_core.people.model import Roster
from hr_core.quality.corrections import Correction
from hr_core.quality.presence import TEAM_PREFIX, UNATTRIBUTED
from hr_core.store.alerts import newest_revision
from hr_core.store.line_entries import corrections_in
from hr_core.store.results import month_has_run
from hr_core.web.board_shift import DatedShift
from hr_core.web.line_board import CorrectionLine


class Books(NamedTuple):
    """`revision` None: nothing of the month was published yet. `locked`: a pay run used it."""

    month: str
    revision: int | None
    locked: bool
    corrections: tuple[CorrectionLine, ...]


def books_of(conn: sa.Connection, roster: Roster, shift: DatedShift) -> Books:
    month = str(Month(shift.day.year, shift.day.month))
    rows = [row.correction for row in corrections_in(conn, month)]
    return Books(
        month=month,
        revision=newest_revision(conn, month),
        locked=month_has_run(conn, month),
        corrections=tuple(_line(row, roster) for row in rows),
    )


def _line(row: Correction, roster: Roster) -> CorrectionLine:
    return CorrectionLine(
        number=row.identity,
        subject=_called(row.subject, roster),
        line=row.line,
        concerns=row.concerns,
        pieces=row.pieces,
        rejects=row.rejects,
        reason=row.reason,
    )


def _called(subject: str, roster: Roster) -> str:
    if subject == UNATTRIBUTED:
        return ""
    people = subject.removeprefix(TEAM_PREFIX).split("+")
    return " + ".join(roster.people[one].name if one in roster.people else one for one in people)
