"""What a worker says to a payslip: that it was received, or what is wrong with it; and the reply.

A receipt names the hash of what was seen, so that it can never stand for another slip. Saying nothing
means nothing: an objection stays open until somebody else replies.
"""

from collections.abc import Iterable
from hashlib import sha256

import msgspec
import sqlalchemy as sa

from hr_core.audit.log import append
from hr_core.errors import NotFoundError, RefusedError
from hr_core.pay.objection_verdict import Verdict
from hr_core.pay.slip import SlipLine
from hr_core.people.changes import Signature
from hr_core.store import slip_answers as stored
from hr_core.store.results import lines_of, slip_of
from hr_core.store.slip_answers import SlipAnswer, SlipPlace

# As long as a note of an alert; more belongs into a talk.
MAX_REASON_CHARS = 1_000

_encode = msgspec.json.Encoder(order="deterministic").encode


def slip_digest(run: int, person: str, lines: Iterable[SlipLine]) -> str:
    """Of everything that the slip says: hex of SHA-256 over its canonical JSON."""
    return sha256(_encode([run, person, tuple(lines)])).hexdigest()


def confirm(conn: sa.Connection, place: SlipPlace, seen: str, signed: Signature) -> SlipAnswer:
    """The person has received the slip whose digest is `seen`. A second time changes nothing.

    Raises NotFoundError, and RefusedError when the slip is another by now.
    """
    digest = _digest(conn, place)
    if digest != seen:
        raise RefusedError(
            f"the payslip of run {place.run} is not the one that was shown",
            remedy="open the payslip anew and look at it again",
        )
    before = stored.answers_of(conn, place)
    received = next((one for one in before if one.kind == "received"), None)
    if received is not None:
        return received
    made = stored.add(conn, place, "received", "", digest, "", at=signed.at, by=signed.by)
    append(conn, signed.at, signed.by, "payslip received", _subject(place), None, digest, "")
    return made


def object_to(
    conn: sa.Connection, place: SlipPlace, line: str, reason: str, signed: Signature
) -> SlipAnswer:
    """`line`: the code of a line, or empty for the whole slip. Raises NotFoundError, RefusedError."""
    digest = _digest(conn, place)
    reason = reason.strip()
    codes = [one.code for one in lines_of(conn, place.run, place.person)]
    if line and line not in codes:
        raise RefusedError(
            f"the payslip has no line {line!r}", remedy=f"name one of: {', '.join(codes)}"
        )
    if not reason or len(reason) > MAX_REASON_CHARS or "\0" in reason:
        raise RefusedError(
            f"an objection needs a reason of 1 to {MAX_REASON_CHARS} characters",
            remedy="say in a sentence what should be different",
        )
    if any(one.open and one.line == line for one in stored.answers_of(conn, place)):
        raise RefusedError(
            "an objection to this is open already", remedy="wait for its reply, or talk to HR"
        )
    made = stored.add(conn, place, "objection", line, digest, reason, at=signed.at, by=signed.by)
    told = {"objection": made.number, "line": line}
    append(conn, signed.at, signed.by, "payslip objection", _subject(place), None, told, reason)
    return made


def reply(
    conn: sa.Connection, number: int, verdict: Verdict, text: str, signed: Signature
) -> SlipAnswer:
    """Raises NotFoundError, and RefusedError for one's own objection or one that has its reply."""
    objection = stored.answer(conn, number)
    if objection is None or objection.kind != "objection":
        raise NotFoundError(
            f"there is no objection {number}", remedy="list them: hr-core pay objections"
        )
    if {signed.by, *signed.also} & {objection.by, objection.person}:
        raise RefusedError(
            f"objection {number} is {objection.by}'s own", remedy="let somebody else reply to it"
        )
    if objection.reply is not None:
        raise RefusedError(
            f"objection {number} has its reply by {objection.replied_by}",
            remedy="the worker may object again",
        )
    text = text.strip()
    if not text or len(text) > MAX_REASON_CHARS or "\0" in text:
        raise RefusedError(
            f"a reply needs 1 to {MAX_REASON_CHARS} characters",
            remedy="say what was looked at and what follows",
        )
    stored.set_reply(conn, number, verdict.value, text, at=signed.at, by=signed.by)
    told = {"objection": number, "verdict": verdict.value}
    place = SlipPlace(objection.run, objection.person)
    append(conn, signed.at, signed.by, "payslip reply", _subject(place), None, told, text)
    made = stored.answer(conn, number)
    assert made is not None  # noqa: S101 - it was there above, and rows are never deleted
    return made


def _digest(conn: sa.Connection, place: SlipPlace) -> str:
    if slip_of(conn, place.run, place.person) is None:
        raise NotFoundError(
            f"run {place.run} has no payslip of {place.person!r}",
            remedy=f"list its payslips: hr-core pay slips {place.run}",
        )
    return slip_digest(place.run, place.person, lines_of(conn, place.run, place.person))


def _subject(place: SlipPlace) -> str:
    return f"payslip {place.run}/{place.person}"
