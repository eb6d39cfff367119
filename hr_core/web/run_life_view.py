"""Where a run stands on its way to the money: its steps, what waits, what may be asked for, whom it
does not pay.
"""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.approvals.desk import open_approvals
from hr_core.approvals.kinds import Kind
from hr_core.pay.run_life import RunState, state_of, subject_of
from hr_core.store.pay_run_steps import approved_run, steps_of
from hr_core.store.people import load_roster
from hr_core.store.results import RunRow


class TakenStep(Struct, frozen=True, kw_only=True):
    state: str
    by: str
    at: datetime
    reason: str


class WaitingAsk(Struct, frozen=True, kw_only=True):
    number: int
    kind: Kind
    by: str


class NotPaid(Struct, frozen=True, kw_only=True):
    """`remedy` says who can mend it and how; empty where it is known why there is no slip."""

    number: str
    name: str
    what: str
    remedy: str


class RunLife(Struct, frozen=True, kw_only=True):
    """`counts`: the approved run of the month, whichever it is."""

    run: int
    state: RunState = RunState.COMPUTED
    steps: tuple[TakenStep, ...] = ()
    waiting: tuple[WaitingAsk, ...] = ()
    counts: int | None = None
    refused: tuple[NotPaid, ...] = ()
    to_check: tuple[NotPaid, ...] = ()

    @property
    def may_be_submitted(self) -> bool:
        return self.state is RunState.COMPUTED and self.counts is None

    @property
    def may_be_paid(self) -> bool:
        return self.state is RunState.APPROVED and not self._waits(Kind.PAYMENT)

    @property
    def may_be_reversed(self) -> bool:
        return self.counts == self.run and not self._waits(Kind.REVERSAL)

    def _waits(self, kind: Kind) -> bool:
        return any(one.kind is kind for one in self.waiting)


def run_life(conn: sa.Connection, run: RunRow) -> RunLife:
    roster = load_roster(conn)
    names = {} if roster is None else {key: one.name for key, one in roster.people.items()}
    return RunLife(
        run=run.number,
        state=state_of(conn, run.number),
        steps=tuple(
            TakenStep(state=one.step, by=one.by, at=one.at, reason=one.reason)
            for one in steps_of(conn, run.number)
        ),
        waiting=tuple(
            WaitingAsk(number=one.number, kind=kind, by=one.proposed_by)
            for kind in (Kind.RUN, Kind.PAYMENT, Kind.REVERSAL)
            for one in open_approvals(conn, kind, subject_of(kind, run.number))
        ),
        counts=approved_run(conn, run.month),
        refused=tuple(
            NotPaid(
                number=one.number,
                name=names.get(one.number, ""),
                what=one.what,
                remedy=one.remedy,
            )
            for one in run.findings.refused
        ),
        to_check=tuple(
            NotPaid(number=one.number, name=names.get(one.number, ""), what=one.why, remedy="")
            for one in run.findings.to_check
        ),
    )
