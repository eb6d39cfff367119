"""Tables of court orders on people's pay, and of what ended one. Rows are added, never changed."""

from datetime import date, datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.pay.claims import ClaimKind
from hr_core.store.approvals import approvals
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.unchanging import keep_unchanged

court_orders = sa.Table(
    "court_orders",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("person", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("court", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("received", sa.Date, nullable=False),
    sa.Column("first_month", sa.Text, nullable=False),
    sa.Column("total_fen", sa.BigInteger),  # null: until it ends
    sa.Column("instalment_fen", sa.BigInteger),
    sa.Column("net_percent", sa.Integer),  # hundredths of a percent of the net pay
    sa.Column("protected_fen", sa.BigInteger),
    sa.Column("rank", sa.Integer),
    sa.Column("approval", sa.ForeignKey(approvals.c.number), nullable=False),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("added_at", UtcInstant, nullable=False),
    sa.UniqueConstraint("court", "reference", "person"),
    sa.CheckConstraint("entered_by <> approved_by", name="four_eyes"),
    sa.CheckConstraint(
        "total_fen IS NOT NULL OR instalment_fen IS NOT NULL OR net_percent IS NOT NULL",
        name="says_how_much",
    ),
)
court_order_ends = sa.Table(
    "court_order_ends",
    metadata,
    sa.Column("order", sa.ForeignKey(court_orders.c.number), primary_key=True),
    sa.Column("last_month", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("approval", sa.ForeignKey(approvals.c.number), nullable=False),
    sa.Column("added_at", UtcInstant, nullable=False),
)
_NOT_APPROVED = (
    "NOT EXISTS (SELECT 1 FROM approvals a WHERE a.number = NEW.approval AND a.state = 'approved' "
    "AND a.kind = 'court_order')"
)
for _table in (court_orders, court_order_ends):
    guard(_table, Guard("INSERT", "approved", _NOT_APPROVED, "a court's order needs its approval"))
    keep_unchanged(_table, "a court's order stays: end it and enter another")


class CourtOrder(Struct, frozen=True, kw_only=True):
    """What a court asks of the employer. With `total_fen` it is owed whole, and a month takes at most
    the instalment and the share; without one, each month from the first adds one of the two.

    net_percent   hundredths of a percent of the net pay
    protected_fen what the court leaves the person; None: the city's minimum wage
    rank          as the court told it; None: the law's of the kind
    """

    person: str
    kind: ClaimKind
    court: str
    reference: str
    received: date
    first_month: str
    total_fen: int | None = None
    instalment_fen: int | None = None
    net_percent: int | None = None
    protected_fen: int | None = None
    rank: int | None = None


class StoredOrder(Struct, frozen=True, kw_only=True):
    number: int
    order: CourtOrder
    entered_by: str
    approved_by: str
    last_month: str | None
    why_ended: str

    @property
    def code(self) -> str:
        """Of its line on the slips."""
        return f"order_{self.number}"

    @property
    def told(self) -> str:
        return f"{self.order.court} {self.order.reference}"


class SignedOrder(Struct, frozen=True, kw_only=True):
    approval: int
    entered_by: str
    approved_by: str
    at: datetime


def add_order(conn: sa.Connection, order: CourtOrder, signed: SignedOrder) -> int:
    last = conn.execute(sa.select(sa.func.max(court_orders.c.number))).scalar() or 0
    columns = {name: getattr(order, name) for name in order.__struct_fields__}
    conn.execute(
        sa.insert(court_orders).values(
            **columns,
            number=last + 1,
            approval=signed.approval,
            entered_by=signed.entered_by,
            approved_by=signed.approved_by,
            added_at=signed.at,
        )
    )
    return last + 1


def end_order(
    conn: sa.Connection, number: int, last_month: str, reason: str, signed: SignedOrder
) -> None:
    conn.execute(
        sa.insert(court_order_ends).values(
            order=number,
            last_month=last_month,
            reason=reason,
            approval=signed.approval,
            added_at=signed.at,
        )
    )


def orders(conn: sa.Connection, person: str | None = None) -> list[StoredOrder]:
    """By number, ended ones too."""
    there, ends = court_orders.c, court_order_ends.c
    query = (
        sa.select(court_orders, ends.last_month, ends.reason.label("why_ended"))
        .outerjoin_from(court_orders, court_order_ends, ends.order == there.number)
        .order_by(there.number)
    )
    if person is not None:
        query = query.where(there.person == person)
    return [_order(row) for row in conn.execute(query).mappings()]


def _order(row: sa.RowMapping) -> StoredOrder:
    columns = {name: row[name] for name in CourtOrder.__struct_fields__}
    return StoredOrder(
        number=row["number"],
        order=CourtOrder(**columns | {"kind": ClaimKind(row["kind"])}),
        entered_by=row["entered_by"],
        approved_by=row["approved_by"],
        last_month=row["last_month"],
        why_ended=row["why_ended"] or "",
    )
