"""Every terminal that the catalogue of models names for the ZK pull protocol has its profile."""

import re

import pytest

from firmware_profiles import DeviceFacts, Evidence, Profile, load_all, match
from protocols.zk.layouts import Layout

PROFILES = {profile.key: profile for profile in load_all()}

# Model as specs/vendors/device_catalogue.md (number of its row) or specs/zk_pull/protocol.md
# (section) names it, and the profile that speaks for it. Not here: models that only push, and those
# whose firmware refuses plain pull (SenseFace 2A and 3A, MB10-VL), for which a profile would promise
# what the driver cannot do.
KNOWN_MODELS = {
    "ZK X628/GPRS (1)": "zkteco/zem500",
    "ZK K40 Pro (6)": "zkteco/k40_pro",
    "Biopro SA40 (7)": "zkteco/sa40",
    "ZK uFace800/ID (8)": "zkteco/iface_zmm220",
    "ZK SpeedFace-V5L-RFID[TI] (9)": "zkteco/speedface_v5l_zam180",
    "ZK SpeedFace-V5L (10)": "zkteco/speedface_v5l_zam180",
    "ZK SpeedFace-H5L (11)": "zkteco/speedface_h5l",
    "ZK F22 (15)": "zkteco/f22",
    "ZK MB160 (17)": "zkteco/mb160",
    "ZK MB20 (18)": "zkteco/mb20",
    "ZK iFace 402 (20)": "zkteco/iface402",
    "ZK iFace 702 (20)": "zkteco/iface_zmm220",
    "ZK iFace 800 (20)": "zkteco/zem600_tft",
    "ZK iClock 580 (21)": "zkteco/iclock580",
    "ZK iClock 880 (21)": "zkteco/zem600_tft",
    "ZK K14 (22)": "zkteco/jz4725_tft",
    "ZK K20 (22)": "zkteco/k20",
    "ZK ZEM560 SONIC (23)": "zkteco/ma300",
    "ZK ProFace X (24)": "zkteco/proface_x",
    "Smartec ST-FR043 (25)": "smartec/st_fr043",
    "Smartec ST-FR041ME (26)": "smartec/st_fr041me",
    "FingerTec Q2i (33)": "fingertec/q2i",
    "Realand A-F011 (63)": "realand/a_f011",
    "K80 (5)": "zkteco/k80",
    "F18/ID (7)": "zkteco/f18",
    "F19 (8.1)": "zkteco/f19",
    "K40 (6.5)": "zkteco/k40",
    "Z40 (6.5)": "zkteco/z40",
    "D2 (7)": "zkteco/d2",
    "WL10 (7)": "zkteco/wl10",
    "WL20 (7)": "zkteco/wl20",
    "MA300 (8.3)": "zkteco/ma300",
    "MA300-BT (8.3)": "zkteco/ma300",
    "MB40-VL (8.4)": "zkteco/speedface_v5l",
    "MB560-VL (8.4)": "zkteco/speedface_v5l",
    "Mini TA (8.4)": "zkteco/speedface_v5l",
    "Solution X100-C (8.6)": "solution/x100_c",
    "iClock 680 (8.7)": "zkteco/iclock680",
}

# protocol.md 5, less ZAM70: its terminals (SenseFace 3A) refuse plain pull.
PLATFORMS = {
    "ZEM500": Layout.ATT8A,
    "ZEM510_TFT": Layout.ATT40,
    "ZEM560": Layout.ATT8A,
    "ZEM560_TFT": Layout.ATT40,
    "ZEM600_TFT": Layout.ATT40,
    "ZEM760_TFT": Layout.ATT40,
    "ZEM800_TFT": Layout.ATT40,
    "ZMM100_TFT": Layout.ATT40,
    "ZMM200_TFT": Layout.ATT40,
    "ZMM210_TFT": Layout.ATT40,
    "ZMM220_TFT": Layout.ATT40,
    "ZLM30_TFT": Layout.ATT40,
    "JZ4725_TFT": Layout.ATT40,
    "AK3750WIFI_TFT": Layout.ATT40,
    "ZAM170_TFT": Layout.ATT49,
}


# What makes a profile "documented": each of these speaks of the model, and not after another of them.
# A program's list of models it was tried with is one source, whatever it names.
INDEPENDENT_SOURCES = {
    "zkteco/iface_zmm220": ("README", "issue 250", "#52608665997"),
    "zkteco/ma300": ("issues 56, 92, 99", "README"),
    "zkteco/speedface_v5l": ("issues 166, 187, 222, 247", "raihanafroz/zkteco 40"),
    "zkteco/udp_bare": ("issue 7", "issue 50"),
}


@pytest.mark.parametrize("model", KNOWN_MODELS)
def test_a_known_model_finds_a_profile_that_names_it(model: str) -> None:
    profile = PROFILES[KNOWN_MODELS[model]]
    assert bare(model) in bare(told_of(profile))


def told_of(profile: Profile) -> str:
    reported = [facts.device_name for facts in profile.reported]
    return " ".join([profile.name, profile.source, *reported])


def bare(text: str) -> str:
    """A designation as it is written by everybody: "ZK iFace 402 (20)" and "iFace402/ID" agree."""
    plain = re.sub(r"\(\d[\d.]*\)$|^ZK |^Biopro |/\w+\b", "", text)
    return re.sub(r"[\s/]", "", plain).lower()


@pytest.mark.parametrize("model", KNOWN_MODELS)
def test_a_unit_that_reports_the_model_finds_that_profile(model: str) -> None:
    """Where nobody has seen what the model reports, the profile is chosen by name."""
    profile = PROFILES[KNOWN_MODELS[model]]
    assert (profile.match is None) == (profile.reported == ())
    for facts in profile.reported:
        assert match(PROFILES.values(), facts) is profile


def test_documented_wants_several_independent_sources() -> None:
    documented = {p.key for p in PROFILES.values() if p.evidence is Evidence.DOCUMENTED}
    assert documented == set(INDEPENDENT_SOURCES)
    for key, sources in INDEPENDENT_SOURCES.items():
        assert len(sources) > 1
        for source in sources:
            assert source in PROFILES[key].source


def test_what_the_catalogue_lists_for_pull_is_listed_here(shared_data) -> None:
    catalogue = shared_data.parent / "specs" / "vendors" / "device_catalogue.md"
    if not catalogue.is_file():
        pytest.skip(f"there is no {catalogue}")
    rows = [line.split("|") for line in catalogue.read_text("utf-8").splitlines()]
    numbers = {
        cells[1].strip()
        for cells in rows
        if len(cells) > 5 and cells[1].strip().isdigit() and "4370" in cells[4]
    }
    listed = {match.group(1) for model in KNOWN_MODELS if (match := re.search(r"\((\d+)\)", model))}
    assert len(numbers) > 8
    assert numbers <= listed


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_platform_finds_one_profile_whatever_the_unit_is_called(platform: str) -> None:
    facts = DeviceFacts(platform=platform, device_name="Anything 99")
    assert match(PROFILES.values(), facts).record_layout is PLATFORMS[platform]
