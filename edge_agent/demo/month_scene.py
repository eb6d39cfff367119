"""The made-up month: people press, stations count, hour by hour, through real sockets."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from edge_agent.demo.core_process import DemoCore
from edge_agent.demo.joining import join
from edge_agent.demo.scene import Played, true_event_ids
from edge_agent.demo.site import (
    GATEWAY,
    SITE,
    PersonEntry,
    ShiftEntry,
    TerminalEntry,
    write_agreements_file,
    write_people_file,
    write_site_file,
)
from edge_agent.demo.stage import Progress, make_terminal, open_stage
from edge_agent.demo.stepped_clock import SteppedClock
from edge_agent.demo.world import (
    DAY,
    MONTH,
    NIGHT,
    STATIONS,
    TERMINALS,
    Plan,
    PressedKey,
    StationHour,
    plan_month,
    utc,
)
from protocols.zk.attendance import AttendanceRow
from simulators.modbus_counter import CounterUnit, ModbusCounterBox
from simulators.zk_terminal.terminal import ZkTerminal

_HOUR = timedelta(hours=1)
_SHIFTS = (
    ShiftEntry("day", "Day shift", "白班", DAY.start, DAY.end, DAY.break_minutes),
    ShiftEntry("night", "Night shift", "夜班", NIGHT.start, NIGHT.end, NIGHT.break_minutes),
)


async def play_month(folder: Path, core: DemoCore, progress: Progress, *, seed: int) -> Played:
    plan = plan_month(seed)
    begin = utc(datetime.combine(MONTH, DAY.start) - timedelta(hours=2))
    hours = _hours(plan)
    _write_people(folder, plan)
    core.prepare(folder / "people.toml")
    core.agree(folder / "agreements.toml")
    core.serve()
    clock = SteppedClock(begin)
    async with contextlib.AsyncExitStack() as stack:
        terminals = [
            await stack.enter_async_context(make_terminal(serial, clock, []))
            for serial in TERMINALS
        ]
        box = ModbusCounterBox({number: CounterUnit() for number in range(1, STATIONS + 1)})
        await stack.enter_async_context(box)
        site_file = _write_site(folder, core, terminals, box)
        join(site_file, core.token(GATEWAY, SITE))
        stage = await stack.enter_async_context(open_stage(site_file, clock, seed=seed))
        happenings = _in_order(plan)
        pending = next(happenings, None)
        for done in range(1, hours + 1):
            instant = begin + done * _HOUR
            while pending is not None and utc(pending.wall) <= instant:
                await _happen(pending, terminals, box)
                pending = next(happenings, None)
            await stage.step_to(instant)
            progress("playing the month", done, hours)
        await stage.deliver_everything()
        return Played(
            truth=frozenset(
                chain.from_iterable(
                    true_event_ids(serial, terminal.log)
                    for serial, terminal in zip(TERMINALS, terminals, strict=True)
                )
            ),
            on_device=sum(len(terminal.log) for terminal in terminals),
            ledgers=await stage.ledgers(),
            terminals=frozenset(TERMINALS),
            months=(f"{MONTH:%Y-%m}",),
            refused=0,
            counts=sum(hour.pieces + hour.rejects for hour in plan.stations),
            folder=folder,
            schemes=("demo", "cn"),
        )


def _hours(plan: Plan) -> int:
    """From the first morning to the last event, and half a day more so that all was polled."""
    last = max(plan.keys[-1].wall, plan.stations[-1].wall)
    begin = datetime.combine(MONTH, DAY.start) - timedelta(hours=2)
    return (last - begin) // _HOUR + 12


def _in_order(plan: Plan) -> Iterator[PressedKey | StationHour]:
    both: list[PressedKey | StationHour] = [*plan.keys, *plan.stations]
    return iter(sorted(both, key=lambda happening: happening.wall))


async def _happen(
    happening: PressedKey | StationHour, terminals: list[ZkTerminal], box: ModbusCounterBox
) -> None:
    match happening:
        case PressedKey():
            await terminals[happening.terminal].punch(
                AttendanceRow(
                    uid=int(happening.user_id) % 1_000,
                    user_id=happening.user_id,
                    time=happening.wall,
                    state=happening.state,
                    verify=happening.verify,
                    work_code=0,
                )
            )
        case StationHour():
            unit = box.units[happening.station]
            unit.pieces += happening.pieces
            unit.rejects += happening.rejects
            unit.badge = int(happening.badge or 0)


def _write_people(folder: Path, plan: Plan) -> None:
    people = [
        PersonEntry(person.number, person.name, person.shift.code, person.base_fen)
        for person in plan.people
    ]
    write_people_file(folder / "people.toml", _SHIFTS, people, with_line=True)
    write_agreements_file(folder / "agreements.toml", people, MONTH)


def _write_site(
    folder: Path, core: DemoCore, terminals: list[ZkTerminal], box: ModbusCounterBox
) -> Path:
    entries = [
        TerminalEntry(name, serial, terminal.address[1])
        for name, serial, terminal in zip(("gate", "shop"), TERMINALS, terminals, strict=True)
    ]
    site_file = folder / "site.toml"
    write_site_file(site_file, core_url=core.url, terminals=entries, line_port=box.port)
    return site_file
