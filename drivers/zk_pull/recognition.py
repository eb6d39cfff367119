"""Who answers: serial number, facts, and the firmware profile that these facts lead to."""

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
            remedy="Two devices may share this address, or the unit was replaced: check its "
            "network menu, then correct `host` or `serial` in the site file",
        )
    return found


def profile_of(facts: dict[str, str], config: ZkPullConfig, *, where: str) -> Profile:
    """The pinned profile, else the one that matches. Raises UnsupportedDeviceError."""
    profiles = load_all()
    if config.profile is not None:
        return _pinned(profiles, config.profile, where=where)
    reported = DeviceFacts(
        platform=facts.get(_PLATFORM, ""),
        device_name=facts.get(_DEVICE_NAME, ""),
        firmware=facts[FIRMWARE],
    )
    try:
        return match(profiles, reported)
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


def _pinned(profiles: tuple[Profile, ...], key: str, *, where: str) -> Profile:
    for profile in profiles:
        if profile.key == key:
            return profile
    known = ", ".join(profile.key for profile in profiles)
    raise BlockedError(
        f"there is no profile {key!r}",
        where=where,
        remedy=f"Correct `profile` in the site file; known are {known}",
        code="unknown_profile",
    )
