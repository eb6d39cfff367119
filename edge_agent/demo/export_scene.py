"""A real USB export on a simulated terminal: every row that a terminal can hold, pulled once."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.demo.core_process import DemoCore
from edge_agent.demo.joining import join
from edge_agent.demo.scene import Played, true_event_ids
from edge_agent.demo.shift_fit import TEMPLATES, fitting_shift
from edge_agent.demo.site import (
    GATEWAY,
    SITE,
    PersonEntry,
    ShiftEntry,
    TerminalEntry,
    write_people_file,
    write_site_file,
)
from edge_agent.demo.stage import Progress, make_terminal, open_stage
from edge_agent.demo.stepped_clock import SteppedClock
from edge_agent.errors import CommandError
from protocols.zk.attendance import AttendanceRow
from simulators.zk_terminal.usb_rows import rows_from_usb_export

_SERIAL = "DEMO-USB-01"
_BASE_FEN = 5_000_00  # the export names no pay; one figure for all, so that hours decide
# Rows before it come from a clock that lost its battery; nobody is paid for 2000.
_FIRST_PAID_YEAR = 2010
_STEPS = 3


async def play_export(
    folder: Path, core: DemoCore, data: bytes, progress: Progress, *, now: datetime
) -> Played:
    """`now` is aware UTC; rows later than that are flagged, not dropped."""
    rows, refused = rows_from_usb_export(data)
    if not rows:
        raise CommandError(
            "holds no row of a USB attendance export",
            where="demo --input",
            remedy="Give the N_attlog.dat that the terminal writes to a stick",
            try_command="edge-agent decode zk-dat FILE",
        )
    _write_people(folder, rows)
    core.prepare(folder / "people.toml")
    core.serve()
    progress("reading the terminal", 0, _STEPS)
    clock = SteppedClock(now.astimezone(UTC))
    capacity = max(100_000, len(rows))
    async with make_terminal(_SERIAL, clock, rows, record_capacity=capacity) as terminal:
        site_file = folder / "site.toml"
        write_site_file(
            site_file,
            core_url=core.url,
            terminals=[TerminalEntry("gate", _SERIAL, terminal.address[1])],
            line_port=None,
        )
        join(site_file, core.token(GATEWAY, SITE))
        async with open_stage(site_file, clock, seed=0) as stage:
            progress("sending to the core", 1, _STEPS)
            await stage.deliver_everything()
            progress("sent to the core", 2, _STEPS)
            return Played(
                truth=frozenset(true_event_ids(_SERIAL, terminal.log)),
                on_device=len(terminal.log),
                ledgers=await stage.ledgers(),
                terminals=frozenset({_SERIAL}),
                months=_months(rows, now),
                refused=len(refused),
                counts=0,
                folder=folder,
            )


def _write_people(folder: Path, rows: list[AttendanceRow]) -> None:
    punches: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for row in rows:
        punches[row.user_id].append((row.time, row.state))
    shifts = [
        ShiftEntry(one.code, one.name, one.name_zh, one.start, one.end, one.break_minutes)
        for one in TEMPLATES
    ]
    people = [
        PersonEntry(user_id, f"User {user_id}", fitting_shift(own).code, _BASE_FEN)
        for user_id, own in sorted(punches.items())
    ]
    write_people_file(folder / "people.toml", shifts, people, with_line=False)


def _months(rows: list[AttendanceRow], now: datetime) -> tuple[str, ...]:
    """Months with punches whose clock can be believed."""
    return tuple(
        sorted(
            {
                f"{row.time:%Y-%m}"
                for row in rows
                if row.time.year >= _FIRST_PAID_YEAR and row.time <= now.replace(tzinfo=None)
            }
        )
    )
