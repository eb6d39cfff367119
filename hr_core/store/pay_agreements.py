"""Table of approved pay agreements. Rows are added, never changed: a correction is a later row."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime

import msgspec
import sqlalchemy as sa

from hr_core.pay.agreement import DatedAgreement, PayAgreement
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.unchanging import keep_unchanged

pay_agreements = sa.Table(
    "pay_agreements",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("terms", sa.Text, nullable=False),  # JSON of PayAgreement
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column(
        "approval", sa.Integer
    ),  # of approvals; null: stored before the database asked for it
    sa.Column("added_at", UtcInstant, nullable=False),
    sa.Index(None, "person", "valid_from"),
)
# The approval holds exactly this row, alone or as one of a file's.
_APPROVED_ROW = {
    "sqlite": (
        "SELECT 1 FROM approvals a, json_each(CASE "
        "WHEN json_type(a.content, '$.agreements') = 'array' "
        "THEN json_extract(a.content, '$.agreements') ELSE json_array(json(a.content)) END) one "
        "WHERE a.number = NEW.approval AND a.state = 'approved' AND a.kind = 'pay_agreement' "
        "AND json_extract(one.value, '$.person') = NEW.person "
        "AND json_extract(one.value, '$.valid_from') = NEW.valid_from "
        "AND NOT EXISTS (SELECT t.fullkey, t.atom FROM json_tree(NEW.terms) t EXCEPT "
        "SELECT t.fullkey, t.atom FROM json_tree(json_extract(one.value, '$.terms')) t) "
        "AND NOT EXISTS (SELECT t.fullkey, t.atom "
        "FROM json_tree(json_extract(one.value, '$.terms')) t EXCEPT "
        "SELECT t.fullkey, t.atom FROM json_tree(NEW.terms) t)"
    ),
    "postgresql": (
        "SELECT 1 FROM approvals a, json_array_elements(CASE "
        "WHEN json_typeof(a.content::json -> 'agreements') = 'array' "
        "THEN a.content::json -> 'agreements' ELSE json_build_array(a.content::json) END) one "
        "WHERE a.number = NEW.approval AND a.state = 'approved' AND a.kind = 'pay_agreement' "
        "AND one ->> 'person' = NEW.person "
        "AND one ->> 'valid_from' = to_char(NEW.valid_from, 'YYYY-MM-DD') "
        "AND (one -> 'terms')::jsonb = NEW.terms::jsonb"
    ),
}
guard(
    pay_agreements,
    Guard(
        "INSERT",
        "approved",
        {name: f"NOT EXISTS ({query})" for name, query in _APPROVED_ROW.items()},
        "four eyes: this pay agreement was not approved",
    ),
    Guard(
        "INSERT",
        "once",
        "EXISTS (SELECT 1 FROM pay_agreements p WHERE p.approval = NEW.approval "
        "AND p.person = NEW.person AND p.valid_from = NEW.valid_from)",
        "this approval of a pay agreement has had its effect",
    ),
    Guard(
        "INSERT",
        "four_eyes",
        "NEW.entered_by = NEW.approved_by",
        "four eyes: whoever entered a pay agreement does not approve it",
    ),
)
keep_unchanged(pay_agreements, "a pay agreement stays: enter another from a later day")

_MOST_IN = 500
_decode = msgspec.json.Decoder(PayAgreement).decode


def add_agreement(  # noqa: PLR0913 - the columns of a row
    conn: sa.Connection,
    person: str,
    valid_from: date,
    terms: PayAgreement,
    *,
    by: tuple[str, str],
    at: datetime,
    approval: int,
) -> int:
    """`by`: who entered and who approved it, as `approval`."""
    written = conn.execute(
        sa.insert(pay_agreements).values(
            person=person,
            valid_from=valid_from,
            terms=msgspec.json.encode(terms).decode(),
            entered_by=by[0],
            approved_by=by[1],
            approval=approval,
            added_at=at,
        )
    )
    key = written.inserted_primary_key
    assert key is not None  # noqa: S101 - one row was inserted
    return int(key[0])


def agreements_until(
    conn: sa.Connection, last: date, people: Collection[str] | None = None
) -> dict[str, tuple[DatedAgreement, ...]]:
    """By person, all that began by `last`, in order of their days; of everybody without `people`."""
    there = pay_agreements.c
    query = sa.select(*(there[name] for name in DatedAgreement.__struct_fields__)).where(
        there.valid_from <= last
    )
    found: defaultdict[str, list[DatedAgreement]] = defaultdict(list)
    wanted = None if people is None else sorted(people)
    for some in [None] if wanted is None else _parts(wanted):
        part = query if some is None else query.where(there.person.in_(some))
        for row in conn.execute(part.order_by(there.valid_from, there.number)).mappings():
            found[row["person"]].append(DatedAgreement(**{**row, "terms": _decode(row["terms"])}))
    return {person: tuple(rows) for person, rows in found.items()}


def _parts(people: list[str]) -> list[list[str]]:
    return [people[at : at + _MOST_IN] for at in range(0, len(people), _MOST_IN)]
