"""Asking, deciding and taking back requests: the rules, the locks and the audit log around them.

The store lets nobody decide his own request and changes no decision; here is what may be asked.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.lots.booking import Act
from hr_core.attendance.lots.leave_link import book_decision
from hr_core.attendance.plan.correction_policy import (
    AskedCorrection,
    load_policy,
    policy_on,
    refuse_against_policy,
)
from hr_core.attendance.plan.days import shift_halves
from hr_core.attendance.plan.effects import counting_on
from hr_core.attendance.plan.place import locate
from hr_core.attendance.plan.request import (
    MAX_TEXT,
    MAX_WORD,
    AskedTrip,
    Body,
    Leave,
    MissingPunch,
    MobilePunch,
    Overtime,
    RefusedRequestError,
    Relation,
    Request,
    RequestState,
    Reversal,
    check_body,
    check_text,
)
from hr_core.attendance.plan.request_conflicts import refuse_conflict
from hr_core.attendance.plan.request_kinds import load_request_kinds, refuse_unknown_leave
from hr_core.attendance.plan.roster import days_of
from hr_core.audit.log import append
from hr_core.store import requests as store
from hr_core.store.person_records import merged_into
from hr_core.store.requests import Outcome
from hr_core.store.rosters import load_places, load_policies
from hr_core.store.work_plan import facts_of, keys_of, person_zone, plan_of

Locked = Callable[[date], bool]

# "rule …" decides what a rule allows without a person: no account may look like one.
_RULE = "rule "
# A period is at most a year long: beyond that "locked for ever" is a mistake of the locks.
_MOST_LOCKED_DAYS = 400
# How far a phone's clock and its way to the core may be off for a punch to be "now".
_CLOCKS_APART = timedelta(minutes=10)


class Asking(Struct, frozen=True, kw_only=True):
    """`by` asks for `person`, as `relation` to that person."""

    person: str
    body: Body
    by: str
    relation: Relation
    reason: str
    evidence: str = ""


class Deciding(Struct, frozen=True):
    """`also`: other names that mean `by`, as an account's name beside its person."""

    by: str
    at: datetime
    reason: str = ""
    also: frozenset[str] = frozenset()


def nothing_locked(_day: date) -> bool:
    return False


def ask(conn: sa.Connection, asking: Asking, at: datetime, locked: Locked) -> Request:
    """Stores the request; `at` is aware. A punch made on a phone at a place of work, or on an
    approved trip, is approved by that rule at once.
    Raises RefusedRequestError, NotFoundError, NoLawError (overtime of a year without calendar).
    """
    _refuse_bad_texts(asking)
    check_body(asking.body)
    first, until = asking.body.days
    zone = ZoneInfo(person_zone(conn, asking.person, lock=True))
    wall = at.astimezone(zone).replace(tzinfo=None)
    holding = store.holding_requests(
        conn, keys_of(conn, asking.person), first - timedelta(days=1), until + timedelta(days=1)
    )
    body, rule, version = _checked(conn, asking, wall, holding)
    facts = facts_of(conn, [asking.person], first, until)[asking.person]
    refuse_conflict(body, holding, lambda day: shift_halves(facts, day))
    asked = store.add_request(
        conn,
        Request(
            id=0,
            person=asking.person,
            body=body,
            state=RequestState.ASKED,
            asked_at=at,
            asked_by=asking.by.strip(),
            relation=asking.relation,
            reason=asking.reason.strip(),
            evidence=asking.evidence.strip(),
            rule_version=version,
        ),
    )
    append(
        conn, at, asked.asked_by, "request.ask", _subject(asked), None, asked, asked.reason
    )  # fmt: skip
    if not rule:
        return asked
    return _decide(conn, asked, Deciding(f"{_RULE}{rule}", at), RequestState.APPROVED, locked)


