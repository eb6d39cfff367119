"""`hr-core request ask KIND`: one command for each kind of request."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hr_core.cli.options import DbOption, JsonOption, writing
from hr_core.cli.request import ByOption, NumberArgument, parse_date, parse_moment, print_request

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.attendance.plan.request import Body, Request

Word = TypeVar("Word", bound=StrEnum)

app = typer.Typer(help="Ask for something.", rich_markup_mode=None)

PersonArgument = Annotated[str, typer.Argument(help="For whom.", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why.")]
AsOption = Annotated[str, typer.Option("--as", help="Who asks: self, leader or hr.")]
EvidenceOption = Annotated[str, typer.Option("--evidence", help="Photo, ticket, witness.")]
FromOption = Annotated[str, typer.Option("--from", help="The first day.")]
ToOption = Annotated[
    str | None, typer.Option("--to", help="The last day, included [default: the first].")
]
DayOption = Annotated[str, typer.Option("--day", help="The day on which the shift began.")]
AtOption = Annotated[str, typer.Option("--at", help="Wall clock: 2026-10-01T08:00.")]
DirectionOption = Annotated[str, typer.Option("--direction", help="in or out.")]


@app.callback()
def _ask() -> None: ...


@app.command("leave")
def leave(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    kind: Annotated[str, typer.Argument(help="annual, sick, personal, …", show_default=False)],
    *,
    first: FromOption,
    last: ToOption = None,
    begins_midday: Annotated[bool, typer.Option(help="The first day from its middle on.")] = False,
    ends_midday: Annotated[bool, typer.Option(help="The last day up to its middle.")] = False,
    hours: Annotated[str | None, typer.Option(help="Of one day: 13:00-15:30.")] = None,
    reason: ReasonOption,
    relation: AsOption = "self",
    evidence: EvidenceOption = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leave of days, half days or hours."""
    from hr_core.attendance.plan.request import Leave

    start, end = _hours(hours)
    begins = parse_date(first, "--from")
    body = Leave(
        leave=kind,
        first=begins,
        last=parse_date(last, "--to") if last else begins,
        begins_midday=begins_midday,
        ends_midday=ends_midday,
        start_min=start,
        end_min=end,
    )
    _ask_for(context, db, person, body, (by, relation, reason, evidence), as_json=as_json)


