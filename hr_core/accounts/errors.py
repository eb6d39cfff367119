"""What is refused about accounts, by blame. No message ever holds a password or a secret."""

from hr_core.errors import CoreError, NotFoundError, RefusedError


class AccountError(RefusedError):
    """An account cannot be made or changed as asked."""


class UnknownAccountError(NotFoundError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no account {name!r}", remedy="list them: hr-core account list")
        self.name = name


class WeakPasswordError(AccountError):
    """`rule` names the rule that the password breaks."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message, remedy="choose a longer one; a sentence of four words is good")
        self.rule = rule


class LoginRefusedError(CoreError):
    """Name or password is wrong, or the account is disabled: never told which."""

    def __init__(self) -> None:
        super().__init__(
            "name or password is wrong",
            remedy="type both again; whoever manages accounts can make a set-up code "
            "(hr-core account password NAME --code)",
        )


class LoginWaitError(CoreError):
    """Too many failures; `wait_s` until the next attempt counts. The same for names of nobody."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(
            f"too many failed logins: the next attempt counts in {wait_s} s",
            remedy="wait, or let hr-core account unlock NAME end the wait",
        )
        self.wait_s = wait_s
