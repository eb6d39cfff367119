"""The scheme that the site pays by, and any other by its code."""

import sqlalchemy as sa

from hr_core.errors import CoreError, NotFoundError
from hr_core.pay.scheme import BUILT_IN, Scheme, built_in_scheme_text, parse_scheme
from hr_core.people.model import Roster
from hr_core.store.people import scheme_codes, scheme_text


def stored_scheme(conn: sa.Connection, roster: Roster) -> Scheme:
    """Raises CoreError when no pay scheme was chosen: there is no default for money."""
    text = scheme_text(conn, roster.scheme) if roster.scheme else None
    if text is None:
        raise CoreError(
            "no pay scheme is chosen",
            remedy='add [scheme] with code = "demo" or file = "scheme.toml" to the people file '
            "and import it again, or let a second person approve the one that waits: "
            "hr-core approvals list --kind scheme",
        )
    return parse_scheme(text, file=f"scheme {roster.scheme}")


def scheme_by_code(conn: sa.Connection, code: str) -> Scheme:
    """One that was imported, else one that ships. Raises NotFoundError."""
    text = scheme_text(conn, code) or built_in_scheme_text(code)
    if text is None:
        known = sorted({*BUILT_IN, *scheme_codes(conn)})
        raise NotFoundError(
            f"there is no pay scheme {code!r}",
            remedy=f"one of {', '.join(known)}; or bring a scheme file with the people file: [scheme] "
            'file = "…" (docs/pay-schemes.md)',
        )
    return parse_scheme(text, file=f"scheme {code}")
