"""The core's own key: a file of mode 0600 beside the database, or a systemd credential.

Gateways pin its public half, so it outlives the database: a restored database goes on with the same
file. The database knows only which public key belongs to it, so that a missing or foreign file is
told at once and not by every gateway.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from hr_core.errors import CoreError
from hr_core.store.core_identity import core_public_key, set_core_public_key
from hr_core.store.database import writing
from hr_core.store.gateway_log import GatewayAct, note_act
from protocols.errors import ProtocolError
from protocols.key_text import MAX_KEY_TEXT_BYTES, fingerprint, read_key, spell_key
from protocols.signing import SigningKey

CREDENTIAL = "core-key"  # LoadCredential=core-key:/path in the core's unit
KEY_VARIABLE = "CLOCKLINE_CORE_KEY"
_RENEW = "hr-core init --new-core-key, after which every gateway must enrol again"


class CoreKeyError(CoreError):
    """The core's key is missing, is not the one that gateways pin, or cannot be read."""


def core_key_file(url: sa.URL, chosen: Path | None) -> Path:
    """Where the key is: as chosen, from the environment, a credential, else beside the database.

    Raises CoreKeyError when a database without a file of its own says nothing about it.
    """
    named = chosen or _path(KEY_VARIABLE)
    if named is not None:
        return named
    credentials = _path("CREDENTIALS_DIRECTORY")
    if credentials is not None and (credentials / CREDENTIAL).exists():
        return credentials / CREDENTIAL
    if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
        return Path(f"{url.database}.key")
    raise CoreKeyError(
        "this database has no folder in which the core's key could be",
        remedy=f"name a file with --core-key or {KEY_VARIABLE}, or give the credential "
        f"{CREDENTIAL} to the unit",
    )


def open_core_key(
    engine: sa.Engine, file: Path, *, now: datetime, entropy: Callable[[], bytes]
) -> SigningKey:
    """The core's key; made when database and file are both new to it. Raises CoreKeyError."""
    with engine.connect() as conn:
        expected = core_public_key(conn)
    key = _read(file)
    if key is None:
        if expected is not None:
            raise CoreKeyError(
                f"the core's key file {file} is missing; gateways pin its public key "
                f"{fingerprint(expected)}",
                remedy=f"restore that file from a backup, or name it with --core-key; if it is "
                f"lost: {_RENEW}",
            )
        key = SigningKey(entropy())
        _write(file, key)
    if expected is not None and key.public != expected:
        raise CoreKeyError(
            f"{file} holds the key {fingerprint(key.public)}, but gateways of this database pin "
            f"{fingerprint(expected)}",
            remedy=f"put the right key file there; if it is lost: {_RENEW}",
        )
    if expected is None:
        with writing(engine) as conn:
            set_core_public_key(conn, key.public, now)
    return key


def renew_core_key(
    engine: sa.Engine, file: Path, *, now: datetime, entropy: Callable[[], bytes], source: str
) -> SigningKey:
    """A new key in place of a lost or stolen one. Every gateway must enrol again.

    The database is told first: a crash in between leaves a foreign file, which is told, and the
    command can be repeated. Raises CoreKeyError.
    """
    key = SigningKey(entropy())
    with writing(engine) as conn:
        set_core_public_key(conn, key.public, now)
        note_act(
            conn,
            GatewayAct(
                at=now, act="core_key_renewed", gateway="", source=source, public_key=key.public
            ),
        )
        _write(file, key)
    return key


def _path(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


def _read(file: Path) -> SigningKey | None:
    try:
        with file.open("rb") as content:
            return read_key(content.read(MAX_KEY_TEXT_BYTES))
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise CoreKeyError(
            f"the core's key file {file} cannot be read ({exc.strerror})",
            remedy="give it to the account that runs the core, mode 0600",
        ) from exc
    except ProtocolError as exc:
        raise CoreKeyError(
            f"{file} is not a key file: {exc}", remedy=f"restore it from a backup, or: {_RENEW}"
        ) from exc


def _write(file: Path, key: SigningKey) -> None:
    """Whole or not at all, readable by this account alone, on the disk when this returns."""
    scratch = file.with_name(f"{file.name}.new")
    try:
        scratch.unlink(missing_ok=True)
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as content:
            content.write(spell_key(key))
            content.flush()
            os.fsync(content.fileno())
        scratch.replace(file)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as exc:
        raise CoreKeyError(
            f"the core's key file {file} cannot be written ({exc.strerror})",
            remedy="let this account write in that folder, or name another with --core-key",
        ) from exc
