"""What everybody made in a month, from counters and tally sheets, ready for the lines of each person."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayResult
from hr_core.clock import Month
from hr_core.law.national import national_law
from hr_core.pay.agreement import DatedAgreement, on_day
from hr_core.pay.piece.counted import Clock, Counted, Hours, counted_pieces
from hr_core.pay.piece.group_lines import GroupMember, GroupMonth, members_lines
from hr_core.pay.piece.lines import PieceTerms, with_single_codes
from hr_core.pay.piece.made import Made, What
from hr_core.pay.piece.person_pieces import PersonPieces
from hr_core.pay.piece.price_desk import price_book
from hr_core.pay.piece.prices import Goods, Group, Member, PriceBook
from hr_core.people.model import Days, Roster
from hr_core.quality.month import Series, counted_series
from hr_core.quality.presence import TEAM_PREFIX
from hr_core.quality.readings import line_facts, readings_between
from hr_core.store.attendance_days import days_of_people
from hr_core.store.piece_tallies import GROUP_PREFIX, StoredTally, tallies_between
from hr_core.trace.calculation import DayInput, TallyInput

_PEOPLE_AT_ONCE = 200
_DAY = timedelta(days=1)

DaysOfPeople = Mapping[str, Sequence[DayResult]]
Agreements = Mapping[str, Sequence[DatedAgreement]]


class MonthPieces(NamedTuple):
    """`notes`: what somebody should look at before the pay is approved, in words."""

    of_person: dict[str, PersonPieces]
    notes: tuple[str, ...]


def pieces_of_month(
    conn: sa.Connection, roster: Roster, month: Month, days: DaysOfPeople, agreements: Agreements
) -> MonthPieces:
    """Of everybody whose agreement pays by the piece on the day. A handful of queries, whatever the
    number of people.
    """
    paid = {
        person for person, held in agreements.items() if any(one.terms.by_piece for one in held)
    }
    tallies = tallies_between(conn, month.first, month.after)
    if not paid:
        return MonthPieces({}, tuple(_of_nobody(tallies, roster)))
    book = price_book(conn)
    terms = PieceTerms(book, national_law().overtime_on(month.first))
    told = {person: list(days.get(person, ())) for person in paid}
    counted = _counted(conn, roster, month, book, told)
    own, of_groups, notes = _sorted_out(tallies, counted, told, roster)
    groups = [_group_month(book, code, made, told) for code, made in sorted(of_groups.items())]
    groups = [_paid_by_piece(one, agreements) for one in groups]
    shares = members_lines(groups, terms)
    notes += shares.faults + _open_days(groups, told) + _untimed_overtime(counted, told)
    notes += [
        f"station {code}: {count} pieces, and no approved assignment says what they are"
        for code, count in sorted(counted.unassigned.items())
    ]
    notes += _of_others(own, agreements)
    return MonthPieces(
        {
            person: PersonPieces(
                terms=terms,
                made=tuple(
                    one for one in own.get(person, ()) if _by_piece(agreements, person, one.day)
                ),
                shares=with_single_codes(shares.lines.get(person, ())),
                refused=shares.refused.get(person),
            )
            for person in sorted(paid)
        },
        tuple(notes),
    )


def _counted(
    conn: sa.Connection, roster: Roster, month: Month, book: PriceBook, days: DaysOfPeople
) -> Counted:
    """`days` of whoever is paid by the piece."""
    if not any(table.assignments for table in book.tables):
        return Counted({}, {})
    site = ZoneInfo(roster.zone)
    start, end = month.instants(site)
    end += _DAY  # the last night shift
    readings = readings_between(conn, start, end)
    facts = line_facts(conn, roster, readings, (start, end))
    found, _ = counted_series(readings, roster.stations, facts)
    inside: list[Series] = [
        one.between(int(start.timestamp()), int(end.timestamp())) for one in found
    ]
    before = _day_before(conn, sorted(days), month.first)
    clock = Clock(
        {person: Hours([*before.get(person, ()), *own]) for person, own in days.items()},
        {number: ZoneInfo(person.zone) for number, person in roster.people.items()},
        site,
        frozenset(days),
    )
    badges = roster.number_by_badge(Days(month.first, month.after + _DAY))
    return counted_pieces(inside, badges, book, clock, month)


def _day_before(
    conn: sa.Connection, people: Sequence[str], first: date
) -> dict[str, list[DayResult]]:
    """A night shift of the month before ends in this one: its last pieces are not this month's."""
    found: defaultdict[str, list[DayResult]] = defaultdict(list)
    for start in range(0, len(people), _PEOPLE_AT_ONCE):
        some = people[start : start + _PEOPLE_AT_ONCE]
        for one in days_of_people(conn, some, first - _DAY, first):
            found[one.person].append(one.result)
    return found


