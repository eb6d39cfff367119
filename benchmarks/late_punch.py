"""How long the days of one late punch take, with a whole plant stored.

    python -m benchmarks.late_punch [--people 100000] [--days 1] [--punches 400] [--folder PATH]

A core on SQLite with 100,000 people, their device users, `--days` days of punches of each, entered
by date; the days of some hundred are computed, those of the others copies of such a day. Then, again
and again: one punch of anybody, of a day that is past, goes through ingest in a batch of its own, and
the step of the recomputer behind it is timed: from the write lock to the commit, sync included.
Beside it the fsync floor of the same run, and how long a step waits for nothing (what `hr-core serve`
asks twice a second).
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic, perf_counter

import sqlalchemy as sa

from benchmarks.ingest import fsync_floor
from hr_core.attendance.live.recomputing import Recomputer
from hr_core.ingest.storing import store_new
from hr_core.people.model import DeviceUser, Person, Roster, Shift
from hr_core.store import all_tables
from hr_core.store.attendance_days import attendance_days
from hr_core.store.attendance_queue import set_mark, touched_days
from hr_core.store.database import initialise, open_database, to_microseconds, writing
from hr_core.store.event_rows import EventRow, split_record
from hr_core.store.log_mover import serving
from hr_core.store.people import save_roster
from protocols.identity import event_id
from protocols.records import Punch

_ZONE = "Asia/Shanghai"
_FIRST = date(2026, 10, 12)
_DEVICES = 40
_SEED = 7
_SHIFT = Shift(
    code="D", name="Day", start_min=480, end_min=1020, break_min=60, break_start_min=720,
    early_in_min=120, late_out_min=240,
)  # fmt: skip


def roster(people: int) -> Roster:
    numbers = [f"E{n:06d}" for n in range(people)]
    return Roster(
        zone=_ZONE,
        scheme="",
        shifts={"D": _SHIFT},
        people={
            number: Person(
                number=number, name=number, shift="D", base_fen=0, zone=_ZONE, origin="bench"
            )
            for number in numbers
        },
        device_users=tuple(
            DeviceUser(serial=_device(n), user_id=str(n), number=number)
            for n, number in enumerate(numbers)
        ),
    )


def _device(person: int) -> str:
    return f"ZK{person % _DEVICES:06d}"


def row(person: int, at: datetime, arrived: datetime, batch: int, position: int) -> EventRow:
    punch = Punch(
        serial=_device(person), user_id=str(person), device_time=at, state=255, verify=15,
        raw=bytes(40),
    )  # fmt: skip
    body, raw = split_record(punch)
    return EventRow(
        event_id(punch), "punch", punch.serial, punch.user_id,
        to_microseconds(at.replace(tzinfo=UTC) - timedelta(hours=8)), _ZONE,
        to_microseconds(arrived), None, "[]", "bench", batch, position, bytes(16),
        to_microseconds(arrived), body, raw,
    )  # fmt: skip


def plant_rows(people: int, day: date, arrived: datetime) -> Iterator[EventRow]:
    """Everybody comes and goes, within half an hour of the shift's ends."""
    dice = random.Random(day.toordinal())  # noqa: S311 - the same in each run
    midnight = datetime.combine(day, datetime.min.time())
    for person in range(people):
        for hour in (7.5, 17.0):
            at = midnight + timedelta(hours=hour, seconds=dice.randrange(1800))
            yield row(person, at, arrived, day.toordinal(), person)


def fill(engine: sa.Engine, people: int, days: int, now: datetime) -> None:
    with writing(engine) as conn:
        save_roster(conn, roster(people))
        # Only the days of the punches are computed: no roll over the month.
        set_mark(conn, f"day {_ZONE}", now.date().isoformat())
    for n in range(days):
        rows = sorted(plant_rows(people, _FIRST + timedelta(days=n), now))
        for start in range(0, len(rows), 5_000):
            with writing(engine) as conn:
                store_new(conn, rows[start : start + 5_000])


