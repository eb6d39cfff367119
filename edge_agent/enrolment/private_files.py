"""Files that hold a key: written whole or not at all, readable by the agent's account alone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Makes `folder` when it is missing; one process at a time is inside. Raises OSError.

    BlockingIOError says that another process is inside.
    """
    if not folder.is_dir():
        folder.mkdir(mode=FOLDER_MODE)
        _give_to_owner(folder, like=folder.parent)
        _sync_folder(folder.parent)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes) -> None:
    """Replaces `path`; on the disk when this returns. Raises OSError."""
    scratch = path.with_name(f"{path.name}.new")
    scratch.unlink(missing_ok=True)  # of a run that was killed
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _give_to_owner(scratch, like=path.parent)
    scratch.replace(path)
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _give_to_owner(path: Path, *, like: Path) -> None:
    """What root makes in the service user's folder must belong to that user, or it cannot start."""
    if os.geteuid() != 0:
        return
    owner = like.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
