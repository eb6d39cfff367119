"""`edge-agent device replace OLD NEW`: a person says that another unit took a device's place."""

import getpass
import json
import os
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from edge_agent.config.models import SiteConfig
    from edge_agent.spool.units import Replacement, Units

_TRY = "edge-agent device replace OLD NEW"
_STATUS = "edge-agent status"


class SerialLine(NamedTuple):
    """Where the site file names a serial itself: there it decides, not the order."""

    file: Path
    line: int
    serial: str


def replace(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Serial of the unit that is gone.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Serial of the one in its place.")],
    *,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Say that unit NEW took the place of OLD. What OLD recorded stays with OLD.

    The running agent sees the order within seconds. Undo it with `replace NEW OLD`.
    """
    from edge_agent.config.loading import load_config
    from edge_agent.config.places import require_config
    from edge_agent.spool.units import Replacement, order_replacement, read_units

    path = require_config(config_file)
    site = load_config(path)
    old, new = old.strip(), new.strip()
    units = read_units(site.spool_path)
    standing = _standing(units, old, new)
    if standing is None:
        name = _name_of(units, site, old, new)
        _refuse_taken(units, site, name, new)
        order = Replacement(name, old, new, datetime.now(UTC), who_orders(), None)
        order_replacement(site.spool_path, order)
    else:
        order = standing
    _print(order, _serial_line(site, order), already=standing is not None, as_json=as_json)
    return ExitCode.OK


def _standing(units: "Units", old: str, new: str) -> "Replacement | None":
    """The very same order, when it was given before and still holds."""
    return next(
        (
            order
            for order in reversed(units.replacements)
            if (order.old, order.new) == (old, new) and units.by_name.get(order.name) == new
        ),
        None,
    )


def _name_of(units: "Units", site: "SiteConfig", old: str, new: str) -> str:
    """The one name whose unit is `old`. Raises UsageError that says what to do instead."""
    from edge_agent.config.suggestion import did_you_mean

    if not old or not new:
        raise _refusal("a serial is empty", "Name both, as the terminals' menus show them", _TRY)
    if old == new:
        raise _refusal(f"both are {old}", "Name the old unit first, then the new one", _TRY)
    names = [name for name, serial in units.by_name.items() if serial == old]
    if len(names) == 1:
        return names[0]
    if names:
        raise _refusal(
            f"{old} is read as {' and as '.join(names)}",
            "Give each unit one [[device]] in the site file, restart the agent, then order again",
            "edge-agent config check",
        )
    if later := [order for order in units.replacements if order.old == old]:
        order = later[-1]
        now = units.by_name.get(order.name, order.new)
        raise _refusal(
            f"{old} was replaced by {order.new} on {order.ordered_at:%Y-%m-%d} by "
            f"{order.ordered_by}; {order.name} is {now} now",
            "Name the unit of today as OLD",
            f"edge-agent device replace {shlex.quote(now)} {shlex.quote(new)}",
        )
    if old in units.serials:
        raise _refusal(
            f"{old} is in the spool, but no name of the site file stands for it any more",
            "A new name needs no order: write the new unit into the site file",
            _STATUS,
        )
    line = next((line for line in _serial_lines(site) if line.serial == old), None)
    if line is not None:
        raise _refusal(
            f"{old} was never read, so there is no history to keep apart",
            f'Write serial = "{new}" in {line.file}:{line.line}, and restart the agent',
            "edge-agent config check",
        )
    known = ", ".join(sorted(units.by_name.values())) or "none yet"
    raise _refusal(
        f"no unit {old} was ever read here{did_you_mean(old, units.serials)}",
        f"Units now: {known}",
        _STATUS,
    )


def _refuse_taken(units: "Units", site: "SiteConfig", name: str, new: str) -> None:
    """A unit that hangs under another name of the site file is not taken from it by a typing error."""
    taken = [
        other
        for other, serial in units.by_name.items()
        if serial == new and other != name and site.device(other) is not None
    ]
    if taken:
        raise _refusal(
            f"{new} is read as {taken[0]}",
            f"If it was moved to {name}: take {taken[0]} out of the site file, restart the agent, "
            "then order again. If the two swapped addresses, correct those instead",
            _STATUS,
        )


def _serial_lines(site: "SiteConfig") -> list[SerialLine]:
    from edge_agent.config.places import read_text
    from edge_agent.config.toml_lines import key_lines, line_of

    lines = key_lines(read_text(site.path))
    return [
        SerialLine(site.path, line_of(lines, ("device", index, "serial")), serial)
        for index, device in enumerate(site.devices)
        if (serial := getattr(device.config, "serial", None))
    ]


def _serial_line(site: "SiteConfig", order: "Replacement") -> SerialLine | None:
    """The line that must change too, because it names another serial than the order."""
    device = site.device(order.name)
    serial = getattr(device.config, "serial", None) if device is not None else None
    if not serial or serial == order.new:
        return None
    return next(line for line in _serial_lines(site) if line.serial == serial)


def who_orders() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _print(order: "Replacement", line: SerialLine | None, *, already: bool, as_json: bool) -> None:
    todo = None
    if line is not None:
        todo = (
            f'{line.file}:{line.line} says serial = "{line.serial}": write '
            f'serial = "{order.new}", then systemctl restart edge-agent'
        )
    if as_json:
        facts: dict[str, Any] = {
            "name": order.name,
            "old": order.old,
            "new": order.new,
            "ordered_at": order.ordered_at.isoformat(),
            "ordered_by": order.ordered_by,
            "already": already,
            "settled_at": order.settled_at and order.settled_at.isoformat(),
            "site_file": todo,
        }
        print(json.dumps(facts, ensure_ascii=False))
        return
    when = f"{order.ordered_at:%Y-%m-%dT%H:%M:%SZ}"
    done = "was ordered before" if already else "ordered"
    print(f"{order.name}: {order.old} → {order.new}, {done} {when} by {order.ordered_by}")
    print(f"What {order.old} recorded stays with it; {order.new} begins a log of its own.")
    if todo is not None:
        print(f"Still to do: {todo}")
    undo = f"edge-agent device replace {shlex.quote(order.new)} {shlex.quote(order.old)}"
    print(f"To undo: {undo}")


def _refusal(what: str, remedy: str, try_command: str) -> UsageError:
    return UsageError(what, where="device replace", remedy=remedy, try_command=try_command)
