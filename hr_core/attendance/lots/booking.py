"""Entries in people's ledgers of time off: each in one transaction with its row in the audit log."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.calendar_overtime import Span
from hr_core.attendance.hours.counted_overtime import (
    CountingRules,
    load_counting_rules,
    parse_counting_rules,
)
from hr_core.attendance.hours.law import TimeOffLaw, UnverifiedHoursLawError, load_law
from hr_core.attendance.lots import drawing
from hr_core.attendance.lots.drawing import Draft, Rate, TimeOffError
from hr_core.attendance.lots.ledger import Entry, LotState, Origin, balance, fold
from hr_core.attendance.lots.rules import (
    TimeOffRules,
    check_against_law,
    load_time_off_rules,
    parse_time_off_rules,
    terms_of,
)
from hr_core.audit import log as audit
from hr_core.errors import NotFoundError
from hr_core.store import audit_log, time_off
from hr_core.store.people import people
from hr_core.store.person_records import merged_into
from hr_core.store.time_off import RuleFile, RuleFileKind
from hr_core.store.work_plan import keys_of


class Act(Struct, frozen=True, kw_only=True):
    """Who books, when and why."""

    actor: str
    at: datetime
    reason: str = ""


class Overtime(Struct, frozen=True, kw_only=True):
    """What a day's overtime came out as; zero minutes take back what an earlier result gave."""

    day: date
    kind: DayKind
    minutes: int
    spans: tuple[Span, ...] = ()
    events: tuple[str, ...] = ()
    contract: str = ""


def lots_of(conn: sa.Connection, person: str, on: date | None = None) -> tuple[LotState, ...]:
    """As booked up to `on`, oldest first. Raises NotFoundError."""
    _zone(conn, person)
    return fold(_ledger(conn, person), on)


def people_with_lots(conn: sa.Connection) -> list[str]:
    """Those who have a ledger, each once."""
    merged = merged_into(conn)
    return sorted({merged.get(key, key) for key in time_off.keys_with_lots(conn)})


def book_overtime(conn: sa.Connection, person: str, overtime: Overtime, act: Act) -> list[Entry]:
    """Makes the lot hold what the day earned; the same result again books nothing.

    A lot keeps the terms by which it was first earned. When the kind of the day itself came out
    otherwise, the lot of the other kind is taken back. Raises NotTimeOffError, NoLawError.
    """
    zone, lots = _open(conn, person)
    drafts: list[Draft] = []
    mine: LotState | None = None
    for lot in lots:
        if (lot.origin.day, lot.origin.contract) == (overtime.day, overtime.contract):
            if lot.origin.kind == overtime.kind:
                mine = lot
            else:
                drafts += drawing.earn(lot, lot.origin, 0)
    if mine is not None:
        origin = replace(mine.origin, spans=overtime.spans, events=overtime.events)
        drafts += drawing.earn(mine, origin, overtime.minutes)
    elif overtime.minutes:
        drafts += drawing.earn(None, _origin(conn, zone, overtime), overtime.minutes)
    return _write(conn, person, lots, drafts, "timeoff.earn", act)


def open_lot(
    conn: sa.Connection, person: str, origin: Origin, minutes: int, act: Act
) -> list[Entry]:
    """Makes the lot of `origin` hold what another system counted, whatever its terms here would be."""
    _, lots = _open(conn, person)
    mine = next((lot for lot in lots if lot.lot == origin.lot), None)
    return _write(conn, person, lots, drawing.earn(mine, origin, minutes), "timeoff.open", act)


def take(
    conn: sa.Connection, person: str, leave: str, day: date, minutes: int, act: Act
) -> list[Entry]:
    """Leave of `day` from the person's lots. Raises TimeOffError when they do not cover it."""
    _, lots = _open(conn, person)
    order = time_off_rules(conn).on(day).order
    drafts = drawing.use(lots, leave, day, minutes, order)
    return _write(conn, person, lots, drafts, "timeoff.use", act)


def give_back(conn: sa.Connection, person: str, leave: str, act: Act) -> list[Entry]:
    """Leave that was not taken. Raises TimeOffError for one that used nothing."""
    _, lots = _open(conn, person)
    return _write(conn, person, lots, drawing.give_back(lots, leave), "timeoff.return", act)


def pay_out(
    conn: sa.Connection,
    person: str,
    minutes: int | None,
    act: Act,
    *,
    unverified: bool = False,
) -> list[Entry]:
    """Books as paid what is expired or left, each lot at the rate of the law of its overtime.

    Raises TimeOffError, NoLawError, and UnverifiedHoursLawError unless `unverified` allows such rows.
    """
    zone, lots = _open(conn, person)
    rates = {
        lot.lot: rate_of(lot, zone, unverified=unverified)
        for lot in lots
        if lot.left_min or lot.expired_min
    }
    drafts = drawing.pay_out(lots, rates, minutes, _today(zone, act))
    return _write(conn, person, lots, drafts, "timeoff.pay-out", act)


