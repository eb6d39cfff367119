"""Rows that money rests on are added, and the database itself refuses everything else."""

from datetime import UTC, date, datetime

import msgspec
import pytest
import sqlalchemy as sa
from msgspec.structs import replace

import hr_core.store.all_tables  # noqa: F401 - every table is known
from hr_core.approvals.kinds import Kind
from hr_core.pay.agreement import PayAgreement
from hr_core.pay.entry import EntryKind, NewEntry
from hr_core.pay.proposals import AgreementProposal
from hr_core.store.database import metadata, writing
from hr_core.store.pay_agreements import add_agreement, pay_agreements
from hr_core.store.pay_entries import add_entry, pay_entries
from tests.hr_core.two_people import agreement_by_two, approved

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


TERMS = PayAgreement(base_fen=1, allowances={"岗位津贴": 30_000}, bank_account="6222 0001")
FIRST = date(2026, 10, 1)


def test_an_agreement_by_one_person_alone_is_none(engine):
    with writing(engine) as conn:
        made = approved_agreement(conn)
    with pytest.raises(sa.exc.IntegrityError, match="four eyes"), writing(engine) as conn:
        add_agreement(conn, "P1", FIRST, TERMS, by=("ann", "ann"), at=AT, approval=made)


def approved_agreement(conn, *terms):
    """A file's, approved and not yet stored."""
    rows = [
        AgreementProposal(person=person, valid_from=FIRST, terms=one, replaces=None)
        for person, one in zip(("P1", "P2"), terms or (TERMS, TERMS), strict=True)
    ]
    content = {"file": "agreements.toml", "agreements": rows}
    return approved(conn, Kind.PAY_AGREEMENT, "2 pay agreements", content, AT).number


def test_an_agreement_is_stored_once_by_its_approval(engine):
    with writing(engine) as conn:
        made = approved_agreement(conn)
        for person in ("P1", "P2"):
            add_agreement(conn, person, FIRST, TERMS, by=("ann", "bo"), at=AT, approval=made)
    with pytest.raises(sa.exc.IntegrityError, match="had its effect"), writing(engine) as conn:
        add_agreement(conn, "P2", FIRST, TERMS, by=("ann", "bo"), at=AT, approval=made)


@pytest.mark.parametrize(
    "changed",
    [
        {"approval": None},
        {"approval": 99},
        {"person": "P3"},
        {"valid_from": date(2026, 10, 2)},
        {"terms": replace(TERMS, base_fen=2)},
        {"terms": replace(TERMS, allowances={"岗位津贴": 30_000, "x": 1})},
        {"terms": replace(TERMS, allowances={})},
        {"terms": replace(TERMS, bank_account="6222 0002")},
    ],
)
def test_an_agreement_that_was_not_approved_is_none(engine, changed):
    """Not by the program and not by SQL: exactly the approved row comes in."""
    with writing(engine) as conn:
        row = {"person": "P1", "valid_from": FIRST, "terms": TERMS}
        row |= {"approval": approved_agreement(conn)} | changed
        row["terms"] = msgspec.json.encode(row["terms"]).decode()
        signed = {"entered_by": "ann", "approved_by": "bo", "added_at": AT}
        with pytest.raises(sa.exc.IntegrityError, match="was not approved"), conn.begin_nested():
            conn.execute(sa.insert(pay_agreements).values(**row, **signed))


def test_another_kind_of_approval_is_none_of_an_agreement(engine):
    with writing(engine) as conn:
        content = AgreementProposal(person="P1", valid_from=FIRST, terms=TERMS, replaces=None)
        other = approved(conn, Kind.PAY_ENTRY, "bonus", content, AT).number
        with pytest.raises(sa.exc.IntegrityError, match="was not approved"), conn.begin_nested():
            add_agreement(conn, "P1", FIRST, TERMS, by=("ann", "bo"), at=AT, approval=other)


BONUS = NewEntry(
    person="P1", month="2026-10", kind=EntryKind.BONUS, name="a mould saved", amount_fen=100,
    reason="", entered_by="ann", approved_by="bo",
)  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"approval": None},
        {"approval": 99},
        {"person": "P2"},
        {"month": "2026-11"},
        {"kind": "untaxed"},
        {"amount_fen": 101},
    ],
)
def test_a_sum_that_was_not_approved_is_none(engine, changed):
    with writing(engine) as conn:
        made = approved(conn, Kind.PAY_ENTRY, "bonus of P1", BONUS, AT).number
        row = msgspec.structs.asdict(BONUS) | {"subject": None, "approval": made} | changed
        with pytest.raises(sa.exc.IntegrityError, match="was not approved"), conn.begin_nested():
            conn.execute(sa.insert(pay_entries).values(**row, added_at=AT))


def test_a_sum_is_stored_once_by_its_approval(engine):
    with writing(engine) as conn:
        made = approved(conn, Kind.PAY_ENTRY, "bonus of P1", BONUS, AT).number
        add_entry(conn, BONUS, at=AT, approval=made)
    with pytest.raises(sa.exc.IntegrityError, match="had its effect"), writing(engine) as conn:
        add_entry(conn, BONUS, at=AT, approval=made)


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
        agreement_by_two(
            conn, "P1", date(2026, 10, 1), PayAgreement(base_fen=1), by=("ann", "bo"), at=AT
        )
    with pytest.raises(sa.exc.IntegrityError, match="pay agreement stays"), writing(engine) as conn:
        conn.execute(sa.text(change))


def test_an_entry_is_not_replaced(sqlite_engine):
    row = (
        "pay_entries (number, person, month, kind, name, amount_fen, reason, entered_by, "
        "approved_by, subject, approval, added_at) VALUES (1, 'P1', '2026-10', 'bonus', '', {}, '', "
        "'ann', 'bo', 'score 7', 1, 0)"
    )
    with writing(sqlite_engine) as conn:
        approved(conn, Kind.PAY_ENTRY, "bonus of P1", BONUS, AT)
        conn.execute(sa.text(f"INSERT INTO {row.format(100)}"))
    with pytest.raises(sa.exc.IntegrityError, match="stays"), writing(sqlite_engine) as conn:
        conn.execute(sa.text(f"INSERT OR REPLACE INTO {row.format(999)}"))
