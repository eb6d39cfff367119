"""docs/control.md: what maps controls to the GDPR, 等保 and ISO 27001 names tests that exist."""

from pathlib import Path

from tests.repository.test_capabilities_page import ROOT, cases_of, named_tests

PAGE = Path(ROOT / "docs/control.md")


def shown_by():
    table = PAGE.read_text(encoding="utf-8").split("## What asks for it", 1)[1]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    return {
        row[1]: row[5] for row in ([one.strip() for one in line.split("|")] for line in rows[1:])
    }


def is_there(file, name):
    """A test of a file, or a whole file of tests."""
    if name.endswith(".py"):
        return any((ROOT / base / name).exists() for base in (".", "tests/hr_core"))
    return name in cases_of(file)


def test_each_control_names_what_shows_it_and_it_exists():
    controls = shown_by()
    assert len(controls) >= 12
    for control, shown in controls.items():
        # a command has blanks
        tests = [(file, name) for file, name in named_tests(shown) if " " not in name]
        assert tests, control
        assert [one for one in tests if not is_there(*one)] == [], control
