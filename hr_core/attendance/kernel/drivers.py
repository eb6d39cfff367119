"""Who runs the kernel: this process, or several of it, bucket by bucket; the answer is the same.

A bucket is some of the people with all their punches: none needs another. Engines that spread work
over machines fit in where `run_in_processes` stands: they get the list of tasks, each of which loads
its bucket where it runs (with Spark `mapInArrow` over the list; punches as rows of the engine cost
2.8 to 7.8 times as much).
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np

from hr_core.attendance.day import AttendanceRules
from hr_core.attendance.kernel.compute import compute
from hr_core.attendance.kernel.tables import NO_ROW, DayTable, Int64s, PeoplePlan, PunchTable

# More buckets than workers, so that a slow one does not leave the others idle for long.
BUCKETS_PER_WORKER = 4

# A pool that lost a worker (killed, out of memory) is broken for all its tasks. What is not done
# goes to a new pool so often; a bucket that kills each worker would do it for ever.
MAX_POOLS = 3


class Bucket(NamedTuple):
    """`rows`: the bucket's punches as rows of the whole table."""

    plan: PeoplePlan
    table: PunchTable
    rows: Int64s


def split(plan: PeoplePlan, table: PunchTable, buckets: int) -> Iterator[Bucket]:
    """The people in order, so that the answers join end to end; no bucket without people."""
    if buckets < 1:
        raise ValueError("there must be at least one bucket")
    if not table.belongs_to(plan):
        raise ValueError("a punch belongs to a person who is not among the people")
    edges = np.unique(np.linspace(0, plan.people, buckets + 1, dtype=np.int64)).tolist()
    for start, stop in zip(edges, edges[1:] or edges, strict=False):
        rows = np.flatnonzero((table.person >= start) & (table.person < stop))
        part = PunchTable(
            person=table.person[rows] - np.int32(start),
            at=table.at[rows],
            side=table.side[rows],
            distrusted=table.distrusted[rows],
        )
        yield Bucket(plan.of_people(start, stop), part, rows)


def compute_in_buckets(
    plan: PeoplePlan, table: PunchTable, rules: AttendanceRules, buckets: int
) -> DayTable:
    """As `compute`, with the temporary columns of one bucket at a time."""
    return DayTable.joined(
        _rows_of_whole(compute(bucket.plan, bucket.table, rules), bucket.rows)
        for bucket in split(plan, table, buckets)
    )


def compute_parallel(
    plan: PeoplePlan, table: PunchTable, rules: AttendanceRules, workers: int
) -> DayTable:
    """As `compute`, in processes. Raises BrokenProcessPool when they keep dying.

    Handing punches to processes takes longer than computing them on few cores: tasks of one's own
    for `run_in_processes` that load their buckets spare that.
    """
    buckets = list(split(plan, table, workers * BUCKETS_PER_WORKER))
    tasks = [partial(compute, bucket.plan, bucket.table, rules) for bucket in buckets]
    parts = run_in_processes(tasks, workers)
    return DayTable.joined(
        _rows_of_whole(part, bucket.rows) for part, bucket in zip(parts, buckets, strict=True)
    )


def _rows_of_whole(days: DayTable, rows: Int64s) -> DayTable:
    for column in (days.arrived_row, days.left_row):
        found = column != NO_ROW
        column[found] = rows[column[found]]
    return days


def run_in_processes(tasks: Sequence[Callable[[], DayTable]], workers: int) -> list[DayTable]:
    """The answers in the order of the tasks, which must be fit to be pickled."""
    done: dict[int, DayTable] = {}
    for pools_left in reversed(range(MAX_POOLS)):
        try:
            _run_pool(tasks, workers, done)
        except BrokenProcessPool:
            if not pools_left:
                raise
        else:
            break
    return [done[number] for number in range(len(tasks))]


def _run_pool(
    tasks: Sequence[Callable[[], DayTable]], workers: int, done: dict[int, DayTable]
) -> None:
    # Spawned, not forked: the caller may have threads, and a fork copies their locks as they are.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {
            pool.submit(task): number for number, task in enumerate(tasks) if number not in done
        }
        for future in as_completed(futures):
            done[futures[future]] = future.result()
