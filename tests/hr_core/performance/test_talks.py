"""Talks: the log, what is overdue, and slots that nobody has twice."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.errors import RefusedError
from hr_core.performance.talks import book, cancel, ical, log_talk, overdue
from hr_core.store.database import writing
from hr_core.store.talks import Booking, Talk, talk_bookings, talks
from tests.hr_core.performance.score_desk import BOSS, NOW, OTHER, WORKER, act

SLOT = Booking(
    number=0,
    kind="appraisal",
    person=WORKER,
    host=BOSS,
    starts_at=datetime(2026, 11, 20, 6, tzinfo=UTC),
    ends_at=datetime(2026, 11, 20, 7, tzinfo=UTC),
    place="会议室 2, left",
    booked_at=NOW,
)
HOUR = timedelta(hours=1)


def said(day, kind="one_to_one", text="agreed on training"):
    return Talk(0, kind, WORKER, BOSS, day, text)


def test_a_month_without_a_talk_is_overdue(engine):
    since, today = date(2026, 8, 1), date(2026, 11, 5)
    with writing(engine) as conn:
        log_talk(conn, said(date(2026, 8, 31)), act(BOSS))
        log_talk(conn, said(date(2026, 10, 1)), act(WORKER))
        found = overdue(conn, [WORKER], "one_to_one", since, today)
    assert [(one.since, one.until) for one in found] == [(date(2026, 9, 1), date(2026, 10, 1))]


def test_quality_talks_are_weekly_and_the_running_week_is_not_late(engine):
    with writing(engine) as conn:
        log_talk(conn, said(date(2026, 10, 27), "quality"), act(BOSS))
        found = overdue(conn, [WORKER], "quality", date(2026, 10, 14), date(2026, 11, 5))
        with pytest.raises(RefusedError, match="no rhythm for 'appraisal'"):
            overdue(conn, [WORKER], "appraisal", date(2026, 10, 14), date(2026, 11, 5))
    assert [one.since for one in found] == [date(2026, 10, 19)]


@pytest.mark.parametrize(
    ("talk", "who", "message"),
    [
        (said(date(2026, 11, 9)), BOSS, "is to come"),
        (said(date(2026, 11, 4), text=" "), BOSS, "the log is empty"),
        (said(date(2026, 11, 4), "gossip"), BOSS, "no kind of talk"),
        (said(date(2026, 11, 4)), OTHER, "is neither E1 nor M1"),
        (Talk(0, "quality", WORKER, WORKER, date(2026, 11, 4), "x"), WORKER, "between two people"),
    ],
)
def test_a_log_that_cannot_be_true_is_refused(engine, talk, who, message):
    with writing(engine) as conn, pytest.raises(RefusedError, match=message):
        log_talk(conn, talk, act(who))


def test_a_log_is_kept_as_it_was_written(engine):
    with writing(engine) as conn:
        log_talk(conn, said(date(2026, 10, 1)), act(BOSS))
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as conn:
        conn.execute(talks.update().values(text="he admitted it"))


def test_nobody_has_a_slot_twice(engine):
    half = replace(SLOT, starts_at=SLOT.starts_at + HOUR / 2, ends_at=SLOT.ends_at + HOUR / 2)
    after = replace(SLOT, starts_at=SLOT.ends_at, ends_at=SLOT.ends_at + HOUR)
    with writing(engine) as conn:
        first = book(conn, SLOT, act(BOSS))
        for one in (half, replace(half, person="E2"), replace(half, person=BOSS, host=OTHER)):
            with pytest.raises(RefusedError, match=f"booking {first} of M1 with E1 has that time"):
                book(conn, one, act(one.host))
        book(conn, after, act(BOSS))
        cancel(conn, first, act(WORKER))
        with pytest.raises(RefusedError, match="has that time"):
            book(conn, half, act(BOSS))  # the later one is there still
        book(conn, SLOT, act(BOSS))


def test_the_database_refuses_a_double_slot(engine):
    with writing(engine) as conn:
        book(conn, SLOT, act(BOSS))
    row = {name: getattr(SLOT, name) for name in SLOT.__struct_fields__ if name != "number"}
    with pytest.raises(sa.exc.IntegrityError, match="another talk"), writing(engine) as conn:
        conn.execute(talk_bookings.insert().values(**row | {"person": "E2"}, booked_by=BOSS))


def test_a_slot_ends_after_it_begins(engine):
    with writing(engine) as conn:
        for end in (SLOT.starts_at, SLOT.starts_at + 9 * HOUR):
            with pytest.raises(RefusedError, match="is no talk"):
                book(conn, replace(SLOT, ends_at=end), act(BOSS))


def test_the_calendar_text_is_one_that_calendars_read(engine):
    with writing(engine) as conn:
        number = book(conn, SLOT, act(BOSS))
        gone = cancel(conn, number, act(BOSS))
    names = {BOSS: "陈; the boss " * 5, WORKER: "王芳"}
    text = ical(replace(SLOT, number=number), names)
    lines = text.split("\r\n")
    assert text.endswith("END:VCALENDAR\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    whole = text.replace("\r\n ", "")
    assert "DTSTART:20261120T060000Z\r\nDTEND:20261120T070000Z\r\n" in whole
    assert "LOCATION:会议室 2\\, left\r\n" in whole
    assert "陈\\; the boss" in whole
    assert f"UID:talk-{number}@clockline\r\nSEQUENCE:0" in whole
    cancelled = ical(gone, names)
    assert "METHOD:CANCEL" in cancelled
    assert "STATUS:CANCELLED" in cancelled
    assert f"UID:talk-{number}@clockline\r\nSEQUENCE:1" in cancelled.replace("\r\n ", "")
