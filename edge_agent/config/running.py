"""What the running agent goes by, as another process reads it."""

import os

import msgspec

from edge_agent.config.fingerprint import FINGERPRINT_NAME, Fingerprint, read_fingerprint
from edge_agent.config.places import Places
from edge_agent.errors import CommandError


def running_fingerprint(places: Places) -> Fingerprint:
    """Of the agent of this site file. Raises CommandError when none runs, or it cannot be read."""
    for directory in places.runtime_dirs:
        path = directory / FINGERPRINT_NAME
        try:
            found = read_fingerprint(path)
        except FileNotFoundError:
            continue
        except PermissionError as exc:
            raise CommandError(
                "this user may not read what the running agent goes by",
                where=str(path),
                remedy="Ask as the agent's user or as root",
                try_command="sudo edge-agent config diff",
            ) from exc
        except (OSError, msgspec.MsgspecError) as exc:
            raise CommandError(
                f"cannot be read ({exc})",
                where=str(path),
                remedy="A reload writes it again",
                try_command="systemctl reload edge-agent",
            ) from exc
        if _alive(found.pid):
            return found
    raise CommandError(
        "no agent runs by this site file, so there is nothing to compare it with",
        where=str(places.config),
        remedy="Start the agent; a start reads the whole file. If one runs, `state_dir` was changed "
        "or `runtime_dir`, which takes a restart",
        try_command=f"edge-agent config check -c {places.config}",
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's process: it exists
        return True
    return True
