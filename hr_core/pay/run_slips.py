"""The slips of a run with their lines, and what the month's agreement says about each person."""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.pay.agreement import PayAgreement, on_day
from hr_core.pay.line_words import kind_of
from hr_core.pay.slip import Side, SlipLine
from hr_core.people.model import Days
from hr_core.store.pay_agreements import agreements_until
from hr_core.store.person_records import all_numbers
from hr_core.store.results import RunRow, lines_of, lines_of_run, slips_of_run


class RunSlip(Struct, frozen=True, kw_only=True):
    """`number`: the employee number of the month's end; `terms` None: nobody agreed on anything."""

    person: str
    number: str
    name: str
    net_fen: int
    lines: tuple[SlipLine, ...]
    terms: PayAgreement | None = None

    @property
    def cost_centre(self) -> str:
        return "" if self.terms is None else self.terms.cost_centre

    def side_fen(self, side: Side) -> int:
        return sum(line.amount_fen for line in self.lines if line.side is side)

    def kind_fen(self) -> Mapping[str, int]:
        """Sums by the kind of line, without the side behind it."""
        found: dict[str, int] = {}
        for line in self.lines:
            kind = kind_of(line).partition(".")[0]
            found[kind] = found.get(kind, 0) + line.amount_fen
        return found


def run_slips(conn: sa.Connection, run: RunRow, person: str | None = None) -> tuple[RunSlip, ...]:
    """In order of their persons, or of one. A person's cost centre and bank account are those of the
    agreement that holds on the month's last day.
    """
    month = Month.parse(run.month)
    last = month.after - timedelta(days=1)
    rows = [one for one in slips_of_run(conn, run.number) if person in {None, one.number}]
    agreements = agreements_until(conn, last, [one.number for one in rows])
    lines = (
        lines_of_run(conn, run.number)
        if person is None
        else {person: lines_of(conn, run.number, person)}
    )
    numbers = _numbers(conn, Days(month.first, month.after))
    found = []
    for row in rows:
        agreed = on_day(agreements.get(row.number, ()), last)
        found.append(
            RunSlip(
                person=row.number,
                number=numbers.get(row.number, row.number),
                name=row.name,
                net_fen=row.total_fen,
                lines=tuple(lines.get(row.number, ())),
                terms=None if agreed is None else agreed.terms,
            )
        )
    return tuple(found)


def _numbers(conn: sa.Connection, days: Days) -> dict[str, str]:
    """The employee number of each person, of two the later one."""
    held = [one for one in all_numbers(conn) if one[2].overlaps(days)]
    held.sort(key=lambda one: (one[2].first is not None, one[2].first))
    return {person: number for number, person, _ in held}
