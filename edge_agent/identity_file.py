"""Where this gateway's identity lies: beside the spool, readable by the agent's user alone.

`gateway.key` holds the private key's seed, `core.pub` the core's public key, each one line of hex.
"""

import os
from pathlib import Path

from protocols.signing import SigningKey
from sync.identity import GatewayIdentity

KEY_FILE = "gateway.key"
CORE_FILE = "core.pub"


def read_identity(state_dir: Path, gateway: str) -> GatewayIdentity | None:
    """None before the gateway was enrolled. Raises OSError, ValueError for files that are damaged."""
    try:
        seed = _hex(state_dir / KEY_FILE)
        core = _hex(state_dir / CORE_FILE)
    except FileNotFoundError:
        return None
    return GatewayIdentity(gateway=gateway, key=SigningKey(seed), core_public=core)


def write_identity(state_dir: Path, identity: GatewayIdentity) -> None:
    for name, value in ((KEY_FILE, identity.key.seed), (CORE_FILE, identity.core_public)):
        descriptor = os.open(state_dir / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{value.hex()}\n")


def _hex(path: Path) -> bytes:
    return bytes.fromhex(path.read_text(encoding="ascii").strip())
