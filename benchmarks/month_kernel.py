"""How fast a month is closed: the kernel, a sort of its keys, and the same rules in Python loops.

    python benchmarks/month_kernel.py [--punches N] [--json]

sort       `np.sort` of the very keys that the kernel sorts, in place: the floor
kernel     columns of punches in order of time, as the store reads them, to the table of days
buckets    the same in seven buckets, one after the other; pool: in two processes, start included
ints       a lean loop over plain integers: the same rules, no record made for punch or day
datetimes  the same loop over datetime and timedelta
reference  hr_core.attendance.month.compute_month, which also tells why a punch did not count

The loops get each person's punches sorted out beforehand and run on some of the people; their times
are scaled by punches. All must give the kernel's answer. Seconds are CPU seconds of one thread, best of
three rounds that take turns, so that neighbours on the machine lengthen nobody's; the pool's are on
the wall. On AMD Zen 4 numpy's AVX-512 sort is slow:
run it with NPY_DISABLE_CPU_FEATURES=X86_V4 too (AVX512_SKX before numpy 2.4).
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from hr_core.attendance.calendar import DayKind, load_calendar
from hr_core.attendance.day import PunchFact, load_rules
from hr_core.attendance.kernel.compute import compute
from hr_core.attendance.kernel.drivers import compute_in_buckets, compute_parallel
from hr_core.attendance.kernel.packing import pack, packing_of
from hr_core.attendance.kernel.tables import (
    ARRIVAL,
    CODE_OF_KIND,
    DEPARTURE,
    NO_SIDE,
    NO_TIME,
    DayTable,
    PeoplePlan,
    PunchTable,
)
from hr_core.attendance.month import compute_month
from hr_core.clock import DAY_S, Month, midnight, wall_seconds, wall_time
from hr_core.people.model import Shift
from protocols.records import Direction

MONTH = Month(2026, 10)
PRESSES, FORGOTTEN, TWICE = 8, 0.1, 0.2
ROUNDS = 3
LOOP_PEOPLE, DATETIME_PEOPLE, REFERENCE_PEOPLE = 2_000, 500, 500
FIGURES = (
    "status", "arrived", "left", "regular_min", "overtime_min", "late_min", "early_leave_min",
    "keys_contradict",
)  # fmt: skip

DAY = Shift(
    code="D", name="Day", start_min=480, end_min=1020, break_min=60, break_start_min=720,
    early_in_min=120, late_out_min=240,
)  # fmt: skip
NIGHT = Shift(
    code="N", name="Night", start_min=1080, end_min=1800, break_min=60, break_start_min=1410,
    early_in_min=120, late_out_min=240,
)  # fmt: skip
RULES = load_rules()
DAYS = [load_calendar().day(on) for on in MONTH.days()]


class Plant(NamedTuple):
    plan: PeoplePlan
    table: PunchTable


def plant(punches: int) -> Plant:
    """A plant with 2 % of its people on nights; eight presses a workday and some on rest days, a
    tenth of them forgotten, a fifth pressed twice; one in a thousand is not believed.
    """
    random = np.random.default_rng(2026)
    worked = [n for n, day in enumerate(DAYS) if day.kind is DayKind.WORKDAY or n % 3 == 0]
    people = round(punches / (len(worked) * PRESSES * (1 - FORGOTTEN) * (1 + TWICE)))
    shift_of = (random.random(people) < 0.02).astype(np.int32)
    plan = PeoplePlan(
        MONTH.first,
        np.array([[CODE_OF_KIND[day.kind] for day in DAYS]], np.int8),
        (DAY, NIGHT),
        shift_of[:, None],
        np.full(people, (MONTH.after.toordinal() + 9) * DAY_S, np.int64),
    )
    shape = people, len(worked), PRESSES
    start = np.where(shift_of, NIGHT.start_min, DAY.start_min)[:, None, None] * 60
    length = np.where(shift_of, 12, 9)[:, None, None] * 3600
    at = (
        (MONTH.first.toordinal() + np.array(worked))[None, :, None] * DAY_S
        + start
        + np.linspace(0, 1, PRESSES)[None, None, :] * length
        + random.normal(0, 900, shape)
    ).astype(np.int64)
    person = np.broadcast_to(np.arange(people, dtype=np.int32)[:, None, None], shape)
    pressed = random.random(shape) >= FORGOTTEN
    at, person = at[pressed], person[pressed]
    again = np.flatnonzero(random.random(len(at)) < TWICE)
    at = np.concatenate([at, at[again] + random.integers(1, 40, len(again))])
    person = np.concatenate([person, person[again]])
    order = np.argsort(at, kind="stable")
    table = PunchTable(
        person=person[order],
        at=at[order],
        side=random.choice(np.array([NO_SIDE, ARRIVAL, DEPARTURE], np.int8), len(at)),
        distrusted=random.random(len(at)) < 0.001,
    )
    return Plant(plan, table)


class Clock(NamedTuple):
    """What a loop counts time with: integers, or datetime and timedelta."""

    read: Callable[[int], Any]
    first: Any
    second: Any


INTS = Clock(int, MONTH.first.toordinal() * DAY_S, 1)
DATETIMES = Clock(wall_time, midnight(MONTH.first), timedelta(seconds=1))


def loop_month(
    punches: list[tuple[Any, int, bool]], shift: Shift, clock: Clock
) -> dict[int, tuple]:
    """{day of the month: its figures} of one person, for days with a punch that counts."""
    minute, day_length = 60 * clock.second, DAY_S * clock.second
    opens = clock.first + (shift.start_min - shift.early_in_min) * minute
    window, debounce = shift.window_min * minute, RULES.debounce_s * clock.second
    bounds: dict[int, list[Any]] = {}
    for at, side, distrusted in punches:
        if distrusted:
            continue
        since = at - opens
        day = since // day_length
        if not 0 <= day < len(DAYS) or since - day * day_length >= window:
            continue
        found = bounds.get(day)
        if found is None:
            bounds[day] = [at, side, at, side]
        elif at - found[2] >= debounce:
            found[2], found[3] = at, side
    return {
        day: loop_day(shift, day, clock.first + day * day_length, minute, found)
        for day, found in bounds.items()
    }


def loop_day(shift, day, start_of_day, minute, bounds) -> tuple:
    first, first_side, last, last_side = bounds
    arrived, left = (first - start_of_day) // minute, (last - start_of_day) // minute
    if last - first < RULES.one_visit_min * minute:
        span, since_start = shift.end_min - shift.start_min, arrived - shift.start_min
        if 3 * since_start < span:
            is_arrival = True
        elif 3 * since_start > 2 * span:
            is_arrival = False
        elif first_side != NO_SIDE:
            is_arrival = first_side == ARRIVAL
        else:
            is_arrival = 2 * since_start < span
        if is_arrival:
            return "missing_out", first, None, 0, 0, 0, 0, False
        return "missing_in", None, last, 0, 0, 0, 0, False
    workday = DAYS[day].kind is DayKind.WORKDAY
    until = min(left, shift.end_min) if workday else left
    begin = max(arrived, shift.start_min)
    break_end = shift.break_start_min + shift.break_min
    crossed = max(0, min(until, break_end) - max(begin, shift.break_start_min))
    inside = max(0, until - begin - crossed)
    regular = late = early = 0
    overtime = inside
    if workday:
        regular = inside
        overtime = max(0, left - max(arrived, shift.end_min))
        late = max(0, min(arrived, shift.end_min) - shift.start_min)
        early = max(0, shift.end_min - max(left, shift.start_min))
        late = late if late > RULES.late_grace_min else 0
        early = early if early > RULES.early_leave_grace_min else 0
    overtime = overtime // RULES.overtime_step_min * RULES.overtime_step_min
    contradict = first_side == DEPARTURE and last_side == ARRIVAL
    return "present", first, last, regular, overtime, late, early, contradict


Punches = list[tuple[int, int, bool]]


def punches_of(work: Plant, people: int) -> list[Punches]:
    found: list[Punches] = [[] for _ in range(people)]
    table = work.table
    for row in np.flatnonzero(table.person < people).tolist():
        punch = int(table.at[row]), int(table.side[row]), bool(table.distrusted[row])
        found[table.person[row]].append(punch)
    return found


class Slice(NamedTuple):
    """Some of the people as a loop wants them, and what share of all punches they have."""

    run: Callable[[], list[dict[int, tuple]]]
    share: float


def loop_slice(work: Plant, people: int, clock: Clock) -> Slice:
    everybody = [
        [(clock.read(at), side, distrusted) for at, side, distrusted in punches]
        for punches in punches_of(work, people)
    ]
    shifts = [work.plan.shifts[index] for index in work.plan.shift_of[:people, 0]]
    share = sum(map(len, everybody)) / len(work.table)
    return Slice(
        lambda: [
            loop_month(punches, shift, clock)
            for punches, shift in zip(everybody, shifts, strict=True)
        ],
        share,
    )


def reference_slice(work: Plant, people: int) -> Slice:
    keys = {NO_SIDE: Direction.UNKNOWN, ARRIVAL: Direction.IN, DEPARTURE: Direction.OUT}
    everybody = [
        [
            PunchFact(f"{at:x}.{number:08x}", at, keys[side], "repeat" if distrusted else None)
            for number, (at, side, distrusted) in enumerate(punches)
        ]
        for punches in punches_of(work, people)
    ]
    share = sum(map(len, everybody)) / len(work.table)

    def run() -> list[dict[int, tuple]]:
        months = [
            compute_month(work.plan.shifts[shift], DAYS, facts, RULES, int(now)).days
            for facts, shift, now in zip(
                everybody, work.plan.shift_of[:, 0], work.plan.now, strict=False
            )
        ]
        return [
            {
                number: tuple(getattr(day, name) for name in FIGURES)
                for number, day in enumerate(days)
                if day.used
            }
            for days in months
        ]

    return Slice(run, share)


def check(days: DayTable, found: list[dict[int, tuple]]) -> None:
    """Fails unless the loop's answer is the kernel's, day by day."""
    for person, month in enumerate(found):
        for day in range(len(DAYS)):
            figures = days.figures(person, day)
            if day not in month and not figures.used:
                continue
            expected = tuple(
                value if not isinstance(value, datetime) else wall_seconds(value)
                for value in month.get(day, ())
            )
            if tuple(getattr(figures, name) for name in FIGURES) != expected:
                raise SystemExit(f"person {person}, day {day}: {figures} by kernel, {expected}")


def measure(punches: int) -> dict[str, float]:
    work = plant(punches)
    plan, table = work
    keys = pack(packing_of(plan, len(table)), table)
    slices = {
        "ints": loop_slice(work, min(LOOP_PEOPLE, plan.people), INTS),
        "datetimes": loop_slice(work, min(DATETIME_PEOPLE, plan.people), DATETIMES),
        "reference": reference_slice(work, min(REFERENCE_PEOPLE, plan.people)),
    }
    days = compute(plan, table, RULES)
    for one in slices.values():
        check(days, one.run())
    runs: dict[str, Callable[[], object]] = {
        "sort": lambda: None,  # needs fresh keys, see below
        "kernel": lambda: compute(plan, table, RULES),
        "buckets": lambda: compute_in_buckets(plan, table, RULES, 7),
        "pool": lambda: compute_parallel(plan, table, RULES, 2),
        **{name: one.run for name, one in slices.items()},
    }
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        fresh = keys.copy()
        runs["sort"] = fresh.sort
        for name, run in runs.items():
            clock = time.perf_counter if name == "pool" else time.process_time
            start = clock()
            run()
            best[name] = min(best[name], clock() - start)
    seconds = {
        name: took / slices[name].share if name in slices else took for name, took in best.items()
    }
    return {
        "punches": len(table),
        "people": plan.people,
        "days_with_punches": int(
            np.count_nonzero((days.arrived != NO_TIME) | (days.left != NO_TIME))
        ),
        **{f"{name}_s": round(took, 3) for name, took in seconds.items()},
        **{f"{name}_share": round(one.share, 4) for name, one in slices.items()},
        "kernel_over_sort": round(seconds["kernel"] / seconds["sort"], 2),
        **{f"{name}_over_kernel": round(seconds[name] / seconds["kernel"], 1) for name in slices},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--punches", type=int, default=18_400_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.punches)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{found['punches']:,} punches of {found['people']:,} people, {MONTH}; best of {ROUNDS}")
    print(f"  sort of the packed keys   {found['sort_s']} s")
    print(f"  kernel                    {found['kernel_s']} s = {found['kernel_over_sort']} x sort")
    print(f"  kernel in seven buckets   {found['buckets_s']} s")
    print(f"  pool of two, on the wall  {found['pool_s']} s")
    for name in ("ints", "datetimes", "reference"):
        print(
            f"  {name:<25} {found[name + '_s']} s = {found[name + '_over_kernel']} x kernel"
            f" (scaled from {found[name + '_share']:.2%} of the punches)"
        )


if __name__ == "__main__":
    main()
