"""The file of alert channels: `hr-core serve --alert-channels FILE`.

    [[channel]]
    name = "office"
    kind = "email"                 # log, webhook, email
    roles = ["manager"]            # empty: everything
    address_file = "/etc/clockline/mail.apprise"   # Apprise addresses, a line each, mode 0600

Secrets stand in files of their own, which nobody else may read.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from hr_core.errors import CoreError
from hr_core.toml_text import parse_toml_text

MAX_FILE_BYTES = 64 * 1024
# A plant has a handful; each one multiplies every alert.
MAX_CHANNELS = 20

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,31}$")]


class ChannelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`roles`: of alerts that it carries; empty: all. The rest is for one kind each."""

    name: Name
    kind: Literal["log", "webhook", "email"]
    roles: tuple[str, ...] = ()
    url: str = ""
    secret_file: str = ""
    address_file: str = ""
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 15.0

    def carries(self, role: str) -> bool:
        return not self.roles or role in self.roles


# What a core tells that was given no file: journald has it.
LOG_ONLY = (ChannelSettings(name="log", kind="log"),)


class ChannelsFile(Struct, frozen=True, forbid_unknown_fields=True):
    channel: tuple[ChannelSettings, ...] = ()


class ChannelsFileError(CoreError):
    """The file of channels, or a secret that it names, cannot be used."""


def read_channels(path: Path) -> tuple[ChannelSettings, ...]:
    """Raises ChannelsFileError, which names the file and the channel."""
    text = _read(path).decode(errors="replace")
    try:
        found = msgspec.convert(parse_toml_text(text), ChannelsFile).channel
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise ChannelsFileError(
            f"{path}: {exc}", remedy="docs/alerts.md has an example of each kind"
        ) from exc
    names = [one.name for one in found]
    if len(set(names)) < len(names) or len(names) > MAX_CHANNELS:
        raise ChannelsFileError(
            f"{path}: {len(names)} channels with the names {', '.join(names)}",
            remedy=f"Give each a name of its own, at most {MAX_CHANNELS}",
        )
    for one in found:
        _check(path, one)
    return found


def secret_lines(path: Path) -> list[str]:
    """The lines of a secret file. Raises ChannelsFileError when others may read it."""
    mode = _stat_mode(path)
    if mode & 0o077:
        raise ChannelsFileError(
            f"{path} may be read by others (mode {mode & 0o777:04o})", remedy=f"chmod 600 {path}"
        )
    lines = [line.strip() for line in _read(path).decode(errors="replace").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#")]
    if not wanted:
        raise ChannelsFileError(f"{path} is empty", remedy="Write the secret there, one line")
    return wanted


def _check(path: Path, channel: ChannelSettings) -> None:
    if channel.kind == "webhook" and not (
        channel.secret_file and urlsplit(channel.url).scheme in {"http", "https"}
    ):
        raise ChannelsFileError(
            f"{path}: channel {channel.name} needs an http(s) url and a secret_file",
            remedy="docs/alerts.md, webhook",
        )
    if channel.kind == "email" and not channel.address_file:
        raise ChannelsFileError(
            f"{path}: channel {channel.name} needs an address_file",
            remedy="docs/alerts.md, email",
        )


def _stat_mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    if len(body) > MAX_FILE_BYTES:
        raise ChannelsFileError(
            f"{path} has more than {MAX_FILE_BYTES} bytes", remedy="Is it the right file?"
        )
    return body


def _unreadable(path: Path, exc: OSError) -> ChannelsFileError:
    return ChannelsFileError(
        f"{path} cannot be read ({exc.strerror or exc})",
        remedy="Check the path, its owner and its permissions",
    )
