"""What a comparison of two runs is made of, and what it says."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.day import DayResult
from hr_core.pay.slip import Side, SlipLine


class Cause(StrEnum):
    """In the order in which one is named first when several moved a line alike."""

    UNKNOWN = "unknown"  # nothing that the traces tell explains it: blocks an approval
    PERSON = "person"  # the person is in one run only
    SCHEME = "scheme"
    RULE = "rule"
    LAW = "law"
    AGREEMENT = "agreement"
    SCORE = "score"
    INPUT = "input"
    ROUNDING = "rounding"
    FOLLOWS = "follows"  # only other lines of the slip moved it


class Change(StrEnum):
    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"


class Reason(Struct, frozen=True, kw_only=True):
    """One thing that is otherwise. `kind` is its word (punch, day, request, law, line …), `subject`
    which one, `before` and `after` what it said (empty where it was not there).
    """

    cause: Cause
    kind: str
    subject: str
    change: Change = Change.CHANGED
    before: str = ""
    after: str = ""


class Part(Struct, frozen=True):
    """What of a line's difference a cause makes."""

    cause: Cause
    fen: int


class LineDiff(Struct, frozen=True, kw_only=True):
    """`before_fen` None: the line is not in the first run, `after_fen` None: not in the second.

    parts        add up to the difference
    first_step   the first step whose result is another, for two traces side by side
    """

    person: str
    number: str
    name: str
    code: str
    label: str
    label_zh: str
    side: Side
    before_fen: int | None
    after_fen: int | None
    parts: tuple[Part, ...]
    reasons: tuple[Reason, ...]
    first_step: str = ""

    @property
    def difference_fen(self) -> int:
        return (self.after_fen or 0) - (self.before_fen or 0)

    @property
    def cause(self) -> Cause:
        """What moved most of it."""
        order = list(Cause)
        return max(self.parts, key=lambda one: (abs(one.fen), -order.index(one.cause))).cause

    @property
    def unexplained(self) -> bool:
        return any(part.cause is Cause.UNKNOWN for part in self.parts)


class OnlyIn(Struct, frozen=True, kw_only=True):
    """A person with a slip in one run only. `refused`: the other run says why, and `remedy` who can
    mend what.
    """

    person: str
    number: str
    name: str
    in_first: bool
    total_fen: int
    refused: bool
    why: str
    remedy: str


class Proof(Struct, frozen=True, kw_only=True):
    """Sums before anything is shown: what the totals differ by is the sum of what is listed.

    `faults`: a stored total that is not the sum of its own parts.
    """

    net_before_fen: int
    net_after_fen: int
    listed_fen: int
    employer_before_fen: int
    employer_after_fen: int
    employer_listed_fen: int
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        net = self.net_after_fen - self.net_before_fen == self.listed_fen
        employer = self.employer_after_fen - self.employer_before_fen == self.employer_listed_fen
        return net and employer and not self.faults


class RunHead(Struct, frozen=True, kw_only=True):
    """`digest` is over every slip, line, amount and trace of the run."""

    number: int
    month: str
    scheme: str
    scheme_version: str
    created_at: str
    people: int
    lines: int
    total_fen: int
    digest: str


class RunDiff(Struct, frozen=True, kw_only=True):
    """`restated`: lines whose amount is the same and whose trace is another."""

    before: RunHead
    after: RunHead
    proof: Proof
    only: tuple[OnlyIn, ...]
    lines: tuple[LineDiff, ...]
    changed_people: int
    same_people: int
    restated: int

    @property
    def identical(self) -> bool:
        return self.before.digest == self.after.digest and not (self.lines or self.only)

    @property
    def unexplained(self) -> int:
        return sum(line.unexplained for line in self.lines)

    def by_cause(self) -> dict[Cause, int]:
        """Fen of the net by cause, the largest first; the employer's part is not in it."""
        sums: dict[Cause, int] = {}
        for line in self.lines:
            for part in line.parts if line.side is not Side.EMPLOYER else ():
                sums[part.cause] = sums.get(part.cause, 0) + part.fen
        return dict(sorted(sums.items(), key=lambda one: (-abs(one[1]), one[0])))


class SlipSide(Struct, frozen=True, kw_only=True):
    """One person's slip in one run; `number` is the employee number of its month."""

    person: str
    number: str
    name: str
    total_fen: int
    lines: tuple[SlipLine, ...]


class Refused(Struct, frozen=True, kw_only=True):
    person: str
    what: str
    remedy: str


class RunSide(Struct, frozen=True, kw_only=True):
    """`without`: why a person has no slip here, whom nobody refused.

    traced      a person's lines with their traces, which those of `slips` may lack; a line that is
                byte for byte the other run's may lack it here too
    days        computed days of a person by ISO text, at least those that lines of another amount
                count otherwise
    Both are asked person by person in their order, so that what they read need not be kept.
    """

    head: RunHead
    slips: Mapping[str, SlipSide]
    refused: Mapping[str, Refused]
    without: Mapping[str, str]
    traced: Callable[[str], tuple[SlipLine, ...]]
    days: Callable[[str], Mapping[str, DayResult]]
