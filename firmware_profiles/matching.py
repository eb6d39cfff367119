"""Finding the one profile of a device by the facts that it reports about itself."""

import re
from collections.abc import Iterable, Sequence

from firmware_profiles.profile import DeviceFacts, Match, Profile


class AmbiguousProfileError(Exception):
    """Two or more profiles claim one device. `profiles` are theirs, `facts` the device's."""

    def __init__(self, facts: DeviceFacts, profiles: Sequence[Profile]) -> None:
        files = ", ".join(f"firmware_profiles/data/{profile.key}.toml" for profile in profiles)
        super().__init__(f"more than one profile matches: {files}\n{facts.as_toml()}")
        self.facts = facts
        self.profiles = tuple(profiles)


class NoProfileError(Exception):
    """No profile knows the device. `facts` are what it reported."""

    def __init__(self, facts: DeviceFacts) -> None:
        super().__init__(f"no profile matches this device:\n{facts.as_toml()}")
        self.facts = facts


def match(profiles: Iterable[Profile], facts: DeviceFacts) -> Profile:
    """The one profile whose globs agree with `facts`.

    Raises AmbiguousProfileError for two, NoProfileError for none: never a silent default.
    """
    found = [profile for profile in profiles if _agrees(profile, facts)]
    if not found:
        raise NoProfileError(facts)
    if len(found) > 1:
        raise AmbiguousProfileError(facts, found)
    return found[0]


def _agrees(profile: Profile, facts: DeviceFacts) -> bool:
    rule = profile.match
    return rule is not None and profile.transport == facts.transport and _rule_agrees(rule, facts)


def _rule_agrees(rule: Match, facts: DeviceFacts) -> bool:
    return (
        _any_glob(rule.platform, facts.platform)
        and _any_glob(rule.device_name, facts.device_name)
        and _any_glob(rule.firmware, facts.firmware)
    )


def _any_glob(globs: tuple[str, ...], text: str) -> bool:
    wanted = [glob for glob in globs if not glob.startswith("!")]
    excluded = [glob[1:] for glob in globs if glob.startswith("!")]
    if any(_glob(glob, text) for glob in excluded):
        return False
    return not wanted or any(_glob(glob, text) for glob in wanted)


def _glob(glob: str, text: str) -> bool:
    # Not fnmatch: device names hold brackets ("SpeedFace-V5L-RFID[TI]"), which it reads as a set.
    pattern = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(pattern, text.strip(), re.IGNORECASE | re.DOTALL) is not None
