"""The day of goals and scores is the plant's, not UTC's: on both sides of its midnight."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from msgspec.structs import replace

from hr_core.approvals.desk import Actor
from hr_core.cli.options import today_here
from hr_core.clock import SystemClock
from hr_core.errors import RefusedError
from hr_core.people.records import SiteZone
from hr_core.people.today import today_at
from hr_core.performance import agreeing
from hr_core.performance.acting import Deed
from hr_core.performance.agreeing import Draft
from hr_core.performance.appealing import ask_review
from hr_core.performance.follow_up import follow_up
from hr_core.performance.goals import Level
from hr_core.performance.locking import lock_score
from hr_core.performance.talks import log_talk
from hr_core.store.appeals import About
from hr_core.store.database import writing
from hr_core.store.goals import add_set
from hr_core.store.organisation import save_organisation
from hr_core.store.talks import Talk
from tests.hr_core.performance.goal_samples import goal, goal_set, organisation, plant
from tests.hr_core.performance.score_desk import HR, act, marked, opened

# 23:30 on 31 October and 00:30 on 1 November in Shanghai: both are 31 October in UTC.
BEFORE = datetime(2026, 10, 31, 15, 30, tzinfo=UTC)
AFTER = datetime(2026, 10, 31, 16, 30, tzinfo=UTC)


@pytest.fixture
def core(engine):
    plant(engine)
    return engine


def test_before_the_first_import_it_is_utc(engine):
    with engine.connect() as conn:
        assert today_at(conn, AFTER) == date(2026, 10, 31)
        assert today_at(conn, AFTER, "E1") == date(2026, 10, 31)


def test_the_plants_midnight_begins_the_day(core):
    with core.connect() as conn:
        assert today_at(conn, BEFORE) == date(2026, 10, 31)
        assert today_at(conn, AFTER) == today_at(conn, AFTER, "E1") == date(2026, 11, 1)


def test_commands_without_a_day_take_the_plants(core, monkeypatch):
    monkeypatch.setattr(SystemClock, "now", lambda _clock: AFTER)
    with core.connect() as conn:
        assert today_here(conn) == date(2026, 11, 1)


def test_a_person_at_a_site_elsewhere_has_that_sites_day(core):
    zones = (SiteZone(site="CO", zone="Europe/Berlin"),)
    with writing(core) as conn:
        save_organisation(conn, organisation(zones=zones))
    with core.connect() as conn:
        assert today_at(conn, AFTER, "E1") == date(2026, 10, 31)
        assert today_at(conn, AFTER, "nobody") == date(2026, 11, 1)


def test_a_score_is_locked_from_the_plants_midnight_on(core):
    with writing(core) as conn:
        number = opened(conn, person="E1", rater="LEAD")
        marked(conn, number, Fraction(80), Fraction(80), "E1", "LEAD")
        with pytest.raises(RefusedError, match="today is 2026-10-31"):
            lock_score(conn, "E1", "2026-10", "general", None, act(HR, BEFORE))
        lock_score(conn, "E1", "2026-10", "general", None, act(HR, AFTER))
        with pytest.raises(RefusedError, match="today is 2026-10-31"):
            follow_up(conn, "2026-10", act(HR, BEFORE))
        assert follow_up(conn, "2026-10", act(HR, AFTER)).made


def test_a_second_look_at_a_period_is_asked_for_when_it_is_over_in_the_plant(core):
    def ask(conn, at):
        ask_review(conn, About.PERIOD, "E1", "2026-10", "why", act("E1", at), manager="LEAD")

    with writing(core) as conn:
        with pytest.raises(RefusedError, match="today is 2026-10-31"):
            ask(conn, BEFORE)
        ask(conn, AFTER)


def test_an_appeal_against_goals_ends_at_the_plants_midnight(core):
    def appealed(at):
        with writing(core) as conn:
            return agreeing.ask_change(
                conn, number, Deed(at=at, actor=Actor("E1"), note="too high"), appeal=True
            )

    with writing(core) as conn:
        top = goal("TOP", "CO", "2026", level=Level.COMPANY)
        add_set(conn, goal_set(top), BEFORE, "BOSS", "")
        mine = goal("OWN", "E1", "2026-11", parent="TOP")
        draft = Draft(person="E1", period="2026-11", goals=(mine,))
        number = agreeing.propose(conn, draft, Deed(at=BEFORE, actor=Actor("LEAD"))).number
    with pytest.raises(RefusedError, match="an appeal against goals comes before"):
        appealed(AFTER)
    appealed(BEFORE)


def test_a_change_of_goals_holds_from_the_plants_next_month(core):
    with writing(core) as conn:
        top = goal("TOP", "CO", "2026", level=Level.COMPANY)
        add_set(conn, goal_set(top), BEFORE, "BOSS", "")
        mine = goal("OWN", "E1", "2026", parent="TOP")
        draft = Draft(person="E1", period="2026", goals=(mine,))
        number = agreeing.propose(conn, draft, Deed(at=BEFORE, actor=Actor("LEAD"))).number
        for name in ("E1", "LEAD", "HEAD"):
            agreeing.sign_goals(conn, number, Deed(at=BEFORE, actor=Actor(name)))
        more = replace(draft, goals=(replace(mine, target=Fraction(120)),))
        changed = agreeing.propose(conn, more, Deed(at=AFTER, actor=Actor("LEAD")))
    assert changed.goals.since == date(2026, 12, 1)


def test_a_talk_of_today_is_logged_in_the_first_hours_and_one_of_tomorrow_is_not(core):
    talk = Talk(0, "one_to_one", "E1", "LEAD", date(2026, 11, 1), "agreed")
    with writing(core) as conn:
        with pytest.raises(RefusedError, match="is to come"):
            log_talk(conn, talk, act("LEAD", BEFORE))
        log_talk(conn, talk, act("LEAD", AFTER))
