"""Pay schemes of a site's own files: one person brings the file, another approves it, then it pays."""

from pathlib import Path

import sqlalchemy as sa

from hr_core.approvals.desk import Actor, Approval, open_approvals, propose
from hr_core.approvals.kinds import Kind
from hr_core.audit.log import append
from hr_core.errors import InputFileError
from hr_core.pay.scheme import BUILT_IN, parse_scheme
from hr_core.people.changes import Signature
from hr_core.store.people import choose_scheme, save_scheme, scheme_text


def propose_scheme(
    conn: sa.Connection, file: Path, text: str, sign: Signature | None
) -> int | None:
    """The number under which it waits; None when exactly this text was approved before.

    Raises InputFileError, also when nobody is named who brings it.
    """
    code = parse_scheme(text, file=str(file)).code
    if code in BUILT_IN:
        raise InputFileError(
            f"{code!r} ships with hr-core",
            file=str(file),
            key="code",
            remedy="give your own scheme another code",
        )
    if scheme_text(conn, code) == text:
        return None
    subject = f"scheme {code}"
    for waiting in open_approvals(conn, Kind.SCHEME, subject):
        if waiting.content["text"] == text:
            return waiting.number
    if sign is None:
        raise InputFileError(
            f"scheme {code!r} is new, and nobody is named who brings it",
            file=str(file),
            key="scheme",
            remedy="import it with hr-core import FILE --by NAME; another person approves it",
        )
    content = {"code": code, "file": file.name, "text": text}
    actor = Actor(sign.by, sign.also)
    return propose(conn, Kind.SCHEME, subject, content, at=sign.at, by=actor, reason=sign.reason)


def adopt_scheme(conn: sa.Connection, approval: Approval) -> None:
    """From now on the site pays by it; runs that are stored keep the version they name."""
    code, text = approval.content["code"], approval.content["text"]
    assert approval.decided_at is not None  # noqa: S101 - it was just approved
    assert approval.decided_by is not None  # noqa: S101 - as above
    save_scheme(conn, code, text)
    choose_scheme(conn, code)
    after = {"scheme": code, "approval": approval.number}
    append(
        conn, approval.decided_at, approval.decided_by, "scheme.adopt", approval.subject, None, after,
        approval.decision,
    )  # fmt: skip
