"""People, their days, punches and payslips. A person that the asker does not see is unknown."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter
from msgspec.structs import asdict
from starlette.responses import Response

from hr_core import views
from hr_core.accounts.login import csrf_token
from hr_core.accounts.model import Right
from hr_core.accounts.visible import only, sees_trials
from hr_core.api.v1 import answers as of
from hr_core.api.v1 import reading
from hr_core.api.v1.asking import Ask, needs
from hr_core.api.v1.openapi import answers
from hr_core.api.v1.parameters import (
    AskedPage,
    AskedSpan,
    DayInPath,
    EmployeeNumber,
    OnDay,
    PersonKey,
    RunNumber,
    Span,
    Words,
    cursor_of,
)
from hr_core.api.v1.problem import not_found
from hr_core.api.v1.sending import seen_person, sent
from hr_core.attendance.live.rule_sets import load_engines
from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.slip import SlipLine
from hr_core.people.model import Person
from hr_core.people.number_of_day import NumbersOfDays
from hr_core.store.event_rows import StoredPunch
from hr_core.store.pay_reversals import reversals
from hr_core.store.pay_run_steps import is_issued
from hr_core.trace.explain_day import explain_day_of_person
from hr_core.trace.explained_day import ExplainedDay

router = APIRouter(tags=["people"])

AnyAsk = Annotated[Ask, needs(None)]
PeopleAsk = Annotated[Ask, needs(Right.PEOPLE_READ)]
AttendanceAsk = Annotated[Ask, needs(Right.ATTENDANCE_READ)]
PayAsk = Annotated[Ask, needs(Right.PAY_READ)]

_MOST_SLIPS = 120  # ten years


@router.get("/me", **answers(of.Me, right=None))
def me(ask: AnyAsk) -> Response:
    """Who asks, and what it may do."""
    account = ask.account
    numbers = NumbersOfDays.load(ask.conn, {account.person} if account.person else set())
    return sent(
        of.Me(
            account=account.name,
            roles=tuple(account.roles),
            rights=tuple(sorted(ask.rights)),
            person=account.person,
            employee_number=numbers.on(account.person, ask.today) if account.person else None,
            csrf_token=csrf_token(ask.session) if ask.session else None,
        )
    )


@router.get("/people", **answers(of.People, right=Right.PEOPLE_READ))
def people(
    ask: PeopleAsk,
    page: AskedPage,
    words: Words = None,
    employee_number: EmployeeNumber = None,
    on: OnDay = None,
) -> Response:
    """The people whom the account sees on a day, by their keys."""
    day = on or ask.today
    wanted = reading.PeopleWanted(on=day, words=words, employee_number=employee_number)
    found = reading.people_page(
        ask.conn, ask.seen_on(day), wanted, after=page.after_text, limit=page.limit
    )
    numbers = NumbersOfDays.load(ask.conn, {one.number for one in found})
    return sent(
        of.People(
            people=tuple(_person(one, numbers.on(one.number, day)) for one in found),
            next=cursor_of(found[-1].number) if len(found) == page.limit else None,
        )
    )


@router.get("/people/{person:path}/days", **answers(of.Days, right=Right.ATTENDANCE_READ))
def days(ask: AttendanceAsk, person: PersonKey, span: AskedSpan) -> Response:
    """A person's days up to today."""
    one = seen_in(ask, person, span)
    seen = set(reading.days_seen(ask.conn, ask.seen_on, one, span.days()))
    found = views.days_between(ask.conn, one.number, span, ask.now)
    numbers = NumbersOfDays.load(ask.conn, {one.number})
    return sent(
        of.Days(
            person=one.number,
            days=tuple(
                of.DayAnswer(
                    **asdict(views.day_view(day)), employee_number=numbers.on(one.number, day.day)
                )
                for day in found
                if day.day in seen
            ),
        )
    )


@router.get(
    "/people/{person:path}/days/{day}", **answers(ExplainedDay, right=Right.ATTENDANCE_READ)
)
def day(ask: AttendanceAsk, person: PersonKey, day: DayInPath) -> Response:
    """One day: every punch and its way, the reason of each minute, what it waits for."""
    one = seen_person(ask.conn, ask.seen_on(day), person)
    return sent(explain_day_of_person(ask.conn, load_engines(ask.conn), one.number, day, ask.now))


@router.get("/people/{person:path}/punches", **answers(of.Punches, right=Right.ATTENDANCE_READ))
def punches_of(ask: AttendanceAsk, person: PersonKey, span: AskedSpan, page: AskedPage) -> Response:
    """A person's raw punches by device time, also those that do not count."""
    one = seen_in(ask, person, span)
    seen = reading.days_seen(ask.conn, ask.seen_on, one, span.days())
    spans = [(Span.of(day), only(one.number)) for day in seen]
    return _punches(ask, reading.punch_page(ask.conn, spans, after=page.after, limit=page.limit))


@router.get("/people/{person:path}/slips", **answers(of.Slips, right=Right.PAY_READ))
def slips(ask: PayAsk, person: PersonKey) -> Response:
    """A person's payslips, newest run first. Most accounts see their own only, and of those the ones
    of runs that were approved.
    """
    one = _paid(ask, person)
    heads = views.slips_of_person(
        ask.conn, one.number, limit=_MOST_SLIPS, trials=sees_trials(ask.account)
    )
    return sent(
        of.Slips(
            person=one.number,
            employee_number=_number(ask, one, ask.today),
            slips=tuple(
                of.SlipHeadAnswer(
                    run=head.run,
                    month=head.month,
                    total_fen=head.total_fen,
                    computed_at=head.created_at,
                )
                for head in heads
            ),
        )
    )


