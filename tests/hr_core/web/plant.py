"""A small plant in a real database: imported, ingested and paid through the core's own functions."""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from hr_core.approvals.desk import Actor, approve
from hr_core.approvals.effects import take_effect
from hr_core.attendance.live.recomputing import Recomputer
from hr_core.clock import Month
from hr_core.imports import import_people
from hr_core.pay.run import compute_run
from hr_core.pay.run_life import submit
from hr_core.store import all_tables  # noqa: F401 - imported for the tables it defines
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.results import add_run
from protocols.identity import event_id
from protocols.records import Channel, Count, Direction, Flag, Punch
from protocols.uplink import Observation, Verdict
from tests.hr_core.ingest.batch_samples import batch_of
from tests.hr_core.signed_batches import deliver

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)  # Friday, 14:30 in the plant
TODAY = date(2026, 11, 20)
HOSTILE = "<script>alert(1)</script>"
MADE_UP = date(2026, 10, 10)  # the Saturday worked for the national week
SITE_CLOCK = timedelta(hours=8)

NAMES = [
    "王芳",
    "李伟",
    "张敏",
    "刘洋",
    "陈静",
    "杨磊",
    "赵丽",
    "黄强",
    "周涛",
    "吴娟",
    "徐明",
    "孙燕",
    "马超",
    "朱琳",
    "胡军",
    "郭萍",
    "何平",
    "高峰",
    "林娜",
    "罗勇",
]
NUMBERS = [f"{1001 + n}" for n in range(len(NAMES))]
GATES = ("ZK-A4N0207", "ZK-A4N0311")

# pieces and rejects of a working day by station; 1003 stands over the limit, 1006 far over it
DAILY = {number: (90 + 3 * n, 1 + n % 2) for n, number in enumerate(NUMBERS[:8])}
DAILY["1003"] = (96, 4)
DAILY["1006"] = (101, 9)


class PlantClock:
    def now(self) -> datetime:
        return NOW


def people_file(path: Path, first_name: str = NAMES[0]) -> Path:
    shift = (
        '[[shift]]\ncode = "day"\nname = "Day shift"\nname_zh = "白班"\nstart = "08:00"\n'
        'end = "17:00"\nbreak_min = 60\nbreak_start = "12:00"'
    )
    parts = [
        '[site]\nzone = "Asia/Shanghai"\n[scheme]\ncode = "demo"',
        shift,
        '[[line]]\ncode = "L1"\nname = "Stamping"\nname_zh = "冲压线"',
        '[[line]]\ncode = "L2"\nname = "Assembly"\nname_zh = "装配线"',
    ]
    for number, name in zip(NUMBERS, (first_name, *NAMES[1:]), strict=True):
        parts.append(
            f'[[person]]\nnumber = "{number}"\nname = "{name}"\nshift = "day"\n'
            f'base = "{4600 + 50 * (int(number) % 9)}.00"\ndevice_user = "{number}"'
        )
    for number in DAILY:
        line = "L1" if int(number) < 1005 else "L2"
        parts += [
            f'[[station]]\nsource = "line-{line[1]}"\ntag = "{number}.{tag}"\nline = "{line}"'
            for tag in ("good", "bad")
        ]
    path.write_text("\n\n".join(parts), encoding="utf-8")
    return path


def working_days(first: date, last: date) -> list[date]:
    days = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    national_week = {date(2026, 10, n) for n in range(1, 8)}
    usual = {day for day in days if day.weekday() < 5} - national_week
    return [day for day in days if day in usual or day == MADE_UP]


def zk_raw(user_id: str, at: datetime, state: int) -> bytes:
    """Shaped like a 40-byte attendance row: text id, state, packed time."""
    packed = ((at.year - 2000) * 12 + at.month - 1) * 31 + at.day - 1
    seconds = packed * 86_400 + (at.hour * 60 + at.minute) * 60 + at.second
    return user_id.encode().ljust(26, b"\0") + bytes([15, state]) + seconds.to_bytes(4, "little")


def punch(user_id: str, at: datetime, direction: Direction, **changes) -> Punch:
    state = 0 if direction is Direction.IN else 1
    fields = {
        "serial": GATES[int(user_id) % 2],
        "user_id": user_id,
        "device_time": at,
        "state": state,
        "verify": 1,
        "direction": direction,
        "method": ("fingerprint", "face", "card")[int(user_id) % 3],
        "raw": zk_raw(user_id, at, state),
    }
    return Punch(**fields | changes)


