"""`edge-agent config`: check, explain and start a site file."""

import json
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
) -> int:
    """Write a commented site file to fill in. Never overwrites one."""
    from edge_agent.config.starter import STARTER

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(STARTER)
    except FileExistsError:
        raise CommandError(
            "exists already and is left as it is",
            where=str(path),
            remedy="Name another file, or move this one away",
            try_command=f"edge-agent config check -c {path}",
        ) from None
    except OSError as exc:
        raise CommandError(
            f"cannot be written ({exc.strerror})",
            where=str(path),
            remedy="Name a file in a folder that you may write in",
            try_command="edge-agent config init ~/site.toml",
        ) from exc
    print(f"Wrote {path}. Fill in zone and devices, then: edge-agent config check -c {path}")
    return ExitCode.OK
