"""`edge-agent simulate`: devices that are not there, on real sockets or ports."""

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from edge_agent.config.suggestion import did_you_mean
from edge_agent.errors import CommandError, ExitCode, UsageError

if TYPE_CHECKING:
    from edge_agent.cli.simulated import Scene
    from edge_agent.cli.simulated_terminals import TerminalOrder
    from firmware_profiles import Profile
    from protocols.zk.layouts import Layout

# zk and card-reader: what people say who do not know our words for it, or the chip.
OTHER_NAMES = {
    "zk": "zk-terminal",
    "card-reader": "rdm6300",
    "modbus": "modbus-counter",
    "pulse": "pulse-counter",
    "scanner": "barcode-scanner",
    "opcua": "opcua-counter",
}
# On a pseudo terminal: their --port is a path that leads to it.
_SERIAL = ("rdm6300", "modbus-rtu", "pulse-counter", "barcode-scanner")
_BROKER: dict[str, Literal["mqtt-line", "sparkplug"]] = {
    "mqtt-line": "mqtt-line",
    "sparkplug": "sparkplug",
}
KINDS = (
    "zk-terminal",
    "zk-replay",
    "modbus-counter",
    "opcua-counter",
    *_BROKER,
    *_SERIAL,
    *OTHER_NAMES,
)
TRANSPORTS: dict[str, Literal["tcp", "udp"]] = {"tcp": "tcp", "udp": "udp"}
# What only some kinds understand; all else is for every kind.
_OWN_OPTIONS = {
    "zk-terminal": frozenset({"input", "transport", "profile", "layout", "comm-key", "faults"}),
    "zk-replay": frozenset({"input"}),
}
_MAX_PORT = 65_535
_MAX_DEVICES = 250  # one process has a thousand open files, and each device has its hosts
_MAX_COMM_KEY = 999_999


def simulate(  # noqa: PLR0913 - one argument per option of the command
    kind: Annotated[
        str, typer.Argument(help=f"{', '.join(KINDS)}, or that of an installed driver package.")
    ],
    port: Annotated[
        str,
        typer.Option(help="0 picks a free one. Of what is serial: a path that leads to the port."),
    ] = "0",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    records: Annotated[
        int,
        typer.Option(min=0, help="Punches in the log, pieces on the counter, or different cards."),
    ] = 100,
    devices: Annotated[
        int, typer.Option(min=1, max=_MAX_DEVICES, help="So many, on consecutive or free ports.")
    ] = 1,
    input_file: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help="A terminal's USB export (.dat) as its log; for zk-replay, what `device capture` wrote.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same device.")] = 0,
    transport: Annotated[
        str | None, typer.Option(help=f"How a zk-terminal is asked: {', '.join(TRANSPORTS)}.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="A zk-terminal of this model, by its firmware profile.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option(help="Record layout of a zk-terminal's log, such as att16.")
    ] = None,
    comm_key: Annotated[
        int | None, typer.Option(min=0, max=_MAX_COMM_KEY, help="What a zk-terminal asks for.")
    ] = None,
    faults: Annotated[
        str, typer.Option(help="How a zk-terminal misbehaves, name=value,…; `help` lists all.")
    ] = "",
    live_every: Annotated[
        float | None, typer.Option(min=0.01, help="Seconds between punches, pieces or cards.")
    ] = None,
) -> int:
    """Serve simulated devices until Ctrl-C. Prints `listening ADDRESS` of each when all are ready."""
    import asyncio

    from edge_agent.cli import simulated
    from edge_agent.cli.simulated_broker import serve_broker
    from edge_agent.cli.simulated_line import (
        serve_modbus_counters,
        serve_opcua_counters,
        serve_serial,
    )
    from edge_agent.cli.simulated_replay import serve_zk_replay
    from edge_agent.cli.simulated_terminals import TerminalOrder

    kind = _known_kind(kind)
    own = {
        "input": input_file,
        "transport": transport,
        "profile": profile,
        "layout": layout,
        "comm-key": comm_key,
        "faults": faults or None,
    }
    _refuse_foreign(kind, [option for option, value in own.items() if value is not None])
    if faults.strip() == "help":
        _list_faults()
        return ExitCode.OK
    order = TerminalOrder(
        records=records,
        seed=seed,
        input_file=input_file,
        profile=_known_profile(profile),
        layout=_known_layout(layout),
        comm_key=comm_key,
        transport=_known_transport(transport),
        faults=faults,
    )
    scene = simulated.Scene(
        host=host,
        port=0 if kind in _SERIAL else _port_number(port, devices),
        devices=devices,
        every=live_every,
        seed=seed,
    )
    try:
        match kind:
            case "zk-terminal":
                devices_at_work = _terminals(order, scene)
            case "zk-replay":
                session = _recorded(input_file, devices)
                devices_at_work = serve_zk_replay(session, scene.host, scene.port)
            case "modbus-counter":
                devices_at_work = serve_modbus_counters(scene, pieces=records)
            case "opcua-counter":
                devices_at_work = serve_opcua_counters(scene, pieces=records)
            case _ if kind in _SERIAL:
                link = _link(port, devices)
                devices_at_work = serve_serial(kind, scene, records=records, link=link)
            case _ if kind in _BROKER:
                devices_at_work = serve_broker(_BROKER[kind], scene, pieces=records)
            case _:
                devices_at_work = simulated.serve_third_party(kind, scene, records=records)
        asyncio.run(simulated.until_stopped(devices_at_work))
    except OSError as exc:
        raise CommandError(
            exc.strerror or str(exc),
            where=exc.filename or f"{host}:{port}",
            remedy="Another program may hold the port, or the file cannot be read",
            try_command=f"edge-agent simulate {kind} --port 0",
        ) from exc
    print("stopped", file=sys.stderr)
    return ExitCode.OK


