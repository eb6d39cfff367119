"""`hr-core request`: ask for leave, overtime, corrections and trips, and decide what others asked."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import DbOption, JsonOption, print_json, reading, today_here, writing

if TYPE_CHECKING:
    from hr_core.attendance.plan.request import Request, RequestState
    from hr_core.request_desk import Deciding

app = typer.Typer(help="Requests: leave, overtime, corrections, trips.", rich_markup_mode=None)

NumberArgument = Annotated[int, typer.Argument(help="The request's number.", show_default=False)]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who [default: your account].", show_default=False)
]


@app.callback()
def _request() -> None: ...


@app.command("approve")
def approve(
    context: typer.Context,
    number: NumberArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="What speaks for it.")] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve what another person asked."""
    from hr_core.cli.hour_limits import warn
    from hr_core.request_desk import approve as approve_it
    from hr_core.store.work_plan import locks_of

    with writing(context, db) as conn:
        decided = approve_it(conn, number, _deciding(by, reason), locks_of(conn))
        warn(conn, [decided.person], decided.body.days[0])
    print_request(decided, as_json=as_json)


@app.command("refuse")
def refuse(
    context: typer.Context,
    number: NumberArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse what another person asked."""
    from hr_core.request_desk import refuse as refuse_it

    with writing(context, db) as conn:
        decided = refuse_it(conn, number, _deciding(by, reason))
    print_request(decided, as_json=as_json)


@app.command("withdraw")
def withdraw(
    context: typer.Context,
    number: NumberArgument,
    *,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back what you asked and nobody decided yet."""
    from hr_core.request_desk import withdraw as withdraw_it

    with writing(context, db) as conn:
        decided = withdraw_it(conn, number, _deciding(by, ""))
    print_request(decided, as_json=as_json)


@app.command("show")
def show(
    context: typer.Context,
    number: NumberArgument,
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one request and what became of it."""
    from hr_core.store.requests import request

    with reading(context, db) as conn:
        found = request(conn, number)
    print_request(found, as_json=as_json)


@app.command("list")
def list_all(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    *,
    person: Annotated[str | None, typer.Option("--person", help="Only of this person.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", help="asked, approved, refused or withdrawn.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="leave, overtime, …")] = None,
    first: Annotated[str | None, typer.Option("--from", help="From this day on.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Until this day, included.")] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """List requests whose days touch the span."""
    from datetime import timedelta

    from hr_core.people.lookup import person_of_number
    from hr_core.store.requests import RequestFilter, list_requests
    from hr_core.store.work_plan import keys_of

    begins = parse_date(first, "--from") if first else None
    ends = parse_date(last, "--to") + timedelta(days=1) if last else None
    wanted_state = _state(state)
    with reading(context, db) as conn:
        keys = (
            keys_of(conn, person_of_number(conn, person, begins or today_here(conn)))
            if person
            else None
        )
        found = list_requests(
            conn,
            RequestFilter(persons=keys, state=wanted_state, kind=kind, first=begins, until=ends),
        )
    if as_json:
        print_json({"requests": [shown(one) for one in found]})
        return
    for one in found:
        print(_line(one))
    if not found:
        print("No such request: hr-core request ask")


def shown(one: Request) -> dict[str, object]:
    """A request as --json prints it."""
    import msgspec

    first, until = one.body.days
    return {
        **msgspec.structs.asdict(one),
        "body": msgspec.to_builtins(one.body),
        "kind": one.kind,
        "first": first,
        "until": until,
    }


def parse_date(text: str, option: str) -> date:
    """Raises a usage error."""
    try:
        return _in_bounds(date.fromisoformat(text))
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is not a date like 2026-10-01", param_hint=option
        ) from exc


def _in_bounds(day: date) -> date:
    """Days are added to it. Raises ValueError."""
    from hr_core.attendance.plan.request import FIRST_YEAR, LAST_YEAR

    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{day} is no day to ask for")
    return day


def parse_moment(text: str, option: str) -> datetime:
    """The site's wall clock. Raises a usage error."""
    try:
        moment = datetime.fromisoformat(text)
        _in_bounds(moment)
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is not a time like 2026-10-01T08:00", param_hint=option
        ) from exc
    if moment.tzinfo is not None or "T" not in text:
        raise typer.BadParameter(
            "give the site's wall clock, without a zone: 2026-10-01T08:00", param_hint=option
        )
    return moment


def _state(text: str | None) -> RequestState | None:
    from hr_core.attendance.plan.request import RequestState

    if text is None:
        return None
    try:
        return RequestState(text)
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is none of {', '.join(RequestState)}", param_hint="--state"
        ) from exc


def _deciding(by: str | None, reason: str) -> Deciding:
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock
    from hr_core.request_desk import Deciding

    return Deciding(by or operator(), SystemClock().now(), reason)


def print_request(one: Request, *, as_json: bool) -> None:
    if as_json:
        print_json(shown(one))
        return
    import msgspec

    print(_line(one))
    for name, value in msgspec.to_builtins(one.body).items():
        if name != "type" and value is not None and value is not False:
            print(f"  {name}: {value}")
    print(
        f"  asked {one.asked_at:%Y-%m-%d %H:%M} UTC by {one.asked_by} ({one.relation}): {one.reason}"
    )
    if one.evidence:
        print(f"  evidence: {one.evidence}")
    if one.decided_at is not None:
        print(
            f"  {one.state} {one.decided_at:%Y-%m-%d %H:%M} UTC by {one.decided_by}"
            + (f": {one.decision}" if one.decision else "")
        )
    if one.queued_days:
        days = ", ".join(str(day) for day in one.queued_days)
        print(f"  locked when approved: {days}; see hr-core attendance corrections")


def _line(one: Request) -> str:
    from datetime import timedelta

    first, until = one.body.days
    return (
        f"{one.id:6} {one.state:9} {one.kind:13} {one.person:12} "
        f"{first} to {until - timedelta(days=1)}"
    )
