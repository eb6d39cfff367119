import tomllib

import pytest

from firmware_profiles import (
    AmbiguousProfileError,
    DeviceFacts,
    NoProfileError,
    Profile,
    load_all,
    load_profile,
    match,
)


def profile(key: str, match_lines: str) -> Profile:
    head = """
        name = "n"
        make = "m"
        evidence = "expected"
        source = "a test"
        record_layout = "att40"
        user_width = 72
        [match]
    """
    return load_profile(f"{key}.toml", head + match_lines)


def test_the_glob_ignores_case_and_reads_brackets_as_text() -> None:
    v5l = profile("t/v5l", 'platform = ["ZAM*"]\ndevice_name = ["SpeedFace-V5L-RFID[TI]"]')
    facts = DeviceFacts(platform="zam180_tft", device_name="speedface-v5l-rfid[ti]")
    assert match([v5l], facts) is v5l
    with pytest.raises(NoProfileError):
        match([v5l], DeviceFacts(platform="ZAM180_TFT", device_name="SpeedFace-V5L-RFIDT"))


def test_an_exclusion_wins_over_a_glob_that_agrees() -> None:
    family = profile("t/family", 'platform = ["ZX"]\ndevice_name = ["K*", "!K40"]')
    assert match([family], DeviceFacts(platform="ZX", device_name="K20")) is family
    with pytest.raises(NoProfileError):
        match([family], DeviceFacts(platform="ZX", device_name="K40"))


def test_all_fields_must_agree() -> None:
    old = profile("t/old", 'platform = ["ZX"]\nfirmware = ["Ver 6.?0*"]')
    assert match([old], DeviceFacts(platform="ZX", firmware="Ver 6.60 Jan 1 2010")) is old
    for facts in (
        DeviceFacts(platform="ZX", firmware="Ver 8.0"),
        DeviceFacts(platform="ZY", firmware="Ver 6.60 Jan 1 2010"),
        DeviceFacts(platform="ZX", firmware="Ver 6.60 Jan 1 2010", transport="zk-udp"),
    ):
        with pytest.raises(NoProfileError):
            match([old], facts)


def test_two_matches_name_both_files() -> None:
    profiles = [
        profile("a/one", 'platform = ["ZX"]'),
        profile("b/two", 'platform = ["Z*"]'),
        profile("c/other", 'platform = ["Y"]'),
    ]
    with pytest.raises(AmbiguousProfileError) as caught:
        match(profiles, DeviceFacts(platform="ZX"))
    assert [found.key for found in caught.value.profiles] == ["a/one", "b/two"]
    assert "data/a/one.toml" in str(caught.value)
    assert "data/b/two.toml" in str(caught.value)
    assert "c/other" not in str(caught.value)


def test_no_match_prints_facts_that_can_be_pasted_into_a_profile() -> None:
    facts = DeviceFacts(platform="ZX", device_name='odd "name" \\ \x01', firmware="Ver 9")
    with pytest.raises(NoProfileError) as caught:
        match(load_all(), facts)
    assert caught.value.facts == facts
    pasted = str(caught.value).partition("\n")[2]
    assert tomllib.loads(pasted) == {
        "reported": [
            {
                "transport": "zk-tcp",
                "platform": "ZX",
                "device_name": 'odd "name" \\ \x01',
                "firmware": "Ver 9",
            }
        ]
    }


def test_a_device_that_tells_nothing_matches_nothing() -> None:
    with pytest.raises(NoProfileError):
        match(load_all(), DeviceFacts())


def test_a_profile_without_match_is_only_for_pinning() -> None:
    x100 = next(profile for profile in load_all() if profile.key == "solution/x100_c")
    with pytest.raises(NoProfileError):
        match([x100], DeviceFacts(platform="ZMM210_TFT", device_name="X100-C"))
