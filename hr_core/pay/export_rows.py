"""The rows that a template's columns are taken from: people, their lines, or the journal."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase

from msgspec import Struct

from hr_core.clock import Month
from hr_core.pay.export_template import LINE, ExportTemplate, Source
from hr_core.pay.journal import NET, Journal
from hr_core.pay.line_words import kind_of, name_of, words
from hr_core.pay.run_slips import RunSlip
from hr_core.pay.slip import Side
from hr_core.store.results import RunRow

Value = str | int
"""An amount is fen; everything else is text."""


class SourceRow(Struct, frozen=True, kw_only=True):
    """`who`: the person's key, "" for a row of the journal; `what` names the row to people."""

    who: str
    what: str
    values: dict[str, Value]
    kinds: dict[str, int] = {}

    def amount(self, field: str) -> int:
        if field.startswith(LINE):
            pattern = field.removeprefix(LINE)
            return sum(fen for kind, fen in self.kinds.items() if fnmatchcase(kind, pattern))
        return int(self.values[field])

    def text(self, field: str) -> str:
        return str(self.values[field])


def source_rows(
    template: ExportTemplate, run: RunRow, slips: Sequence[RunSlip], journal: Journal
) -> list[SourceRow]:
    common: dict[str, Value] = {"month": run.month, "run": str(run.number)}
    if template.rows is Source.JOURNAL:
        return list(_of_journal(template, journal, common))
    people = [_of_person(slip, common) for slip in slips]
    if template.rows is Source.PEOPLE:
        return people
    pairs = zip(slips, people, strict=True)
    return [row for slip, person in pairs for row in _of_lines(slip, person)]


def head_values(run: RunRow) -> dict[str, str]:
    """`date` is the month's last day."""
    last = Month.parse(run.month).after - timedelta(days=1)
    return {
        "month": run.month,
        "run": str(run.number),
        "scheme": run.scheme,
        "date": last.isoformat(),
    }


def _of_person(slip: RunSlip, common: dict[str, Value]) -> SourceRow:
    terms = slip.terms
    return SourceRow(
        who=slip.person,
        what=f"{slip.number} {slip.name}",
        values={
            **common,
            "person": slip.person,
            "number": slip.number,
            "name": slip.name,
            "net": slip.net_fen,
            "earned": slip.side_fen(Side.EARNED),
            "deducted": slip.side_fen(Side.DEDUCTED),
            "employer": slip.side_fen(Side.EMPLOYER),
            "bank_name": "" if terms is None else terms.bank_name,
            "bank_account": "" if terms is None else terms.bank_account,
            "cost_centre": slip.cost_centre,
            "city": "" if terms is None else terms.city,
        },
        kinds=dict(slip.kind_fen()),
    )


def _of_lines(slip: RunSlip, person: SourceRow) -> Iterator[SourceRow]:
    for line in slip.lines:
        yield SourceRow(
            who=slip.person,
            what=f"{person.what}, {line.code}",
            values={
                **person.values,
                "line": line.code,
                "kind": kind_of(line).partition(".")[0],
                "kind_name": name_of(line, "zh"),
                "side": line.side.value,
                "amount": line.amount_fen,
            },
        )


def _of_journal(
    template: ExportTemplate, journal: Journal, common: dict[str, Value]
) -> Iterator[SourceRow]:
    for row in journal.rows:
        kind = row.kind.partition(".")[0]
        key = f"{row.part}.{kind}"
        codes = (one.code for one in template.account if fnmatchcase(key, one.match))
        yield SourceRow(
            who="",
            what=f"{row.cost_centre or 'no cost centre'}, {key}",
            values={
                **common,
                "cost_centre": row.cost_centre,
                "part": row.part.value,
                "kind": kind,
                "kind_name": "实发工资" if row.kind == NET else words().names[row.kind][0],
                "account": next(codes, ""),
                "debit": row.debit_fen,
                "credit": row.credit_fen,
            },
        )
