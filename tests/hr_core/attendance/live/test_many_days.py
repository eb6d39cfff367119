"""What a month of many people costs, in computations and statements; seconds are in benchmarks/."""

import sqlalchemy as sa

from hr_core.attendance.live import recomputing
from hr_core.attendance.live.recomputing import Recomputer
from tests.hr_core.attendance.live.conftest import NOW, PEOPLE

END = "2026-11-01T00:00"
_ROW = '[[person]]\nnumber = "E%d"\nname = "x"\nshift = "D"\nbase = "1.00"\ndevice_user = "%d"\n'


def test_a_month_of_many_is_computed_by_person_and_each_day_once(plant):
    """Begun day by day, each person cost some 30 statements a day, and a day was computed 2.3 times."""
    numbers = range(1, 103)
    plant.import_people(PEOPLE + "".join(_ROW % (one, one) for one in numbers[2:]))
    for day in range(12, 24):
        times = (f"2026-10-{day}T07:55", f"2026-10-{day}T17:05")
        plant.press(*(f"{who} {time}" for who in numbers for time in times), until=END)
    statements = []
    sa.event.listen(plant.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    steps, days, more = 0, 0, True
    while more:
        step = plant.recomputer.step(budget_s=1.0)
        steps, days, more = steps + 1, days + step.days, step.more
    stored = 31 * len(numbers)
    assert sum(len(plant.days(f"E{one}")) for one in numbers) == stored
    assert days < 1.2 * stored
    assert len(statements) < 40 * (len(numbers) + steps)


def test_nobody_is_computed_before_all_days_began(plant, monkeypatch):
    """Begun in piles of 20,000 days, a month of 5,000 people was computed in eight parts."""
    monkeypatch.setattr(recomputing, "_BEGUN_AT_ONCE", 3)
    calls = []
    recompute = Recomputer._recompute

    def counted(self, computation, person, days):
        calls.append((person, len(days)))
        return recompute(self, computation, person, days)

    monkeypatch.setattr(Recomputer, "_recompute", counted)
    steps = 1
    while plant.recomputer.step(budget_s=1.0).more:
        steps += 1
    assert steps > 2 * 31 / 3 / 2, "days begin in short transactions"
    assert sorted(calls) == [("E1", 31), ("E2", 31)]


def test_what_was_punched_does_not_wait_for_all_days_to_begin(plant, monkeypatch):
    monkeypatch.setattr(recomputing, "_BEGUN_AT_ONCE", 3)
    plant.recomputer.step()
    plant.press("1 2026-10-20T07:55", until=None)
    step = plant.recomputer.step()
    assert step.more
    assert step.days == 1


def test_what_a_step_does_besides_does_not_eat_up_the_time_for_days(plant, monkeypatch):
    """On a busy machine reading what is marked alone took the 50 ms: a step for each person."""
    now = [0.0]
    read = recomputing.touched

    def slowly(conn, most):
        now[0] += 1
        return read(conn, most)

    monkeypatch.setattr(recomputing, "touched", slowly)
    recomputer = Recomputer(plant.engine, now=lambda: NOW, monotonic=lambda: now[0])
    assert recomputer.step().days == 2 * 31
