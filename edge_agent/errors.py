"""How the gateway's commands fail, and with which exit code.

Imported before anything heavy: standard library only.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The contract of every command (design.md 8)."""

    OK = 0
    DEGRADED = 1
    BROKEN = 2
    USAGE = 3


def sentence(what: str) -> str:
    """`what` with the stop that it lacks."""
    return what if what.endswith(("?", "!", ".")) else f"{what}."


class CommandError(Exception):
    """A command cannot do what was asked.

    `where` and `what` happened, the `remedy` in words, and `try_command` the command that helps.
    """

    exit_code = ExitCode.BROKEN

    def __init__(self, what: str, *, where: str, remedy: str, try_command: str) -> None:
        super().__init__(f"{where}: {sentence(what)} {remedy}")
        self.what = what
        self.where = where
        self.remedy = remedy
        self.try_command = try_command


class UsageError(CommandError):
    """The command was called in a way it does not know."""

    exit_code = ExitCode.USAGE


def error_line(error: CommandError) -> str:
    """The one line on stderr that every failing command ends with."""
    return f"error: {error} — try: {error.try_command}"
