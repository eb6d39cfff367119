"""Why a punch does not count, and what each minute is, in words for people."""

from hr_core.attendance.day import DayResult, Ignored
from hr_core.attendance.day_parts import Why
from hr_core.attendance.live.timesheet_days import UNPAIRED
from hr_core.attendance.timesheet.rules import RowKind
from protocols.records import Flag

PUNCH_REASONS: dict[str, str] = {
    Ignored.OUTSIDE_WINDOW: "outside the window of the day's shift",
    Ignored.DEBOUNCED: "a second press of the same visit, within the debounce time",
    Ignored.SAME_VISIT: "the same visit to the clock: only one side of the day",
    Ignored.BETWEEN: "between the first press and the last: it bounds nothing",
    Ignored.NO_SHIFT: "no shift is planned for the day",
    Ignored.NOT_EMPLOYED: "the person was not employed on the day",
    UNPAIRED: "it has no partner: an in without an out, or the other way round",
    Flag.REPEAT: "the device wrote the same row again: it is counted once",
    Flag.CLOCK_SUSPECT: "the device's clock had lost the time: this is not when it happened",
    Flag.FUTURE: "it lies in the future of whoever read it: the clock was wrong",
    Flag.FILL_PATTERN: "its fields are filled with one byte: worn memory",
}
MINUTE_REASONS: dict[str, str] = {
    RowKind.LUNCH_ADJUST: "a meal, taken off or added by rule",
    RowKind.BREAK_ADJUST: "a break, taken off or added by rule",
    RowKind.ABSENCE: "approved absence",
    Why.BEFORE_SHIFT: "before the shift begins; coming early is no work",
    Why.WORK: "work within the shift",
    Why.BREAK: "the shift's break",
    Why.LATE: "late: the shift had begun",
    Why.WITHIN_GRACE: "away, within the grace",
    Why.EARLY_LEAVE: "left before the shift's end",
    Why.LEAVE: "approved leave",
    Why.AFTER_SHIFT: "overtime after the shift",
    Why.FREE_DAY: "work on a day that is not a workday: overtime",
    Why.BELOW_STEP: "less than a whole step of overtime",
    Why.BELOW_MINIMUM: "less than the minimum of overtime",
    Why.NOT_APPROVED: "beyond the plan and not approved: no overtime by the plant's rule",
    Why.NOT_PUNCHED: "approved overtime in which nobody was there",
    Why.COUNTED_UNPUNCHED: "approved overtime: it counts as approved, punched or not",
    Why.AWAY: "between a leaving punch and the next arriving one",
    Why.BETWEEN_SHIFTS: "between two shifts",
    Why.BY_HAND: "decided by people in place of the punches",
    Why.BY_RULE: "by rule, at no time of day",
}


def bounding_role(result: DayResult, event_id: str) -> str:
    """Of a punch that the result used."""
    if len(result.used) == 1:
        return "left" if result.arrived is None else "arrived"
    if event_id == result.used[0]:
        return "arrived"
    return "left" if event_id == result.used[-1] else "bounds an interval"