def copy_days(conn: sa.Connection) -> int:
    """What is still marked gets a copy of a day that was computed: as many rows of the same size."""
    there, marks = attendance_days.c, touched_days.c
    model = sa.select(attendance_days).limit(1).subquery()
    columns = ["revision", "status", "to_clarify", "result", "computed_at", "cause", "look_at"]
    copies = (
        sa.select(marks.person, marks.day, *(model.c[name] for name in columns))
        .select_from(touched_days.join(model, sa.true()))
        .where(marks.person.not_in(sa.select(there.person)))
    )
    insert = sa.insert(attendance_days).from_select(["person", "day", *columns], copies)
    conn.execute(insert)
    conn.execute(sa.delete(touched_days))
    return conn.execute(sa.select(sa.func.count()).select_from(attendance_days)).scalar_one()


def timed(
    engine: sa.Engine, recomputer: Recomputer, choices: Sequence[tuple[int, date]], now: datetime
) -> list[float]:
    took = []
    for number, (person, day) in enumerate(choices):
        at = datetime.combine(day, datetime.min.time()) + timedelta(hours=18, seconds=number)
        with writing(engine) as conn:
            store_new(conn, [row(person, at, now, 10_000_000 + number, 0)])
        begun = perf_counter()
        step = recomputer.step()
        took.append(perf_counter() - begun)
        if step.changed != 1 or step.more:
            raise SystemExit(f"the late punch changed {step.changed} days: the time means nothing")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--punches", type=int, default=400)
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: here)")
    options = parser.parse_args()
    assert all_tables  # noqa: S101 - imported so that every table is known
    now = datetime.combine(
        _FIRST + timedelta(days=options.days), datetime.min.time(), tzinfo=UTC
    ) + timedelta(hours=12)  # fmt: skip
    with tempfile.TemporaryDirectory(dir=options.folder or Path.cwd()) as name:
        print(f"fsync floor: {fsync_floor(Path(name)) * 1e3:.3f} ms")
        engine = open_database(f"sqlite:///{name}/core.db")
        initialise(engine)
        with serving(engine):
            run(engine, options, now)


def run(engine: sa.Engine, options: argparse.Namespace, now: datetime) -> None:
    begun = perf_counter()
    fill(engine, options.people, options.days, now)
    print(
        f"{options.people:,} people, {options.days} days of punches: {perf_counter() - begun:.0f} s"
    )
    recomputer = Recomputer(
        engine,
        now=lambda: now,
        monotonic=monotonic,
        rest=lambda: time.sleep(0.1),  # noqa: TID251 - no loop here
    )
    begun = perf_counter()
    while recomputer.step(budget_s=0).entered:
        pass
    in_bulk = perf_counter()
    done = recomputer.step(budget_s=10)
    in_bulk = (perf_counter() - in_bulk) / done.days
    with writing(engine) as conn:
        stored = copy_days(conn)
    print(
        f"entered and stored: {perf_counter() - begun:.0f} s, {in_bulk * 1e3:.2f} ms a day "
        f"computed in bulk; {stored:,} days are here"
    )
    dice = random.Random(_SEED)  # noqa: S311 - the same in each run
    choices = [
        (person, _FIRST + timedelta(days=dice.randrange(options.days)))
        for person in dice.sample(range(options.people), options.punches)
    ]
    times = sorted(timed(engine, recomputer, choices, now))
    asked = []
    for _ in range(200):
        begun = perf_counter()
        recomputer.idle()
        asked.append(perf_counter() - begun)
    print(
        f"one late punch, {len(times)} of them: median {statistics.median(times) * 1e3:.1f} ms, "
        f"p99 {times[int(len(times) * 0.99)] * 1e3:.1f} ms, slowest {times[-1] * 1e3:.1f} ms "
        f"(wanted: p99 under 50); load {os.getloadavg()[0]:.1f}"
    )
    print(f"asking whether there is anything: {statistics.median(asked) * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
