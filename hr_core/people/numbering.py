"""Employee numbers that the system makes: for people whom a terminal knew before HR did."""

import sqlalchemy as sa

from hr_core.store.person_records import employee_numbers, person_keys

_PREFIX = "T"
_DIGITS = 6


def free_number(conn: sa.Connection) -> str:
    """The next of "T000001", "T000002", … that was never anybody's number or key.

    In the caller's transaction after `changes.begin`, or two could get the same.
    """
    used = [0]
    for column in (employee_numbers.c.employee_number, person_keys.c.person):
        query = sa.select(column).where(column.startswith(_PREFIX, autoescape=True))
        for text in conn.execute(query).scalars():
            digits = text.removeprefix(_PREFIX).partition("~")[0]
            if len(digits) == _DIGITS and digits.isascii() and digits.isdigit():
                used.append(int(digits))
    return f"{_PREFIX}{max(used) + 1:0{_DIGITS}d}"
