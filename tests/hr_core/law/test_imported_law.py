"""A law file comes into the store only as exactly the text that a second person approved."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest
import sqlalchemy as sa

from hr_core.approvals.desk import Actor, approve
from hr_core.approvals.effects import take_effect
from hr_core.law.imported import all_rows, propose_law_file
from hr_core.law.loading import built_in_rows
from hr_core.store.database import writing
from hr_core.store.law_files import LawFileRow, add_law_file, law_files

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ROWS = """
schema = "clockline-law/1"
city = "甲"

[[row]]
items = ["pension"]
from = 2026-01-01
status = "official"
source = "notice 1"
floor = "4000"
ceiling = "20000"
employee_percent = "8"
"""


@pytest.fixture
def proposed(engine, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(ROWS, encoding="utf-8")
    with writing(engine) as conn:
        return propose_law_file(conn, file, at=AT, by=Actor("ann"))


def test_approved_rows_are_law(engine, proposed):
    with writing(engine) as conn:
        assert all_rows(conn) == built_in_rows()
        take_effect(conn, approve(conn, proposed.approval, at=AT, by=Actor("bob")))
        assert all_rows(conn) == (*built_in_rows(), *proposed.rows)


def test_the_database_takes_no_law_that_only_one_person_saw(engine, proposed):
    with writing(engine) as conn, pytest.raises(sa.exc.IntegrityError, match="four eyes"):
        add_law_file(
            conn,
            LawFileRow(
                digest=sha256(ROWS.encode()).hexdigest(),
                file="own.toml", text=ROWS, added_at=AT, added_by="ann",
            ),
        )  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        sa.update(law_files).values(text=ROWS.replace("4000", "40")),
        sa.delete(law_files),
        sa.insert(law_files).values(
            digest="x", file="own.toml", text=ROWS.replace("4000", "40"), added_at=AT, added_by="a"
        ),
    ],
)
def test_what_was_approved_stays_as_it_was_approved(engine, proposed, statement):
    with writing(engine) as conn:
        take_effect(conn, approve(conn, proposed.approval, at=AT, by=Actor("bob")))
    with writing(engine) as conn, pytest.raises(sa.exc.IntegrityError):
        conn.execute(statement)
