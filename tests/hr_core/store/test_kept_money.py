"""Rows that money rests on are added, and the database itself refuses everything else."""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

import hr_core.store.all_tables  # noqa: F401 - every table is known
from hr_core.pay.agreement import PayAgreement
from hr_core.store.database import metadata, writing
from hr_core.store.pay_agreements import add_agreement

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)

KEPT = [
    "court_order_ends", "court_orders", "law_files", "opening_balances", "pay_agreements",
    "pay_entries", "pay_reversal_lines", "pay_reversals", "piece_tallies",
]  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_each_table_is_guarded_against_change_removal_and_replacement(name):
    """INSERT OR REPLACE of SQLite asks no guard of DELETE."""
    guarded = {(one.event, one.name) for one in metadata.tables[name].info["guards"]}
    assert guarded >= {("UPDATE", "unchanged"), ("DELETE", "kept"), ("INSERT", "not_replaced")}


def test_an_agreement_by_one_person_alone_is_none(engine):
    with writing(engine) as conn, pytest.raises(sa.exc.IntegrityError, match="four eyes"):
        add_agreement(
            conn, "P1", date(2026, 10, 1), PayAgreement(base_fen=1), by=("ann", "ann"), at=AT
        )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE pay_agreements SET terms = '{}'",
        "DELETE FROM pay_agreements",
        "UPDATE pay_agreements SET approved_by = entered_by",
    ],
)
def test_an_agreement_is_not_rewritten_behind_the_program(engine, change):
    with writing(engine) as conn:
        add_agreement(
            conn, "P1", date(2026, 10, 1), PayAgreement(base_fen=1), by=("ann", "bo"), at=AT
        )
    with pytest.raises(sa.exc.IntegrityError, match="pay agreement stays"), writing(engine) as conn:
        conn.execute(sa.text(change))


def test_an_entry_is_not_replaced(sqlite_engine):
    row = (
        "pay_entries (number, person, month, kind, name, amount_fen, reason, entered_by, "
        "approved_by, subject, added_at) VALUES (1, 'P1', '2026-10', 'bonus', '', {}, '', 'ann', "
        "'bo', 'score 7', 0)"
    )
    with writing(sqlite_engine) as conn:
        conn.execute(sa.text(f"INSERT INTO {row.format(100)}"))
    with pytest.raises(sa.exc.IntegrityError, match="stays"), writing(sqlite_engine) as conn:
        conn.execute(sa.text(f"INSERT OR REPLACE INTO {row.format(999)}"))
