"""The core's own key: a file of mode 0600 beside the database."""

import os
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from hr_core.errors import CoreError
from protocols.signing import SigningKey


def core_key_file(url: sa.URL) -> Path:
    return Path(f"{url.database}.key")


def open_core_key(file: Path, *, entropy: Callable[[], bytes]) -> SigningKey:
    """Made when there is none. Raises CoreError."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(f"{entropy().hex()}\n")
    except FileExistsError:
        pass
    try:
        return SigningKey(bytes.fromhex(file.read_text(encoding="ascii").strip()))
    except (OSError, ValueError) as exc:
        raise CoreError(
            f"the core's key file {file} cannot be read", remedy="restore it from a backup"
        ) from exc
