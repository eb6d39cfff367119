"""`zkcapture/1` on disk. Nothing in it says when or where it was recorded."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from edge_agent.errors import CommandError, UsageError
from protocols.zk.capture import Segment

_MODE = 0o600  # also an anonymous recording is shown to others by a decision, not by an umask


def encoded(segments: Sequence[Segment], transport: Literal["tcp", "udp"], *, raw: bool) -> bytes:
    """TX is what the host said, RX what the terminal did; a frame a line."""
    frames = ",\n".join(
        json.dumps({"dir": "TX" if segment.sent else "RX", "hex": segment.data.hex()})
        for segment in segments
    )
    head = json.dumps(
        {
            "schema": "zkcapture/1",
            "title": "edge-agent device capture",
            "anonymised": not raw,
            "transport": transport,
        }
    )
    return f'{head[:-1]}, "frames": [\n{frames}\n]}}\n'.encode()


def check_output(path: Path, *, force: bool) -> None:
    """Raises UsageError, before a session is recorded that nothing could take."""
    if not path.parent.is_dir():
        raise UsageError(
            "there is no such folder",
            where=str(path.parent),
            remedy="Make it, or name a file elsewhere",
            try_command="edge-agent device capture --help",
        )
    if path.exists() and not force:
        raise UsageError(
            "the file exists",
            where=str(path),
            remedy="Name another one, or overwrite it with --force",
            try_command="edge-agent device capture --help",
        )


def write_capture(
    path: Path,
    segments: Sequence[Segment],
    transport: Literal["tcp", "udp"],
    *,
    raw: bool,
    force: bool,
) -> None:
    """Readable by its owner only. Raises CommandError, and UsageError as `check_output`."""
    check_output(path, force=force)
    # With --force beside the old file, which stays until the new one is whole.
    new = path.with_name(f".{path.name}.{os.getpid()}") if force else path
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(encoded(segments, transport, raw=raw))
        new.replace(path)
    except OSError as exc:
        raise CommandError(
            exc.strerror or str(exc),
            where=str(path),
            remedy="Nothing was written. Name a file in a folder of yours",
            try_command="edge-agent device capture --help",
        ) from exc
