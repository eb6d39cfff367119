"""Is the agent running? What its runtime snapshot says, and what the process table says of it.

The snapshot (written by edge_agent/snapshot.py) is a file rather than a socket: it can be read when
the agent hangs, and it says how old it is.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from edge_agent.config.places import SNAPSHOT_NAME, Places

STALE_INTERVALS = 3  # one late write is load, three are a hang
_DEFAULT_INTERVAL_S = 5.0


class Agent(NamedTuple):
    """The agent process. `why_not` is None while it runs, otherwise what speaks against it.

    `snapshot` is {} when there is none that can be read; `age_s` how long ago it was written.
    """

    why_not: str | None
    snapshot: dict[str, Any]
    age_s: float | None = None

    @property
    def running(self) -> bool:
        return self.why_not is None


def read_agent(places: Places, now: datetime) -> Agent:
    """The agent as the freshest snapshot of this gateway shows it. `now` is aware UTC."""
    read = [_read(directory / SNAPSHOT_NAME, now) for directory in places.runtime_dirs]
    found = [agent for agent in read if agent is not None]
    if not found:
        return Agent(
            f"there is no runtime snapshot at {places.runtime_dirs[0] / SNAPSHOT_NAME}", {}
        )
    return min(
        found, key=lambda agent: (not agent.running, agent.age_s is None, agent.age_s or 0.0)
    )


def _read(path: Path, now: datetime) -> Agent | None:
    try:
        snapshot = json.loads(path.read_bytes())
        written_at = datetime.fromisoformat(snapshot["written_at"]).astimezone(UTC)
        pid = int(snapshot["pid"])
        interval_s = float(snapshot.get("interval_s", _DEFAULT_INTERVAL_S))
    except FileNotFoundError:
        return None
    except OSError as exc:
        return Agent(f"the runtime snapshot {path} cannot be read ({exc.strerror})", {})
    except (ValueError, KeyError, TypeError):
        return Agent(f"the runtime snapshot {path} is damaged", {})
    age_s = (now - written_at).total_seconds()
    return Agent(_why_not(pid, age_s, STALE_INTERVALS * interval_s), snapshot, age_s)


def _why_not(pid: int, age_s: float, stale_s: float) -> str | None:
    if not _alive(pid):
        return f"its process {pid} is gone"
    # A snapshot from the future means that the clock was set back: the living process decides.
    if age_s > stale_s:
        return f"process {pid} has not reported for {age_s:.0f} s"
    return None


def _alive(pid: int) -> bool:
    if pid <= 0:  # kill would ask about whole groups
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's process: it exists
        return True
    return True
