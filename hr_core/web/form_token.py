"""Proof that a form comes from our own page.

Before the first account everybody on this machine may act, and one token a process is enough:
another site cannot read it (same origin, and the Host is checked against rebinding), and it cannot
be guessed. With accounts each session has its own (hr_core.accounts.login.csrf_token). A restart makes a new one; a form from before is refused and asks to be reloaded.
"""

import hmac
import secrets

FIELD = "form_token"


class FormToken:
    def __init__(self) -> None:
        self.value = secrets.token_urlsafe(24)


def fits(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))
