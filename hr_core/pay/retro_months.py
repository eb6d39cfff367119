"""Which earlier months have corrections to pay, and what they bring into the slips of a month."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.approvals.kinds import Kind
from hr_core.clock import Month
from hr_core.law.book import LawBook
from hr_core.law.imported import law_of
from hr_core.money import format_fen
from hr_core.pay.carried import CarriedOver, read_carried
from hr_core.pay.counted_lines import CountedLine, counted_lines
from hr_core.pay.counted_runs import counted_runs, is_locked, month_back, runs_after
from hr_core.pay.debts import SCRAP, Owed, debts
from hr_core.pay.known_schemes import scheme_by_code
from hr_core.pay.leaving_desk import leavings
from hr_core.pay.paid_anew import carried_as_paid
from hr_core.pay.person_month import Stage
from hr_core.pay.piece.scrap import CODE as SCRAP_LINE
from hr_core.pay.recompute import Again, recompute
from hr_core.pay.retro import (
    OF_LEAVING,
    RETRO,
    Difference,
    Paid,
    differences,
    paid_lines,
    retro_line,
)
from hr_core.pay.slip import Slip, SlipLine
from hr_core.store.approvals import approvals
from hr_core.store.attendance_locks import CorrectionState, corrections
from hr_core.store.pay_agreements import pay_agreements
from hr_core.store.pay_entries import pay_entries
from hr_core.store.piece_tallies import GROUP_PREFIX, piece_tallies
from hr_core.store.results import WithoutSlip, run_by_number
from hr_core.store.score_results import score_results

# Older corrections are a matter of people: reverse the slip.
LOOK_BACK_MONTHS = 12


class Carried(Struct, frozen=True, kw_only=True):
    """`listed`: what a person must look at, as findings of the run."""

    people: dict[str, CarriedOver]
    listed: tuple[WithoutSlip, ...] = ()


def carried_over(conn: sa.Connection, month: Month, again: Again) -> Carried:
    """What other months bring into this one: claims, pay owed back, corrections."""
    if again.paid_by(month).edition.law is None:
        return Carried(people={})
    owed = debts(conn, month, scheme=again.scheme.code)
    people = read_carried(conn, month, scheme=again.scheme.code, owed=owed)
    lines: defaultdict[str, list[tuple[Stage, SlipLine]]] = defaultdict(list)
    listed = list(_taken_too_much(owed, month))
    for earlier, run in _locked_before(conn, month, again.scheme.code).items():
        changed = changed_people(conn, earlier, run)
        if changed is not None and not changed:
            continue
        by = _as_paid_by(conn, run, again)
        if by.paid_by(earlier).edition.law is None:
            continue
        for found in month_differences(conn, earlier, by, people=changed, but_run_of=month):
            if isinstance(found, WithoutSlip):
                listed.append(found)
            elif found.stage is not None and found.is_paid:
                lines[found.person].append((found.stage, retro_line(found)))
            else:
                listed += _to_look_at(found)
    for person, given in lines.items():
        people[person] = replace(people.get(person, CarriedOver()), lines=tuple(given))
    return Carried(people=people, listed=tuple(listed))


def not_paid(carried: Carried, slips: Collection[Slip]) -> Iterator[WithoutSlip]:
    """Corrections that are on no slip: their person has none any more, or they take too much."""
    by_person = {slip.number: {line.code for line in slip.lines} for slip in slips}
    for person, given in sorted(carried.people.items()):
        months = sorted({line.trace.facts["month"] for _, line in given.lines})
        total = sum(line.amount_fen for stage, line in given.lines if stage is not Stage.EMPLOYER)
        told = f"corrections of {', '.join(months)}, {format_fen(total)}"
        if not given.lines:
            continue
        if person not in by_person:
            yield WithoutSlip(
                number=person,
                why=f"{told}, and no slip in this month: a last extra slip is proposed by "
                "hr-core pay reverse RUN EMPLOYEE for the run of that month",
            )
        elif not by_person[person] & {line.code for _, line in given.lines}:
            yield WithoutSlip(
                number=person,
                why=f"{told}: more than the law lets the month bear; hr-core pay reverse RUN "
                "EMPLOYEE takes it back in parts",
            )


def month_differences(
    conn: sa.Connection,
    month: Month,
    again: Again,
    *,
    people: Collection[str] | None = None,
    but_run_of: Month | None = None,
) -> Iterator[Difference | WithoutSlip]:
    """What each counted slip of the month would be now; a person who could not be paid now as a
    finding. `but_run_of`: corrections on the slips of that month do not count as paid.
    """
    paid = paid_of_month(conn, month, again.scheme.code, but_run_of)
    wanted = set(paid) if people is None else set(people) & set(paid)
    carried = carried_as_paid(_month_lines(conn, month, again.scheme.code))
    now = recompute(conn, month, again, people=wanted, carried=carried)
    for refused in now.refused:
        yield WithoutSlip(
            number=refused.number, why=f"{month} cannot be computed anew: {refused.what}"
        )
    announced = announced_rows(law_of(conn))
    refused_people = {one.number for one in now.refused}
    for person in sorted(wanted - refused_people):
        slip = now.slips.get(person)
        given = () if slip is None else slip.lines
        yield from differences(person, month, paid[person], given, announced)


def paid_of_month(
    conn: sa.Connection, month: Month, scheme: str, but_run_of: Month | None = None
) -> dict[str, dict[str, Paid]]:
    later = counted_runs(conn, _between(month, but_run_of), scheme) if but_run_of else {}
    after = runs_after(conn, but_run_of or month, scheme)
    counted = [
        *_month_lines(conn, month, scheme),
        *counted_lines(conn, [*later.values(), *after.values()], (f"{RETRO}{month}_",)),
    ]
    return paid_lines(month, counted)


def _as_paid_by(conn: sa.Connection, run: int, again: Again) -> Again:
    """By the scheme of the run: a month is not corrected to another one."""
    row = run_by_number(conn, run)
    if row is None or row.scheme == again.scheme.code:
        return again
    return replace(again, scheme=scheme_by_code(conn, row.scheme))


def _month_lines(conn: sa.Connection, month: Month, scheme: str) -> Iterator[CountedLine]:
    return counted_lines(conn, list(counted_runs(conn, [month], scheme).values()))


def changed_people(conn: sa.Connection, month: Month, run: int) -> set[str] | None:
    """Whose month may be another one since the run; None: everybody's, by a law that was told later,
    a group's pieces or prices of pieces.
    """
    row = run_by_number(conn, run)
    since = None if row is None else row.created_at
    if since is None or _law_came_later(law_of(conn), month):
        return None
    if _shared_pieces_came_later(conn, month, since):
        return None
    queued = corrections(conn, month=str(month), state=None)
    states = {CorrectionState.OPEN, CorrectionState.TAKEN}
    return {
        *(one.person for one in queued if one.state in states),
        *_entered_since(conn, month, since),
        *_left_since(conn, month, since),
    }


def announced_rows(law: LawBook) -> dict[str, date]:
    return {row.version: row.announced for row in law.rows if row.announced is not None}


def _entered_since(conn: sa.Connection, month: Month, since: datetime) -> Iterator[str]:
    agreed, entered, scored = pay_agreements.c, pay_entries.c, score_results.c
    for query in (
        _tallied_since(month, since).where(piece_tallies.c.subject.not_like(f"{GROUP_PREFIX}%")),
        sa.select(agreed.person).where(agreed.added_at >= since, agreed.valid_from < month.after),
        sa.select(entered.person).where(entered.added_at >= since, entered.month == str(month)),
        sa.select(scored.person).where(
            scored.locked_at >= since, scored.period_until == month.after
        ),
    ):
        yield from conn.execute(query).scalars()


def _left_since(conn: sa.Connection, month: Month, since: datetime) -> Iterator[str]:
    return (person for person, one in leavings(conn, month).items() if one.at >= since)


def _shared_pieces_came_later(conn: sa.Connection, month: Month, since: datetime) -> bool:
    of_group = piece_tallies.c.subject.like(f"{GROUP_PREFIX}%")
    if conn.execute(_tallied_since(month, since).where(of_group).limit(1)).first() is not None:
        return True
    decided = approvals.c
    priced = sa.select(decided.number).where(
        decided.kind == Kind.PIECE_PRICE, decided.state == "approved", decided.decided_at >= since
    )
    return conn.execute(priced.limit(1)).first() is not None


def _tallied_since(month: Month, since: datetime) -> sa.Select[tuple[str]]:
    there = piece_tallies.c
    return sa.select(there.subject).where(
        there.imported_at >= since, there.day >= month.first, there.day < month.after
    )


def _law_came_later(law: LawBook, month: Month) -> bool:
    return any(
        row.announced is not None
        and row.announced > month.first
        and row.since <= month.first
        and (row.until is None or row.until > month.first)
        for row in law.rows
    )


def _locked_before(conn: sa.Connection, month: Month, scheme: str) -> dict[Month, int]:
    earlier = [month_back(month, back) for back in range(LOOK_BACK_MONTHS, 0, -1)]
    runs = counted_runs(conn, earlier, scheme)
    return {one: run for one, run in runs.items() if is_locked(conn, one)}


def _between(month: Month, until: Month) -> list[Month]:
    """Both excluded."""
    found = list[Month]()
    at = month_back(month, -1)
    while at < until:
        found.append(at)
        at = month_back(at, -1)
    return found


def _taken_too_much(owed: Iterable[Owed], month: Month) -> Iterator[WithoutSlip]:
    """Scrap whose sheet was corrected to less after later slips had taken it."""
    for one in owed:
        of = one.code.removeprefix(SCRAP)
        if of == one.code or one.left_fen >= 0 or Month.parse(of) < _oldest(month):
            continue
        yield WithoutSlip(
            number=one.person,
            why=f"{one.told}: {format_fen(one.taken.fen)} was taken by later slips "
            f"({', '.join(slip for _, slip, _ in one.taken.parts)}), and {format_fen(one.owed_fen)} is "
            "owed. Unless HR paid the rest back: hr-core pay entries add",
        )


def _oldest(month: Month) -> Month:
    return month_back(month, LOOK_BACK_MONTHS)


def _to_look_at(found: Difference) -> Iterator[WithoutSlip]:
    if found.stage is not None:
        yield _listed(found)
    elif found.code in OF_LEAVING or (found.code == SCRAP_LINE and found.fen > 0):
        yield _to_reverse(found)


def _to_reverse(found: Difference) -> WithoutSlip:
    return WithoutSlip(
        number=found.person,
        why=f"{found.code} of {found.month} would be {format_fen(found.now_fen)} in place of "
        f"{format_fen(found.paid.fen)} ({', '.join(found.causes)}): the slip is put anew by "
        "hr-core pay reverse RUN EMPLOYEE",
    )


def _listed(found: Difference) -> WithoutSlip:
    return WithoutSlip(
        number=found.person,
        why=f"{found.code} of {found.month} would be {format_fen(found.now_fen)} in place of "
        f"{format_fen(found.paid.fen)} ({', '.join(found.causes)}): nothing is paid for it; see "
        f"hr-core pay would-differ {found.month}",
    )
