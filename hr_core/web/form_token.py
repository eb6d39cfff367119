"""Proof that a form comes from our own page.

There are no sessions yet and everybody on this machine may act, so one token a process is enough:
another site cannot read it (same origin, and the Host is checked against rebinding), and it cannot
be guessed. A restart makes a new one; a form from before is refused and asks to be reloaded.
"""

import hmac
import secrets

FIELD = "form_token"


class FormToken:
    def __init__(self) -> None:
        self.value = secrets.token_urlsafe(24)

    def fits(self, given: str) -> bool:
        return hmac.compare_digest(self.value.encode(), given.encode())
