"""What a site file says, key by key, as salted digests: enough to compare, nothing to read.

The running agent leaves it beside its snapshot, so that `config diff` can tell what a reload would
do. Comm keys and tokens are in the site file, so values are never written down a second time.
"""

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from pydantic import BaseModel, SecretStr

from edge_agent.config.models import SiteConfig, SiteDevice

FINGERPRINT_NAME = "running-site.json"
SALT_BYTES = 16
_DIGEST_BYTES = 8  # two values of one key that differ look alike once in 10**19

UPLINK = "uplink"
Digests = Mapping[str, str]


class Fingerprint(Struct, frozen=True, kw_only=True):
    """Digests by key: of each section and export (`part_of`), and of each device by its name.

    `sections` lacks what the file lacks. `file` is where it was read from, `pid` who runs by it.
    """

    file: str
    pid: int
    salt: bytes
    sections: Mapping[str, Digests]
    devices: Mapping[str, Digests]


def fingerprint(site: SiteConfig, *, salt: bytes, pid: int) -> Fingerprint:
    """Comparable with any other of the same `salt`."""
    sections = {
        name: _digests(_values(section), salt)
        for name in SiteConfig.model_fields
        if isinstance(section := getattr(site, name), BaseModel)
    }
    for export in site.exports:
        sections[part_of(export.name)] = _digests(_values(export), salt)
    return Fingerprint(
        file=str(site.path),
        pid=pid,
        salt=salt,
        sections=sections,
        devices={
            device.config.name: _digests(_device_values(device), salt) for device in site.devices
        },
    )


def part_of(export: str) -> str:
    """The word for an export among the sections."""
    return f"export {export}"


def read_fingerprint(path: Path) -> Fingerprint:
    """Raises OSError, and msgspec.ValidationError or DecodeError for a damaged file."""
    return msgspec.json.decode(path.read_bytes(), type=Fingerprint)


def _device_values(device: SiteDevice) -> dict[str, Any]:
    return {**_values(device.config), "zone": device.zone}


def _values(model: BaseModel) -> dict[str, Any]:
    """With what stands in the files that it names: a new secret in the same file is a change."""
    values = {name: getattr(model, name) for name in type(model).model_fields}
    files = {
        name: path
        for name, path in values.items()
        if name.endswith("_file") and isinstance(path, Path)
    }
    return values | {f"contents of {name}": _contents(path) for name, path in files.items()}


def _contents(path: Path) -> str | None:
    """None for a file that cannot be read; whoever uses it says so."""
    try:
        return path.read_bytes().hex()
    except OSError:
        return None


def _digests(values: Mapping[str, Any], salt: bytes) -> dict[str, str]:
    return {key: _digest(value, salt) for key, value in values.items()}


def _digest(value: Any, salt: bytes) -> str:
    text = msgspec.json.encode(_plain(value), order="deterministic")
    return blake2b(text, key=salt, digest_size=_DIGEST_BYTES).hexdigest()


def _plain(value: Any) -> Any:
    """For the digest alone: drivers' own models may nest, and hold secrets."""
    plain = value
    match value:
        case SecretStr():
            plain = value.get_secret_value()
        case BaseModel():
            plain = {name: _plain(inner) for name, inner in _values(value).items()}
        case Mapping():
            plain = {str(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            plain = [_plain(inner) for inner in value]
        case set() | frozenset():
            plain = sorted(repr(_plain(inner)) for inner in value)
        case str() | int() | float() | None:
            pass
        case _:
            plain = str(value)
    return plain
