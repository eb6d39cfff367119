"""What the API answers: structs that msgspec writes, and from which it makes the OpenAPI schemas."""

from datetime import date, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from hr_core.attendance.hours.outlook import PersonLimits
from hr_core.attendance.lots.ledger import Balance, LotState
from hr_core.attendance.plan.model import PlannedDay
from hr_core.attendance.plan.request import Body
from hr_core.pay.slip import OpenDay
from hr_core.people.adoption import Facts
from hr_core.store.assessments import Indicator
from hr_core.store.attendance_locks import Lock, QueuedCorrection
from hr_core.views import DayView

MOST_FEN = 10**12  # ten thousand million yuan: no pay of anybody, and far inside 64 bits


class Answer(Struct, frozen=True, kw_only=True):
    """What all answers are: `next` of a list is the cursor of the page that follows, or null."""


class Me(Answer, frozen=True, kw_only=True):
    """`csrf_token`: for changes by a session, in the header X-CSRF-Token; null for a token. The
    employee number is that of today.
    """

    account: str
    roles: tuple[str, ...]
    rights: tuple[str, ...]
    person: str | None
    employee_number: str | None
    csrf_token: str | None


class PersonAnswer(Answer, frozen=True, kw_only=True):
    """`person` is the key that never changes, `employee_number` what people call it on the day asked
    for (null: none then); times of the person are of `zone`'s wall clock.
    """

    person: str
    employee_number: str | None
    name: str
    shift: str
    zone: str


class People(Answer, frozen=True, kw_only=True):
    people: tuple[PersonAnswer, ...]
    next: str | None


class DayAnswer(DayView, frozen=True, kw_only=True):
    """A day of one person, with the employee number of that day."""

    employee_number: str | None


class Days(Answer, frozen=True, kw_only=True):
    """As stored, or computed now from the raw punches; each names its rule version and event ids."""

    person: str
    days: tuple[DayAnswer, ...]


class PunchAnswer(Answer, frozen=True, kw_only=True):
    """`device_time` is the wall clock that the device wrote, `received_at` UTC of the gateway."""

    event_id: str
    person: str
    employee_number: str | None
    device: str
    user_id: str
    device_time: datetime
    direction: str
    method: str
    channel: str
    flags: tuple[str, ...]
    received_at: datetime


class Punches(Answer, frozen=True, kw_only=True):
    """A page may hold fewer rows than the limit and still have a next one. The employee number is
    that of the punch's day.
    """

    punches: tuple[PunchAnswer, ...]
    next: str | None


class RequestAnswer(Answer, frozen=True, kw_only=True):
    """`body` is what was asked, by its `type`; `queued_days` were locked when it was approved. The
    employee number is that of its first day.
    """

    id: int
    person: str
    employee_number: str | None
    kind: str
    state: str
    body: dict[str, str | int | float | bool | None]
    asked_at: datetime
    asked_by: str
    reason: str
    decided_at: datetime | None
    decided_by: str
    decision: str
    queued_days: tuple[date, ...]


