"""Two records that are one human, and one record that is two: merge and split.

Days and payslips that were computed keep the key under which they were computed; what is computed
from now on belongs to the record that holds the numbers, ids and contracts.
"""

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from hr_core.people.changes import (
    Change,
    Signature,
    begin,
    days_of,
    make,
    owned_rows,
    rows_of,
)
from hr_core.people.errors import ChangeRefusedError
from hr_core.people.model import Days
from hr_core.people.moves import (
    Contract,
    contract_row,
    device_user_row,
    number_row,
    require_person,
    subject_of,
)
from hr_core.people.numbering import free_number
from hr_core.store.dated_rows import ALWAYS
from hr_core.store.organisation import memberships
from hr_core.store.people import badges, device_users, people
from hr_core.store.person_records import (
    claim_key,
    employee_numbers,
    employments,
    merged_people,
    person_id_digits,
)


class NewRecord(Struct, frozen=True, kw_only=True):
    """Who the second human of a record is. `number` None: the system makes one.

    base_fen is said, never copied: two people do not earn the same because they shared a record.
    """

    name: str
    base_fen: int
    first: date | None = None
    number: str | None = None
    contract: Contract = Contract()


class Share(Struct, frozen=True, kw_only=True):
    """What of the record was the second human's."""

    device_users: tuple[tuple[str, str, Days], ...] = ()
    badges: tuple[str, ...] = ()


class Split(Struct, frozen=True, kw_only=True):
    """`change` is its number in the audit log."""

    person: str
    number: str
    change: int


def merge(conn: sa.Connection, keep: str, gone: str, sign: Signature) -> int:
    """Everything of `gone` becomes `keep`'s: numbers, contracts, ids, badges, places.

    Name, shift, base pay and id digits are those of `keep`. Raises ChangeRefusedError.
    """
    begin(conn)
    if keep == gone:
        raise ChangeRefusedError(
            "a record cannot be merged with itself",
            row=subject_of(keep),
            remedy="name two: hr-core people merge KEEP GONE",
        )
    require_person(conn, keep)
    change = Change()
    change.take(people, [require_person(conn, gone)])
    for table in (employee_numbers, employments):
        for row in owned_rows(conn, table, gone):
            change.replace(table, row, person=keep)
    for table in (device_users, badges):
        for row in owned_rows(conn, table, gone):
            change.replace(table, row, number=keep, entered=True)
    _merge_memberships(conn, change, keep, gone)
    digits = owned_rows(conn, person_id_digits, gone)
    change.take(person_id_digits, digits)
    if not owned_rows(conn, person_id_digits, keep):
        change.add(person_id_digits, [row | {"person": keep} for row in digits])
    for row in rows_of(conn, merged_people, merged_people.c.into == gone):
        change.replace(merged_people, row, into=keep)
    change.add(merged_people, [{"person": gone, "into": keep}])
    return make(conn, change, action="merge", subject=subject_of(keep), sign=sign)


def split(conn: sa.Connection, person: str, new: NewRecord, share: Share, sign: Signature) -> Split:
    """A second record out of one, with its share of ids and badges. Raises ChangeRefusedError."""
    begin(conn)
    old = require_person(conn, person)
    number = new.number or free_number(conn)
    key = claim_key(conn, number)
    change = Change()
    origin = f"split from person {person} by {sign.by}"
    change.add(
        people,
        [old | {"number": key, "name": new.name, "base_fen": new.base_fen, "origin": origin}],
    )
    change.add(employee_numbers, [number_row(key, number, new.first)])
    change.add(employments, [contract_row(key, new.contract, new.first, taken=[])])
    for serial, user_id, days in share.device_users:
        _hand_over(conn, change, (person, key), (serial, user_id), days)
    for badge in share.badges:
        found = rows_of(conn, badges, badges.c.badge == badge, badges.c.number == person)
        if not found:
            raise _not_theirs(person, f"badges {badge}")
        change.replace(badges, found[0], number=key, entered=True)
    number_in_log = make(conn, change, action="split", subject=subject_of(person), sign=sign)
    return Split(person=key, number=number, change=number_in_log)


def _hand_over(
    conn: sa.Connection,
    change: Change,
    people_keys: tuple[str, str],
    device_user: tuple[str, str],
    days: Days,
) -> None:
    """The id's days that lie in `days` go to the second record; the rest stays."""
    old, new = people_keys
    serial, user_id = device_user
    columns = device_users.c
    wanted = (columns.serial == serial, columns.user_id == user_id, columns.number == old)
    touched = [row for row in rows_of(conn, device_users, *wanted) if days_of(row).overlaps(days)]
    if not touched:
        raise _not_theirs(old, f"device_users {serial} {user_id}")
    for row in touched:
        change.take(device_users, [row])
        for owner, part in _parts(days_of(row), days):
            whose = new if owner else old
            change.add(device_users, [device_user_row(whose, device_user, part)])


def _parts(whole: Days, inside: Days) -> Iterable[tuple[bool, Days]]:
    """Cuts `whole` at the bounds of `inside`, which it overlaps; True: the part lies inside."""
    first = max(whole.first or ALWAYS, inside.first or ALWAYS)
    until = min(whole.until or date.max, inside.until or date.max)
    if first > (whole.first or ALWAYS):
        yield False, Days(whole.first, first)
    yield True, Days(None if first == ALWAYS else first, None if until == date.max else until)
    if until < (whole.until or date.max):
        yield False, Days(until, whole.until)


def _merge_memberships(conn: sa.Connection, change: Change, keep: str, gone: str) -> None:
    """Both may have been in one unit at once: the days are joined."""
    rows = [*owned_rows(conn, memberships, keep), *owned_rows(conn, memberships, gone)]
    joined: dict[tuple[str, str], list[Days]] = {}
    for row in rows:
        joined.setdefault((row["unit"], row["role"]), []).append(days_of(row))
    change.take(memberships, rows)
    change.add(
        memberships,
        [
            {
                "unit": unit,
                "person": keep,
                "role": role,
                "valid_from": days.first or ALWAYS,
                "valid_until": days.until,
            }
            for (unit, role), spans in joined.items()
            for days in union(spans)
        ],
    )


def union(spans: Iterable[Days]) -> list[Days]:
    """The same days as spans that neither overlap nor touch, in order."""
    found: list[Days] = []
    for one in sorted(spans, key=lambda days: days.first or ALWAYS):
        last = found[-1] if found else None
        if last is None or (last.until is not None and (one.first or ALWAYS) > last.until):
            found.append(one)
        elif last.until is not None:
            until = None if one.until is None else max(last.until, one.until)
            found[-1] = Days(last.first, until)
    return found


def _not_theirs(person: str, row: str) -> ChangeRefusedError:
    return ChangeRefusedError(
        f"is not person {person}'s on these days",
        row=row,
        remedy=f"hr-core people show {person} lists what is",
    )