def day_of_punches(day: date, *, until: int = 24) -> list[Punch]:
    """Everybody in before eight, most out after five, some with overtime; `until` cuts the day."""
    found = []
    for n, user_id in enumerate(NUMBERS):
        spread = (n * 37 + day.day * 11) % 23
        if (n, day.day) == (12, 15):
            continue  # nothing of him on the 15th
        came = datetime(day.year, day.month, day.day, 7, 35 + spread, (n * 7 + day.day) % 60)
        overtime = timedelta(hours=2) if (n + day.day) % 4 == 0 else timedelta()
        left = came.replace(hour=17, minute=2 + spread) + overtime
        found.append(punch(user_id, came, Direction.IN))
        if (n, day.day) != (4, 21):
            found.append(punch(user_id, left, Direction.OUT))
    return [one for one in found if one.device_time.hour < until]


def day_of_counts(day: date, totals: dict[str, list[int]]) -> list[Count]:
    """Each station at its start and end of work with the operator's badge; `totals` run on."""
    found = []
    for number, (pieces, rejects) in DAILY.items():
        for hour in (0, 9, 10):
            if hour == 9:
                totals[number][0] += pieces + day.day % 5
                totals[number][1] += rejects
            elif hour == 10:  # nobody's badge: what the cleaner runs through
                totals[number][0] += 6
            when = datetime(day.year, day.month, day.day, hour, 5, tzinfo=UTC)
            for at, (metric, tag) in enumerate((("pieces", "good"), ("rejects", "bad"))):
                found.append(
                    Count(
                        source="line-1" if int(number) < 1005 else "line-2",
                        tag=f"{number}.{tag}",
                        metric=metric,
                        value=totals[number][at],
                        boot_id="b1",
                        seq=day.toordinal() * 24 + hour,
                        source_time=when,
                        badge=None if hour == 10 else number,
                        raw=b"\x00\x04" + totals[number][at].to_bytes(4, "big"),
                    )
                )
    return found


def observe(record, **changes) -> Observation:
    if isinstance(record, Count):
        arrived = record.source_time + timedelta(seconds=1)
    else:
        arrived = record.device_time.replace(tzinfo=UTC) - SITE_CLOCK + timedelta(seconds=4)
    fields = {
        "event_id": event_id(record).hex(),
        "record": record,
        "received_at": arrived,
        "zone": "Asia/Shanghai",
        "clock_offset_ms": -3500,
    }
    return Observation(**fields | changes)


def ingest(engine, observations) -> None:
    answer = deliver(engine, batch_of(*observations), at=NOW)
    wrong = [one for one in answer.verdicts if one.verdict is Verdict.REJECTED]
    assert not wrong, wrong


def todays_oddities() -> list[Observation]:
    noon = datetime(2026, 11, 20, 12, 4, 9)
    return [
        observe(punch("3071", noon, Direction.IN, method="card", channel=Channel.PUSH)),
        observe(
            punch("1008", noon + timedelta(minutes=3), Direction.OUT, flags=(Flag.REPEAT,)),
            flags=(Flag.GATEWAY_CLOCK_SUSPECT,),
            clock_offset_ms=None,
        ),
    ]


def empty_core(folder: Path):
    engine = open_database(f"sqlite:///{folder}/core.db")
    initialise(engine)
    return engine


def running_plant(folder: Path, first_name: str = NAMES[0]):
    """October paid (run 1), November going on, today until 14:30."""
    engine = empty_core(folder)
    totals = {number: [0, 0] for number in DAILY}
    for day in working_days(date(2026, 10, 8), TODAY):
        records = day_of_punches(day, until=14 if day == TODAY else 24)
        if day != TODAY:
            records += day_of_counts(day, totals)
        ingest(engine, [observe(record) for record in records])
    ingest(engine, todays_oddities())
    with writing(engine) as conn:
        import_people(conn, people_file(folder / "people.toml", first_name))
    compute_all_days(engine)
    with writing(engine) as conn:
        add_run(conn, compute_run(conn, Month(2026, 10), NOW))
    return engine


def approved_plant(folder: Path, first_name: str = NAMES[0]):
    """The same, with run 1 approved by two people: its slips are payslips."""
    engine = running_plant(folder, first_name)
    approve_run(engine)
    return engine


def approve_run(engine, run: int = 1) -> None:
    decide(engine, submit, run)


def decide(engine, ask, run: int = 1, **more) -> None:
    """What one clerk asks of a run, another approves."""
    with writing(engine) as conn:
        number = ask(conn, run, at=NOW, by=Actor("submitting clerk"), **more)
        take_effect(conn, approve(conn, number, at=NOW, by=Actor("second clerk")))


def compute_all_days(engine) -> None:
    """As hr-core serve and, for the month that is over, hr-core attendance compute do."""
    recomputer = Recomputer(engine, now=PlantClock().now, monotonic=time.monotonic)
    recomputer.catch_up()
    recomputer.compute(NUMBERS, date(2026, 10, 1), date(2026, 11, 1))
