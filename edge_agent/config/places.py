"""Where the site file, the spool and the runtime snapshot are. Standard library only: hot path."""

import os
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from edge_agent.errors import CommandError

CONFIG_VARIABLE = "EDGE_AGENT_CONFIG"
LOCAL_CONFIG = Path("site.toml")
SYSTEM_CONFIG = Path("/etc/edge-agent/site.toml")

DEFAULT_STATE_DIR = Path("/var/lib/edge-agent")
SPOOL_NAME = "spool.db"
SNAPSHOT_NAME = "status.json"
# RuntimeDirectory=edge-agent of our unit, which runs with the system's site file. A person's shell
# has no $RUNTIME_DIRECTORY, so `status` must know it.
SYSTEM_RUNTIME_DIR = Path("/run/edge-agent")


class Places(NamedTuple):
    """The paths of one gateway. `runtime_dirs` are tried in order for the snapshot; `exports` are
    name and kind of each [[export]].
    """

    config: Path
    state_dir: Path
    runtime_dirs: tuple[Path, ...]
    exports: tuple[tuple[str, str], ...] = ()

    @property
    def spool(self) -> Path:
        return self.state_dir / SPOOL_NAME


def config_candidates() -> list[Path]:
    """Where a site file is looked for when none was named, first match wins."""
    named = os.environ.get(CONFIG_VARIABLE)
    return [*([Path(named)] if named else []), LOCAL_CONFIG, SYSTEM_CONFIG]


def find_config() -> Path | None:
    """The site file of this machine and folder, or None. A named one counts even when missing."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    return next((path for path in config_candidates() if path.is_file()), None)


def require_config(named: str | Path | None) -> Path:
    """`named`, or the site file of this machine. Raises CommandError when there is none."""
    path = Path(named) if named else find_config()
    if path is None:
        looked = ", ".join(str(candidate) for candidate in config_candidates())
        raise CommandError(
            f"no site file found (looked at {looked})",
            where="configuration",
            remedy=f"Name one with -c FILE or ${CONFIG_VARIABLE}, or write a new one",
            try_command="edge-agent config init",
        )
    return path


def read_text(path: Path) -> str:
    """The site file's text, without the mark that Windows editors put first."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise CommandError(
            f"is not UTF-8 text (byte {exc.start})",
            where=str(path),
            remedy="Save it as UTF-8",
            try_command="edge-agent config init",
        ) from exc
    except OSError as exc:
        raise CommandError(
            f"cannot be read ({exc.strerror or exc})",
            where=str(path),
            remedy="Check the path and its permissions",
            try_command="edge-agent config init",
        ) from exc


def read_places(path: Path) -> Places:
    """The paths that the site file at `path` sets, without judging the rest of it."""
    try:
        table = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as exc:
        raise CommandError(
            f"is not valid TOML: {exc}",
            where=str(path),
            remedy="Correct that line",
            try_command=f"edge-agent config check -c {path}",
        ) from exc
    gateway = table.get("gateway")
    if not isinstance(gateway, dict):
        gateway = {}
    base = path.absolute().parent
    state_dir = _directory(gateway, "state_dir", base) or DEFAULT_STATE_DIR
    runtime_dir = _directory(gateway, "runtime_dir", base)
    exports = _exports(table)
    if runtime_dir is not None:
        return Places(path, state_dir, (runtime_dir,), exports)
    granted = systemd_runtime_dir()
    dirs = [granted] if granted else []
    if path == SYSTEM_CONFIG:
        dirs.append(SYSTEM_RUNTIME_DIR)
    return Places(path, state_dir, (*dirs, state_dir), exports)


def systemd_runtime_dir() -> Path | None:
    """What systemd set for RuntimeDirectory=; it may be several, joined by colons."""
    granted = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(granted) if granted else None


def _exports(table: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    exports = table.get("export")
    if not isinstance(exports, list):
        return ()
    return tuple(
        (export["name"], str(export.get("kind")))
        for export in exports
        if isinstance(export, dict) and isinstance(export.get("name"), str)
    )


def _directory(gateway: dict[str, Any], key: str, base: Path) -> Path | None:
    value = gateway.get(key)
    return base / value if isinstance(value, str) and value else None
