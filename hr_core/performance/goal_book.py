"""Stored sets of goals: the versions that are signed, and those of units that hold on a day."""

import sqlalchemy as sa

from hr_core.performance.goals import Level
from hr_core.performance.sign_off import State
from hr_core.store.goals import StoredSet, last_states, sets_of
from hr_core.store.work_plan import keys_of


def signed_sets(conn: sa.Connection, person: str) -> list[StoredSet]:
    """Of a person's keys, in the order in which they were made."""
    states = last_states(conn)
    return [
        one
        for one in sets_of(conn, Level.PERSON, keys_of(conn, person))
        if states.get(one.number) == State.SIGNED
    ]
