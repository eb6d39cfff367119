"""Talks between a person and its superior: what was said, which are overdue, and booked slots."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit import log
from hr_core.clock import Month
from hr_core.errors import NotFoundError, RefusedError
from hr_core.people.today import today_at
from hr_core.people.visibility import Scope, only_visible, visible_people
from hr_core.performance.acting import Deed
from hr_core.performance.score_rules import Every, rules_on
from hr_core.store.people import people
from hr_core.store.talks import (
    Booking,
    Talk,
    add_booking,
    add_talk,
    bookings_where,
    cancel_booking,
    talk_bookings,
    talks,
    talks_where,
)
from hr_core.store.work_plan import keys_of

APPRAISAL = "appraisal"  # booked for a score; not every month or week
_LONGEST_TALK = timedelta(hours=8)
_ICAL_LINE = 75  # bytes; RFC 5545, 3.1


class Overdue(Struct, frozen=True, kw_only=True):
    """`since` and `until`: the month or week, half-open, in which no talk took place."""

    person: str
    kind: str
    since: date
    until: date


def log_talk(conn: sa.Connection, new: Talk, deed: Deed) -> int:
    """By one of the two. Raises RefusedError: a day to come, no text, an unknown kind."""
    known = {*rules_on(conn, new.day).talks, APPRAISAL}
    if new.kind not in known:
        raise RefusedError(
            f"{new.kind!r} is no kind of talk", remedy=f"choose one of {', '.join(sorted(known))}"
        )
    _check_two(conn, new.person, new.host, deed)
    if new.day > today_at(conn, deed.at, new.person):
        raise RefusedError(f"{new.day} is to come", remedy="log a talk when it has taken place")
    if not new.text.strip():
        raise RefusedError("the log is empty", remedy="write what was said and agreed")
    number = add_talk(conn, new, deed.by, deed.at)
    log.append(
        conn, deed.at, deed.by, "talk.log", f"person {new.person}", None,
        {"talk": number, "kind": new.kind, "day": new.day}, "",
    )  # fmt: skip
    return number


def overdue(
    conn: sa.Connection, persons: Iterable[str], kind: str, since: date, today: date
) -> list[Overdue]:
    """Each month or week that began on or after `since` and is over, without a talk of the kind."""
    every = rules_on(conn, today).talks.get(kind)
    if every is None:
        raise RefusedError(
            f"the rules name no rhythm for {kind!r} talks",
            remedy=f"choose one of {', '.join(sorted(rules_on(conn, today).talks))}",
        )
    spans = [span for span in _spans(every, since, today) if span[1] <= today]
    found = []
    for person in persons:
        mine = talks_where(conn, talks.c.person.in_(keys_of(conn, person)), talks.c.kind == kind)
        days = [one.day for one in mine]
        found += [
            Overdue(person=person, kind=kind, since=first, until=after)
            for first, after in spans
            if not any(first <= day < after for day in days)
        ]
    return found


def people_of_unit(conn: sa.Connection, unit: str, today: date) -> list[str]:
    """Who is in the unit or below it."""
    members = visible_people(Scope(units=(unit,)), today)
    rows = conn.execute(sa.select(people.c.number).where(only_visible(people.c.number, members)))
    return sorted(rows.scalars())


def book(conn: sa.Connection, new: Booking, deed: Deed) -> int:
    """Raises RefusedError: one of the two has another talk then, under any of their numbers."""
    _check_two(conn, new.person, new.host, deed)
    if not timedelta(0) < new.ends_at - new.starts_at <= _LONGEST_TALK:
        raise RefusedError(
            f"from {new.starts_at} to {new.ends_at} is no talk",
            remedy="it ends after it begins, within 8 hours",
        )
    both = {*keys_of(conn, new.person), *keys_of(conn, new.host)}
    there = talk_bookings.c
    taken = bookings_where(
        conn,
        there.cancelled_at.is_(None),
        there.starts_at < new.ends_at,
        there.ends_at > new.starts_at,
        there.person.in_(both) | there.host.in_(both),
    )
    if taken:
        one = taken[0]
        raise RefusedError(
            f"booking {one.number} of {one.host} with {one.person} has that time, "
            f"{one.starts_at:%Y-%m-%d %H:%M} to {one.ends_at:%H:%M} UTC",
            remedy="choose another time, or cancel that one",
        )
    number = add_booking(conn, new, deed.by)
    log.append(
        conn, deed.at, deed.by, "talk.book", f"person {new.person}", None,
        {"booking": number, "starts_at": new.starts_at}, "",
    )  # fmt: skip
    return number


def cancel(conn: sa.Connection, number: int, deed: Deed) -> Booking:
    """By one of the two."""
    booking = existing_booking(conn, number)
    _check_two(conn, booking.person, booking.host, deed)
    if booking.cancelled_at is not None:
        raise RefusedError(f"booking {number} is cancelled already", remedy="nothing is to be done")
    cancel_booking(conn, number, deed.by, deed.at)
    log.append(
        conn,
        deed.at,
        deed.by,
        "talk.cancel",
        f"person {booking.person}",
        {"booking": number},
        None,
        "",
    )
    return existing_booking(conn, number)


def existing_booking(conn: sa.Connection, number: int) -> Booking:
    found = bookings_where(conn, talk_bookings.c.number == number)
    if not found:
        raise NotFoundError(
            f"there is no booking {number}", remedy="hr-core performance talks list shows them"
        )
    return found[0]


def ical(booking: Booking, names: dict[str, str], core: str = "clockline") -> str:
    """An iCalendar text (RFC 5545) for both calendars; of a cancelled booking, its cancellation."""
    gone = booking.cancelled_at is not None
    host, person = (names.get(one, one) for one in (booking.host, booking.person))
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Clockline//hr-core//EN",
        f"METHOD:{'CANCEL' if gone else 'PUBLISH'}",
        "BEGIN:VEVENT",
        f"UID:talk-{booking.number}@{core}",
        f"SEQUENCE:{int(gone)}",
        f"DTSTAMP:{_stamp(booking.cancelled_at or booking.booked_at)}",
        f"DTSTART:{_stamp(booking.starts_at)}",
        f"DTEND:{_stamp(booking.ends_at)}",
        f"SUMMARY:{_escaped(f'绩效面谈 performance talk: {host} / {person}')}",
        f"LOCATION:{_escaped(booking.place)}",
        f"STATUS:{'CANCELLED' if gone else 'CONFIRMED'}",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _check_two(conn: sa.Connection, person: str, host: str, deed: Deed) -> None:
    own = keys_of(conn, person)
    if host in own:
        raise RefusedError("a talk is between two people", remedy="name another host")
    if not deed.is_one_of({*own, *keys_of(conn, host)}):
        raise RefusedError(
            f"{deed.by} is neither {person} nor {host}", remedy="one of the two enters it"
        )


def _spans(every: Every, since: date, until: date) -> Iterator[tuple[date, date]]:
    """Months, or weeks from Monday on, that begin in the time."""
    if every == "week":
        first = since + timedelta(days=-since.weekday() % 7)
        while first < until:
            yield first, first + timedelta(days=7)
            first += timedelta(days=7)
        return
    first = since if since.day == 1 else Month(since.year, since.month).after
    while first < until:
        after = Month(first.year, first.month).after
        yield first, after
        first = after


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r", ""), ("\n", "\\n")):
        text = text.replace(plain, written)
    return text


def _folded(line: str) -> Iterator[str]:
    """By bytes, never inside of a character."""
    part = ""
    for char in line:
        if len((part + char).encode()) > _ICAL_LINE:
            yield part
            part = " "
        part += char
    yield part
