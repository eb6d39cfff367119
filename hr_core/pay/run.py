"""A pay run: the month's stored days, rates from raw events, slips, all stored at once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.attendance.punches import MonthPunches
from hr_core.clock import Month
from hr_core.errors import NothingToComputeError
from hr_core.pay.known_schemes import scheme_by_code, stored_scheme
from hr_core.pay.leaver_findings import leavings_to_check
from hr_core.pay.month_days import (
    earned_time_off,
    locked_corrections,
    still_to_compute,
    waiting_for,
)
from hr_core.pay.month_inputs import MonthInputs, read_month
from hr_core.pay.month_slips import slips_of, without_slip
from hr_core.pay.recompute import Again
from hr_core.pay.retro import RETRO_RULE
from hr_core.pay.retro_months import carried_over, not_paid
from hr_core.pay.scheme import SchemeEdition
from hr_core.pay.share_lines import MONTHS_NOT_KNOWN
from hr_core.pay.slip import Slip
from hr_core.people.employment import NoSlip, paid_in_part
from hr_core.people.model import Days, Roster
from hr_core.quality.month import QualityMonth
from hr_core.store.people import load_roster
from hr_core.store.results import (
    CounterFinding,
    LockedCorrection,
    NewRun,
    RunFindings,
    UnknownCounter,
    WithoutSlip,
)


def compute_run(conn: sa.Connection, month: Month, now: datetime) -> NewRun:
    """By the chosen scheme. Raises as `compute_runs` does."""
    (run,) = compute_runs(conn, month, now, ())
    return run


def compute_runs(
    conn: sa.Connection,
    month: Month,
    now: datetime,
    schemes: Sequence[str],
    *,
    allow_unverified: bool = False,
) -> tuple[NewRun, ...]:
    """One run for each scheme, all from the same inputs; the chosen one without any. Reads and computes
    only: `store.results.add_run` stores, in a short write transaction. What came in was computed
    before (`touch_days_to_pay`, Recomputer.catch_up); what was not is told.

    allow_unverified: rows of law that nobody checked pay too; the lines say so.

    Raises NothingToComputeError (nobody imported, no punch at all), NoLawError, CoreError.
    """
    roster = imported_roster(conn)
    codes = tuple(dict.fromkeys(schemes))
    chosen = [scheme_by_code(conn, one) for one in codes] or [stored_scheme(conn, roster)]
    by_scheme = [
        Again(roster=roster, scheme=scheme, now=now, allow_unverified=allow_unverified)
        for scheme in chosen
    ]
    editions = [again.paid_by(month) for again in by_scheme]
    inputs = read_month(conn, roster, month, now)
    digest = inputs.digest()
    findings = _findings_of_month(conn, inputs)
    runs = []
    for again, paid_by in zip(by_scheme, editions, strict=True):
        edition = paid_by.edition
        unpaid = without_slip(inputs, edition)
        carried = carried_over(conn, month, again)
        slips, refused = slips_of(conn, inputs, paid_by, carried.people)
        runs.append(
            NewRun(
                month=str(month),
                scheme=paid_by.code,
                scheme_version=edition.version,
                created_at=now,
                slips=slips,
                days=inputs.days,
                inputs_digest=digest,
                findings=replace(
                    findings,
                    without_slip=tuple(
                        WithoutSlip(number=number, why=why.value)
                        for number, why in sorted(unpaid.items())
                        if why is not NoSlip.HOURLY
                    ),
                    to_check=(
                        *_to_check(inputs, unpaid, edition),
                        *leavings_to_check(conn, inputs, edition),
                        *carried.listed,
                        *not_paid(carried, slips),
                    ),
                    locked_corrections=_not_in(slips, findings.locked_corrections),
                    refused=refused,
                    unverified_law=allow_unverified and edition.law is not None,
                    month_goes_on=now < month.instants(ZoneInfo(roster.zone))[1],
                    tax_year_not_known=tuple(
                        slip.number
                        for slip in slips
                        if any(MONTHS_NOT_KNOWN in line.trace.facts for line in slip.lines)
                    ),
                ),
            )
        )
    return tuple(runs)


def _findings_of_month(conn: sa.Connection, inputs: MonthInputs) -> RunFindings:
    return replace(
        _findings(inputs.punches, inputs.quality),
        waiting_for=waiting_for(inputs.days),
        locked_corrections=locked_corrections(conn, inputs.month),
        still_to_compute=still_to_compute(conn, inputs.month),
        earned_time_off=earned_time_off(conn, inputs.days),
        pieces=inputs.pieces.notes,
    )


def _not_in(
    slips: Sequence[Slip], queued: Sequence[LockedCorrection]
) -> tuple[LockedCorrection, ...]:
    """Those that no line of these slips pays."""
    paid = {
        (slip.number, line.trace.facts["month"])
        for slip in slips
        for line in slip.lines
        if line.trace.rule == RETRO_RULE
    }
    return tuple(one for one in queued if (one.person, one.day[:7]) not in paid)


def _to_check(
    inputs: MonthInputs, unpaid: Mapping[str, NoSlip], edition: SchemeEdition
) -> Iterator[WithoutSlip]:
    """Schemes with law pay a part of a month by its days."""
    days = Days(inputs.month.first, inputs.month.after)
    for number in sorted(inputs.roster.people):
        if unpaid.get(number) is NoSlip.HOURLY:
            yield WithoutSlip(number=number, why=NoSlip.HOURLY.value)
        elif (
            edition.law is None
            and number not in unpaid
            and paid_in_part(inputs.contracts.get(number, ()), days)
        ):
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