class NewRequest(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked, by its `type`, and why. Who asks is who sends it."""

    body: Body
    reason: str
    evidence: str = ""


class Decision(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is decided so. Who decides is who sends it."""

    reason: str = ""


class Requests(Answer, frozen=True, kw_only=True):
    requests: tuple[RequestAnswer, ...]
    next: str | None


class SlipHeadAnswer(Answer, frozen=True, kw_only=True):
    """`total_fen`: in fen, a hundredth of a yuan, as every amount."""

    run: int
    month: str
    total_fen: int
    computed_at: datetime


class Slips(Answer, frozen=True, kw_only=True):
    """With the employee number of today."""

    person: str
    employee_number: str | None
    slips: tuple[SlipHeadAnswer, ...]


class SlipLineAnswer(Answer, frozen=True, kw_only=True):
    """`rule`, `version`, `source`, `formula`: how the amount came about."""

    code: str
    label: str
    label_zh: str
    amount_fen: int
    note: str
    rule: str
    version: str
    source: str
    formula: str


class SlipAnswer(Answer, frozen=True, kw_only=True):
    """As the run paid it, with the employee number of the month's last day. `newest_version` above 1:
    it was reversed since (`…/versions`).
    """

    person: str
    employee_number: str | None
    run: int
    month: str
    total_fen: int
    lines: tuple[SlipLineAnswer, ...]
    newest_version: int
    to_clarify: tuple[OpenDay, ...]


class SlipVersion(Answer, frozen=True, kw_only=True):
    """`version` 1 is the slip as its run paid it. A later one replaced the whole version before:
    `replaced` are that one's lines with the other sign, and `difference_fen` is what is still to be
    paid (above zero) or given back.
    """

    version: int
    total_fen: int
    lines: tuple[SlipLineAnswer, ...]
    replaced: tuple[SlipLineAnswer, ...]
    difference_fen: int
    reason: str
    entered_by: str
    approved_by: str
    at: datetime | None


class SlipVersions(Answer, frozen=True, kw_only=True):
    """Oldest first; the last one counts."""

    person: str
    run: int
    month: str
    versions: tuple[SlipVersion, ...]


class SideAnswer(Answer, frozen=True, kw_only=True):
    """`marks` by indicator, exact text; null where the side has given none, was excused (`note` says
    why) or is not `visible` to this account yet.
    """

    given: bool
    visible: bool
    marks: dict[str, str] | None
    note: str


class AssessmentAnswer(Answer, frozen=True, kw_only=True):
    """`side`: which of the two the account is; null: neither. `to_explain`: indicators whose marks lie
    so far apart that somebody has to say why before the lock.
    """

    number: int
    person: str
    period: str
    post: str
    share_percent: str
    rater: str
    indicators: tuple[Indicator, ...]
    side: str | None
    own: SideAnswer
    manager: SideAnswer
    reasons: dict[str, str]
    to_explain: tuple[str, ...]
    locked: bool


class Assessments(Answer, frozen=True, kw_only=True):
    assessments: tuple[AssessmentAnswer, ...]
    next: str | None


class NewMarks(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One mark for each indicator, as text like 85 or 87.5. Whose side it is follows from who sends it."""

    marks: dict[str, str]
    note: str = ""


class RankAnswer(Answer, frozen=True, kw_only=True):
    """`rank` 1 is the best, equal scores share one; `score` is exact text like 84 or 253/3."""

    period: str
    unit: str
    rank: int
    of: int
    score: str


class PlannedDayAnswer(PlannedDay, frozen=True, kw_only=True):
    """A planned day with the employee number of that day."""

    employee_number: str | None


class PlanAnswer(Answer, frozen=True, kw_only=True):
    """What was due on each day, and what says so: `sources` of a day."""

    person: str
    days: tuple[PlannedDayAnswer, ...]


class LotAnswer(LotState, frozen=True, kw_only=True):
    """A lot of time off, from which overtime it was earned, and every entry since."""

    left_minutes: int
    owed_minutes: int


class TimeOff(Answer, frozen=True, kw_only=True):
    """The balance, and lot by lot, as booked up to the day asked for."""

    person: str
    employee_number: str | None
    balance: Balance
    lots: tuple[LotAnswer, ...]


class LimitsAnswer(Answer, frozen=True, kw_only=True):
    """`limits`: null where nobody can judge, `not_judged` says why then. `behind`: punches or changes
    wait to be computed, so that hours may be missing. `known_until`: the calendar of later days is not
    out.
    """

    person: str
    employee_number: str | None
    month: str
    law: str
    known_until: date
    behind: bool
    limits: PersonLimits | None
    not_judged: str


class Locks(Answer, frozen=True, kw_only=True):
    locks: tuple[Lock, ...]


class CorrectionAnswer(QueuedCorrection, frozen=True, kw_only=True):
    """What a day of a locked month was paid as, and what it would be now; with the employee number
    of that day.
    """

    employee_number: str | None


class Corrections(Answer, frozen=True, kw_only=True):
    corrections: tuple[CorrectionAnswer, ...]
    next: str | None


class WaitingUser(Answer, frozen=True, kw_only=True):
    """A user id of a device that was nobody's when it punched. `first`, `last`: device times."""

    device: str
    user_id: str
    punches: int
    first: datetime
    last: datetime


class Waiting(Answer, frozen=True, kw_only=True):
    users: tuple[WaitingUser, ...]
    next: str | None


class NewAdoption(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who a waiting device user is. One of `base_fen` (a month) and `hourly_fen`, or an employer who
    pays; `first` null: the day of the first punch that waits; `shift` null: the only one.
    """

    device: str
    user_id: str
    name: str
    id_digits: str = ""
    team: str | None = None
    base_fen: Annotated[int, Meta(ge=0, le=MOST_FEN)] | None = None
    hourly_fen: Annotated[int, Meta(ge=0, le=MOST_FEN)] | None = None
    first: date | None = None
    employer: str = ""
    shift: str | None = None
    reason: str = ""


class AdoptionAnswer(Answer, frozen=True, kw_only=True):
    """`person` and `employee_number`: who it became, when it was confirmed. `similar`: keys of people
    of the same name, to be looked at before confirming.
    """

    number: int
    state: str
    facts: Facts
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    person: str | None
    employee_number: str | None
    similar: tuple[str, ...]


class Adoptions(Answer, frozen=True, kw_only=True):
    adoptions: tuple[AdoptionAnswer, ...]
    next: str | None


class LineRate(Answer, frozen=True, kw_only=True):
    """`percent` and `coverage` are exact texts; `interval_95`: Wilson's, as shares."""

    line: str
    name: str
    pieces: int
    rejects: int
    percent: str
    interval_95: tuple[float, float] | None
    over_limit: bool
    coverage: str


class LineRates(Answer, frozen=True, kw_only=True):
    month: str
    alert_version: str
    lines: tuple[LineRate, ...]
    total_pieces: int
    total_rejects: int


class WatermarkAnswer(Answer, frozen=True, kw_only=True):
    """Nothing of the device is missing before `complete_until` (UTC); null: nothing can be said."""

    device: str
    gateway: str
    complete_until: datetime | None
    on_device: int | None
    fetched: int
    stored: int
    held_by: str | None
    told_at: datetime


class Watermarks(Answer, frozen=True, kw_only=True):
    devices: tuple[WatermarkAnswer, ...]
    next: str | None


class PaidLine(Answer, frozen=True, kw_only=True):
    """`amount_fen`: null where the account does not see it."""

    code: str
    label: str
    label_zh: str
    side: str
    amount_fen: int | None


class PaidPerson(Answer, frozen=True, kw_only=True):
    """A payslip in a run. `masked`: fields that this account does not see of this person; their
    values are null.
    """

    person: str
    employee_number: str | None
    name: str
    total_fen: int | None
    lines: tuple[PaidLine, ...]
    days_to_clarify: int
    masked: tuple[str, ...]


class PaidPeople(Answer, frozen=True, kw_only=True):
    """The payslips of a run, of the people whom the account sees."""

    run: int
    month: str
    people: tuple[PaidPerson, ...]


class SlipTrace(Answer, frozen=True, kw_only=True):
    """Each line as `hr-core pay explain --json` tells it, down to the raw bytes, less what the account
    does not see of this person (`masked`: null).
    """

    run: int
    month: str
    person: str
    name: str
    total_fen: int | None
    lines: tuple[dict[str, Any], ...]
    masked: tuple[str, ...]


class ApprovalAnswer(Answer, frozen=True, kw_only=True):
    """Something that one person entered and another decides. `content`: exactly what was entered,
    `digest` its SHA-256; state: proposed, approved, refused, withdrawn.
    """

    number: int
    kind: str
    subject: str
    content: Any
    digest: str
    state: str
    proposed_at: datetime
    proposed_by: str
    reason: str
    decided_at: datetime | None
    decided_by: str | None
    decision: str


class Approvals(Answer, frozen=True, kw_only=True):
    approvals: tuple[ApprovalAnswer, ...]
    next: str | None
