"""Requests of people. A row is written when it is asked and once more when it is decided: the only
UPDATE here needs the state "asked", so what two people decided stays as they decided it.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.plan.effects import reversed_requests
from hr_core.attendance.plan.request import (
    Body,
    RefusedRequestError,
    Relation,
    Request,
    RequestState,
    Reversal,
)
from hr_core.errors import NotFoundError
from hr_core.store.database import UtcInstant, metadata

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("reverses", sa.Integer),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("asked_at", UtcInstant, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("relation", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("rule_version", sa.Text, nullable=False),
    sa.Column("decided_at", UtcInstant),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("queued_days", sa.Text, nullable=False),
    sa.Column("settles_on", sa.Date),
    sa.Index(None, "person", "first_day"),
    sa.Index(None, "state", "first_day"),
    sa.Index(None, "settles_on"),
)

_MOST_IN = 500
MOST_LISTED = 10_000  # a month of a plant of 100,000; more is an export by months


class Outcome(Struct, frozen=True, kw_only=True):
    """How a request was decided, by whom, and on which days it must wait. `also`: other names that
    mean who decides, of which none decides what the other asked.
    """

    state: RequestState
    at: datetime
    by: str
    reason: str
    queued_days: tuple[date, ...] = ()
    settles_on: date | None = None
    also: frozenset[str] = frozenset()


class RequestFilter(Struct, frozen=True, kw_only=True):
    """Everything that is given must hold; `persons` are keys, `first` and `until` are a half-open span that the
    request's days touch. `visible`: a select of the person keys that the asker may see.
    """

    persons: tuple[str, ...] | None = None
    state: RequestState | None = None
    kind: str | None = None
    first: date | None = None
    until: date | None = None
    visible: sa.Select[tuple[str]] | None = None


def add_request(conn: sa.Connection, new: Request) -> Request:
    """Stores it as asked and gives it its number; the one it came with does not count."""
    first, until = new.body.days
    written = conn.execute(
        sa.insert(requests).values(
            person=new.person,
            kind=new.kind,
            body=msgspec.json.encode(new.body).decode(),
            first_day=first,
            until=until,
            reverses=new.body.of if isinstance(new.body, Reversal) else None,
            state=RequestState.ASKED,
            asked_at=new.asked_at,
            asked_by=new.asked_by,
            relation=new.relation,
            reason=new.reason,
            evidence=new.evidence,
            rule_version=new.rule_version,
            decided_by="",
            decision="",
            queued_days="[]",
        )
    )
    key = written.inserted_primary_key
    assert key is not None  # noqa: S101 - one row was inserted
    return request(conn, key[0])


def request(conn: sa.Connection, number: int) -> Request:
    """Raises NotFoundError."""
    row = conn.execute(sa.select(requests).where(requests.c.id == number)).one_or_none()
    if row is None:
        raise NotFoundError(
            f"there is no request {number}", remedy="list them: hr-core request list"
        )
    return _request(row)


def requests_by_number(conn: sa.Connection, numbers: Sequence[int]) -> list[Request]:
    """In the order of `numbers`, at most _MOST_IN; unknown ones are left out."""
    rows = conn.execute(sa.select(requests).where(requests.c.id.in_(numbers[:_MOST_IN])))
    found = {one.id: one for one in map(_request, rows)}
    return [found[number] for number in numbers if number in found]


def decide(conn: sa.Connection, number: int, outcome: Outcome) -> Request:
    """Raises NotFoundError, RefusedRequestError (rule `decided`, `four_eyes`, `who_may_withdraw`)."""
    found = request(conn, number)
    _refuse_wrong_decider(found, outcome)
    changed = conn.execute(
        sa.update(requests)
        .where(requests.c.id == number, requests.c.state == RequestState.ASKED)
        .values(
            state=outcome.state,
            decided_at=outcome.at,
            decided_by=outcome.by,
            decision=outcome.reason,
            queued_days=msgspec.json.encode(outcome.queued_days).decode(),
            settles_on=outcome.settles_on,
        )
    )
    if changed.rowcount != 1:
        raise RefusedRequestError(
            "decided",
            f"request {number} is {found.state} since {found.decided_at:%Y-%m-%d %H:%M} UTC by {found.decided_by}",
            remedy=f"a decision stays; ask for its reversal: hr-core request ask reversal {number}",
        )
    return request(conn, number)


def list_requests(conn: sa.Connection, wanted: RequestFilter) -> list[Request]:
    """In order of their numbers, at most MOST_LISTED."""
    columns = requests.c
    conditions = [
        column == value
        for column, value in (
            (columns.state, wanted.state),
            (columns.kind, wanted.kind),
        )
        if value is not None
    ]
    if wanted.persons is not None:
        conditions.append(columns.person.in_(wanted.persons))
    if wanted.first is not None:
        conditions.append(columns.until > wanted.first)
    if wanted.until is not None:
        conditions.append(columns.first_day < wanted.until)
    if wanted.visible is not None:
        conditions.append(columns.person.in_(wanted.visible))
    ordered = sa.select(requests).where(*conditions).order_by(columns.id).limit(MOST_LISTED)
    return [_request(row) for row in conn.execute(ordered)]


def holding_requests(
    conn: sa.Connection, persons: tuple[str, ...], first: date, until: date
) -> list[Request]:
    """Of these keys of one person: asked and approved ones that touch the span, without those that were reversed."""
    touching = list_requests(conn, RequestFilter(persons=persons, first=first, until=until))
    gone = reversed_requests(touching)
    return [one for one in touching if one.open_or_approved and one.id not in gone]


def approved_requests(
    conn: sa.Connection, persons: Collection[str], first: date, until: date
) -> dict[str, list[Request]]:
    """By person, reversals and reversed ones among them."""
    found: dict[str, list[Request]] = {person: [] for person in persons}
    keys = sorted(found)
    for at in range(0, len(keys), _MOST_IN):
        rows = conn.execute(
            sa.select(requests)
            .where(
                requests.c.person.in_(keys[at : at + _MOST_IN]),
                requests.c.state == RequestState.APPROVED,
                requests.c.first_day < until,
                requests.c.until > first,
            )
            .order_by(requests.c.id)
        )
        for row in rows:
            found[row.person].append(_request(row))
    return found


def reversals_of(conn: sa.Connection, number: int) -> Sequence[Request]:
    rows = conn.execute(
        sa.select(requests).where(requests.c.reverses == number).order_by(requests.c.id)
    )
    return [_request(row) for row in rows]


def _refuse_wrong_decider(found: Request, outcome: Outcome) -> None:
    concerned = {_same(found.asked_by), _same(found.person)}
    is_concerned = not concerned.isdisjoint({_same(outcome.by), *map(_same, outcome.also)})
    if outcome.state is RequestState.WITHDRAWN:
        if not is_concerned:
            raise RefusedRequestError(
                "who_may_withdraw",
                f"request {found.id} was asked by {found.asked_by} for {found.person}",
                remedy="only they withdraw it; another person refuses it",
            )
    elif not outcome.by.strip() or is_concerned:
        raise RefusedRequestError(
            "four_eyes",
            f"request {found.id} was asked by {found.asked_by} for {found.person}: "
            f"{outcome.by or 'nobody'} cannot decide it",
            remedy="let another person decide",
        )


def _same(actor: str) -> str:
    return actor.strip().casefold()


def _request(row: sa.Row[tuple[object, ...]]) -> Request:
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return Request(
        id=fields["id"],
        person=fields["person"],
        body=msgspec.json.decode(fields["body"], type=Body),
        state=RequestState(fields["state"]),
        asked_at=fields["asked_at"],
        asked_by=fields["asked_by"],
        relation=Relation(fields["relation"]),
        reason=fields["reason"],
        evidence=fields["evidence"],
        rule_version=fields["rule_version"],
        decided_at=fields["decided_at"],
        decided_by=fields["decided_by"],
        decision=fields["decision"],
        queued_days=msgspec.json.decode(fields["queued_days"], type=tuple[date, ...]),
        settles_on=fields["settles_on"],
    )
