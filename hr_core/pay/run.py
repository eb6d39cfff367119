"""A pay run: the month's stored days, rates from raw events, slips, all stored at once."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.attendance.punches import MonthPunches, punches_of_month
from hr_core.clock import Month
from hr_core.errors import CoreError, NothingToComputeError
from hr_core.pay.month_days import (
    Contracts,
    days_to_pay,
    earned_time_off,
    locked_corrections,
    still_to_compute,
    waiting_for,
)
from hr_core.pay.scheme import Scheme, parse_scheme
from hr_core.pay.slip import PayTerms, compute_slip
from hr_core.people.employment import NoSlip, paid_in_part, why_no_slip
from hr_core.people.model import Days, Roster
from hr_core.quality.grades import load_grades
from hr_core.quality.month import QualityMonth
from hr_core.quality.readings import quality_of_month
from hr_core.store.people import load_roster, scheme_text
from hr_core.store.person_records import employments_by_person
from hr_core.store.results import (
    CounterFinding,
    NewRun,
    RunFindings,
    UnknownCounter,
    WithoutSlip,
)


def compute_run(conn: sa.Connection, month: Month, now: datetime) -> NewRun:
    """Reads and computes only: `store.results.add_run` stores, in a short write transaction. What came
    in was computed before (`touch_days_to_pay`, Recomputer.catch_up); what was not is told.

    Raises NothingToComputeError (nobody imported, no punch at all), NoLawError, CoreError.
    """
    roster = imported_roster(conn)
    scheme = stored_scheme(conn, roster)
    terms = PayTerms(scheme.on(month.first), load_grades().on(month.first))
    punches = punches_of_month(conn, roster, month)
    if punches.total == 0:
        raise NothingToComputeError(
            f"no punch of {month} is stored: there is nothing to compute pay from",
            remedy="check that the gateways are connected (hr-core serve) and the month is right",
        )
    quality = quality_of_month(conn, roster, month)
    contracts = employments_by_person(conn)
    days = days_to_pay(conn, roster, month, now, contracts)
    unpaid = _without_slip(roster, contracts, month)
    return NewRun(
        month=str(month),
        scheme=scheme.code,
        scheme_version=terms.scheme.version,
        created_at=now,
        slips=tuple(
            compute_slip(
                person,
                days[number],
                quality.payable(number),
                terms,
                quality.corrections.get(number, ()),
            )
            for number, person in sorted(roster.people.items())
            if number not in unpaid
        ),
        days=days,
        findings=replace(
            _findings(punches, quality),
            without_slip=tuple(
                WithoutSlip(number=number, why=why.value)
                for number, why in sorted(unpaid.items())
                if why is not NoSlip.HOURLY
            ),
            to_check=tuple(_to_check(roster, contracts, unpaid, month)),
            waiting_for=waiting_for(days),
            locked_corrections=locked_corrections(conn, month),
            still_to_compute=still_to_compute(conn, month),
            earned_time_off=earned_time_off(conn, days),
        ),
    )


def _without_slip(roster: Roster, contracts: Contracts, month: Month) -> dict[str, NoSlip]:
    days = Days(month.first, month.after)
    why = {
        number: why_no_slip(contracts.get(number, ()), days, person.base_fen)
        for number, person in roster.people.items()
    }
    return {number: reason for number, reason in why.items() if reason is not None}


def _to_check(
    roster: Roster, contracts: Contracts, unpaid: Mapping[str, NoSlip], month: Month
) -> Iterator[WithoutSlip]:
    days = Days(month.first, month.after)
    for number in sorted(roster.people):
        if unpaid.get(number) is NoSlip.HOURLY:
            yield WithoutSlip(number=number, why=NoSlip.HOURLY.value)
        elif number not in unpaid and paid_in_part(contracts.get(number, ()), days):
            yield WithoutSlip(
                number=number,
                why="employed for a part of the month; the base pay is a whole month's",
            )


def imported_roster(conn: sa.Connection) -> Roster:
    """Raises NothingToComputeError before the first import."""
    roster = load_roster(conn)
    if roster is None or not roster.people:
        raise NothingToComputeError(
            "no people are stored", remedy="import a people file: hr-core import people.toml"
        )
    return roster


def stored_scheme(conn: sa.Connection, roster: Roster) -> Scheme:
    """Raises CoreError when no pay scheme was chosen: there is no default for money."""
    text = scheme_text(conn, roster.scheme) if roster.scheme else None
    if text is None:
        raise CoreError(
            "no pay scheme is chosen",
            remedy='add [scheme] with code = "demo" or file = "scheme.toml" to the people file '
            "and import it again, or let a second person approve the one that waits: "
            "hr-core approvals list --kind scheme",
        )
    return parse_scheme(text, file=f"scheme {roster.scheme}")


def _findings(punches: MonthPunches, quality: QualityMonth) -> RunFindings:
    return RunFindings(
        unmapped_users=punches.unmapped,
        distrusted_punches=punches.distrusted,
        zone_conflicts=punches.zone_conflicts,
        unknown_counters=tuple(
            UnknownCounter(source=source, tag=tag, readings=readings)
            for (source, tag), readings in sorted(quality.unknown_counters.items())
        ),
        unknown_badges=quality.unknown_badges,
        counter_notes=tuple(
            CounterFinding(
                source=note.counter.source,
                tag=note.counter.tag,
                metric=note.counter.metric,
                event_id=note.item.event_id,
                flag=note.item.flag,
            )
            for note in quality.notes
        ),
        unattributed_pieces=quality.unattributed.pieces,
        unattributed_rejects=quality.unattributed.rejects,
    )
