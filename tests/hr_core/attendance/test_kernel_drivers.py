"""Processes give the kernel's answer too, also when one of them is killed."""

import importlib
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from functools import partial

import numpy as np
import pytest
from msgspec.structs import replace

from hr_core.attendance.calendar import load_calendar
from hr_core.attendance.day import load_rules
from hr_core.attendance.kernel.compute import compute
from hr_core.attendance.kernel.drivers import (
    MAX_POOLS,
    compute_parallel,
    run_in_processes,
    split,
)
from hr_core.attendance.kernel.tables import CODE_OF_KIND, DayTable, PeoplePlan, PunchTable
from hr_core.clock import DAY_S, Month
from hr_core.people.model import Shift

RULES = load_rules()
FIRST = date(2026, 10, 1)
DAY = Shift(
    code="D", name="Day", start_min=480, end_min=1020, break_min=60, break_start_min=720,
    early_in_min=120, late_out_min=240,
)  # fmt: skip

# The worker that runs it first dies; who runs it again finds the marker.
CRASHES = """
import os
from pathlib import Path

def die_first(marker, task):
    if not Path(marker).exists():
        Path(marker).touch()
        os._exit(9)
    return task()

def die(marker):
    with open(marker, "a") as log:
        log.write("x")
    os._exit(9)
"""


@pytest.fixture
def crashes(tmp_path, monkeypatch):
    (tmp_path / "kernel_crashes.py").write_text(CRASHES)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("kernel_crashes")


@pytest.fixture
def month():
    random = np.random.default_rng(5)
    calendar = load_calendar()
    people, punches, days = 60, 4_000, 31
    plan = PeoplePlan(
        FIRST,
        np.array([[CODE_OF_KIND[calendar.day(on).kind] for on in Month(2026, 10).days()]], np.int8),
        (DAY,),
        np.zeros((people, 1), np.int32),
        np.full(people, (FIRST.toordinal() + 20) * DAY_S, np.int64),
    )
    at = FIRST.toordinal() * DAY_S + random.integers(-DAY_S, (days + 1) * DAY_S, punches)
    table = PunchTable(
        random.integers(0, people, punches).astype(np.int32),
        at,
        random.integers(0, 3, punches).astype(np.int8),
        random.random(punches) < 0.05,
    )
    return plan, table


def assert_equal(one, other):
    for name, column in one.columns().items():
        assert np.array_equal(column, getattr(other, name)), name


def test_two_processes_give_the_answer_of_one(month):
    assert_equal(compute(*month, RULES), compute_parallel(*month, RULES, workers=2))


def test_a_killed_worker_costs_nothing_but_time(month, crashes, tmp_path):
    tasks = [partial(compute, part.plan, part.table, RULES) for part in split(*month, 5)]
    expected = [task() for task in tasks]
    marker = tmp_path / "died"
    tasks[2] = partial(crashes.die_first, str(marker), tasks[2])
    found = run_in_processes(tasks, workers=2)
    assert marker.exists()
    for one, other in zip(expected, found, strict=True):
        assert_equal(one, other)


def test_a_bucket_that_kills_each_worker_ends_in_an_error(crashes, tmp_path):
    log = tmp_path / "deaths"
    with pytest.raises(BrokenProcessPool):
        run_in_processes([partial(crashes.die, str(log))], workers=1)
    assert len(log.read_text()) == MAX_POOLS


def test_an_error_in_a_bucket_is_told_at_once(month):
    no_steps = replace(RULES, overtime_step_min=0)
    with pytest.raises(ValueError, match="at least a minute"):
        compute_parallel(*month, no_steps, workers=1)


def test_buckets_hold_everybody_once(month):
    plan, table = month
    for count in (1, 2, 7, 60, 1_000):
        parts = list(split(plan, table, count))
        assert len(parts) == min(count, plan.people)
        assert sum(part.plan.people for part in parts) == plan.people
        assert sorted(row for part in parts for row in part.rows) == list(range(len(table)))


def test_nothing_joins_to_nothing():
    with pytest.raises(ValueError, match="no part"):
        DayTable.joined([])
