"""`edge-agent config`: check, explain and start a site file."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.config.places import LOCAL_CONFIG
from edge_agent.errors import CommandError, ExitCode

app = typer.Typer(help="Check, explain and start a site file.")


@app.command("check")
def check(*, config_file: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Name every mistake in the site file: file, line, key, what is wrong and what to do."""
    from edge_agent.config.loading import load_config
    from edge_agent.config.places import require_config
    from edge_agent.config.problems import ConfigError

    path = require_config(config_file)
    try:
        site = load_config(path)
    except ConfigError as error:
        if as_json:
            import msgspec

            problems = [msgspec.to_builtins(problem) for problem in error.problems]
            print(json.dumps({"valid": False, "problems": problems}, ensure_ascii=False))
        else:
            for problem in error.problems:
                print(problem)
        return ExitCode.BROKEN
    if as_json:
        print(json.dumps({"valid": True, "problems": []}))
    else:
        core = site.uplink.url if site.uplink else "no core"
        print(f"{path}: valid. Site {site.site.name}, {len(site.devices)} devices, {core}")
    return ExitCode.OK


@app.command("diff")
def diff(*, config_file: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Say what a reload would do: the site file beside what the running agent goes by."""
    import msgspec

    from edge_agent.config.changes import compare
    from edge_agent.config.fingerprint import fingerprint
    from edge_agent.config.loading import load_config
    from edge_agent.config.places import read_places, require_config
    from edge_agent.config.running import running_fingerprint

    path = require_config(config_file)
    site = load_config(path)
    running = running_fingerprint(read_places(path))
    changes = compare(running, fingerprint(site, salt=running.salt, pid=running.pid))
    if as_json:
        print(json.dumps(msgspec.to_builtins(changes), ensure_ascii=False))
    else:
        nothing = f"{path}: the agent runs by exactly this"
        print("\n".join(changes.sentences()) or nothing)
    return ExitCode.DEGRADED if changes.needs_restart else ExitCode.OK


@app.command("schema")
def schema() -> int:
    """Print the JSON Schema of the site file, for editors and other programs."""
    from edge_agent.config.schema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return ExitCode.OK


@app.command("init")
def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = LOCAL_CONFIG,
    *,
    addresses: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            metavar="ADDRESS",
            help="Ask this device who it is and write it down: 10.0.3.7, "
            "zk-pull://10.0.3.7?comm_key=N. Several times for several.",
        ),
    ] = None,
    networks: Annotated[
        list[str] | None,
        typer.Option("--network", help="Look for ZK terminals here, like 10.0.3.0/24."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", help="Zone of the site's wall clocks (IANA name).")
    ] = None,
) -> int:
    """Write a commented site file, with the devices that answer. Never overwrites one."""
    from edge_agent.cli.config_init import as_toml, ask_devices, remark
    from edge_agent.cli.device_target import judged_zone, machine_zone
    from edge_agent.config.places import DEFAULT_STATE_DIR, SYSTEM_CONFIG
    from edge_agent.config.starter import site_file

    if path.exists():  # before anybody waits for a device
        raise _exists(path)
    likely = machine_zone()
    zone_is_known = zone is not None or "/" in likely.removeprefix("Etc/")
    zone = judged_zone(zone or (likely if zone_is_known else "Asia/Shanghai"))
    asked = ask_devices(addresses or [], networks or [], zone)
    for one in asked:
        print(f"{one.config.name}: {remark(one, zone)}", file=sys.stderr)
    # A file of the system has the system's folder; a person who tries it out may not write there.
    of_system = path.absolute().parent == SYSTEM_CONFIG.parent
    text = site_file(
        zone=zone,
        state_dir=DEFAULT_STATE_DIR if of_system else Path("state"),
        networks=tuple(networks or ()),
        devices="".join(f"{as_toml(one, zone)}\n" for one in asked),
    )
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        if not of_system:
            path.absolute().parent.joinpath("state").mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as exc:
        raise CommandError(
            f"cannot be written ({exc.strerror})",
            where=str(path),
            remedy="Name a file in a folder that you may write in",
            try_command="edge-agent config init ~/site.toml",
        ) from exc
    left = [] if zone_is_known else [f"{zone} is only an example: write the zone of this place"]
    left += [] if asked else ["Write your devices into it, or start again with --device ADDRESS"]
    print(f"Wrote {path}. {'. '.join([*left, f'Then: edge-agent config check -c {path}'])}")
    return ExitCode.DEGRADED if any(one.needs_a_look for one in asked) else ExitCode.OK


def _exists(path: Path) -> CommandError:
    return CommandError(
        "exists already and is left as it is",
        where=str(path),
        remedy="Name another file, or move this one away",
        try_command=f"edge-agent config check -c {path}",
    )