@app.command("overtime")
def overtime(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    *,
    day: DayOption,
    start: Annotated[str, typer.Option("--start", help="Wall clock: 2026-10-01T18:00.")],
    end: Annotated[str, typer.Option("--end", help="Wall clock: 2026-10-01T20:00.")],
    day_kind: Annotated[
        str | None, typer.Option(help="workday, rest_day or statutory_holiday, to be sure.")
    ] = None,
    reason: ReasonOption,
    relation: AsOption = "self",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Overtime in an interval; the kind of day is the plan's."""
    from hr_core.attendance.calendar import DayKind
    from hr_core.attendance.plan.request import Overtime

    body = Overtime(
        day=parse_date(day, "--day"),
        start=parse_moment(start, "--start"),
        end=parse_moment(end, "--end"),
        kind=None if day_kind is None else _member(DayKind, day_kind, "--day-kind"),
    )
    _ask_for(context, db, person, body, (by, relation, reason, ""), as_json=as_json)


@app.command("punch")
def punch(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    *,
    day: DayOption,
    at: AtOption,
    direction: DirectionOption,
    cause: Annotated[str, typer.Option("--cause", help="forgot, device_fault, business, …")],
    reason: ReasonOption,
    relation: AsOption = "self",
    evidence: EvidenceOption = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """A punch that is missing; the log of the devices stays as it is."""
    from hr_core.attendance.plan.request import MissingPunch
    from protocols.records import Direction

    body = MissingPunch(
        day=parse_date(day, "--day"),
        at=parse_moment(at, "--at"),
        direction=_member(Direction, direction, "--direction"),
        cause=cause,
    )
    _ask_for(context, db, person, body, (by, relation, reason, evidence), as_json=as_json)


@app.command("day")
def manual_day(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    *,
    day: DayOption,
    regular_min: Annotated[int, typer.Option(help="Regular minutes.")],
    overtime_min: Annotated[int, typer.Option(help="Minutes of overtime.")] = 0,
    reason: ReasonOption,
    relation: AsOption = "hr",
    evidence: EvidenceOption = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """A day decided by hand."""
    from hr_core.attendance.plan.request import DayByHand

    body = DayByHand(
        day=parse_date(day, "--day"), regular_min=regular_min, overtime_min=overtime_min
    )
    _ask_for(context, db, person, body, (by, relation, reason, evidence), as_json=as_json)


@app.command("trip")
def trip(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    *,
    first: FromOption,
    last: ToOption = None,
    place: Annotated[str, typer.Option("--place", help="Where to.")],
    reason: ReasonOption,
    relation: AsOption = "self",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Work away from the site."""
    from hr_core.attendance.plan.request import AskedTrip

    begins = parse_date(first, "--from")
    body = AskedTrip(first=begins, last=parse_date(last, "--to") if last else begins, place=place)
    _ask_for(context, db, person, body, (by, relation, reason, ""), as_json=as_json)


@app.command("mobile")
def mobile(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    *,
    day: DayOption,
    at: AtOption,
    direction: DirectionOption,
    latitude: Annotated[float, typer.Option(help="Degrees, WGS 84.")],
    longitude: Annotated[float, typer.Option(help="Degrees, WGS 84.")],
    accuracy_m: Annotated[float, typer.Option(help="As the phone says it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "punch on a phone",
    relation: AsOption = "self",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """A punch on a phone: counts at once at a place of work, else it waits for approval."""
    from hr_core.attendance.plan.request import MobilePunch
    from protocols.records import Direction

    body = MobilePunch(
        day=parse_date(day, "--day"),
        at=parse_moment(at, "--at"),
        direction=_member(Direction, direction, "--direction"),
        latitude=latitude,
        longitude=longitude,
        accuracy_m=accuracy_m,
    )
    _ask_for(context, db, person, body, (by, relation, reason, ""), as_json=as_json)


@app.command("reversal")
def reversal(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    number: NumberArgument,
    *,
    reason: ReasonOption,
    relation: AsOption = "hr",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back an approved request."""
    from hr_core.request_desk import reversal_of

    with writing(context, db) as conn:
        person, body = reversal_of(conn, number)
        asked = _asked(conn, person, body, (by, relation, reason, ""))
    print_request(asked, as_json=as_json)


# Who asks (None: the account), as what, why, and the evidence.
_Words = tuple[str | None, str, str, str]


def _ask_for(
    context: typer.Context,
    db: str | None,
    person: str,
    body: Body,
    words: _Words,
    *,
    as_json: bool,
) -> None:
    from hr_core.people.lookup import person_of_number

    with writing(context, db) as conn:
        asked = _asked(conn, person_of_number(conn, person, body.days[0]), body, words)
    print_request(asked, as_json=as_json)


def _asked(conn: sa.Connection, person: str, body: Body, words: _Words) -> Request:
    from hr_core.attendance.plan.request import Relation
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.request_desk import Asking, ask
    from hr_core.store.work_plan import locks_of

    by, relation, reason, evidence = words
    asking = Asking(
        person=person,
        body=body,
        by=by or operator(),
        relation=_member(Relation, relation, "--as"),
        reason=reason,
        evidence=evidence,
    )
    return ask(conn, asking, SystemClock().now(), locks_of(conn))


def _hours(text: str | None) -> tuple[int | None, int | None]:
    """Minutes of "13:00-15:30"; an end at or before the start is the next day's."""
    from hr_core.clock import DAY_MIN, parse_time_of_day

    if text is None:
        return None, None
    try:
        start, end = map(parse_time_of_day, text.split("-"))
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} are no hours like 13:00-15:30", param_hint="--hours"
        ) from exc
    return start, end if end > start else end + DAY_MIN


def _member(kinds: type[Word], text: str, option: str) -> Word:
    try:
        return kinds(text)
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is none of {', '.join(kinds)}", param_hint=option
        ) from exc
