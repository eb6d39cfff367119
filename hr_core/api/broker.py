"""The broker at which the core hears its gateways."""

import ssl
from pathlib import Path

from msgspec import Struct

from hr_core.api.server import is_loopback
from hr_core.errors import CoreError
from protocols.errors import ProtocolError
from protocols.mqtt_uplink import BrokerAddress, broker_address


class Broker(Struct, frozen=True, kw_only=True):
    """Where, and as whom. `tls` is None only for a broker on this machine."""

    address: BrokerAddress
    password: str | None
    tls: ssl.SSLContext | None


def open_broker(url: str, password_file: Path | None) -> Broker:
    """Raises CoreError when the address or the file cannot be used, or nothing is encrypted."""
    try:
        address = broker_address(url)
    except ProtocolError as exc:
        remedy = "write it like mqtts://broker.example.com or mqtt://127.0.0.1"
        raise CoreError(f"--mqtt: {exc}", remedy=remedy) from exc
    if not (address.tls or is_loopback(address.host)):
        raise CoreError(
            f"--mqtt: {address.host} is another machine, and mqtt:// sends punches in clear text",
            remedy="write it with mqtts://",
        )
    try:
        password = password_file and password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise CoreError(
            f"--mqtt-password-file {password_file} cannot be read ({exc})",
            remedy="give the core's user the file, mode 0400",
        ) from exc
    return Broker(
        address=address,
        password=password or None,
        tls=_tls() if address.tls else None,
    )


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(
        "ECDHE+AESGCM:ECDHE+CHACHA20:!AES128"
    )  # 256 bits, as gateways (sync/tls.py)
    return context