def expire(conn: sa.Connection, person: str, act: Act) -> list[Entry]:
    """Books as expired what can no longer be taken. It stays due to be paid where the law says so."""
    zone, lots = _open(conn, person)
    drafts = drawing.expire(lots, _today(zone, act))
    return _write(conn, person, lots, drafts, "timeoff.expire", act)


def settle(conn: sa.Connection, person: str, lot: str, act: Act) -> list[Entry]:
    """A shortfall made good outside the ledger, how is the act's reason. Raises TimeOffError."""
    _, lots = _open(conn, person)
    for state in lots:
        if state.lot == lot:
            drafts = drawing.settle(state, act.reason)
            return _write(conn, person, lots, drafts, "timeoff.settle", act)
    raise TimeOffError(
        f"{person} has no lot {lot!r}",
        remedy=f"hr-core timeoff lots {person} lists them",
    )


def rate_of(lot: LotState, zone: str, *, unverified: bool) -> Rate:
    """What time of the lot is paid at. Raises NoLawError, UnverifiedHoursLawError."""
    law = load_law()
    row = law.time_off_for(law.of_zone(zone), lot.origin.kind, lot.origin.day)
    if row.status == "unverified" and not unverified:
        raise UnverifiedHoursLawError(f"the rate of lot {lot.lot}", row)
    return Rate(percent=row.pay_percent, source=row.source)


def time_off_rules(conn: sa.Connection) -> TimeOffRules:
    """The plant's own, else those that ship."""
    own = time_off.newest_rule_file(conn, "time_off")
    return load_time_off_rules() if own is None else parse_time_off_rules(own.text, file=own.name)


def counting_rules(conn: sa.Connection) -> CountingRules:
    """The plant's own, else those that ship."""
    own = time_off.newest_rule_file(conn, "overtime_counting")
    return load_counting_rules() if own is None else parse_counting_rules(own.text, file=own.name)


def import_rules(
    conn: sa.Connection, kind: RuleFileKind, file: RuleFile, zone: str, act: Act
) -> None:
    """The whole file is in force from now on; the days that are computed with it are a matter of its
    own dates. Raises InputFileError, NoLawError.
    """
    if kind == "time_off":
        law = load_law()
        rules = parse_time_off_rules(file.text, file=file.name)
        check_against_law(rules, law, law.of_zone(zone), file=file.name)
    else:
        parse_counting_rules(file.text, file=file.name)
    before = time_off.newest_rule_file(conn, kind)
    time_off.add_rule_file(conn, kind, file, act.actor, act.at)
    audit.append(
        conn,
        act.at,
        act.actor,
        "timeoff.rules",
        f"rules {kind}",
        None if before is None else before._asdict(),
        file._asdict(),
        act.reason,
    )


def _origin(conn: sa.Connection, zone: str, overtime: Overtime) -> Origin:
    law = load_law()
    row: TimeOffLaw = law.time_off_for(law.of_zone(zone), overtime.kind, overtime.day)
    rules = time_off_rules(conn)
    terms = terms_of(rules, row, overtime.day)
    return Origin(
        day=overtime.day,
        kind=overtime.kind,
        spans=overtime.spans,
        events=overtime.events,
        contract=overtime.contract,
        last_day=terms.last_day(overtime.day),
        rule=rules.on(overtime.day).version,
        law=row.source,
    )


def _open(conn: sa.Connection, person: str) -> tuple[str, tuple[LotState, ...]]:
    """The person's zone and lots, held against other writers until the transaction ends."""
    audit_log.lock_head(conn)
    zone = _zone(conn, person)
    return zone, fold(_ledger(conn, person))


def _write(
    conn: sa.Connection,
    person: str,
    before: Sequence[LotState],
    drafts: Iterable[Draft],
    action: str,
    act: Act,
) -> list[Entry]:
    rows = list(drafts)
    if not rows:
        return []
    booked = _today(_zone(conn, person), act)
    owners = time_off.owners_of_lots(conn, keys_of(conn, person))
    added: list[Entry] = []
    for draft in rows:
        owner = owners.get(draft.lot, person)
        added += time_off.add_entries(conn, owner, [draft], booked, act.actor, act.at)
    after = fold(_ledger(conn, person))
    audit.append(
        conn,
        act.at,
        act.actor,
        action,
        f"person {person}",
        balance(before),
        {"balance": balance(after), "entries": added},
        act.reason,
    )
    return added


def _ledger(conn: sa.Connection, person: str) -> list[Entry]:
    return time_off.entries_of(conn, keys_of(conn, person))


def _today(zone: str, act: Act) -> date:
    return act.at.astimezone(ZoneInfo(zone)).date()


def _zone(conn: sa.Connection, person: str) -> str:
    query = sa.select(people.c.zone).where(people.c.number == person)
    zone: str | None = conn.execute(query).scalar()
    if zone is None:
        raise NotFoundError(
            f"there is no person {person!r}",
            remedy="use the employee number of the people file, not a device's user id",
        )
    return zone
