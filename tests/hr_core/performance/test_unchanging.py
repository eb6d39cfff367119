"""E3: what was stored of goals and figures stays as it is, whoever writes to the database."""

import pytest
import sqlalchemy as sa

from hr_core.errors import CoreError
from hr_core.store.database import writing
from hr_core.store.goals import add_set, set_by_number
from hr_core.store.guards import drop_guards
from tests.hr_core.performance.goal_samples import NOW, goal, goal_set


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
