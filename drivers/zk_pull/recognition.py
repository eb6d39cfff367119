"""Who answers: serial number, facts, and the firmware profile that these facts lead to."""

import contextlib
import shlex

from msgspec.structs import replace

from drivers.errors import BlockedError, UnsupportedDeviceError, WrongDeviceError
from drivers.zk_pull.config import ZkPullConfig
from firmware_profiles import (
    AmbiguousProfileError,
    DeviceFacts,
    NoProfileError,
    Profile,
    load_all,
    match,
)
from protocols.zk.dialogue import Dialogue, read_options, read_version

SERIAL = "~SerialNumber"
FIRMWARE = "firmware"
_PLATFORM = "~Platform"
_DEVICE_NAME = "~DeviceName"
_OPTIONS = (SERIAL, _PLATFORM, _DEVICE_NAME, "MAC", "~ZKFPVersion")


def read_facts() -> Dialogue[dict[str, str]]:
    """What the terminal says about itself, by option key; its version under FIRMWARE."""
    facts = yield from read_options(_OPTIONS)
    facts[FIRMWARE] = yield from read_version()
    return facts


def proven_serial(facts: dict[str, str], config: ZkPullConfig, *, where: str) -> str:
    """The terminal's serial number. Raises WrongDeviceError when the site file expects another."""
    found = facts.get(SERIAL)
    if found is None:
        raise UnsupportedDeviceError(
            "the terminal does not tell its serial number",
            where=where,
            remedy="Without it punches cannot be told apart from another terminal's: set one in "
            "its menu or update its firmware",
            code="no_serial",
        )
    if config.serial is not None and config.serial != found:
        raise WrongDeviceError(
            where=where,
            expected=config.serial,
            found=found,
            remedy="Two devices may share this address: check its network menu, then correct "
            "`host` or `serial` in the site file. If the unit was replaced: edge-agent device "
            f"replace {shlex.quote(config.serial)} {shlex.quote(found)}",
        )
    return found


def pinned_profile(config: ZkPullConfig) -> Profile | None:
    """The profile that the site file names. Raises BlockedError when there is none, or when it says
    that the terminal is asked over UDP and the site file says TCP.
    """
    if config.profile is None:
        return None
    profiles = load_all()
    for profile in profiles:
        if profile.key == config.profile:
            _check_transport(profile, config)
            return profile
    known = ", ".join(profile.key for profile in profiles)
    raise BlockedError(
        f"there is no profile {config.profile!r}",
        where=config.address(),
        remedy=f"Correct `profile` in the site file; known are {known}",
        code="unknown_profile",
    )


def profile_of(facts: dict[str, str], config: ZkPullConfig, *, where: str) -> Profile:
    """The one profile that matches. Raises UnsupportedDeviceError."""
    try:
        profile = _matched(facts, config)
    except NoProfileError as exc:
        raise UnsupportedDeviceError(
            str(exc),
            where=where,
            remedy="Report these lines, or pin a profile of a similar model with `profile` in the "
            "site file",
            code="no_profile",
        ) from exc
    except AmbiguousProfileError as exc:
        raise UnsupportedDeviceError(
            str(exc),
            where=where,
            remedy="Report these lines; until then pin one of the two with `profile` in the site "
            "file",
            code="ambiguous_profile",
        ) from exc
    _check_transport(profile, config)
    return profile


def _matched(facts: dict[str, str], config: ZkPullConfig) -> Profile:
    """Most models speak both: a profile of the other transport is as good where none is of ours."""
    ours, other = ("zk-udp", "zk-tcp") if config.transport == "udp" else ("zk-tcp", "zk-udp")
    reported = DeviceFacts(
        transport=ours,
        platform=facts.get(_PLATFORM, ""),
        device_name=facts.get(_DEVICE_NAME, ""),
        firmware=facts[FIRMWARE],
    )
    profiles = load_all()
    try:
        return match(profiles, reported)
    except NoProfileError:
        with contextlib.suppress(NoProfileError):
            return match(profiles, replace(reported, transport=other))
        raise


def _check_transport(profile: Profile, config: ZkPullConfig) -> None:
    if profile.transport == "zk-udp" and config.transport == "tcp":
        raise BlockedError(
            f"profile {profile.key} is of terminals that are asked over UDP",
            where=config.address(),
            remedy='Set `transport = "udp"` for this device in the site file',
            code="wrong_transport",
        )