@router.get(
    "/people/{person:path}/slips/{run}/versions",
    **answers(of.SlipVersions, right=Right.PAY_READ),
)
def slip_versions(ask: PayAsk, person: PersonKey, run: RunNumber) -> Response:
    """A payslip as it was paid, and each version that replaced it, with what it took back."""
    one = _paid(ask, person)
    found = _slip(ask, one, run)
    first = of.SlipVersion(
        version=1,
        total_fen=found.total_fen,
        lines=_lines(found.lines),
        replaced=(),
        difference_fen=0,
        reason="",
        entered_by="",
        approved_by="",
        at=None,
    )
    later = (
        of.SlipVersion(
            version=again.version,
            total_fen=again.after_fen,
            lines=_lines(again.new_lines),
            replaced=_lines(again.reversed_lines),
            difference_fen=again.difference_fen,
            reason=again.reason,
            entered_by=again.entered_by,
            approved_by=again.approved_by,
            at=again.at,
        )
        for again in reversals(ask.conn, runs=[run], person=one.number)
    )
    return sent(
        of.SlipVersions(person=one.number, run=run, month=found.month, versions=(first, *later))
    )


@router.get("/people/{person:path}/slips/{run}", **answers(of.SlipAnswer, right=Right.PAY_READ))
def slip(ask: PayAsk, person: PersonKey, run: RunNumber) -> Response:
    """One payslip with the rule behind each line."""
    one = _paid(ask, person)
    found = _slip(ask, one, run)
    return sent(
        of.SlipAnswer(
            person=one.number,
            employee_number=_number(ask, one, Month.parse(found.month).after - timedelta(days=1)),
            run=run,
            month=found.month,
            total_fen=found.total_fen,
            lines=_lines(found.lines),
            newest_version=1 + len(reversals(ask.conn, runs=[run], person=one.number)),
            to_clarify=found.to_clarify,
        )
    )


@router.get("/punches", **answers(of.Punches, right=Right.ATTENDANCE_READ))
def punches(ask: AttendanceAsk, span: AskedSpan, page: AskedPage) -> Response:
    """Raw punches of everybody whom the account sees; those of nobody are in /waiting."""
    if ask.seen.everyone:
        spans = [(span, ask.seen)]
    else:  # who is seen may change from day to day
        spans = [(Span.of(day), ask.seen_on(day)) for day in span.days()]
    return _punches(ask, reading.punch_page(ask.conn, spans, after=page.after, limit=page.limit))


# Last: a key may hold a slash, so this one matches what the others do not.
@router.get("/people/{person:path}", **answers(of.PersonAnswer, right=Right.PEOPLE_READ))
def person(ask: PeopleAsk, person: PersonKey, on: OnDay = None) -> Response:
    """One person, by the key: an employee number finds it with /people?employee_number=."""
    day = on or ask.today
    one = seen_person(ask.conn, ask.seen_on(day), person)
    return sent(_person(one, _number(ask, one, day)))


def seen_in(ask: Ask, key: str, span: Span) -> Person:
    """Seen on one of the days at least. Raises ProblemError 404."""
    for day in span.days():
        found = reading.visible_person(ask.conn, ask.seen_on(day), key)
        if found is not None:
            return found
    raise not_found()


def _paid(ask: Ask, key: str) -> Person:
    """Raises ProblemError 404."""
    return seen_person(ask.conn, ask.pay_seen, key)


def _slip(ask: Ask, one: Person, run: int) -> views.SlipView:
    """As the run paid it. Raises ProblemError 404."""
    if not (sees_trials(ask.account) or is_issued(ask.conn, run)):
        raise not_found("payslip")
    try:
        return views.slip(ask.conn, run, one.number)
    except NotFoundError as exc:
        raise not_found("payslip") from exc


def _lines(lines: Iterable[SlipLine]) -> tuple[of.SlipLineAnswer, ...]:
    return tuple(
        of.SlipLineAnswer(
            code=line.code,
            label=line.label,
            label_zh=line.label_zh,
            amount_fen=line.amount_fen,
            note=line.note,
            rule=line.trace.rule,
            version=line.trace.version,
            source=line.trace.source,
            formula=line.trace.formula,
        )
        for line in lines
    )


def _number(ask: Ask, one: Person, day: date) -> str | None:
    return NumbersOfDays.load(ask.conn, {one.number}).on(one.number, day)


def _person(one: Person, employee_number: str | None) -> of.PersonAnswer:
    return of.PersonAnswer(
        person=one.number,
        employee_number=employee_number,
        name=one.name,
        shift=one.shift,
        zone=one.zone,
    )


def _punches(ask: Ask, page: reading.PunchPage) -> Response:
    numbers = NumbersOfDays.load(ask.conn, {owner for owner, _ in page.punches})
    return sent(
        of.Punches(
            punches=tuple(
                _punch(owner, numbers.on(owner, punch.device_time.date()), punch)
                for owner, punch in page.punches
            ),
            next=None if page.last is None else cursor_of(page.last),
        )
    )


def _punch(owner: str, employee_number: str | None, punch: StoredPunch) -> of.PunchAnswer:
    return of.PunchAnswer(
        event_id=punch.event_id.hex(),
        person=owner,
        employee_number=employee_number,
        device=punch.serial,
        user_id=punch.user_id,
        device_time=punch.device_time,
        direction=punch.direction,
        method=punch.method,
        channel=punch.channel,
        flags=tuple(punch.flags),
        received_at=punch.received_at,
    )
