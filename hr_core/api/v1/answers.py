"""What the API answers: structs that msgspec writes, and from which it makes the OpenAPI schemas."""

from datetime import date, datetime

from msgspec import Struct

from hr_core.attendance.plan.request import Body
from hr_core.pay.slip import OpenDay
from hr_core.views import DayView


class Answer(Struct, frozen=True, kw_only=True):
    """What all answers are: `next` of a list is the cursor of the page that follows, or null."""


class Me(Answer, frozen=True, kw_only=True):
    """`csrf_token`: for changes by a session, in the header X-CSRF-Token; null for a token."""

    account: str
    roles: tuple[str, ...]
    rights: tuple[str, ...]
    person: str | None
    csrf_token: str | None


class PersonAnswer(Answer, frozen=True, kw_only=True):
    """`person` is the key that never changes; times of the person are of `zone`'s wall clock."""

    person: str
    name: str
    shift: str
    zone: str


class People(Answer, frozen=True, kw_only=True):
    people: tuple[PersonAnswer, ...]
    next: str | None


class Days(Answer, frozen=True, kw_only=True):
    """As stored, or computed now from the raw punches; each names its rule version and event ids."""

    person: str
    days: tuple[DayView, ...]


class PunchAnswer(Answer, frozen=True, kw_only=True):
    """`device_time` is the wall clock that the device wrote, `received_at` UTC of the gateway."""

    event_id: str
    person: str
    device: str
    user_id: str
    device_time: datetime
    direction: str
    method: str
    channel: str
    flags: tuple[str, ...]
    received_at: datetime


class Punches(Answer, frozen=True, kw_only=True):
    """A page may hold fewer rows than the limit and still have a next one."""

    punches: tuple[PunchAnswer, ...]
    next: str | None


class RequestAnswer(Answer, frozen=True, kw_only=True):
    """`body` is what was asked, by its `type`; `queued_days` were locked when it was approved."""

    id: int
    person: str
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
    person: str
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
    person: str
    run: int
    month: str
    total_fen: int
    lines: tuple[SlipLineAnswer, ...]
    to_clarify: tuple[OpenDay, ...]


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
