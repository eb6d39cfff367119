"""What is refused about rule sets: with the row and the reason, all of it at once."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from hr_core.errors import InputFileError, NotFoundError

_MOST_SHOWN = 20


class Problem(Struct, frozen=True):
    """`row`: the table and its place in the file, counted from 1."""

    row: str
    reason: str


class RuleFileError(InputFileError):
    """A file of rules that cannot hold; `problems` names each row."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        shown = [f"\n  {one.row}: {one.reason}" for one in problems[:_MOST_SHOWN]]
        more = len(problems) - _MOST_SHOWN
        if more > 0:
            shown.append(f"\n  and {more} more")
        super().__init__(
            f"is refused:{''.join(shown)}",
            file=file,
            key="rule set",
            remedy="correct these rows (docs/attendance-rules.md tells what each may say)",
        )
        self.problems = tuple(problems)


class NoRuleSetError(NotFoundError):
    """No version of the rule set holds on the day. Never replaced by another: it ends as pay."""

    def __init__(self, name: str, on: date, known: Sequence[str]) -> None:
        super().__init__(
            f"no version of the rule set {name!r} holds on {on}",
            remedy=f"there are: {', '.join(known) or 'none'} (hr-core attendance rules list)",
        )
        self.name = name
        self.on = on