def _terminals(order: "TerminalOrder", scene: "Scene") -> Coroutine[Any, Any, None]:
    """Raises UsageError for faults that are none, and for what the model cannot hold."""
    from edge_agent.cli import simulated
    from edge_agent.cli.simulated_terminals import over, zk_terminals
    from simulators.zk_terminal.knobs import KnobValueError, UnknownKnobError, parse_faults

    try:
        setting = parse_faults(order.faults)
        terminals = zk_terminals(order, scene.devices)
        for terminal in terminals:
            terminal.check()
    except UnknownKnobError as exc:
        _wrong_faults(f"{exc}{did_you_mean(exc.name, exc.known)}")
    except KnobValueError as exc:
        _wrong_faults(str(exc))
    except ValueError as exc:
        raise UsageError(
            str(exc),
            where="simulate zk-terminal",
            remedy="This model cannot hold this log: choose another --layout, --profile or --input",
            try_command="edge-agent simulate zk-terminal --layout att40",
        ) from exc
    for name in setting.without_effect(over(order)):
        print(f"note: {name} does nothing over {over(order)}", file=sys.stderr)
    if order.profile is not None and order.profile.match is None:
        print(
            "note: nobody has reported what this model says about itself: whoever asks it must "
            f'name the profile, `profile = "{order.profile.key}"`',
            file=sys.stderr,
        )
    return simulated.serve_zk_terminals(terminals, scene)


def _wrong_faults(what: str) -> NoReturn:
    raise UsageError(
        what,
        where="--faults",
        remedy="Write name=value,name=value",
        try_command="edge-agent simulate zk-terminal --faults help",
    )


def _list_faults() -> None:
    from simulators.zk_terminal.knobs import all_knobs

    knobs = all_knobs().values()
    widest = max(len(f"{knob.name}={knob.values}") for knob in knobs)
    for knob in knobs:
        only = f" (only over {knob.only})" if knob.only else ""
        print(f"{f'{knob.name}={knob.values}':{widest}}  {knob.does}{only}")
    print("to_terminal.NAME and from_terminal.NAME: what concerns datagrams, in one direction only")


def _known_kind(kind: str) -> str:
    from edge_agent.simulation import third_party_simulators

    known = OTHER_NAMES.get(kind, kind)
    kinds = tuple(dict.fromkeys((*KINDS, *third_party_simulators())))
    if known not in kinds:
        raise UsageError(
            f"no such simulator{did_you_mean(kind, kinds)}",
            where=kind,
            remedy=f"Known kinds: {', '.join(kinds)}",
            try_command="edge-agent simulate zk-terminal",
        )
    return known


def _refuse_foreign(kind: str, options: list[str]) -> None:
    foreign = [option for option in options if option not in _OWN_OPTIONS.get(kind, ())]
    if foreign:
        raise UsageError(
            f"--{foreign[0]} means nothing to this kind",
            where=f"simulate {kind}",
            remedy=f"Leave --{foreign[0]} out",
            try_command=f"edge-agent simulate {kind}",
        )


def _known_transport(transport: str | None) -> Literal["tcp", "udp"] | None:
    if transport is None or transport in TRANSPORTS:
        return TRANSPORTS.get(transport or "")
    raise UsageError(
        f"a zk-terminal is not asked over {transport!r}",
        where="--transport",
        remedy="Write tcp or udp",
        try_command="edge-agent simulate zk-terminal --transport udp",
    )


def _known_profile(key: str | None) -> "Profile | None":
    if key is None:
        return None
    from firmware_profiles import load_all

    profiles = {profile.key: profile for profile in load_all()}
    if key not in profiles:
        raise UsageError(
            f"no such profile{did_you_mean(key, profiles)}",
            where=f"--profile {key}",
            remedy=f"Known profiles: {', '.join(profiles)}",
            try_command="edge-agent simulate zk-terminal --profile zkteco/k40",
        )
    return profiles[key]


def _known_layout(name: str | None) -> "Layout | None":
    if name is None:
        return None
    from protocols.zk.layouts import Layout

    known = [layout.value for layout in Layout]
    if name not in known:
        raise UsageError(
            f"no such layout{did_you_mean(name, known)}",
            where=f"--layout {name}",
            remedy=f"Known layouts: {', '.join(known)}",
            try_command="edge-agent simulate zk-terminal --layout att16",
        )
    return Layout(name)


def _port_number(text: str, devices: int) -> int:
    """Raises UsageError for no number, and when there is no room for all devices."""
    port = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= port <= (_MAX_PORT - devices + 1):
        raise UsageError(
            f"{text!r} is no port for {devices} device{'s' if devices > 1 else ''}",
            where="--port",
            remedy=f"Write a number from 0 to {_MAX_PORT - devices + 1}; 0 picks a free one",
            try_command="edge-agent simulate --help",
        )
    return port


def _link(text: str, devices: int) -> Path | None:
    """The path that shall lead to a serial device's port, None for `0`."""
    if text == "0":
        return None
    link = Path(text)
    if devices > 1 or not link.is_absolute() or (link.exists() and not link.is_symlink()):
        raise UsageError(
            f"{text!r} cannot lead to the port of {devices} device(s)",
            where="--port",
            remedy="Write an absolute path that is free, for one device",
            try_command="edge-agent simulate rdm6300 --port /tmp/reader",
        )
    return link


def _recorded(input_file: Path | None, devices: int) -> Path:
    if input_file is None or devices > 1:
        raise UsageError(
            "one recorded session is played at a time",
            where="simulate zk-replay",
            remedy="Name a file of `edge-agent device capture` with --input",
            try_command="edge-agent simulate zk-replay --input FILE",
        )
    return input_file
