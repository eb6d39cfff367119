"""Erasing a person who left: what may go goes, what law asks for stays, and every chain still holds.
There is no way back, so one person asks and another approves.

What stays is told with its reason and its end. What is signed or chained is never touched: the
audit log and approvals name the person by the key, which is a number and no name.
"""

from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.management import Act, set_disabled
from hr_core.accounts.visible import site_today
from hr_core.approvals.desk import Actor, Approval, open_approvals, propose
from hr_core.approvals.kinds import Kind
from hr_core.attendance.plan.request import Body, MobilePunch
from hr_core.audit.log import append
from hr_core.data_files import load
from hr_core.errors import RefusedError
from hr_core.people.employment import employed_on
from hr_core.store import personal_rows
from hr_core.store.accounts import accounts, all_accounts
from hr_core.store.erasures import begin_erasing, erase_events
from hr_core.store.people import ERASED_NAME, load_roster, people
from hr_core.store.person_records import employments_of, person_id_digits
from hr_core.store.requests import requests
from hr_core.store.time_off import time_off_entries
from hr_core.store.work_plan import keys_of

# Told even where a release has no such rows; badges and ids say whose pieces and punches were paid.
_KEPT = ("attendance_days", "attendance_revisions", "pay_slips", "pay_lines", "run_days",
         "pay_agreements", "pay_entries", "approvals", "audit_log", "employments",
         "employee_numbers", "memberships", "device_users", "badges")  # fmt: skip


class KeepingRule(Struct, frozen=True, forbid_unknown_fields=True):
    years: int
    source: str