def approve(conn: sa.Connection, number: int, deciding: Deciding, locked: Locked) -> Request:
    """Days that are locked keep what was computed; the request is queued for the next open one.
    Raises NotFoundError, RefusedRequestError, TimeOffError (time off that no lot covers).
    """
    return _by_person(conn, number, deciding, RequestState.APPROVED, locked)


def refuse(conn: sa.Connection, number: int, deciding: Deciding) -> Request:
    """Raises NotFoundError, RefusedRequestError (a refusal has a reason)."""
    if not deciding.reason.strip():
        raise RefusedRequestError(
            "reason", f"request {number} is not refused without a reason", remedy="say why"
        )
    return _by_person(conn, number, deciding, RequestState.REFUSED, nothing_locked)


def withdraw(conn: sa.Connection, number: int, deciding: Deciding) -> Request:
    """Raises NotFoundError, RefusedRequestError."""
    return _by_person(conn, number, deciding, RequestState.WITHDRAWN, nothing_locked)


def reversal_of(conn: sa.Connection, number: int) -> tuple[str, Reversal]:
    """Whose request it is, and the body that asks to take it back. Raises NotFoundError."""
    original = store.request(conn, number)
    first, until = original.body.days
    person = merged_into(conn).get(original.person, original.person)
    return person, Reversal(of=number, first=first, until=until)


def days_to_recompute(decided: Request) -> tuple[date, ...]:
    """The days whose plan the decision changes."""
    return tuple(days_of(*decided.body.days)) if decided.state is RequestState.APPROVED else ()


def _by_person(
    conn: sa.Connection, number: int, deciding: Deciding, state: RequestState, locked: Locked
) -> Request:
    if deciding.by.startswith(_RULE):
        raise _bad_name(deciding.by)
    check_text("name of who decides", deciding.by, MAX_WORD)
    check_text("reason", deciding.reason, MAX_TEXT)
    return _decide(conn, store.request(conn, number), deciding, state, locked)


def _decide(
    conn: sa.Connection, asked: Request, deciding: Deciding, state: RequestState, locked: Locked
) -> Request:
    queued: tuple[date, ...] = ()
    if state is RequestState.APPROVED:
        queued = tuple(day for day in days_of(*asked.body.days) if locked(day))
    decided = store.decide(
        conn,
        asked.id,
        Outcome(
            state=state,
            at=deciding.at,
            by=deciding.by.strip(),
            reason=deciding.reason.strip(),
            queued_days=queued,
            settles_on=_next_open_day(queued[-1], locked) if queued else None,
            also=deciding.also,
        ),
    )
    append(
        conn, deciding.at, decided.decided_by, f"request.{state}", _subject(decided), asked, decided,
        decided.decision,
    )  # fmt: skip
    book_decision(
        conn, decided, Act(actor=decided.decided_by, at=deciding.at, reason=decided.decision)
    )
    return decided


def _next_open_day(last_locked: date, locked: Locked) -> date:
    for offset in range(1, _MOST_LOCKED_DAYS):
        if not locked(day := last_locked + timedelta(days=offset)):
            return day
    raise RefusedRequestError(
        "locked",
        f"no day within {_MOST_LOCKED_DAYS} days after {last_locked} is open",
        remedy="look at the locked periods",
    )


def _checked(
    conn: sa.Connection, asking: Asking, wall: datetime, holding: Iterable[Request]
) -> tuple[Body, str, str]:
    """The body to store, the rule that approves it at once or "", the version it was judged by."""
    match asking.body:
        case Leave() as leave:
            kinds = load_request_kinds()
            refuse_unknown_leave(leave, kinds)
            return leave, "", kinds.version
        case Overtime() as overtime:
            return _with_planned_kind(conn, asking.person, overtime), "", ""
        case MissingPunch() as punch:
            return punch, "", _judge_correction(conn, asking, punch, wall.date())
        case MobilePunch() as punch:
            return _located(conn, punch, wall, holding)
        case Reversal() as reversal:
            _check_reversal(conn, asking.person, reversal)
            return reversal, "", ""
        case other:
            return other, "", ""


