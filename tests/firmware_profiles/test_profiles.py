"""One suite over every shipped profile."""

import pytest

from firmware_profiles import Capability, Evidence, Profile, load_all, match
from firmware_profiles.quirks import Quirk
from protocols.zk.layouts import Layout, pack_row, unpack_rows

PROFILES = load_all()
each_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.key)


@each_profile
def test_says_who_saw_it(profile: Profile) -> None:
    assert len(profile.source) > 30, "a source names a project, an issue or a file"
    assert profile.name
    assert profile.make


@each_profile
def test_every_reported_device_finds_this_profile_and_no_other(profile: Profile) -> None:
    for facts in profile.reported:
        assert match(PROFILES, facts) is profile


@each_profile
def test_what_is_matched_was_reported_by_a_device(profile: Profile) -> None:
    assert (profile.match is None) == (profile.reported == ())


@each_profile
def test_the_named_captures_exist(profile: Profile, shared_data) -> None:
    assert (profile.evidence is Evidence.CAPTURED) == bool(profile.captures)
    for capture in profile.captures:
        assert (shared_data / capture).is_file(), capture


@each_profile
def test_its_layout_holds_a_record(profile: Profile) -> None:
    record = pack_row(profile.record_layout, 7, "1007", (1, 864203400, 0, 0))
    assert len(record) == profile.record_layout.width
    ((key, verify, packed, state, _),) = unpack_rows(record, profile.record_layout)
    assert (verify, packed, state) == (1, 864203400, 0)
    assert key in {7, 1007, b"1007".ljust(24, b"\0")}


def test_keys_are_the_places_of_the_files() -> None:
    keys = [profile.key for profile in PROFILES]
    assert keys == sorted(set(keys))
    assert "zkteco/f18" in keys


def test_the_eight_byte_devices_are_the_ones_that_need_their_user_table() -> None:
    by_uid = {profile.key for profile in PROFILES if profile.record_layout is Layout.ATT8A}
    assert by_uid == {"zkteco/ma300", "zkteco/zem500"}


def test_every_quirk_and_capability_has_a_profile() -> None:
    """A member that no profile uses is a word without a device."""
    assert {quirk for profile in PROFILES for quirk in profile.quirks} == set(Quirk)
    assert {word for profile in PROFILES for word in profile.capabilities} == set(Capability)
