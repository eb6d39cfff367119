"""docs/people-file.md: its example imports as it stands, and it names every key that a file may have."""

from pathlib import Path

import pytest

from hr_core.cli import main
from hr_core.people.file import PersonRow, ShiftRow, read_people_file

PAGE = (Path(__file__).parents[3] / "docs/people-file.md").read_text(encoding="utf-8")


def test_the_example_imports_as_it_stands(tmp_path, capsys):
    file = tmp_path / "people.toml"
    file.write_text(PAGE.split("```toml\n")[1].split("```")[0])
    assert set(read_people_file(file).roster.people) == {"1007"}
    db = ("--db", str(tmp_path / "core.db"))
    assert main([*db, "init"]) == 0
    assert main([*db, "import", str(file)]) == 0
    assert "people 1 added" in capsys.readouterr().out


@pytest.mark.parametrize("row", [ShiftRow, PersonRow])
def test_every_key_is_on_the_page(row):
    keys = {field.alias or name for name, field in row.model_fields.items()}
    assert {key for key in keys if f"`{key}" not in PAGE} == set()
