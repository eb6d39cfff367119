"""Law files: TOML, one city a file. Amounts are yuan as text ("7460"), rates percent as text."""

from datetime import date
from fractions import Fraction

from msgspec import Struct

from hr_core.errors import InputFileError
from hr_core.law.rows import AMOUNTS, Item, LawRow, Rounding, Status
from hr_core.money import parse_exact, parse_yuan
from hr_core.toml_text import parse_toml

SCHEMA = "clockline-law/1"


class _Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """A row as it is written; rows of several items that share their figures name them all."""

    items: tuple[Item, ...]
    since: date
    status: Status
    source: str
    until: date | None = None
    district: str = ""
    announced: date | None = None
    checked: date | None = None
    note: str = ""
    floor: str | None = None
    ceiling: str | None = None
    employer_percent: str | None = None
    employee_percent: str | None = None
    employer_fixed: str = "0"
    employee_fixed: str = "0"
    employer_percent_range: tuple[str, str] | None = None
    employee_percent_range: tuple[str, str] | None = None
    whole_percent: bool = False
    rounding: Rounding | None = None
    amount: str | None = None
    months: tuple[int, ...] = ()
    after_own_contributions: bool = False
    by_service_percent: tuple[tuple[int, str], ...] = ()
    floor_of_minimum_percent: str | None = None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    city: str
    row: tuple[_Row, ...]


def parse_law(text: str, *, file: str) -> tuple[LawRow, ...]:
    """Raises InputFileError naming the row and the key."""
    read = parse_toml(text, _File, file=file, remedy="compare with hr_core/data/law/shanghai.toml")
    if read.schema != SCHEMA:
        raise InputFileError(
            f"is {read.schema!r}", file=file, key="schema", remedy=f"write schema = {SCHEMA!r}"
        )
    return tuple(
        _row(read.city, item, row, file=file, key=f"row[{position}]")
        for position, row in enumerate(read.row)
        for item in row.items
    )


def _row(city: str, item: Item, row: _Row, *, file: str, key: str) -> LawRow:
    try:
        found = LawRow(
            city=city,
            item=item,
            since=row.since,
            until=row.until,
            status=row.status,
            source=row.source,
            district=row.district,
            announced=row.announced,
            checked=row.checked,
            note=row.note,
            floor=_yuan(row.floor),
            ceiling=_yuan(row.ceiling),
            employer=_percent(row.employer_percent),
            employee=_percent(row.employee_percent),
            employer_fixed=parse_yuan(row.employer_fixed),
            employee_fixed=parse_yuan(row.employee_fixed),
            employer_range=_range(row.employer_percent_range),
            employee_range=_range(row.employee_percent_range),
            whole_percent=row.whole_percent,
            rounding=row.rounding,
            amount=_yuan(row.amount),
            months=row.months,
            after_own_contributions=row.after_own_contributions,
            by_service=tuple(
                (since, parse_exact(text) / 100) for since, text in row.by_service_percent
            ),
            floor_of_minimum=_percent(row.floor_of_minimum_percent),
        )
        refuse_impossible(found)
    except ValueError as exc:
        raise InputFileError(
            f"{item}: {exc}", file=file, key=key, remedy="correct the row; each figure is text"
        ) from exc
    return found


def refuse_impossible(row: LawRow) -> None:
    """Raises ValueError for a row that no notice can hold."""
    if row.until is not None and row.until <= row.since:
        raise ValueError(f"ends on {row.until}, not after its beginning {row.since}")
    if row.floor is not None and row.ceiling is not None and row.floor > row.ceiling:
        raise ValueError("its floor is above its ceiling")
    for rate in (row.employer, row.employee):
        if rate is not None and not 0 <= rate <= 1:
            raise ValueError(f"a rate of {rate * 100} percent")
    figures = (row.floor, row.ceiling, row.amount, row.employer_fixed, row.employee_fixed)
    if any(figure is not None and figure < 0 for figure in figures):
        raise ValueError("an amount below zero")
    if (row.item in AMOUNTS) != (row.amount is not None):
        raise ValueError("an amount belongs to minimum wage, average wage and heat allowance alone")
    _refuse_impossible_shares(row)
    if any(not 1 <= month <= 12 for month in row.months):
        raise ValueError(f"months {row.months}")


def _refuse_impossible_shares(row: LawRow) -> None:
    if (row.item is Item.SICK_PAY) != bool(row.by_service):
        raise ValueError("by_service_percent belongs to sick pay alone, which needs it")
    years = [since for since, _ in row.by_service]
    if years and (years[0] != 0 or years != sorted(set(years))):
        raise ValueError("by_service_percent begins at 0 years, and the years rise")
    shares = [share for _, share in row.by_service]
    if row.floor_of_minimum is not None:
        shares.append(row.floor_of_minimum)
    if any(not 0 <= share <= 1 for share in shares):
        raise ValueError("a share of sick pay below 0 or above 100 percent")


def _yuan(text: str | None) -> int | None:
    return None if text is None else parse_yuan(text)


def _percent(text: str | None) -> Fraction | None:
    return None if text is None else parse_exact(text) / 100


def _range(texts: tuple[str, str] | None) -> tuple[Fraction, Fraction] | None:
    if texts is None:
        return None
    low, high = (parse_exact(text) / 100 for text in texts)
    if low > high:
        raise ValueError(f"a range from {texts[0]} to {texts[1]}")
    return low, high
