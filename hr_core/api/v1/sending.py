"""Answers as JSON, and the one way to say that a person is not there."""

import msgspec
import sqlalchemy as sa
from starlette.responses import Response

from hr_core.accounts.visible import Seen
from hr_core.api.v1.answers import Answer
from hr_core.api.v1.problem import NO_STORE, not_found
from hr_core.api.v1.reading import visible_person
from hr_core.people.model import Person
from hr_core.trace.explained_day import ExplainedDay


def sent(answer: Answer | ExplainedDay) -> Response:
    return Response(msgspec.json.encode(answer), 200, NO_STORE, media_type="application/json")


def seen_person(conn: sa.Connection, seen: Seen, key: str) -> Person:
    """Raises ProblemError 404, the same for an unknown key and for somebody else's."""
    found = visible_person(conn, seen, key)
    if found is None:
        raise not_found()
    return found
