"""Orders to one device: clock, people, a terminal that hangs in "Working…", deleting its log."""

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.audit import audit
from edge_agent.cli.decisions import deciding_person
from edge_agent.cli.device_session import Target, ZoneOption, print_facts, with_driver
from edge_agent.cli.options import ConfigOption, JsonLinesOption, JsonOption
from edge_agent.errors import CommandError, ExitCode, UsageError

if TYPE_CHECKING:
    from drivers.contract import ClockChange, ClockState, Driver

_DEFAULT_TOLERANCE_S = 2.0  # such clocks show whole seconds, and an answer takes its time


def clock(  # noqa: PLR0913 - one parameter per option
    target: Target,
    *,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
    zone: ZoneOption = None,
    set_it: Annotated[
        bool, typer.Option("--set", help="Set it to the site's time, if it is off.")
    ] = False,
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="Seconds that it may be off: nothing is written then.")
    ] = _DEFAULT_TOLERANCE_S,
    allow_backwards: Annotated[
        bool, typer.Option("--allow-backwards", help="Set it back also across punches.")
    ] = False,
) -> int:
    """The clock of the device beside the site's. With --set, sets it. Exit 1 while it is off."""
    from drivers.contract import ClockChange, ClockKeeper
    from edge_agent.cli.device_target import require_zone

    if set_it:
        require_zone(config_file, zone)
        _require_gateway_time(datetime.now(UTC))

    async def show(driver: "Driver") -> int:
        if not isinstance(driver, ClockKeeper):
            raise _unable(driver, "a clock that can be set")
        serial = (await driver.identity()).serial
        if set_it:
            change = await driver.set_clock(tolerance_s=tolerance, allow_backwards=allow_backwards)
        else:
            state = await driver.read_clock()
            change = ClockChange(before=state, after=state, written=None, newest_punch=None)
        offset_s = change.after.offset_s
        # What was just written is as right as whole seconds can be, also for a tolerance of 0.
        within = change.written is not None or (offset_s is not None and abs(offset_s) <= tolerance)
        facts = {
            "serial": serial,
            **_state(change.after),
            "tolerance_s": tolerance,
            "within_tolerance": within,
            "written": None if change.written is None else change.written.isoformat(),
            "audit": _clock_audit(serial, change),
        }
        _print(facts, as_json=as_json)
        return ExitCode.OK if within else ExitCode.DEGRADED

    return with_driver(target, config_file, zone, show)


def users(
    target: Target, *, config_file: ConfigOption = None, as_json: JsonLinesOption = False
) -> int:
    """The people whom the device knows. Passwords are never shown."""
    from drivers.contract import UserDirectory
    from edge_agent.cli.device_rows import user_rows
    from edge_agent.cli.row_table import RowTable
    from edge_agent.decoding.summary import Summary

    async def show(driver: "Driver") -> int:
        if not isinstance(driver, UserDirectory):
            raise _unable(driver, "a list of people")
        listed = await driver.users()
        summary = Summary()
        lines = []
        for row in user_rows(listed):
            summary.count(row)
            lines.append(json.dumps(row, ensure_ascii=False))
        lines.append(json.dumps(summary.as_row()))
        if as_json:
            print(*lines, sep="\n", flush=True)
        else:
            with RowTable(sys.stdout) as table:
                for line in lines:
                    table(line)
        return ExitCode.DEGRADED if summary.degraded else ExitCode.OK

    return with_driver(target, config_file, None, show)


def unstick(
    target: Target, *, config_file: ConfigOption = None, as_json: JsonOption = False
) -> int:
    """Enable a terminal that hangs in "Working…" and takes no punches."""
    from drivers.contract import Pausable

    async def show(driver: "Driver") -> int:
        if not isinstance(driver, Pausable):
            raise _unable(driver, "a state in which it takes no punches")
        serial = (await driver.identity()).serial
        await driver.enable()
        told = audit(serial, "enable", "enabled")
        _print({"serial": serial, "audit": told}, as_json=as_json)
        return ExitCode.OK

    return with_driver(target, config_file, None, show)


def clear(
    target: Target,
    *,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete. Without it nothing is done.")] = False,
) -> int:
    """Delete the log of a terminal, once all of it is in the spool and the core has it.

    For the seconds of the last check the terminal takes no punches. There is no way back.
    """
    from drivers.contract import LogClearer
    from edge_agent.config.places import read_places, require_config
    from edge_agent.spool.clearance import read_clearance, refuse_unless_clear
    from edge_agent.spool.releasing import note_clearing

    if not yes:
        raise UsageError(
            "deletes the log on the terminal",
            where="device clear",
            remedy="Say --yes if you mean it",
            try_command=f"edge-agent device clear {target} --yes",
        )
    path = require_config(config_file)
    spool = read_places(path).spool

    async def show(driver: "Driver") -> int:
        if not isinstance(driver, LogClearer):
            raise _unable(driver, "a log that can be deleted")
        serial = (await driver.identity()).serial
        cursor = refuse_unless_clear(read_clearance(spool, serial), spool)
        person = deciding_person()
        cleared = await driver.clear_log(cursor)
        note_clearing(spool, serial, cleared.rows, person)
        done = (
            f"{cleared.rows} rows: all in the spool, acknowledged, counted twice; deleted; "
            "the terminal counts 0"
        )
        told = audit(serial, "clear", done, before=f"{cleared.rows} rows", after="0 rows")
        facts = {"serial": serial, "deleted": cleared.rows, "audit": told}
        _print(facts, as_json=as_json)
        return ExitCode.OK

    return with_driver(target, path, None, show)


def _unable(driver: "Driver", words: str) -> UsageError:
    kind = driver.manifest.kind
    return UsageError(
        f"a device of this kind has not {words}",
        where=kind,
        remedy="Ask a terminal",
        try_command="edge-agent config check",
    )


def _require_gateway_time(now: datetime) -> None:
    """Raises CommandError while this machine cannot know the time: terminals must not learn it."""
    from edge_agent.doctor.machine import EARLIEST_PLAUSIBLE_YEAR

    if now.year < EARLIEST_PLAUSIBLE_YEAR:
        raise CommandError(
            f"the gateway's own clock shows {now:%Y-%m-%d %H:%M}",
            where="device clock --set",
            remedy="Nothing was written. Set it first: timedatectl set-ntp true",
            try_command="edge-agent doctor",
        )


def _state(state: "ClockState") -> dict[str, Any]:
    reading = state.reading
    return {
        "device_time": None if reading is None else reading.device_time.isoformat(),
        "gateway_time": None if reading is None else reading.gateway_time.isoformat(),
        "offset_s": None if state.offset_s is None else round(state.offset_s, 3),
        "round_trip_s": None if reading is None else round(reading.round_trip_s, 3),
    }


def _clock_audit(serial: str, change: "ClockChange") -> str | None:
    if change.written is None:
        return None
    newest = change.newest_punch
    crossed = newest is not None and newest.device_time > change.written
    punches = "log empty or not looked at" if newest is None else f"newest {newest.device_time}"
    return audit(
        serial,
        "set_clock",
        f"clock set to {change.written} from {_shown(change.before)}; now off by "
        f"{change.after.offset_s:+.1f} s; {punches}{' BACKWARDS ACROSS PUNCHES' * crossed}",
        before=_shown(change.before),
        after=_shown(change.after),
    )


def _shown(state: "ClockState") -> str:
    if state.reading is None:
        return "no valid date"
    return f"{state.reading.device_time} (off by {state.offset_s:+.1f} s)"


def _print(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print_facts({name: value for name, value in facts.items() if value is not None})
