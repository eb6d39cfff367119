"""`hr-core attendance export`: a month of everybody as a table, for spreadsheet programs."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.attendance_work import up_to_date
from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    MonthOption,
    parse_month,
    print_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from hr_core.clock import Month
    from hr_core.spreadsheet import Cell

_PEOPLE_AT_ONCE = 400


class TableFormat(StrEnum):
    XLSX = "xlsx"
    CSV = "csv"


def export(
    context: typer.Context,
    month: MonthOption,
    *,
    file: Annotated[
        Path | None,
        typer.Argument(help="Where to [default: attendance-MONTH.FORMAT].", show_default=False),
    ] = None,
    table_format: Annotated[
        TableFormat | None,
        typer.Option("--format", help="xlsx or csv [default: by the file's name, else xlsx]."),
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Write a month of stored days: a line for each person, a column for each day, sums behind.

    Hours are numbers shown as 8:30; a word stands where a day has none or is open. Exit 1 with open
    days.
    """
    from hr_core.errors import CoreError
    from hr_core.spreadsheet import write_rows

    wanted = parse_month(month)
    path = _path(file, table_format, wanted)
    counts = {"people": 0, "days": 0, "open_days": 0}
    with up_to_date(context, db) as conn:
        lines = list(_lines(conn, wanted, counts))
    if not counts["days"]:
        raise CoreError(
            f"no day of {wanted} is computed",
            remedy=f"compute them first: hr-core attendance compute --month {wanted}",
        )
    path.touch(mode=0o600)  # everybody's hours are in it
    write_rows(path, lines)
    if as_json:
        print_json({"file": str(path), "month": str(wanted), **counts})
    else:
        print(f"{path}: {counts['days']} days of {counts['people']} people")
        if counts["open_days"]:
            print(f"  {counts['open_days']} days are open: hr-core attendance show says which")
    return ExitCode.DEGRADED if counts["open_days"] else ExitCode.OK


def _lines(conn: sa.Connection, month: Month, counts: dict[str, int]) -> Iterator[list[Cell]]:
    """Of everybody who has a day or an employee number in the month."""
    from hr_core.attendance.month_table import TablePerson, line, open_days, titles
    from hr_core.people.number_of_day import NumbersOfDays
    from hr_core.store.attendance_grid import grid_days
    from hr_core.store.work_plan import known_people

    yield titles(month)
    names = known_people(conn)
    keys = list(names)
    last = month.after - timedelta(days=1)
    for at in range(0, len(keys), _PEOPLE_AT_ONCE):
        chunk = keys[at : at + _PEOPLE_AT_ONCE]
        numbers = NumbersOfDays.load(conn, chunk)
        found = grid_days(conn, chunk, month.first, month.after)
        for person in chunk:
            days = found[person]
            number = numbers.on(person, max(days, default=last))
            if days or number:
                counts["people"] += 1
                counts["days"] += len(days)
                counts["open_days"] += open_days(days)
                yield line(TablePerson(person, number, names[person]), month, days)


def _path(file: Path | None, table_format: TableFormat | None, month: Month) -> Path:
    """Raises a usage error: the name says how a spreadsheet program opens it."""
    path = file or Path(f"attendance-{month}.{table_format or TableFormat.XLSX}")
    if path.exists():
        raise typer.BadParameter(f"{path} is there already", param_hint="FILE")
    suffix = path.suffix.casefold().removeprefix(".")
    if suffix not in (set(TableFormat) if table_format is None else {table_format}):
        raise typer.BadParameter(
            f"{path} does not end in .{table_format or 'xlsx or .csv'}", param_hint="FILE"
        )
    return path
