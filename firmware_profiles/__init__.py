"""What we know about terminal models, as data: one TOML file each, matched by reported facts."""

from firmware_profiles.loading import ProfileFileError, load_all, load_profile
from firmware_profiles.matching import AmbiguousProfileError, NoProfileError, match
from firmware_profiles.profile import Capability, Capacity, DeviceFacts, Evidence, Match, Profile
from firmware_profiles.quirks import Quirk

__all__ = [
    "AmbiguousProfileError",
    "Capability",
    "Capacity",
    "DeviceFacts",
    "Evidence",
    "Match",
    "NoProfileError",
    "Profile",
    "ProfileFileError",
    "Quirk",
    "load_all",
    "load_profile",
    "match",
]
