"""`hr-core permits`: imported, audited, listed with how they stand."""

import json

from hr_core.audit.log import entries
from hr_core.cli import main
from hr_core.store.database import open_database
from tests.hr_core.attendance.hours.test_permit_file import CSV, TOML


def listed(capfd, day):
    capfd.readouterr()
    code = main(["permits", "list", "--on", day, "--json"])
    return code, [row["state"] for row in json.loads(capfd.readouterr().out)["permits"]]


def test_a_permit_stands_until_it_lapses(empty, tmp_path, capfd):
    (tmp_path / "permits.toml").write_text(TOML, encoding="utf-8")
    assert main(["permits", "import", "permits.toml", "--by", "li"]) == 0
    assert "1 permits added, 0 changed" in capfd.readouterr().out

    assert listed(capfd, "2025-06-30") == (0, ["not yet valid"])
    assert listed(capfd, "2026-03-01") == (0, ["valid"])
    assert listed(capfd, "2026-06-30") == (1, ["lapses soon"])
    assert listed(capfd, "2026-07-01") == (1, ["lapsed"])
    main(["permits", "list", "--on", "2026-07-01"])
    assert "2025-07-01 to 2026-06-30  lapsed: guard, driver" in capfd.readouterr().out


def test_a_renewed_permit_asks_for_nothing(empty, tmp_path, capfd):
    renewed = TOML.replace("12号", "9号").replace("2026-06-30", "2027-06-30")
    renewed = renewed.replace("2025-07-01", "2026-07-01")
    (tmp_path / "permits.toml").write_text(TOML + renewed, encoding="utf-8")
    assert main(["permits", "import", "permits.toml"]) == 0

    assert listed(capfd, "2026-06-30") == (0, ["lapses soon", "not yet valid"])


def test_an_import_is_all_or_nothing_and_each_change_is_told(empty, tmp_path, capfd):
    file = tmp_path / "permits.csv"
    file.write_text(CSV.replace("2026-12-31", "x"), encoding="utf-8")
    assert main(["permits", "import", str(file)]) == 3
    assert "permits.csv: line 3: valid_to 'x' is not a day" in capfd.readouterr().err
    assert listed(capfd, "2026-03-01") == (0, [])

    for text in (CSV, CSV, CSV.replace("2026-12-31", "2026-11-30")):
        file.write_text(text, encoding="utf-8")
        assert main(["permits", "import", str(file), "--by", "li"]) == 0
    engine = open_database(f"sqlite:///{empty}")
    with engine.connect() as conn:
        told = entries(conn, action="permits.import")
    engine.dispose()
    assert [row.subject for row in told] == [
        "permit 沪人社综〔2025〕12号", "permit B-2", "permit B-2",
    ]  # fmt: skip
    assert told[2].before["valid_until"] == "2027-01-01"


def test_without_permits_everybody_works_standard_hours(empty, capfd):
    assert main(["permits", "list"]) == 0
    assert "standard hours" in capfd.readouterr().out
