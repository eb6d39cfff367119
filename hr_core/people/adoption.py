"""From the waiting list to a person: one form's worth of facts, asked by one, confirmed by another.

The person gets a number that the system makes (a worker whom HR never numbered), a contract and the
id on the device from the first day on, so that every punch that waited counts.
"""

import re
import unicodedata
from datetime import date, datetime
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import NotFoundError
from hr_core.people.changes import Change, Row, Signature, begin, make, rows_of
from hr_core.people.errors import ChangeRefusedError
from hr_core.people.model import Days
from hr_core.people.moves import (
    Contract,
    contract_row,
    device_user_row,
    number_row,
    subject_of,
)
from hr_core.people.numbering import free_number
from hr_core.people.records import Kind, Role
from hr_core.people.waiting import waiting_punches
from hr_core.store.adoptions import State, adoptions
from hr_core.store.organisation import memberships, units
from hr_core.store.people import device_users, people, shifts, site
from hr_core.store.person_records import (
    claim_key,
    employee_numbers,
    employments,
    person_id_digits,
)

MAX_ID_DIGITS = 6  # to tell two people of one name apart, not to know who they are
_ID_DIGITS = re.compile(r"(\d*[\dXx])?", re.ASCII)
# Earlier times are those of a clock without its battery (protocols.records.Flag.CLOCK_SUSPECT).
BELIEVED_SINCE = date(2010, 1, 1)


class Facts(Struct, frozen=True, kw_only=True):
    """The form. One of `base_fen` (a month) and `hourly_fen`, or an employer who pays.

    first     None: the day of the first punch that waits; the id is the person's from then on,
              until somebody else has it
    shift     None: the only one that there is
    employer  empty: our own people; else the employer or agency, who pays
    """

    serial: str
    user_id: str
    name: str
    id_digits: str = ""
    team: str | None = None
    base_fen: int | None = None
    hourly_fen: int | None = None
    first: date | None = None
    employer: str = ""
    shift: str | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """`similar`: keys of people of the same name, to be looked at before confirming."""

    adoption: int
    facts: Facts
    punches: int
    first_punch: datetime
    similar: tuple[str, ...]


class Adopted(Struct, frozen=True, kw_only=True):
    """`change`: its number in the audit log, by which it can be undone."""

    adoption: int
    person: str
    number: str
    first: date
    change: int


class Adoption(Struct, frozen=True, kw_only=True):
    """A row of the list: what was asked by whom, and what became of it."""

    number: int
    state: State
    facts: Facts
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    person: str | None


class Verdict(StrEnum):
    CONFIRM = "confirm"
    REFUSE = "refuse"


def ask(conn: sa.Connection, facts: Facts, sign: Signature) -> Asked:
    """Checks the form and keeps it for somebody else to confirm. Raises ChangeRefusedError."""
    begin(conn)
    row = f"{facts.serial} {facts.user_id}"
    found = waiting_punches(conn, facts.serial, facts.user_id, since=BELIEVED_SINCE)
    if found is None:
        raise ChangeRefusedError(
            "no punch of this id waits",
            row=row,
            remedy="hr-core people waiting lists the ids that do",
        )
    columns = adoptions.c
    open_one = rows_of(
        conn,
        adoptions,
        columns.serial == facts.serial,
        columns.user_id == facts.user_id,
        columns.state == State.ASKED.value,
    )
    if open_one:
        raise ChangeRefusedError(
            f"was asked for already by {open_one[0]['asked_by']}",
            row=row,
            remedy=f"confirm or refuse it: hr-core people adopt --confirm {open_one[0]['number']}",
        )
    count, first, _ = found
    facts = msgspec.structs.replace(
        facts,
        first=facts.first or first.date(),
        shift=_chosen_shift(conn, facts.shift),
        name=" ".join(facts.name.split()),
    )
    _check_facts(conn, facts, row)
    number = (conn.execute(sa.select(sa.func.max(columns.number))).scalar() or 0) + 1
    change = Change()
    change.add(adoptions, [_asked_row(number, facts, sign)])
    make(conn, change, action="adopt_asked", subject=f"device user {row}", sign=sign)
    return Asked(
        adoption=number,
        facts=facts,
        punches=count,
        first_punch=first,
        similar=_similar(conn, facts),
    )


