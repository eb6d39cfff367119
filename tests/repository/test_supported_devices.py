"""The supported-devices pages are what their tool makes of the profiles, in both languages."""

import importlib.util

import pytest

from drivers.quality_scale import Level, levels
from firmware_profiles import Evidence, load_all
from protocols.zk.layouts import Layout


@pytest.fixture(scope="module")
def tool(repository):
    spec = importlib.util.spec_from_file_location(
        "supported_devices", repository / "tools" / "supported_devices.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["supported-devices.md", "supported-devices.zh-CN.md"])
def test_the_checked_in_page_is_what_the_tool_writes(tool, repository, name: str) -> None:
    written = (repository / "docs" / name).read_text("utf-8")
    assert written == tool.page(load_all(), tool.PAGES[name]), "run tools/supported_devices.py"


@pytest.mark.parametrize("name", ["supported-devices.md", "supported-devices.zh-CN.md"])
def test_every_profile_has_its_row_under_its_make(tool, name: str) -> None:
    words = tool.PAGES[name]
    sections = tool.page(load_all(), words).split("\n## ")
    for profile in load_all():
        (section,) = [text for text in sections if text.startswith(f"{profile.make}\n")]
        (row,) = [line for line in section.splitlines() if f"| `{profile.key}` |" in line]
        assert row.startswith(f"| {profile.name} |")
        assert words.evidence[profile.evidence] in row
        assert profile.source in row


def test_each_language_has_a_word_for_everything(tool) -> None:
    for words in tool.PAGES.values():
        assert set(words.layouts) == set(Layout)
        assert set(words.evidence) == set(Evidence)
        assert len(set(words.evidence.values())) == len(Evidence)
        assert "edge-agent device info" in words.closing


@pytest.mark.parametrize("name", ["supported-devices.md", "supported-devices.zh-CN.md"])
def test_every_driver_has_its_row_with_its_level(tool, repository, name: str) -> None:
    words = tool.PAGES[name]
    assert set(words.levels) == set(Level)
    for kind, level in levels().items():
        page = (repository / "docs" / name).read_text("utf-8")
        (row,) = [line for line in page.splitlines() if f"| `{kind}` |" in line]
        assert row.endswith(f"| {words.levels[level]} |")
        assert (repository / "docs" / row.partition("](")[2].partition(")")[0]).is_file()


def test_a_bar_in_a_source_does_not_break_the_table(tool) -> None:
    assert tool._cells(("a|b", "c")) == "| a\\|b | c |"
