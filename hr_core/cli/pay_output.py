"""A pay run as one JSON object and as text."""

from collections.abc import Iterator, Sequence
from typing import Any

from hr_core.clock import Month
from hr_core.errors import CoreError
from hr_core.money import format_fen
from hr_core.pay.slip import OpenDay, Side, Slip
from hr_core.store.results import NewRun, RunFindings


def run_object(number: int, run: NewRun) -> dict[str, Any]:
    findings = run.findings
    return {
        "run": number,
        "month": run.month,
        "scheme": run.scheme,
        "scheme_version": run.scheme_version,
        "inputs_digest": run.inputs_digest,
        "payslips": len(run.slips),
        "days": sum(len(days) for days in run.days.values()),
        "days_to_clarify": sum(len(slip.to_clarify) for slip in run.slips),
        "total_fen": sum(slip.total_fen for slip in run.slips),
        "needs_a_look": run.needs_a_look,
        "unmapped_users": findings.unmapped_users,
        "distrusted_punches": findings.distrusted_punches,
        "unassigned_punches": run.unassigned,
        "unknown_counters": findings.unknown_counters,
        "unknown_badges": findings.unknown_badges,
        "counter_notes": findings.counter_notes,
        "without_slip": findings.without_slip,
        "to_check": findings.to_check,
        "zone_conflicts": findings.zone_conflicts,
        "waiting_for": findings.waiting_for,
        "locked_corrections": findings.locked_corrections,
        "still_to_compute": findings.still_to_compute,
        "earned_time_off": findings.earned_time_off,
        "pieces": findings.pieces,
        "refused": findings.refused,
        "unverified_law": findings.unverified_law,
        "tax_year_not_known": findings.tax_year_not_known,
        "month_goes_on": findings.month_goes_on,
        "unattributed": {
            "pieces": findings.unattributed_pieces,
            "rejects": findings.unattributed_rejects,
        },
        "people": [_person(slip) for slip in run.slips],
    }


def refused_object(month: Month, error: CoreError) -> dict[str, Any]:
    return {"month": str(month), "what": str(error), "remedy": error.remedy}


def print_refused(month: Month, error: CoreError) -> None:
    print(f"{month} not computed: {error}\n  {error.remedy}")


def _person(slip: Slip) -> dict[str, Any]:
    return {
        "number": slip.number,
        "name": slip.name,
        "total_fen": slip.total_fen,
        "total": format_fen(slip.total_fen),
        "earned_fen": slip.earned_fen,
        "deducted_fen": slip.deducted_fen,
        "employer_fen": slip.employer_fen,
        "lines": [
            {
                "line": line.code,
                "label": line.label,
                "label_zh": line.label_zh,
                "amount_fen": line.amount_fen,
                "amount": format_fen(line.amount_fen),
                "side": line.side,
                "note": line.note,
            }
            for line in slip.lines
        ],
        "to_clarify": slip.to_clarify,
    }


def print_run(number: int, run: NewRun) -> None:
    print(f"run {number}: {run.month}, {len(run.slips)} payslips, scheme {run.scheme_version}")
    for slip in run.slips:
        amounts = ", ".join(
            f"{line.code} {format_fen(line.amount_fen)}"
            for line in slip.lines
            if line.side is not Side.EMPLOYER
        )
        beside = (
            f"; the company beside it {format_fen(slip.employer_fen)}" if slip.employer_fen else ""
        )
        print(f"  {slip.number}  {slip.name}  {format_fen(slip.total_fen)}  ({amounts}{beside})")
        for line in _open_days(slip.to_clarify):
            print(f"    to be clarified: {line}")
    for event_id in run.unassigned:
        print(f"  in no shift window: event {event_id}; see hr-core trace")
    _print_findings(run.findings)


def _open_days(days: Sequence[OpenDay]) -> Iterator[str]:
    """A line for each reason, with all its days: 2026-11-03, 04, 05 …"""
    alike: dict[tuple[str, str], list[str]] = {}
    for day in days:
        alike.setdefault((day.what, day.effect), []).append(day.day)
    for (what, effect), (first, *more) in alike.items():
        yield f"{', '.join((first, *(day[-2:] for day in more)))} {what}; {effect}"


def _print_findings(findings: RunFindings) -> None:
    for user in findings.unmapped_users:
        print(
            f"  no person: user id {user.user_id} on device {user.serial}, {user.punches} punches; "
            "add it to the people file"
        )
    for punch in findings.distrusted_punches:
        print(f"  not believed ({punch.reason}): {punch.device_time} user {punch.user_id}")
    for counter in findings.unknown_counters:
        print(f"  no station: {counter.source}/{counter.tag}, {counter.readings} readings")
    for badge, amount in findings.unknown_badges.items():
        print(f"  no person: badge {badge}, {amount} pieces and rejects left unattributed")
    for conflict in findings.zone_conflicts:
        print(
            f"  zone: {conflict.punches} punches of {conflict.serial} came as "
            f"{conflict.zone_of_punches}, its site {conflict.site} has {conflict.zone_of_site}"
        )
    _print_open_attendance(findings)
    _print_not_paid(findings)
    for one in findings.without_slip:
        print(f"  no payslip: person {one.number}, {one.why}")
    for one in findings.to_check:
        print(f"  to be checked: person {one.number}, {one.why}")
    for text in findings.pieces:
        print(f"  pieces: {text}")
    for note in findings.counter_notes:
        print(f"  counter {note.source}/{note.tag}: {note.flag} at event {note.event_id}")


def _print_not_paid(findings: RunFindings) -> None:
    if findings.month_goes_on:
        print("  the month is not over: what comes in its last days is not in this pay")
    if findings.unverified_law:
        print("  law that nobody checked may have paid: the lines that rest on it say so")
    if lacking := findings.tax_year_not_known:
        first = ", ".join(lacking[:3]) + (" …" if len(lacking) > 3 else "")
        print(
            f"  tax year: of {len(lacking)} people ({first}) earlier months of the year are not known; "
            "the tax takes them as months without income\n    hr-core import opening FILE enters them"
        )
    for person in findings.refused:
        print(f"  not paid: person {person.number}, {person.what}\n    {person.remedy}")


def _print_open_attendance(findings: RunFindings) -> None:
    for wait in findings.waiting_for:
        told = "nothing is known of it" if wait.since is None else f"it told all until {wait.since}"
        print(
            f"  waiting: {wait.days} days for device {wait.device}, {told}; see hr-core watermark"
        )
    for one in findings.locked_corrections:
        print(
            f"  not in this pay: correction {one.number}, {one.person} {one.day} of a locked month, "
            f"{one.before} -> {one.after} ({one.cause})"
        )
    for lot in findings.earned_time_off:
        print(
            f"  paid and time off: {lot.person} {lot.day}, {lot.minutes} min; "
            f"see hr-core timeoff lots {lot.person}"
        )
    if findings.still_to_compute:
        print("  something came in meanwhile that these days may not hold: run it again")