def confirm(conn: sa.Connection, number: int, sign: Signature) -> Adopted:
    """By another account than the one that asked. Makes the person. Raises ChangeRefusedError."""
    begin(conn)
    asked = _open_row(conn, number, sign, Verdict.CONFIRM)
    facts = msgspec.json.decode(asked["facts"], type=Facts)
    first = facts.first
    assert first is not None  # noqa: S101 - `ask` stores the day
    employee_number = free_number(conn)
    key = claim_key(conn, employee_number)
    contract = Contract(
        kind=Kind.EXTERNAL if facts.employer else Kind.EMPLOYEE,
        employer=facts.employer,
        hourly_fen=facts.hourly_fen,
    )
    origin = f"adopted from the waiting list: asked by {asked['asked_by']}, confirmed by {sign.by}"
    change = Change()
    change.add(people, [_person_row(conn, key, facts, origin)])
    change.add(employee_numbers, [number_row(key, employee_number, first)])
    change.add(employments, [contract_row(key, contract, first, taken=[])])
    device_user = (facts.serial, facts.user_id)
    change.add(
        device_users,
        [device_user_row(key, device_user, Days(first, _next_holder(conn, facts, first)))],
    )
    if facts.team is not None:
        change.add(memberships, [_membership_row(key, facts.team, first)])
    if facts.id_digits:
        change.add(person_id_digits, [{"person": key, "digits": facts.id_digits}])
    change.replace(adoptions, asked, **_decision(State.CONFIRMED, sign), person=key)
    made = make(conn, change, action="adopt", subject=subject_of(key), sign=sign)
    return Adopted(adoption=number, person=key, number=employee_number, first=first, change=made)


def refuse(conn: sa.Connection, number: int, sign: Signature) -> int:
    """By anybody, the one who asked too: the punches go on waiting. Gives the audit number."""
    begin(conn)
    asked = _open_row(conn, number, sign, Verdict.REFUSE)
    change = Change()
    change.replace(adoptions, asked, **_decision(State.REFUSED, sign))
    subject = f"device user {asked['serial']} {asked['user_id']}"
    return make(conn, change, action="adopt_refused", subject=subject, sign=sign)


def adoptions_of(conn: sa.Connection, state: State | None = None) -> list[Adoption]:
    """Newest first; None: in every state."""
    wanted = () if state is None else (adoptions.c.state == state.value,)
    return [_adoption(row) for row in reversed(rows_of(conn, adoptions, *wanted))]


def adoption_of(conn: sa.Connection, number: int) -> Adoption | None:
    found = rows_of(conn, adoptions, adoptions.c.number == number)
    return _adoption(found[0]) if found else None


def _adoption(row: Row) -> Adoption:
    return Adoption(
        number=row["number"],
        state=State(row["state"]),
        facts=msgspec.json.decode(row["facts"], type=Facts),
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        person=row["person"],
    )


def _open_row(conn: sa.Connection, number: int, sign: Signature, verdict: Verdict) -> Row:
    found = rows_of(conn, adoptions, adoptions.c.number == number)
    if not found:
        raise NotFoundError(
            f"there is no adoption {number}", remedy="hr-core people waiting lists them"
        )
    asked = found[0]
    row = f"adoption {number}"
    if asked["state"] != State.ASKED.value:
        raise ChangeRefusedError(
            f"is {asked['state']} by {asked['decided_by']} already",
            row=row,
            remedy="ask again with hr-core people adopt",
        )
    if verdict is Verdict.CONFIRM and any(
        _same_account(asked["asked_by"], name) for name in (sign.by, *sign.also)
    ):
        raise ChangeRefusedError(
            f"was asked for by {sign.by}: who asks does not confirm",
            row=row,
            remedy="let somebody else confirm it with an account of their own",
        )
    return asked


