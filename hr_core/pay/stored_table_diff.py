"""A stored run beside a table in a file, with the notes that people kept."""

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from hr_core.audit.log import append
from hr_core.clock import Month
from hr_core.errors import InputFileError, RefusedError
from hr_core.pay.diff.first_map import first_map
from hr_core.pay.diff.model import RunSide
from hr_core.pay.diff.notes import EVERYBODY, RUNS, NewNote, Notes
from hr_core.pay.diff.old_table import OldTable, PeopleIndex, read_old_table
from hr_core.pay.diff.table_compare import TableDiff, compare_table
from hr_core.pay.diff.table_header import NoHeaderError
from hr_core.pay.diff.table_map import TableMap
from hr_core.pay.stored_diff import run_side, stored_run
from hr_core.people.lookup import person_in_month, person_of_slip
from hr_core.people.model import Days
from hr_core.people.number_of_day import NumbersOfDays
from hr_core.spreadsheet import Sheet, read_sheet
from hr_core.store.pay_diff_notes import add_note, notes_of_pair
from hr_core.store.people import people
from hr_core.store.person_records import all_numbers
from hr_core.store.results import RunRow, slip_of

LONGEST_REASON = 500


def compare_with_table(
    conn: sa.Connection, run: int, path: Path, how: TableMap
) -> tuple[TableDiff, Notes]:
    """Raises NotFoundError, InputFileError."""
    side = run_side(conn, run)
    table = _old_table(path, how, _index(conn, side))
    month = Month.parse(side.head.month)
    numbers = NumbersOfDays.load(conn, table.people)

    def called(person: str) -> str:
        return numbers.on(person, month.first) or person

    found = compare_table(side, table, how, name=path.name, called=called)
    return found, notes_beside_table(conn, how, side.head.month)


def notes_beside_table(conn: sa.Connection, how: TableMap, month: str) -> Notes:
    return Notes(notes_of_pair(conn, f"table {how.name}"), made_for=month, month=month)


def notes_beside_runs(conn: sa.Connection, first: int, second: int) -> Notes:
    month = stored_run(conn, second).month
    return Notes(notes_of_pair(conn, RUNS), made_for=f"{first}:{second}", month=month)


def write_first_map(conn: sa.Connection, run: int, path: Path, to: Path) -> None:
    """Raises RefusedError when the file is there already, InputFileError, NotFoundError."""
    lines = {line.code: line for slip in run_side(conn, run).slips.values() for line in slip.lines}
    try:
        text = first_map(read_sheet(path), list(lines.values()), name=path.stem)
    except NoHeaderError as exc:
        raise _no_header(path, exc) from exc
    try:
        with to.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise RefusedError(
            f"{to} is there already, and may hold somebody's corrections",
            remedy="give another name, or take the old map away first",
        ) from exc
    except OSError as exc:
        raise RefusedError(
            f"{to} cannot be written: {exc.strerror}", remedy="give a path that can be written"
        ) from exc


def new_note(
    conn: sa.Connection,
    against: tuple[int, str],
    about: tuple[str, str],
    *,
    reason: str,
    until: str,
) -> NewNote:
    """`against`: (run, the other run's number or "table NAME"); `about`: (person, line).

    Raises NotFoundError, RefusedError.
    """
    run, other = against
    person, line = about
    stored = stored_run(conn, int(other)) if other.isdecimal() else stored_run(conn, run)
    if other.isdecimal():
        stored_run(conn, run)
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise RefusedError(
            f"a note says why, in up to {LONGEST_REASON} characters", remedy="give --reason"
        )
    if until and until < stored.month:
        raise RefusedError(
            f"until {until} is before the month {stored.month} of the run",
            remedy="give a later month, or none",
        )
    return NewNote(
        pair=RUNS if other.isdecimal() else other,
        made_for=f"{run}:{other}" if other.isdecimal() else stored.month,
        month=stored.month,
        person=person if person == EVERYBODY else _person(conn, stored, person),
        line=line,
        reason=reason.strip(),
        until=until,
    )


def keep_note(conn: sa.Connection, note: NewNote, *, by: str, at: datetime) -> int:
    """In the caller's write transaction; told in the audit log."""
    number = add_note(conn, note, by=by, at=at)
    subject = f"pay difference {note.pair} {note.made_for}"
    append(
        conn, at, by, "pay.diff_note", subject, None, {"number": number, "note": note}, note.reason
    )
    return number


def _person(conn: sa.Connection, run: RunRow, number: str) -> str:
    """Whose slip it is; somebody without one by the number of the month. Raises NotFoundError."""
    person = person_of_slip(conn, run, number)
    if slip_of(conn, run.number, person) is not None:
        return person
    return person_in_month(conn, number, Month.parse(run.month))


def _old_table(path: Path, how: TableMap, index: PeopleIndex) -> OldTable:
    sheet: Sheet = read_sheet(path, how.table.sheet)
    try:
        return read_old_table(sheet, how, index)
    except NoHeaderError as exc:
        raise _no_header(path, exc) from exc


def _no_header(path: Path, exc: NoHeaderError) -> InputFileError:
    return InputFileError(
        str(exc),
        file=str(path),
        key="heading",
        remedy="name header_rows, number, name and the columns in the map as the table has them",
    )


def _index(conn: sa.Connection, side: RunSide) -> PeopleIndex:
    """Everybody who has a number in the month, by it; by name whoever has a slip, else everybody."""
    month = Month.parse(side.head.month)
    held = Days(month.first, month.after)
    numbers = [
        (number, person) for number, person, days in all_numbers(conn) if days.overlaps(held)
    ]
    numbers += [(slip.number, slip.person) for slip in side.slips.values()]
    paid = [(slip.name, slip.person) for slip in side.slips.values()]
    names = {name for name, _ in paid}
    others = conn.execute(sa.select(people.c.name, people.c.number))
    return PeopleIndex(
        numbers, [*paid, *((row.name, row.number) for row in others if row.name not in names)]
    )
