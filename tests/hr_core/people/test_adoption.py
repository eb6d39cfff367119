"""From the waiting list to a person: nothing is invented, and one account alone makes nobody."""

from datetime import date, datetime
from time import monotonic

import pytest
from msgspec.structs import replace

from hr_core.attendance.live.recomputing import Recomputer
from hr_core.attendance.punches import punches_of_month
from hr_core.audit import log
from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.run import compute_run
from hr_core.people.adoption import Facts, ask, confirm, refuse
from hr_core.people.changes import Signature, undo
from hr_core.people.errors import ChangeRefusedError
from hr_core.people.moves import leave
from hr_core.people.records_view import record_of
from hr_core.people.waiting import waiting_users
from hr_core.store.database import writing
from hr_core.store.people import load_roster
from tests.hr_core.people.people_samples import NOW, SIGN, load, send, state

BOB = Signature(at=NOW, by="bob", reason="seen at the gate")
OCTOBER = Month(2026, 10)
FACTS = Facts(
    serial="CQ1", user_id="99", name=" 王  芳", id_digits="123X", team="A1", hourly_fen=2500
)


@pytest.fixture
def plant(engine, tmp_path):
    load(engine, tmp_path)
    send(
        engine,
        *(("99", f"2026-10-{day:02d}T{at}:00") for day in (8, 9) for at in ("07:50", "17:10")),
        ("1", "2026-10-08T08:00:00"),
    )
    return engine


def waiting(engine):
    with engine.connect() as conn:
        return waiting_users(conn)


def do(engine, change, *args):
    with writing(engine) as conn:
        return change(conn, *args)


def test_the_waiting_list_names_ids_that_nobody_is(plant):
    [one] = waiting(plant)
    assert (one.serial, one.user_id, one.punches, one.was) == ("CQ1", "99", 4, ())
    assert (one.first, one.last) == (datetime(2026, 10, 8, 7, 50), datetime(2026, 10, 9, 17, 10))


def test_one_asks_another_confirms_and_every_waiting_punch_counts(plant):
    asked = do(plant, ask, FACTS, SIGN)
    assert (asked.adoption, asked.punches, asked.similar) == (1, 4, ())
    assert waiting(plant)[0].asked == 1
    done = do(plant, confirm, 1, BOB)
    assert (done.number, done.first) == ("T000001", date(2026, 10, 8))  # back-dated
    assert waiting(plant) == []
    with plant.connect() as conn:
        record = record_of(conn, done.person)
        month = punches_of_month(conn, load_roster(conn), OCTOBER)
        assert log.verify(conn).faults == ()
    assert len(month.by_person["T000001"]) == 4
    assert (record.person.name, record.id_digits) == ("王 芳", "123X")
    assert [(one.unit, one.days.first) for one in record.memberships] == [("A1", done.first)]
    assert "asked by ann, confirmed by bob" in record.person.origin
    assert [(one.action, one.actor) for one in record.changes] == [("people.adopt", "bob")]


@pytest.mark.parametrize("by", ["ann", " ANN", "Ａnn"])
def test_who_asks_does_not_confirm(plant, by):
    do(plant, ask, FACTS, SIGN)
    before = state(plant)
    with pytest.raises(ChangeRefusedError, match="who asks does not confirm"):
        do(plant, confirm, 1, replace(SIGN, by=by))
    assert state(plant) == before


def test_a_refused_one_goes_on_waiting_and_can_be_asked_again(plant):
    do(plant, ask, FACTS, SIGN)
    with pytest.raises(ChangeRefusedError, match="asked for already by ann"):
        do(plant, ask, FACTS, BOB)
    do(plant, refuse, 1, SIGN)
    with pytest.raises(ChangeRefusedError, match="is refused by ann already"):
        do(plant, confirm, 1, BOB)
    assert do(plant, ask, FACTS, BOB).adoption == 2
    with pytest.raises(NotFoundError):
        do(plant, confirm, 3, SIGN)


def test_an_adoption_is_undone_whole_and_can_be_confirmed_again(plant):
    do(plant, ask, FACTS, SIGN)
    before = state(plant)
    done = do(plant, confirm, 1, BOB)
    do(plant, undo, done.change, BOB)
    assert state(plant) == before
    assert waiting(plant)[0].asked == 1
    assert do(plant, confirm, 1, BOB).number == "T000002"  # the first was somebody once


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(FACTS, user_id="98"), "no punch of this id waits"),
        (replace(FACTS, name=" "), "has no name"),
        (replace(FACTS, id_digits="12A4"), "last ones of an id card"),
        (replace(FACTS, id_digits="1234567"), "more than 6"),
        (replace(FACTS, team="X"), "no unit 'X'"),
        (replace(FACTS, shift="N"), "no shift 'N'"),
        (replace(FACTS, hourly_fen=None), "base pay or an hourly rate"),
        (replace(FACTS, base_fen=1), "base pay or an hourly rate"),
    ],
)
def test_a_form_that_says_too_little_is_refused(plant, facts, words):
    with pytest.raises(ChangeRefusedError, match=words):
        do(plant, ask, facts, SIGN)
    assert waiting(plant)[0].asked is None


def test_people_of_the_same_name_are_shown_before_confirming(plant):
    assert do(plant, ask, replace(FACTS, name="张伟"), SIGN).similar == ("1001",)


def test_an_external_person_has_days_and_no_slip_and_an_hourly_one_is_told(plant):
    do(plant, ask, replace(FACTS, hourly_fen=None, employer="Agency"), SIGN)
    external = do(plant, confirm, 1, BOB).person
    send(plant, ("98", "2026-10-12T08:00:00"), received=NOW)
    do(plant, ask, replace(FACTS, user_id="98"), SIGN)
    hourly = do(plant, confirm, 2, BOB).person
    Recomputer(plant, now=lambda: NOW, monotonic=monotonic).catch_up()
    with plant.connect() as conn:
        run = compute_run(conn, OCTOBER, NOW)
    assert [slip.number for slip in run.slips] == ["1001", "1002", "1003"]
    assert sum(day.regular_min > 0 for day in run.days[external]) == 2
    assert min(day.day for day in run.days[external]) == date(2026, 10, 8)  # not absent before
    assert [(one.number, one.why) for one in run.findings.without_slip] == [(external, "external")]
    [told] = run.findings.to_check
    assert told.number == hourly
    assert "by the hour" in told.why
    assert run.findings.any()


def test_an_id_used_again_waits_from_the_day_its_holder_left(plant):
    do(plant, leave, "1003", date(2026, 10, 20), SIGN)
    send(
        plant, ("3", "2026-10-19T08:00:00"), ("3", "2026-10-20T08:00:00"),
        ("3", "2000-01-01T00:05:00"), received=NOW,
    )  # fmt: skip
    [again] = [one for one in waiting(plant) if one.user_id == "3"]
    assert (again.punches, again.was) == (1, ("1003",))
    do(plant, ask, replace(FACTS, user_id="3"), SIGN)
    done = do(plant, confirm, 1, BOB)
    assert done.first == date(2026, 10, 20)
    with plant.connect() as conn:
        month = punches_of_month(conn, load_roster(conn), OCTOBER)
    assert len(month.by_person["1003"]) == 1
    assert len(month.by_person[done.person]) == 1


def test_another_name_of_who_asked_confirms_no_more_than_it_does(plant):
    do(plant, ask, FACTS, SIGN)
    second = Signature(at=NOW, by="bob", also=frozenset({"7", SIGN.by.upper()}))
    with pytest.raises(ChangeRefusedError, match="does not confirm"):
        do(plant, confirm, 1, second)