def _same_account(one: str, other: str) -> bool:
    """As login names are compared (NFKC: "Ａnn" is ann)."""
    names = (unicodedata.normalize("NFKC", name).strip().casefold() for name in (one, other))
    return next(names) == next(names)


def _check_facts(conn: sa.Connection, facts: Facts, row: str) -> None:
    paid = (facts.base_fen is not None) + (facts.hourly_fen is not None)
    team = facts.team
    no_team = team is not None and not rows_of(conn, units, units.c.code == team)
    faults = (
        (not facts.name, "has no name", "give --name"),
        (
            _ID_DIGITS.fullmatch(facts.id_digits) is None,
            "id digits are the last ones of an id card",
            "give --id-digits 1234 (the last may be X)",
        ),
        (
            len(facts.id_digits) > MAX_ID_DIGITS,
            f"more than {MAX_ID_DIGITS} digits of an id card are not kept",
            "give the last four",
        ),
        (no_team, f"there is no unit {team!r}", "hr-core people units lists them"),
        (
            paid > 1 or (paid == 0 and not facts.employer),
            "needs either base pay or an hourly rate, or the employer who pays",
            "give one of --base, --hourly, --employer",
        ),
    )
    for wrong, what, remedy in faults:
        if wrong:
            raise ChangeRefusedError(what, row=row, remedy=remedy)


def _chosen_shift(conn: sa.Connection, wanted: str | None) -> str:
    known = [str(code) for code in conn.execute(sa.select(shifts.c.code)).scalars()]
    if wanted is None and len(known) == 1:
        return known[0]
    if wanted is None or wanted not in known:
        raise ChangeRefusedError(
            "needs a shift" if wanted is None else f"there is no shift {wanted!r}",
            row="shift",
            remedy=f"give --shift, one of: {', '.join(sorted(known)) or 'none is imported yet'}",
        )
    return wanted


def _person_row(conn: sa.Connection, key: str, facts: Facts, origin: str) -> Row:
    return {
        "number": key,
        "name": facts.name,
        "shift": facts.shift,
        "base_fen": facts.base_fen or 0,
        "zone": conn.execute(sa.select(site.c.zone)).scalar_one(),
        "origin": origin,
    }


def _membership_row(person: str, unit: str, first: date) -> Row:
    return {
        "unit": unit,
        "person": person,
        "role": Role.MEMBER.value,
        "valid_from": first,
        "valid_until": None,
    }


def _next_holder(conn: sa.Connection, facts: Facts, first: date) -> date | None:
    """Until somebody else has the id; None: nobody has it later."""
    columns = device_users.c
    query = sa.select(sa.func.min(columns.valid_from)).where(
        columns.serial == facts.serial, columns.user_id == facts.user_id, columns.valid_from > first
    )
    found: date | None = conn.execute(query).scalar()
    return found


def _asked_row(number: int, facts: Facts, sign: Signature) -> Row:
    return {
        "number": number,
        "serial": facts.serial,
        "user_id": facts.user_id,
        "facts": msgspec.json.encode(facts).decode(),
        "state": State.ASKED.value,
        "asked_by": sign.by,
        "asked_at": sign.at,
        "decided_by": None,
        "decided_at": None,
        "person": None,
    }


def _decision(state: State, sign: Signature) -> Row:
    return {"state": state.value, "decided_by": sign.by, "decided_at": sign.at}


def _similar(conn: sa.Connection, facts: Facts) -> tuple[str, ...]:
    same_name = sa.select(people.c.number).where(people.c.name == facts.name)
    return tuple(conn.execute(same_name.order_by(people.c.number)).scalars())
