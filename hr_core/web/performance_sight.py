"""Whose goals and scores a visitor sees, and as whom it acts."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.acting import names_of, own_keys
from hr_core.accounts.model import Account
from hr_core.accounts.visible import seen_by, site_today
from hr_core.approvals.actors import actor_of_account
from hr_core.approvals.desk import Actor
from hr_core.approvals.kinds import Kind, approvers
from hr_core.performance.acting import Deed
from hr_core.performance.periods import Period
from hr_core.performance.units import Units
from hr_core.store.people import load_roster, people
from hr_core.web.admission import Visitor
from hr_core.web.answering import Visit


class PerformanceSight(Struct, frozen=True, kw_only=True):
    """`own`: every key that means the visitor's person; `people` None: everybody is seen."""

    own: frozenset[str]
    people: frozenset[str] | None
    names: dict[str, tuple[str, str]]

    def sees(self, person: str) -> bool:
        return self.people is None or person in self.people or person in self.own

    def name(self, key: str) -> str:
        """Of a person, else the key as it is (a unit's code)."""
        return self.names[key][0] if key in self.names else key


def sight(conn: sa.Connection, account: Account | None, now: datetime) -> PerformanceSight:
    """By the organisation of the day: goals are agreed by the one that there is now."""
    roster = load_roster(conn)
    known = {} if roster is None else roster.people
    return PerformanceSight(
        own=frozenset() if account is None else own_keys(conn, account),
        people=None if account is None else _seen(conn, account, site_today(conn, now)),
        names={key: (one.name, one.number) for key, one in known.items()},
    )


def sight_of_visit(visit: Visit) -> PerformanceSight:
    return sight(visit.conn, visit.visitor.account, visit.now)


def actor_of_visitor(conn: sa.Connection, visitor: Visitor) -> Actor:
    assert visitor.account is not None  # noqa: S101 - `may_act` asks for one
    return actor_of_account(conn, visitor.account)


def deed_of_visitor(visit: Visit) -> Deed:
    return Deed(actor=actor_of_visitor(visit.conn, visit.visitor), at=visit.now)


def account_of_visitor(conn: sa.Connection, visitor: Visitor) -> Actor:
    """The account itself with its person's names, as `--by ACCOUNT` on the command line: where what
    the account's role may do counts too.
    """
    assert visitor.account is not None  # noqa: S101 - `may_act` asks for one
    return Actor(visitor.account.name, names_of(conn, visitor.account))


def runs_scores(visitor: Visitor) -> bool:
    """Who opens assessments, locks scores, runs 360-degree rounds and ends tasks: for the people that
    it sees, the own person never.
    """
    account = visitor.account
    return may_act(visitor) and account is not None and account.has_role(*approvers(Kind.SCORE))


def looked_after(seen: PerformanceSight, units: Units, unit: str, period: Period) -> list[str]:
    """Of the unit (empty: all) on the period's last day; never the visitor itself."""
    last = period.after - timedelta(days=1)
    return [
        key
        for key in sorted(seen.names)
        if seen.sees(key) and key not in seen.own and (not unit or units.is_below(key, unit, last))
    ]


def may_act(visitor: Visitor) -> bool:
    """Signatures and marks are somebody's: nobody gives one before there are accounts."""
    return visitor.account is not None and not visitor.wall


def _seen(conn: sa.Connection, account: Account, on: date) -> frozenset[str] | None:
    seen = seen_by(account, on)
    if seen.everyone:
        return None
    query = sa.select(people.c.number).where(seen.covers(people.c.number))
    return frozenset(conn.execute(query).scalars())