_Own = dict[str, tuple[Made, ...]]


def _sorted_out(
    tallies: Iterable[StoredTally],
    counted: Counted,
    days: Mapping[str, Sequence[DayResult]],
    roster: Roster,
) -> tuple[_Own, dict[str, tuple[Made, ...]], list[str]]:
    """What single people made, what groups made (by code, or "team:a+b"), and notes."""
    own: defaultdict[str, tuple[Made, ...]] = defaultdict(tuple)
    groups: defaultdict[str, tuple[Made, ...]] = defaultdict(tuple)
    notes: list[str] = []
    for owner, made in counted.by_owner.items():
        if len(owner) == 1:
            own[roster.current(owner[0])] += made
        else:
            groups[TEAM_PREFIX + "+".join(owner)] += made
    kinds = {person: {day.day: day for day in of_one} for person, of_one in days.items()}
    on_free_days = _free_days(kinds.values())
    for row in tallies:
        if row.subject.startswith(GROUP_PREFIX):
            overtime = on_free_days.get(row.day) or (DayKind.WORKDAY if row.overtime else None)
            groups[row.subject.removeprefix(GROUP_PREFIX)] += _made_of(row, overtime)
            continue
        person = roster.current(row.subject)
        day = kinds.get(person, {}).get(row.day)
        own[person] += _made_of(row, _overtime(row, day))
        if person in kinds:
            notes += _doubt_of(row, person, day)
    return dict(own), dict(groups), notes


def _doubt_of(row: StoredTally, person: str, day: DayResult | None) -> list[str]:
    where = f"{row.file} row {row.sheet_row}: {person}"
    if day is None or not day.regular_min + day.overtime_min:
        return [f"{where} has pieces on {row.day}, and no minute of attendance"]
    if day.kind is DayKind.WORKDAY and day.overtime_min and not row.overtime:
        untold = "the row does not say whether its pieces were made then"
        return [f"{where} worked {day.overtime_min} min of overtime on {row.day}, and {untold}"]
    return []


def _untimed_overtime(counted: Counted, days: Mapping[str, Sequence[DayResult]]) -> list[str]:
    """Overtime that was entered without a time of day: no counted piece can lie in it."""
    made_on = {
        (who, one.day) for owner, made in counted.by_owner.items() for who in owner for one in made
    }
    return [
        f"{person} has overtime by hand on {day.day} without a time of day: counted pieces of it are "
        "paid as made in regular hours"
        for person, of_one in sorted(days.items())
        for day in of_one
        if (person, day.day) in made_on
        and any(one.start is None and one.counts == "overtime" for one in day.intervals)
    ]


def _overtime(row: StoredTally, day: DayResult | None) -> DayKind | None:
    """Of a free day all work is overtime; of a workday what the sheet says."""
    if day is not None and day.kind is not DayKind.WORKDAY:
        return day.kind
    return DayKind.WORKDAY if row.overtime else None


def _free_days(people: Iterable[Mapping[date, DayResult]]) -> dict[date, DayKind]:
    """Days that are free for everybody who has them: a group works overtime then."""
    kinds: defaultdict[date, set[DayKind]] = defaultdict(set)
    for days in people:
        for on, day in days.items():
            kinds[on].add(day.kind)
    return {
        on: next(iter(found))
        for on, found in kinds.items()
        if len(found) == 1 and DayKind.WORKDAY not in found
    }


def _made_of(row: StoredTally, overtime: DayKind | None) -> tuple[Made, ...]:
    counts = {
        What.MADE: row.pieces,
        What.REWORK: row.rework,
        What.OWN_REWORK: row.own_rework,
        What.SCRAP: row.scrap,
    }
    return tuple(
        Made(
            day=row.day,
            goods=Goods(row.product, row.process, row.grade),
            what=what,
            overtime=None if what is What.SCRAP else overtime,
            tallies=(
                TallyInput(
                    number=row.number,
                    file=row.file,
                    row=row.sheet_row,
                    day=str(row.day),
                    pieces=count,
                    entered_by=row.entered_by,
                    slip=row.slip,
                ),
            ),
        )
        for what, count in counts.items()
        if count
    )