class Keeping(Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    device_records: KeepingRule
    pay_and_audit: KeepingRule


class ErasedPerson(Struct, frozen=True, kw_only=True):
    """`gone`: rows that were erased or lost their personal texts; `kept`: rows that stay, by table;
    `records_until` and `pay_until`: the days from which those may go too.
    """

    person: str
    gone: dict[str, int]
    kept: dict[str, int]
    records_until: date
    pay_until: date


def keeping() -> Keeping:
    return load("keeping.toml", Keeping)


def erasing_subject(person: str) -> str:
    return f"erasing of person {person}"


def ask_erasing(conn: sa.Connection, person: str, *, at: datetime, by: Actor, reason: str) -> int:
    """The number under which it waits for a second person; nothing is erased yet. May be asked again
    later: raw records go after their time of keeping.

    Raises RefusedError (no reason, still employed, waits already).
    """
    if not any(letter.isalnum() for letter in reason):
        raise RefusedError("nobody is erased without a reason", remedy="say on whose order")
    subject, keys = erasing_subject(person), keys_of(conn, person)
    _last_day(conn, keys, site_today(conn, at))
    for waiting in open_approvals(conn, Kind.ERASURE, subject):
        raise RefusedError(
            f"the {subject} waits already as approval {waiting.number}",
            remedy=f"another person approves it: hr-core approvals approve {waiting.number}",
        )
    content = {"person": person, "keys": keys}
    return propose(conn, Kind.ERASURE, subject, content, at=at, by=by, reason=reason)


def carry_out_erasing(conn: sa.Connection, approval: Approval) -> ErasedPerson:
    """What the approval does: exactly the records that were named. Raises RefusedError (employed again,
    another record was merged into the person's since), CoreError while a batch waits to be judged.
    """
    person, keys = approval.content["person"], tuple(approval.content["keys"])
    assert approval.decided_at is not None  # noqa: S101 - it was just approved
    assert approval.decided_by is not None  # noqa: S101 - as above
    if set(keys_of(conn, person)) != set(keys):
        raise RefusedError(
            f"other records mean person {person} than when approval {approval.number} was entered",
            remedy="refuse it and ask anew: hr-core person erase",
        )
    at, on = approval.decided_at, site_today(conn, approval.decided_at)
    by, reason = approval.decided_by, approval.reason
    last = _last_day(conn, keys, on)
    rules = keeping()
    records_until = _years_after(last, rules.device_records.years)
    begin_erasing(conn)
    gone = {
        "person_id_digits": _delete(conn, person_id_digits.c.person, keys),
        "people": _take_name(conn, keys),
        "requests": _clear_requests(conn, keys),
        "time_off_entries": _clear(conn, time_off_entries.c.person, keys, {"note": ""}),
        "accounts": _shut_accounts(conn, keys, Act(actor=by, at=at, reason=reason)),
        "punches": 0,
    }
    if on >= records_until:
        gone["punches"] = erase_events(conn, _event_ids(conn, keys), at=at, reason=reason)
    done = ErasedPerson(
        person=person,
        gone=gone,
        kept=_kept(conn, keys, punches=on < records_until),
        records_until=records_until,
        pay_until=_years_after(last, rules.pay_and_audit.years),
    )
    told = {"approval": approval.number, "erased": done}
    append(conn, at, by, "person.erase", f"person {person}", None, told, reason)
    return done


def _last_day(conn: sa.Connection, keys: tuple[str, ...], on: date) -> date:
    """The first day without a contract. Raises RefusedError."""
    contracts = [one for key in keys for one in employments_of(conn, key)]
    ends = [one.days.until for one in contracts]
    if not ends or None in ends or employed_on(contracts, on):
        raise RefusedError(
            f"person {keys[0]} is employed on {on}, or no contract says until when: the data are "
            "needed for hours and pay",
            remedy="end the contract first (people file, hr-core people), then run it again",
        )
    return max(end for end in ends if end is not None)


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # the 29th of February
        return date(day.year + years, 3, 1)


def _delete(conn: sa.Connection, column: sa.Column[str], keys: tuple[str, ...]) -> int:
    return conn.execute(sa.delete(column.table).where(column.in_(keys))).rowcount


def _clear(
    conn: sa.Connection, column: sa.Column[str], keys: tuple[str, ...], values: dict[str, Any]
) -> int:
    changed = [column.table.c[name] != value for name, value in values.items()]
    statement = sa.update(column.table).where(column.in_(keys), sa.or_(*changed)).values(values)
    return conn.execute(statement).rowcount


def _take_name(conn: sa.Connection, keys: tuple[str, ...]) -> int:
    """Slips keep the name under which they were paid."""
    return _clear(conn, people.c.number, keys, {"name": ERASED_NAME, "origin": ""})


def _clear_requests(conn: sa.Connection, keys: tuple[str, ...]) -> int:
    """What was asked and decided stays, with its days; reasons, evidence and positions go."""
    count = _clear(conn, requests.c.person, keys, {"reason": "", "evidence": "", "decision": ""})
    query = sa.select(requests.c.id, requests.c.body).where(
        requests.c.person.in_(keys), requests.c.kind == "mobile_punch"
    )
    for number, text in conn.execute(query).all():
        body = msgspec.json.decode(text, type=Body)
        assert isinstance(body, MobilePunch)  # noqa: S101 - its kind says so
        nowhere = msgspec.structs.replace(
            body, latitude=0.0, longitude=0.0, accuracy_m=0.0, found=""
        )
        new = msgspec.json.encode(nowhere).decode()
        conn.execute(sa.update(requests).where(requests.c.id == number).values(body=new))
    return count


def _shut_accounts(conn: sa.Connection, keys: tuple[str, ...], act: Act) -> int:
    """Shut out, without a password; the name stays, as the audit log knows who acted by it."""
    own = [one for one in all_accounts(conn) if one.person in keys]
    for one in own:
        set_disabled(conn, one.name, act, disabled=True)
    names = [one.name for one in own]
    void = {"password": None, "setup_digest": None, "setup_expires": None}
    conn.execute(sa.update(accounts).where(accounts.c.name.in_(names)).values(void))
    return len(own)


def _event_ids(conn: sa.Connection, keys: tuple[str, ...]) -> list[bytes]:
    roster = load_roster(conn)
    if roster is None:
        return []
    mapping = roster.number_by_device_user()
    return [event.event_id for event, _ in personal_rows.punches_of(conn, keys, mapping)]


def _kept(conn: sa.Connection, keys: tuple[str, ...], *, punches: bool) -> dict[str, int]:
    counts = dict.fromkeys(_KEPT, 0)
    for table, _ in personal_rows.rows_of(conn, keys):
        counts[table] = counts.get(table, 0) + 1
    counts["approvals"] = sum(1 for _ in personal_rows.approvals_of(conn, keys))
    counts["audit_log"] = sum(1 for _ in personal_rows.audit_rows_of(conn, keys, keys))
    counts["punches"] = len(_event_ids(conn, keys)) if punches else 0
    return {name: count for name, count in sorted(counts.items()) if count}
