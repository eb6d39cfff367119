"""Who may see whom follows the organisation on the day that is looked at."""

from datetime import date

import pytest
import sqlalchemy as sa

from hr_core.people.one_or_two import merge
from hr_core.people.visibility import EVERYONE, Scope, only_visible, sees, visible_people
from hr_core.store.database import writing
from hr_core.store.people import people
from tests.hr_core.people.people_samples import FILE, SIGN, load

SEPTEMBER, OCTOBER = date(2026, 9, 30), date(2026, 10, 10)
BOSS = Scope(person="1003", manages=True)  # of department A, with team A1 below


@pytest.fixture
def plant(engine, tmp_path):
    load(engine, tmp_path)
    return engine


def seen(engine, scope, on):
    with engine.connect() as conn:
        return set(conn.execute(visible_people(scope, on)).scalars())


@pytest.mark.parametrize(
    ("scope", "on", "expected"),
    [
        (Scope(person="1001"), OCTOBER, {"1001"}),  # a worker: only itself
        (Scope(person="1003"), OCTOBER, {"1003"}),  # no account of a manager
        (BOSS, SEPTEMBER, {"1001", "1002", "1003"}),
        (BOSS, OCTOBER, {"1001", "1003"}),  # 1002 moved to B that day
        (Scope(units=("B",)), SEPTEMBER, set()),
        (Scope(units=("B",)), OCTOBER, {"1002"}),
        (Scope(units=("S1",)), OCTOBER, {"1001", "1002", "1003"}),  # HR of the site
        (Scope(units=("A1", "B"), person="1003"), OCTOBER, {"1001", "1002", "1003"}),
        (Scope(units=("no such",)), OCTOBER, set()),
        (Scope(), OCTOBER, set()),
        (Scope(person="stranger", manages=True), OCTOBER, set()),
    ],
)
def test_whom_a_scope_sees(plant, scope, on, expected):
    assert seen(plant, scope, on) == expected
    with plant.connect() as conn:
        for person in ("1001", "1002", "1003", "stranger"):
            assert sees(conn, scope, person, on) == (person in expected)
        query = sa.select(people.c.number).where(
            only_visible(people.c.number, visible_people(scope, on))
        )
        assert set(conn.execute(query).scalars()) == expected


def test_no_limit_is_said_never_left_empty(plant):
    assert visible_people(Scope(everyone=True), OCTOBER) is EVERYONE
    with plant.connect() as conn:
        assert sees(conn, Scope(everyone=True), "1001", OCTOBER)
        everybody = sa.select(people.c.number).where(only_visible(people.c.number, EVERYONE))
        assert len(conn.execute(everybody).all()) == 3


def test_slips_of_before_a_merge_are_seen_with_the_record(plant):
    with writing(plant) as conn:
        merge(conn, "1001", "1002", SIGN)
    assert seen(plant, Scope(person="1001"), OCTOBER) == {"1001", "1002"}
    assert seen(plant, Scope(person="1002"), OCTOBER) == {"1001", "1002"}  # its account goes on
    assert seen(plant, BOSS, OCTOBER) == {"1001", "1002", "1003"}


def test_a_department_that_moves_takes_its_people_along(plant, tmp_path):
    moved = FILE.replace(
        'name_zh = "装配"\nparent = "S1"',
        'name_zh = "装配"\nparents = [{ unit = "S1", until = 2026-10-01 }, '
        '{ unit = "S2", from = 2026-10-01 }]',
    ).replace('[[unit]]\ncode = "A"', '[[unit]]\ncode = "S2"\nkind = "site"\nname = "Plant 2"\n[[unit]]\ncode = "A"')  # fmt: skip
    load(plant, tmp_path, moved)
    assert "1001" in seen(plant, Scope(units=("S1",)), SEPTEMBER)
    assert "1001" not in seen(plant, Scope(units=("S1",)), OCTOBER)
    assert seen(plant, Scope(units=("S2",)), OCTOBER) == {"1001", "1003"}
