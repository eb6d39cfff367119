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


def refuse_existing(path: Path) -> None:
    """Raises UsageError: a recording is not made twice."""
    if path.exists():
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
    """Readable by its owner only. Raises CommandError, and UsageError as `refuse_existing`."""
    if not force:
        refuse_existing(path)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(encoded(segments, transport, raw=raw))
        if force:
            new.replace(path)
        else:
            os.link(new, path)  # unlike a rename, never over a file that has come meanwhile
            new.unlink()
    except OSError as exc:
        new.unlink(missing_ok=True)
        raise CommandError(
            exc.strerror or str(exc),
            where=str(path),
            remedy="Nothing was written. Name a file in a folder of yours",
            try_command="edge-agent device capture --help",
        ) from exc
