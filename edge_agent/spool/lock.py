"""One writer per spool file, across processes and within one."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from edge_agent.spool.errors import SpoolError, SpoolLockedError


class SpoolLock:
    """Held while a process writes the spool. The kernel frees it when the process dies.

    A file of its own: locks on the database belong to SQLite, and closing any descriptor of it
    would drop them.
    """

    def __init__(self, spool: Path) -> None:
        path = spool.with_name(f"{spool.name}.lock")
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise SpoolError(
                f"cannot open the lock file {path} ({exc.strerror})",
                where=str(spool),
                remedy="Check that the folder exists and belongs to the agent's user",
                code="spool_no_access",
            ) from exc
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            holder = self._holder()
            os.close(self._descriptor)
            raise SpoolLockedError(
                f"process {holder} writes this spool",
                where=str(spool),
                remedy="Stop the other agent first (systemctl stop edge-agent)",
                code="spool_locked",
            ) from exc
        with suppress(OSError):  # the number only serves the message above; the disk may be full
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)

    def _holder(self) -> str:
        return os.pread(self._descriptor, 20, 0).decode("ascii", "replace") or "(unknown)"