def _group_month(
    book: PriceBook, code: str, made: tuple[Made, ...], days: Mapping[str, Sequence[DayResult]]
) -> GroupMonth:
    """A team that counters told has the coefficients of a group of its name, else 1 for everybody."""
    group = book.group(code)
    if group is None and code.startswith(TEAM_PREFIX):
        people = code.removeprefix(TEAM_PREFIX).split("+")
        equal = [Member(person=one, coefficient=Fraction(1), since=date.min) for one in people]
        group = Group(code=code, members=tuple(equal))
    if group is None:
        group = Group(code=code, members=())
    return GroupMonth(
        code="team" if code.startswith(TEAM_PREFIX) else code,
        made=made,
        members=tuple(_member(one, days.get(one.person, ())) for one in group.members),
        coefficients_from=group.version,
    )


def _member(one: Member, days: Iterable[DayResult]) -> GroupMember:
    held = [day for day in days if one.holds(day.day)]
    return GroupMember(
        person=one.person,
        coefficient=one.coefficient,
        regular=_inputs((day, day.regular_min) for day in held),
        overtime=_inputs((day, day.overtime_min) for day in held),
    )


def _inputs(days: Iterable[tuple[DayResult, int]]) -> tuple[DayInput, ...]:
    return tuple(DayInput(str(day.day), minutes, day.used) for day, minutes in days if minutes)


def _by_piece(agreements: Agreements, person: str, on: date) -> bool:
    held = on_day(agreements.get(person, ()), on)
    return held is not None and held.terms.by_piece


def _paid_by_piece(group: GroupMonth, agreements: Agreements) -> GroupMonth:
    """Who is paid by the month on a day takes no part of what the group made on it."""

    def paid(person: str, days: Iterable[DayInput]) -> tuple[DayInput, ...]:
        return tuple(
            day for day in days if _by_piece(agreements, person, date.fromisoformat(day.day))
        )

    members = [
        GroupMember(
            person=one.person,
            coefficient=one.coefficient,
            regular=paid(one.person, one.regular),
            overtime=paid(one.person, one.overtime),
        )
        for one in group.members
    ]
    return GroupMonth(
        code=group.code,
        made=group.made,
        members=tuple(members),
        coefficients_from=group.coefficients_from,
    )


def _open_days(groups: Iterable[GroupMonth], days: Mapping[str, Sequence[DayResult]]) -> list[str]:
    return [
        f"group {group.code}: {day.day} of {member.person} is to be clarified; its hours are "
        f"{day.regular_min + day.overtime_min} min in the split"
        for group in groups
        for member in group.members
        for day in days.get(member.person, ())
        if day.to_clarify and any(made.day == day.day for made in group.made)
    ]


def _of_nobody(tallies: Iterable[StoredTally], roster: Roster) -> Iterator[str]:
    """Where no agreement of the month pays by the piece at all."""
    own: defaultdict[str, tuple[Made, ...]] = defaultdict(tuple)
    of_groups: defaultdict[str, tuple[Made, ...]] = defaultdict(tuple)
    for row in tallies:
        if row.subject.startswith(GROUP_PREFIX):
            of_groups[row.subject.removeprefix(GROUP_PREFIX)] += _made_of(row, None)
        else:
            own[roster.current(row.subject)] += _made_of(row, None)
    yield from _of_others(own, {})
    for group, made in sorted(of_groups.items()):
        yield f"group {group} has {_pieces_of(made)}, and none of it is paid by the piece: {_MEND}"


def _of_others(own: Mapping[str, tuple[Made, ...]], agreements: Agreements) -> Iterator[str]:
    """Of somebody paid by the month on the day: stored, and on no slip."""
    for person, made in sorted(own.items()):
        left = [one for one in made if one.tallies and not _by_piece(agreements, person, one.day)]
        if left:
            yield f"{person}, who is not paid by the piece then, has {_pieces_of(left)}: {_MEND}"


def _pieces_of(made: Iterable[Made]) -> str:
    """Like "30 pieces on 2026-10-12 (tally.csv row 2)", day by day."""
    by_day: defaultdict[date, list[Made]] = defaultdict(list)
    for one in made:
        by_day[one.day].append(one)
    told = [
        f"{sum(one.pieces for one in of_day)} pieces on {on} "
        f"({', '.join(sorted({f'{row.file} row {row.row}' for one in of_day for row in one.tallies}))})"
        for on, of_day in sorted(by_day.items())
    ]
    return ", ".join(told)


_MEND = (
    "no line pays them. HR enters an agreement with by_piece from that day (hr-core pay agreements "
    "import), or whoever counted corrects the sheet (hr-core pay pieces import --replace)"
)