def _with_planned_kind(conn: sa.Connection, person: str, overtime: Overtime) -> Overtime:
    """The kind of day makes the premium: it is the plan's, and who asked for another is told."""
    planned = plan_of(conn, person, *overtime.days)[overtime.day].kind
    if overtime.kind is not None and overtime.kind is not planned:
        raise RefusedRequestError(
            "day_kind",
            f"{overtime.day} is a {planned} in the plan of {person}, not a {overtime.kind}",
            remedy="ask for the kind that is planned, or change the roster first",
        )
    return replace(overtime, kind=planned)


def _judge_correction(conn: sa.Connection, asking: Asking, punch: MissingPunch, on: date) -> str:
    policy = policy_on((load_policy(), *load_policies(conn)), punch.day)
    start, after = policy.period(punch.day)
    earlier = store.holding_requests(conn, keys_of(conn, asking.person), start, after)
    asked = AskedCorrection(punch, asking.relation, asking.evidence, on)
    refuse_against_policy(policy, asked, earlier)
    return policy.version


def _whole_minutes(span: timedelta) -> str:
    hours, minutes = divmod(span // timedelta(minutes=1), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _located(
    conn: sa.Connection, punch: MobilePunch, wall: datetime, holding: Iterable[Request]
) -> tuple[MobilePunch, str, str]:
    """A phone may claim any time: a rule believes only what arrives while it happens."""
    if punch.at > wall + _CLOCKS_APART:
        raise RefusedRequestError(
            "future", f"{punch.at} has not come yet", remedy="set the phone's clock"
        )
    where = locate(load_places(conn), punch.latitude, punch.longitude, punch.accuracy_m)
    kept = replace(punch, outside=where.place is None, found=where.found)
    if wall - punch.at > _CLOCKS_APART:
        late = f"{where.found}; told {_whole_minutes(wall - punch.at)} later"
        return replace(kept, found=late), "", ""
    if where.place is not None:
        return kept, f"place {where.place}", ""
    trips = [one.id for one in counting_on(holding, punch.day) if isinstance(one.body, AskedTrip)]
    return kept, f"trip {trips[0]}" if trips else "", ""


def _check_reversal(conn: sa.Connection, person: str, reversal: Reversal) -> None:
    original = store.request(conn, reversal.of)
    fault = ""
    if original.person not in keys_of(conn, person):
        fault = f"it is a request of {original.person}"
    elif original.state is not RequestState.APPROVED:
        fault = f"it is {original.state}: only an approved one is reversed"
    elif isinstance(original.body, Reversal):
        fault = f"it is itself a reversal, of request {original.body.of}"
    elif original.body.days != reversal.days:
        fault = "its days are others"
    else:
        open_ones = [o.id for o in store.reversals_of(conn, reversal.of) if o.open_or_approved]
        if open_ones:
            fault = f"request {open_ones[0]} reverses it already"
    if fault:
        raise RefusedRequestError(
            "reversal",
            f"request {reversal.of} cannot be reversed: {fault}",
            remedy="look at it: hr-core request show NUMBER",
        )


def _refuse_bad_texts(asking: Asking) -> None:
    if asking.by.startswith(_RULE) or not asking.by.strip():
        raise _bad_name(asking.by)
    check_text("name of who asks", asking.by, MAX_WORD)
    check_text("person", asking.person, MAX_WORD)
    check_text("reason", asking.reason, MAX_TEXT)
    check_text("evidence", asking.evidence, MAX_TEXT)
    if not asking.reason.strip():
        raise RefusedRequestError(
            "reason", "a request without a reason cannot be judged", remedy="say why it is asked"
        )


def _bad_name(name: str) -> RefusedRequestError:
    return RefusedRequestError(
        "actor", f"{name!r} is no person who can act", remedy="name who does it"
    )


def _subject(one: Request) -> str:
    return f"request {one.id} of person {one.person}"
