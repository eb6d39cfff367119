"""Who this gateway is to its core: one file in the state folder, the key in it or in a systemd
credential.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from edge_agent.config.models import SiteConfig
from edge_agent.errors import CommandError
from protocols.errors import ProtocolError
from protocols.key_text import MAX_KEY_TEXT_BYTES, fingerprint, read_key
from protocols.signing import PUBLIC_KEY_BYTES, SEED_BYTES, SigningKey
from sync.identity import GatewayIdentity

FOLDER_NAME = "identity"
IDENTITY_NAME = "identity.json"
# LoadCredential=gateway-key:/path in the unit; the second one is what a rotation turns to.
CREDENTIALS = ("gateway-key", "gateway-key-next")
_MAX_FILE_BYTES = 16 * 1024
_NO_IDENTITY = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)


class IdentityError(CommandError):
    """There is no identity that this gateway could use. `code`: `not_enrolled`, `identity_damaged`,
    `other_gateway`, `key_missing`.
    """

    def __init__(self, what: str, *, where: str, remedy: str, code: str, config: Path) -> None:
        super().__init__(
            what,
            where=where,
            remedy=remedy,
            try_command=f"edge-agent enroll - -c {config}",
        )
        self.code = code


class StoredIdentity(Struct, frozen=True, kw_only=True):
    """What enrolment has left. Keys are hex; `private_key` None: a systemd credential holds it.

    enrolled_at  the core's clock when the key became good
    retired      (public key, when the core begins to refuse it) of the key before, after a rotation
    """

    schema: Literal["clockline.identity/1"] = "clockline.identity/1"
    gateway: str
    site: str
    core_url: str
    core_public: str
    public_key: str
    private_key: str | None
    enrolled_at: datetime
    retired: tuple[str, datetime] | None = None


def identity_folder(site: SiteConfig) -> Path:
    return site.gateway.state_dir / FOLDER_NAME


def identity_path(site: SiteConfig) -> Path:
    return identity_folder(site) / IDENTITY_NAME


def load_identity(site: SiteConfig) -> GatewayIdentity:
    """Raises IdentityError, which says what to do."""
    stored = require_identity(site)
    return GatewayIdentity(
        gateway=stored.gateway,
        key=signing_key(site, stored),
        core_public=bytes.fromhex(stored.core_public),
    )


def require_identity(site: SiteConfig) -> StoredIdentity:
    """The identity of exactly this gateway. Raises IdentityError."""
    stored = read_identity(site)
    if stored is None:
        raise IdentityError(
            f"gateway {site.gateway.name} has not enrolled with a core",
            where=str(identity_path(site)),
            remedy=f"On the core: hr-core token {site.gateway.name}; then give the token here",
            code="not_enrolled",
            config=site.path,
        )
    if stored.gateway != site.gateway.name:
        raise IdentityError(
            f"this is the identity of gateway {stored.gateway}, the site file says "
            f"{site.gateway.name}",
            where=str(identity_path(site)),
            remedy=f'Write name = "{stored.gateway}" into [gateway], or enrol as '
            f"{site.gateway.name} (edge-agent enroll --force)",
            code="other_gateway",
            config=site.path,
        )
    return stored


def read_identity(site: SiteConfig) -> StoredIdentity | None:
    """None when there is none. Raises IdentityError for a file that cannot be used."""
    path = identity_path(site)
    try:
        with path.open("rb") as file:
            stored = msgspec.json.decode(file.read(_MAX_FILE_BYTES), type=StoredIdentity)
        _check_sizes(stored)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise IdentityError(
            f"the identity cannot be read ({exc.strerror})",
            where=str(path),
            remedy="Run this as the agent's user (sudo -u edge …), to whom the folder belongs",
            code="identity_damaged",
            config=site.path,
        ) from exc
    except _NO_IDENTITY as exc:
        raise IdentityError(
            "the identity file is damaged",
            where=str(path),
            remedy=f"Enrol again: hr-core token {site.gateway.name} --again on the core, "
            "edge-agent enroll --force here. The spool keeps everything meanwhile",
            code="identity_damaged",
            config=site.path,
        ) from exc
    return stored


def _check_sizes(stored: StoredIdentity) -> None:
    """Raises ValueError."""
    keys = [(stored.core_public, PUBLIC_KEY_BYTES), (stored.public_key, PUBLIC_KEY_BYTES)]
    if stored.private_key is not None:
        keys.append((stored.private_key, SEED_BYTES))
    for text, size in keys:
        if len(bytes.fromhex(text)) != size:
            raise ValueError("a key has another length")
    if stored.private_key is not None:
        key = SigningKey(bytes.fromhex(stored.private_key))
        if key.public.hex() != stored.public_key:
            raise ValueError("the keys do not belong together")


def signing_key(site: SiteConfig, stored: StoredIdentity) -> SigningKey:
    """Raises IdentityError when the credential that should hold it is not there."""
    if stored.private_key is not None:
        return SigningKey(bytes.fromhex(stored.private_key))
    for name in CREDENTIALS:
        key = credential_key(site, name)
        if key is not None and key.public.hex() == stored.public_key:
            return key
    raise IdentityError(
        f"no systemd credential holds the key {fingerprint(bytes.fromhex(stored.public_key))} "
        "with which this gateway enrolled",
        where=" or ".join(CREDENTIALS),
        remedy=f"Give it to the unit: LoadCredential={CREDENTIALS[0]}:FILE",
        code="key_missing",
        config=site.path,
    )


def credential_key(site: SiteConfig, name: str) -> SigningKey | None:
    """The key in a credential that systemd gave to this process. Raises IdentityError."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    path = Path(folder) / name
    try:
        with path.open("rb") as file:
            return read_key(file.read(MAX_KEY_TEXT_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ProtocolError) as exc:
        raise IdentityError(
            f"the systemd credential {name} cannot be used ({exc})",
            where=str(path),
            remedy="It must hold one line of 64 hex digits (openssl rand -hex 32)",
            code="key_missing",
            config=site.path,
        ) from exc
