"""What requests may say: checked texts and days, capped spans and pages, opaque cursors."""

import base64
import binascii
from datetime import date, timedelta
from typing import Annotated, Any, NamedTuple, Self

from fastapi import Depends, Path, Query, Request
from pydantic import BeforeValidator, WithJsonSchema

from hr_core.api.v1.problem import ProblemError
from hr_core.clock import Month
from hr_core.performance.periods import Period
from hr_core.web.selection import read_day

# Two months and their edges: a pay period that begins in the middle of a month.
LONGEST_SPAN_DAYS = 62
MOST_ROWS = 500  # some 150 kB of punches
_USUAL_ROWS = 100
_LONGEST_CURSOR = 200
LARGEST_NUMBER = 2**31 - 1  # of a row, in every database
MAX_BODY_BYTES = 64 * 1024  # a request with a long reason has two

# Printable: a NUL is no text for PostgreSQL.
_TEXT = r"^[^\x00-\x1f\x7f]*$"


def _day(value: Any) -> date:
    return read_day(str(value))


def _month(value: Any) -> Month:
    text = str(value)
    if not text.isascii() or text > "9998":
        raise ValueError("not a month")
    return Month.parse(text)


def _period(value: Any) -> str:
    text = str(value)
    if not text.isascii() or not "1900" <= text < "9999":
        raise ValueError("not a period")
    return str(Period.parse(text))


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
MonthText = Annotated[
    Any,
    BeforeValidator(_month),
    WithJsonSchema({"type": "string", "pattern": r"^(19|2\d)\d{2}-(0[1-9]|1[0-2])$"}),
]
PersonKey = Annotated[
    str, Path(description="A person's key, as GET /people lists it.", max_length=64, pattern=_TEXT)
]
DayInPath = Annotated[Day, Path(description="The day on which the shift began.")]
EmployeeNumber = Annotated[
    str | None,
    Query(
        description="Who has exactly this employee number on the day.",
        max_length=64,
        pattern=_TEXT,
    ),
]
OnDay = Annotated[
    Day | None,
    Query(description="By the organisation and the employee numbers of this day [today]."),
]
RowNumber = Annotated[int, Path(ge=1, le=LARGEST_NUMBER, description="The number in its list.")]
RunNumber = Annotated[int, Path(ge=1, le=2**31 - 1, description="The pay run's number.")]
PeriodText = Annotated[
    Any,
    BeforeValidator(_period),
    WithJsonSchema({"type": "string", "pattern": r"^(19|2\d)\d{2}(-(0[1-9]|1[0-2]|Q[1-4]))?$"}),
]
_OF_PERIOD = Query(description="Like 2026-10, 2026-Q4 or 2026.")
AskedPeriod = Annotated[PeriodText, _OF_PERIOD]
PeriodWanted = Annotated[PeriodText | None, _OF_PERIOD]
AskedUnit = Annotated[
    str,
    Query(description="Code of a unit [everybody].", max_length=64, pattern=_TEXT),
]
Words = Annotated[
    str | None, Query(description="Part of a name or number.", max_length=64, pattern=_TEXT)
]


def day_looked_at(month: Month, today: date) -> date:
    """By whose organisation a whole month is seen: its last day's; today's while it runs."""
    last = month.after - timedelta(days=1)
    return min(last, today) if month.first <= today else month.first


class Span(NamedTuple):
    """Half open: `until` is the first day that no longer counts."""

    first: date
    until: date

    @classmethod
    def of(cls, day: date) -> Self:
        return cls(day, day + timedelta(days=1))

    def days(self) -> list[date]:
        return [date.fromordinal(n) for n in range(self.first.toordinal(), self.until.toordinal())]


def _span(
    from_: Annotated[Day, Query(alias="from", description="The first day.")],
    until: Annotated[Day, Query(description="The first day that no longer counts.")],
) -> Span:
    days = (until - from_).days
    if not 0 < days <= LONGEST_SPAN_DAYS:
        raise ProblemError(
            422,
            "span",
            f"from {from_} until {until} is no span of 1 to {LONGEST_SPAN_DAYS} days",
            where="query: from, until",
            remedy="ask for shorter spans, one after the other; until is not included",
        )
    return Span(from_, until)


AskedSpan = Annotated[Span, Depends(_span)]


class Page(NamedTuple):
    """`after`: the last key of the page before, None for the first page."""

    limit: int
    after: bytes | None

    @property
    def after_text(self) -> str | None:
        try:
            return None if self.after is None else self.after.decode()
        except UnicodeDecodeError as exc:
            raise bad_cursor() from exc

    @property
    def after_number(self) -> int | None:
        text = self.after_text
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and int(text) <= LARGEST_NUMBER):
            raise bad_cursor()
        return int(text)


def _page(
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows at most.")] = _USUAL_ROWS,
    cursor: Annotated[
        str | None,
        Query(description="`next` of the page before, as it came.", max_length=_LONGEST_CURSOR),
    ] = None,
) -> Page:
    return Page(limit, None if cursor is None else _read_cursor(cursor))


AskedPage = Annotated[Page, Depends(_page)]


def cursor_of(key: bytes | str) -> str:
    raw = key.encode() if isinstance(key, str) else key
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _read_cursor(text: str) -> bytes:
    try:
        raw = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError) as exc:
        raise bad_cursor() from exc
    if not raw:
        raise bad_cursor()
    return raw


def bad_cursor() -> ProblemError:
    return ProblemError(
        422,
        "cursor",
        "this cursor is not one of ours",
        where="query: cursor",
        remedy="send next of the page before unchanged, or none for the first page",
    )


async def _json_body(request: Request) -> bytes:
    """As sent, bounded while it arrives. Raises ProblemError 413, 415."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(
            415,
            "not_json",
            "the body is not announced as JSON",
            where="Content-Type",
            remedy="send Content-Type: application/json",
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ProblemError(
                413,
                "too_large",
                f"the body is over the cap of {MAX_BODY_BYTES} bytes",
                where="body",
                remedy="shorten the texts",
            )
    return bytes(body)


JsonBody = Annotated[bytes, Depends(_json_body)]
