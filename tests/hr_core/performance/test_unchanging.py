"""E3: what was stored of goals and figures stays as it is, whoever writes to the database."""

import pytest
import sqlalchemy as sa

from hr_core.errors import CoreError
from hr_core.performance.appealing import appeal_score
from hr_core.performance.rating_360 import invite
from hr_core.store.database import writing
from hr_core.store.goals import add_set, set_by_number
from hr_core.store.guards import drop_guards
from hr_core.store.ratings_360 import close
from tests.hr_core.performance.goal_samples import NOW, goal, goal_set
from tests.hr_core.performance.score_desk import HR, WORKER, act, locked


@pytest.fixture
def stored(engine):
    with writing(engine) as conn:
        add_set(conn, goal_set(goal()), NOW, "LEAD", "")
    return engine


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE goal_sets SET version = 2",
        "UPDATE goal_sets SET content = replace(content, '100', '1')",
        "DELETE FROM goal_sets",
    ],
)
def test_the_database_refuses_to_change_goals(stored, statement):
    with pytest.raises(sa.exc.IntegrityError, match="never changed"), writing(stored) as conn:
        conn.execute(sa.text(statement))


@pytest.mark.parametrize("number", ["1", "2"])
def test_replacing_a_row_is_changing_it(sqlite_engine, number):
    with writing(sqlite_engine) as conn:
        add_set(conn, goal_set(goal()), NOW, "LEAD", "")
    columns = "level, owner, period, version, '{}', digest, made_at, made_by, reason"
    there = sa.select(sa.text(f"{number}, {columns}")).select_from(sa.text("goal_sets"))
    replacing = sa.text(f"INSERT OR REPLACE INTO goal_sets {there}")
    with pytest.raises(sa.exc.IntegrityError, match="never chang"), writing(sqlite_engine) as conn:
        conn.execute(replacing)


def test_a_set_that_was_changed_past_the_database_is_not_read(sqlite_engine):
    with writing(sqlite_engine) as conn:
        add_set(conn, goal_set(goal()), NOW, "LEAD", "")
        drop_guards(conn)
        conn.execute(sa.text("UPDATE goal_sets SET content = replace(content, '100', '1')"))
    with sqlite_engine.connect() as conn, pytest.raises(CoreError, match="does not give its hash"):
        set_by_number(conn, 1)


AGAIN = {
    "marks": """INSERT OR REPLACE INTO assessment_sides
        (assessment, side, marks, note, entered_by, entered_at)
        VALUES (1, 'manager', '{}', '', 'x', 0)""",
    "appeal": """INSERT OR REPLACE INTO appeals SELECT number, about, person, period, result, reason,
        'x', asked_at, reviewed_by, reviewed_at, outcome, answer, new_result FROM appeals""",
    "rating": """INSERT OR REPLACE INTO ratings_360
        (person, period, rater, relation, invited_by, invited_at, score)
        VALUES ('E1', '2026-10', 'E2', 'peer', 'x', 0, '1')""",
    "no rating": "DELETE FROM ratings_360 WHERE rater = 'E2'",
}


@pytest.fixture
def rated(sqlite_engine):
    """Both sides of an assessment are in, an appeal waits, two were asked for a 360-degree rating."""
    with writing(sqlite_engine) as conn:
        locked(conn, "84")
        appeal_score(conn, WORKER, "2026-10", "the machine stood", act(WORKER))
        for rater in ("E2", "E3"):
            invite(conn, WORKER, "2026-10", rater, "peer", act(HR))
    return sqlite_engine


@pytest.mark.parametrize("name", AGAIN)
def test_marks_appeals_and_ratings_have_no_way_around(rated, name):
    """SQLite's REPLACE deletes without asking a guard of DELETE."""
    with pytest.raises(sa.exc.IntegrityError, match=r"stay|frozen|deleted"), writing(rated) as conn:
        conn.execute(sa.text(AGAIN[name]))


@pytest.mark.parametrize(
    "statement", ["DELETE FROM rounds_360", "UPDATE rounds_360 SET period = '2026-09'"]
)
def test_a_closed_round_is_not_opened_again(engine, statement):
    with writing(engine) as conn:
        close(conn, WORKER, "2026-10", HR, NOW)
    with pytest.raises(sa.exc.IntegrityError, match="stays closed"), writing(engine) as conn:
        conn.execute(sa.text(statement))
