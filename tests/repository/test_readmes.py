"""README.md and README.zh-CN.md offer the same: commands, blocks, sections; and their links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"


def commands_of_tables(page):
    rows = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    return [re.findall(r"`([^`]+)`", row.replace("/zh/", "/en/")) for row in rows]


def commands_of_blocks(page):
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    return [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("of", [commands_of_tables, commands_of_blocks])
def test_both_languages_offer_the_same_commands_in_the_same_order(of):
    assert of(ENGLISH)
    assert of(ENGLISH) == of(CHINESE)


def test_both_have_as_many_sections():
    english, chinese = (page.read_text().count("\n## ") for page in (ENGLISH, CHINESE))
    assert english == chinese


@pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []
