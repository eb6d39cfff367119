"""Which stored person a file means by an employee number, and a new person where it means nobody."""

from datetime import date

import msgspec
import sqlalchemy as sa

from hr_core.errors import InputFileError
from hr_core.people.file import NewPerson, ReadFile
from hr_core.people.model import Roster
from hr_core.people.moves import Contract, contract_row, number_row
from hr_core.people.records import EmployeeNumber, Kind
from hr_core.store.dated_rows import ALWAYS
from hr_core.store.person_records import (
    claim_key,
    employee_numbers,
    employments,
    employments_of,
    holders_of,
)


def keys_of_numbers(conn: sa.Connection, file: str, read: ReadFile) -> dict[str, str]:
    """By employee number of the file: the person's key. New people get one, a number, a contract.

    Raises InputFileError with the row: a number whose holder left and that nobody says is given
    again, two numbers of one person, a contract that changed.
    """
    found: dict[str, str] = {}
    for index, (number, record) in enumerate(read.records.items()):
        where = f"person[{index}]"
        key = _known(conn, file, where, record)
        if key is None:
            key = _new(conn, record)
        else:
            _check_contract(conn, (file, where), key, record)
        if key in found.values():
            other = next(one for one, its in found.items() if its == key)
            raise InputFileError(
                f"{other!r} and {number!r} are numbers of one person ({key}) since a merge",
                file=file,
                key=f"{where}.number",
                remedy="take one of the two out of the file, or undo the merge: hr-core people undo",
            )
        found[number] = key
    return found


def keyed(roster: Roster, keys: dict[str, str]) -> Roster:
    """The file's roster with the people under their keys."""
    replace = msgspec.structs.replace
    return replace(
        roster,
        people={
            keys[number]: replace(person, number=keys[number])
            for number, person in roster.people.items()
        },
        device_users=tuple(replace(one, number=keys[one.number]) for one in roster.device_users),
        badges=tuple(replace(one, number=keys[one.number]) for one in roster.badges),
    )


def _known(conn: sa.Connection, file: str, where: str, record: NewPerson) -> str | None:
    holders = holders_of(conn, record.number)
    for row in holders:
        if row.valid_until is None:
            if record.first is not None and row.valid_from is None and len(holders) == 1:
                _begin_on(conn, row, record.first)
            elif record.first not in {None, row.valid_from}:
                raise InputFileError(
                    f"{record.number!r} is person {row.person}'s number {row.days.text()}, "
                    f"not from {record.first}",
                    file=file,
                    key=f"{where}.from",
                    remedy="leave from out, or end the number first: hr-core people leave",
                )
            return row.person
    if not holders:
        return None
    ended = max(row.valid_until or date.max for row in holders)
    if record.first is None or record.first < ended:
        last = holders[-1]
        raise InputFileError(
            f"{record.number!r} was person {last.person}'s number {last.days.text()}",
            file=file,
            key=f"{where}.number",
            remedy=f"somebody else has it now: write from = the first day ({ended} or later); the "
            "same person came back: hr-core people rehire",
        )
    return None


def _begin_on(conn: sa.Connection, row: EmployeeNumber, first: date) -> None:
    """The file says since when, which nobody said before: of the number and of the first contract."""
    for table in (employee_numbers, employments):
        always = (table.c.person == row.person, table.c.valid_from == ALWAYS)
        still = sa.or_(table.c.valid_until.is_(None), table.c.valid_until > first)
        conn.execute(sa.update(table).where(*always, still).values(valid_from=first))


def _new(conn: sa.Connection, record: NewPerson) -> str:
    key = claim_key(conn, record.number)
    contract = Contract(
        kind=record.kind or Kind.EMPLOYEE,
        employer=record.employer or "",
        contract=record.contract,
        hourly_fen=record.hourly_fen,
    )
    conn.execute(sa.insert(employee_numbers).values(number_row(key, record.number, record.first)))
    conn.execute(sa.insert(employments).values(contract_row(key, contract, record.first, taken=[])))
    return key


def _check_contract(
    conn: sa.Connection, place: tuple[str, str], key: str, record: NewPerson
) -> None:
    """A contract is changed from a day on, never by a file that says another one for all days."""
    file, where = place
    said = {
        name: value
        for name, value in (
            ("kind", record.kind),
            ("employer", record.employer),
            ("contract", record.contract),
            ("hourly_fen", record.hourly_fen),
        )
        if value is not None
    }
    held = employments_of(conn, key)
    if any(all(getattr(row, name) == value for name, value in said.items()) for row in held):
        return
    if said:
        raise InputFileError(
            f"person {key} has no contract with {', '.join(f'{k} {v}' for k, v in said.items())}",
            file=file,
            key=where,
            remedy="enter the new one from its first day: hr-core people rehire",
        )
