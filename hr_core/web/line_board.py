"""What the live line board shows, as values: pages, fragments and their tests stand on these.

None is "not known" and is shown as such; it never becomes 0. Rates are exact counts, intervals are
for the eye. Times are aware UTC instants.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct, structs

from hr_core.quality.alert_rules import SubjectKind
from hr_core.quality.intervals import Interval
from hr_core.quality.live_counts import Span
from hr_core.quality.windows import WindowState


class TileState(StrEnum):
    OK = "ok"
    WATCH = "watch"  # the plain rate is over the limit, the interval's lower bound is not
    ALERT = "alert"
    INCOMPLETE = "incomplete"  # a counter is silent or its readings contradict: numbers are old
    IDLE = "idle"  # counts, and nothing was made yet


class ChartLimits(StrEnum):
    PLAIN = "plain"  # binomial: p̄ ± 3 σ of each n
    LANEY = "laney"  # the same widened by σ_z, for large n


class Work(Struct, frozen=True, kw_only=True):
    """Pieces and rejects, and the 95 % Wilson interval of the rate (None where it means nothing)."""

    pieces: int
    rejects: int
    interval: Interval | None = None


class TrendPoint(NamedTuple):
    """Of one stretch of the trend; nothing made or not known is a hole in the line."""

    pieces: int | None
    rejects: int | None


class LineTile(Struct, frozen=True, kw_only=True):
    """`work` None: no reading of this shift is stored. `silent`: counters from which nothing
    comes, with the last instant at which something came (None: never). `doubts`: codes of why the
    figures are not to be believed.
    """

    line: str
    name: str
    name_zh: str
    state: TileState
    work: Work | None
    last_count_at: datetime | None
    silent: tuple[tuple[str, datetime | None], ...] = ()
    doubts: tuple[str, ...] = ()
    trend: tuple[TrendPoint, ...] = ()


class AlertRow(Struct, frozen=True, kw_only=True):
    """An open alert, or a watch (nobody is called, nothing to do but to look).

    `subject` is a line's code or an employee number. `span`: where the pieces are that raised it.
    `since` None: it is
    not written down since when. `cleared_at`: the rate came down; it stays open until its cause is stored. `hides`: names of
    those whose own alerts this one stands for.
    """

    identity: str
    kind: SubjectKind
    subject: str
    name: str
    name_zh: str
    line: str
    watch: bool
    work: Work
    limit_percent: str
    span: Span
    since: datetime | None
    owner: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    escalates_at: datetime | None = None
    escalated: int = 0
    cleared_at: datetime | None = None
    hides: tuple[str, ...] = ()


class SwapRow(Struct, frozen=True, kw_only=True):
    """A box that seems to have been swapped; `command` enters it, and this is gone."""

    source: str
    tag: str
    line: str
    span: Span
    command: str


class ChartPoint(Struct, frozen=True, kw_only=True):
    """A subgroup with the limits of its own n; `out`: the rules that it breaks."""

    span: Span
    pieces: int
    rejects: int
    lower: float
    upper: float
    out: tuple[str, ...] = ()


class Chart(Struct, frozen=True, kw_only=True):
    """A p-chart of one line. `sigma_z` is Laney's; None when there are too few points for it."""

    line: str
    limits: ChartLimits
    centre: float | None
    sigma_z: float | None
    points: tuple[ChartPoint, ...]


class PersonRow(Struct, frozen=True, kw_only=True):
    """`grade` None: not rated, too few pieces. `evidence`: (kind, pieces), strongest first.

    `team`: several people whose pieces nobody can tell apart, with "+" between their numbers.
    """

    number: str
    name: str
    work: Work
    grade: str | None
    separable: bool
    state: TileState
    team: bool = False
    evidence: tuple[tuple[str, int], ...] = ()


class Source(Struct, frozen=True, kw_only=True):
    """Where counts of the board come from, and how long nothing came in this shift."""

    source: str
    lines: tuple[str, ...]
    last_at: datetime | None
    gap_s: int


class ShiftHead(Struct, frozen=True, kw_only=True):
    """`hours` as the shift is defined; `span` what counts as its work, as far as it can be known.

    `revision`: the newest one that was published of the shift's `month`; None: none was yet.
    `delay_s`: age of the newest count when the board was made; None: there is none.
    """

    code: str
    name: str
    name_zh: str
    day: date
    hours: Span
    span: Span
    status: WindowState
    month: str
    revision: int | None
    delay_s: int | None


class ShiftName(NamedTuple):
    code: str
    name: str
    name_zh: str


class Cause(NamedTuple):
    code: str
    label: str
    label_zh: str


class CorrectionLine(Struct, frozen=True, kw_only=True):
    """A signed correction that counts in the shift's month, and in no shift's own figures.

    `subject`: a person by name, a team, or "" for unattributed work. `concerns`: the month of it.
    """

    number: str
    subject: str
    line: str
    concerns: str
    pieces: int
    rejects: int
    reason: str


class LineBoard(Struct, frozen=True, kw_only=True):
    """`shift` None: no shift covers the moment; `next_shift_at` says when one does."""

    made_at: datetime
    shift: ShiftHead | None
    shifts: tuple[ShiftName, ...] = ()
    next_shift_at: datetime | None = None
    person_limit_percent: str
    line_limit_percent: str
    tiles: tuple[LineTile, ...] = ()
    alerts: tuple[AlertRow, ...] = ()
    swaps: tuple[SwapRow, ...] = ()
    chart: Chart | None = None
    people: tuple[PersonRow, ...] = ()
    unattributed: Work | None = None
    sources: tuple[Source, ...] = ()
    corrections: tuple[CorrectionLine, ...] = ()
    causes: tuple[Cause, ...] = ()

    @property
    def complete(self) -> bool:
        return all(tile.state is not TileState.INCOMPLETE for tile in self.tiles)


def without_names(board: LineBoard) -> LineBoard:
    """For a wall: no name, no number of a person, and nobody's own rates."""
    return structs.replace(
        board,
        people=(),
        unattributed=None,
        corrections=(),
        alerts=tuple(
            structs.replace(
                alert,
                identity="",  # holds the number
                subject="" if alert.kind == "person" else alert.subject,
                name="" if alert.kind == "person" else alert.name,
                name_zh="" if alert.kind == "person" else alert.name_zh,
                owner="",
                acknowledged_by="",
                hides=(),
            )
            for alert in board.alerts
        ),
    )


def worst_first(rows: list[PersonRow]) -> list[PersonRow]:
    """By the interval's lower end, not by the rate: 1 of 3 pieces is no leader of a list."""
    return sorted(
        rows, key=lambda row: (-(row.work.interval.low if row.work.interval else -1.0), row.number)
    )
