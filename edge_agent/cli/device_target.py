"""Which device a command means: a name of the site file, or an address as a person types it."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from drivers.catalog import known_kinds, load_driver
from edge_agent.config.loading import load_config
from edge_agent.config.models import SiteConfig, SiteDevice
from edge_agent.config.places import find_config
from edge_agent.config.problems import WrongValueError, from_validation, key_text
from edge_agent.config.section import known_zone
from edge_agent.config.suggestion import did_you_mean
from edge_agent.errors import UsageError

DEFAULT_KIND = "zk-pull"  # what a bare address nearly always is
_ADDRESS_HELP = "edge-agent device info zk-pull://10.0.0.7:4370"


def resolve(
    target: str,
    config_file: Path | None,
    zone: str | None,
    *,
    keys: Mapping[str, object] = MappingProxyType({}),
) -> SiteDevice:
    """`target` by name, as `kind[+transport]://host:port?key=value`, or as host[:port]. `keys` are
    those that an address cannot say.

    `zone` is the one asked for; else the site file's; else, for a bare address, this machine's,
    which only decides which rows are flagged as being from the future: nothing is stored here.
    """
    target = target.strip()
    if zone is not None:
        zone = judged_zone(zone)
    path = config_file or find_config()
    site = load_config(path) if path is not None else None
    if site is not None and (device := site.device(target)) is not None:
        return device.model_copy(update={"zone": zone or device.zone})
    if "://" not in target and not _looks_like_address(target):
        raise _unknown_name(target, site)
    zone = zone or (site.site.zone if site else machine_zone())
    return device_at(target, zone, keys=keys)


def device_at(
    address: str, zone: str, *, keys: Mapping[str, object] = MappingProxyType({})
) -> SiteDevice:
    """The device at an address as a person types it. Raises UsageError."""
    address = address.strip()
    address = address if "://" in address else f"{DEFAULT_KIND}://{address}"
    return _from_address(address, zone, keys)


def require_zone(config_file: Path | None, zone: str | None) -> None:
    """Raises UsageError when `resolve` could only guess the zone: a clock is not set by a guess."""
    if zone is None and config_file is None and find_config() is None:
        raise UsageError(
            "the zone of the device's wall clock is not known",
            where="device clock --set",
            remedy="Name it with --zone, or use a site file: this machine may be set to UTC",
            try_command="edge-agent device clock ADDRESS --set --zone Asia/Shanghai",
        )


def judged_zone(zone: str) -> str:
    try:
        return known_zone(zone)
    except WrongValueError as exc:
        raise UsageError(
            exc.what, where="--zone", remedy=exc.remedy, try_command="edge-agent device --help"
        ) from exc


def _looks_like_address(target: str) -> bool:
    return any(character in target for character in ".:") or target == "localhost"


def _unknown_name(target: str, site: SiteConfig | None) -> UsageError:
    names = [device.config.name for device in site.devices] if site else []
    known = "There is no site file to look in"
    if site is not None:
        known = (
            f"The site file has {', '.join(names)}" if names else "The site file has no device yet"
        )
    return UsageError(
        f"no device has this name{did_you_mean(target, names)}",
        where=target,
        remedy=f"{known}; an address works too",
        try_command=_ADDRESS_HELP,
    )


def _from_address(address: str, zone: str, keys: Mapping[str, object]) -> SiteDevice:
    kind, _, transport = address.partition("://")[0].partition("+")
    if kind not in known_kinds():
        raise UsageError(
            f'unknown kind "{kind}"{did_you_mean(kind, known_kinds())}',
            where=address,
            remedy=f"Known kinds: {', '.join(known_kinds())}",
            try_command=_ADDRESS_HELP,
        )
    model = load_driver(kind).manifest.config
    try:
        table = _table(address) | ({"transport": transport} if transport else {})
        config = model.model_validate({"kind": kind, **keys, **table})
    except ValidationError as exc:
        complaint = from_validation((), exc, model)[0]
        raise UsageError(
            f"{key_text(complaint.path)}: {complaint.what}",
            where=address,
            remedy=f"{complaint.remedy}, or write the device into the site file and use its name",
            try_command="edge-agent config schema",
        ) from exc
    return SiteDevice(config=config, zone=zone)


def _table(address: str) -> dict[str, object]:
    """What a [[device]] at `address` would hold: host and port, or a serial port's path."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise UsageError(
            f"is no address ({exc})",
            where=address,
            remedy="Write kind://host:port",
            try_command=_ADDRESS_HELP,
        ) from exc
    table: dict[str, object] = {"name": parts.netloc or parts.path}
    if host is None:
        table["port"] = parts.path
    else:
        table["host"] = host
        if port is not None:
            table["port"] = port
    return table | dict(parse_qsl(parts.query))


def machine_zone() -> str:
    """The zone of this machine's wall clock, "UTC" when it does not tell."""
    target = os.path.realpath("/etc/localtime")
    _, found, name = target.partition("/zoneinfo/")
    return os.environ.get("TZ") or (name if found else "UTC")
