"""Where a broker is, and how a link shows itself there."""

import ssl
from pathlib import Path
from typing import Literal

from msgspec import Struct

from drivers.errors import BlockedError


class BrokerPlace(Struct, frozen=True, kw_only=True):
    """Where the broker is and how the link shows itself. `password_file` holds one line."""

    host: str
    port: int
    client_id: str
    tls: bool = False
    ca_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    keepalive_s: int = 30
    timeout_s: float = 10.0
    version: Literal["auto", "5", "3.1.1"] = "auto"
    session_expiry_s: int = 0  # 0: a clean session, which ends with the connection

    @property
    def where(self) -> str:
        return f"mqtt {self.host}:{self.port}"


def password_of(place: BrokerPlace) -> str | None:
    if place.password_file is None:
        return None
    try:
        return place.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise BlockedError(
            f"the password file {place.password_file} cannot be read ({exc})",
            where=place.where,
            remedy="Correct `password_file`, and let the agent read it",
            code="broker_password",
        ) from exc


def trust_of(place: BrokerPlace) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=place.ca_file)
    except (OSError, ssl.SSLError) as exc:
        raise BlockedError(
            f"{place.ca_file} holds no certificate of a CA ({exc})",
            where=place.where,
            remedy="Correct `ca_file`",
            code="tls_files",
        ) from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
