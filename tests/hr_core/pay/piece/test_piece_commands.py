"""`hr-core pay prices` and `hr-core pay pieces`, and the stored rows on both databases."""

import json
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from hr_core.cli import main
from hr_core.store.database import writing
from hr_core.store.piece_tallies import Tally, add_tally, tallies_between, tallies_of_days
from tests.hr_core.attendance.live.conftest import PEOPLE
from tests.hr_core.pay.piece.test_month_pieces import LINE, TABLE

AT = datetime(2026, 11, 3, tzinfo=UTC)


@pytest.fixture
def run(capfd, tmp_path):
    db = str(tmp_path / "core.db")

    def command(*arguments, code=0):
        capfd.readouterr()
        assert main(["--db", db, *map(str, arguments)]) == code
        return capfd.readouterr()

    command("init")
    people = tmp_path / "people.toml"
    people.write_text(PEOPLE.replace("[[person]]", LINE + "[[person]]", 1), encoding="utf-8")
    command("import", people)
    return command


def test_prices_are_proposed_listed_shown_and_approved_by_another(run, tmp_path):
    file = tmp_path / "prices.toml"
    file.write_text(TABLE, encoding="utf-8")
    done = json.loads(run("pay", "prices", "import", file, "--by", "clerk", "--json").out)
    assert (done["approval"], done["added"]) == (1, True)
    assert "was here already" in run("pay", "prices", "import", file, "--by", "clerk").out
    assert "clerk cannot approve" in run("approvals", "approve", 1, "--by", "clerk", code=3).err
    run("approvals", "approve", 1, "--by", "boss")
    (table,) = json.loads(run("pay", "prices", "list", "--json").out)["tables"]
    assert (table["state"], table["proposed_by"], table["decided_by"]) == (
        "approved",
        "clerk",
        "boss",
    )
    shown = run("pay", "prices", "show", 1).out
    assert "P1 / weld from 2026-10-01: 1; rework 0.2; own_rework 0; scrap 3" in shown
    assert "group G1: E1 x 1.2 from 2026-10-01" in shown
    assert "line L1: P1 / weld" in shown


def test_a_tally_sheet_is_imported_once_and_shown(run, tmp_path):
    sheet = tmp_path / "tally.csv"
    sheet.write_text("day,person,product,process,pieces\n2026-10-12,E1,P1,weld,10\n", "utf-8")
    assert "1 added" in run("pay", "pieces", "import", sheet, "--by", "clerk").out
    assert json.loads(run("pay", "pieces", "import", sheet, "--json").out)["same"] == 1
    sheet.write_text("day,person,product,process,pieces\n2026-10-12,E7,P1,weld,10\n", "utf-8")
    assert "row 2: " in run("pay", "pieces", "import", sheet, code=3).err
    shown = json.loads(run("pay", "pieces", "show", "--month", "2026-10", "--json", code=1).out)
    assert (shown["month"], shown["people"]) == ("2026-10", [])
    (note,) = shown["notes"]
    assert "E1, who is not paid by the piece then, has 10 pieces on 2026-10-12" in note


def test_rows_are_versions_and_the_last_one_counts(engine):
    row = Tally(
        day=date(2026, 10, 12), subject="E1", product="P", process="w", pieces=5, entered_by="c",
        sheet_row=2,
    )  # fmt: skip
    origin = {"file": "t.csv", "digest": "d", "imported_by": "c", "imported_at": AT}
    with writing(engine) as conn:
        add_tally(conn, row, 1, **origin)
        add_tally(conn, row, 2, **origin)
    with writing(engine) as conn, pytest.raises(sa.exc.IntegrityError):
        add_tally(conn, row, 2, **origin)
    with engine.connect() as conn:
        (held,) = tallies_between(conn, date(2026, 10, 1), date(2026, 11, 1))
        assert (held.version, held.number, held.imported_at) == (2, 2, AT)
        assert tallies_between(conn, date(2026, 10, 1), date(2026, 10, 12)) == []
        assert list(tallies_of_days(conn, {row.day})) == [row.key]
        assert tallies_of_days(conn, set()) == {}
