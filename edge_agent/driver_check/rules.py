"""What a rule is, and what becomes of asking it."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from drivers.errors import DriverError
from edge_agent.driver_check.watchdog import LoopBlockedError

Subject = TypeVar("Subject")

# A rule asks a handful of questions on this machine; drivers wait seconds for a silent device.
RULE_S = 20.0


class UnmetError(Exception):
    """The rule does not hold; the message is what was seen instead."""


class NotApplicableError(Exception):
    """The rule asks nothing of this driver; the message says why."""


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ADVISED = "advised"  # does not hold, and does no harm to punches
    NOT_APPLICABLE = "not applicable"


class Finding(Struct, frozen=True, kw_only=True):
    """One line of the table."""

    rule: str
    holds: str
    verdict: Verdict
    seen: str
    remedy: str = ""


class Rule(Struct, Generic[Subject], frozen=True, kw_only=True):
    """`check` returns what it saw, or raises UnmetError or NotApplicableError. `remedy` is for the
    author of the driver.
    """

    name: str
    holds: str
    remedy: str
    check: Callable[[Subject], Awaitable[str]]
    advice: bool = False

    async def judged(self, subject: Subject) -> Finding:
        """Whatever the driver does, there is a finding."""
        try:
            async with asyncio.timeout(RULE_S):
                seen = await self.check(subject)
        except NotApplicableError as exc:
            return self.not_asked(str(exc))
        except Exception as exc:  # noqa: BLE001 - the driver under test may raise anything
            verdict = Verdict.ADVISED if self.advice else Verdict.FAILED
            return self._found(verdict, told(exc), self.remedy)
        return self._found(Verdict.PASSED, seen)

    def not_asked(self, why: str) -> Finding:
        return self._found(Verdict.NOT_APPLICABLE, why)

    def _found(self, verdict: Verdict, seen: str, remedy: str = "") -> Finding:
        return Finding(rule=self.name, holds=self.holds, verdict=verdict, seen=seen, remedy=remedy)


def rule(
    holds: str, *, remedy: str, advice: bool = False
) -> Callable[[Callable[[Subject], Awaitable[str]]], Rule[Subject]]:
    """Makes the function below it a rule of the same name."""

    def made(check: Callable[[Subject], Awaitable[str]]) -> Rule[Subject]:
        name: str = check.__name__
        return Rule(name=name, holds=holds, remedy=remedy, check=check, advice=advice)

    return made


def told(error: Exception) -> str:
    """What `error` says to the author; a bug is told with its line."""
    match error:
        case UnmetError() | LoopBlockedError():
            return str(error)
        case DriverError():
            return f"{type(error).__name__} ({error.code}): {error.what}"
        case TimeoutError():
            return f"not done after {RULE_S:g} s"
        case _:
            frames = traceback.extract_tb(error.__traceback__)
            place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
            return f"{type(error).__name__}: {error}{place}"
