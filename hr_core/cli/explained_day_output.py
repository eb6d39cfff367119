"""An explained day as a tree on the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from hr_core.attendance.day import DayStatus
from hr_core.attendance.day_parts import DayFlag
from hr_core.trace.explained_day import DayPunch, ExplainedDay

# A tree is cut at the width of the terminal, or of 80 in a pipe; ids and bytes must stay whole.
_NEVER_CUT = 10_000

_NO_MINUTES: dict[str, str] = {
    DayStatus.OFF: "no work was due",
    DayStatus.ON_LEAVE: "approved leave, and no punch",
    DayStatus.ON_TRIP: "an approved trip, and no punch",
    DayStatus.ABSENT: "nobody pressed",
    DayStatus.NO_RECORD: "no device knows the person",
}

_FLAGS: dict[str, str] = {
    DayFlag.DST: "the site's clock was put forward or back within the day's window",
    DayFlag.HIRED_MID_SHIFT: "the person joined while this shift ran",
    DayFlag.LEFT_MID_SHIFT: "the person left while this shift ran",
    DayFlag.NO_DEVICE: "no device knows the person: absence cannot be told",
    DayFlag.SEVERAL_ZONES: "punches of devices in different zones",
}


def print_day(day: ExplainedDay) -> None:
    sums = f"regular {day.regular_min} min, overtime {day.overtime_min} min"
    faults = f", late {day.late_min}, left early {day.early_leave_min}"
    title = f"{day.person} {day.name}, {day.day} ({day.kind}): {day.status}, {sums}{faults}"
    tree = Tree(escape(title))
    plan = tree.add(escape(f"plan: shift {day.shift or '-'}; {'; '.join(day.plan)}"))
    plan.add(escape(f"window of its shift: {day.window[0]} to {day.window[1]}"))
    tree.add(escape(f"rules: {day.rules}, version {day.rule_version}"))
    tree.add(escape(f"result: {_standing(day)}"))
    _add_minutes(tree, day)
    _add_punches(tree, day)
    _add_missing(tree, day)
    for leave in day.leave:
        tree.add(escape(f"leave {leave.kind}, request {leave.request}: {leave.minutes} min"))
    for one in day.corrections:
        tree.add(escape(f"{one.kind}, request {one.request}, {one.approved_by}: {one.reason}"))
    if day.flags:
        tree.add(escape(f"flags: {'; '.join(_flag(one) for one in day.flags)}"))
    for queued in day.queued:
        tree.add(
            escape(
                f"queued correction {queued.number}: {queued.after.status} "
                f"{queued.after.regular_min}+{queued.after.overtime_min} min ({queued.cause})"
            )
        )
    Console(soft_wrap=True, highlight=False, width=_NEVER_CUT).print(tree)


def _flag(flag: str) -> str:
    return f"{flag} ({_FLAGS[flag]})" if flag in _FLAGS else flag


def _standing(day: ExplainedDay) -> str:
    if day.stored is None:
        return "computed now, not stored"
    text = f"revision {day.stored}, computed {day.computed_at} for {day.cause}"
    if day.locked:
        text += "; the month is locked"
    if day.differs:
        text += "; computed now it would be another"
    return text


def _add_minutes(tree: Tree, day: ExplainedDay) -> None:
    branch = tree.add("each minute")
    for one in day.minutes:
        span = f"{(one.start or '-')[-8:]:8} {(one.end or '-')[-8:]:8}"
        where = f" at {one.work_centre}" if one.work_centre else ""
        branch.add(escape(f"{span} {one.minutes:4} min {one.counts:8} {one.why}{where}"))
    if not day.minutes:
        branch.add(f"none: {_NO_MINUTES.get(day.status, 'not both sides of the day are known')}")


def _add_punches(tree: Tree, day: ExplainedDay) -> None:
    used = sum(punch.counted for punch in day.punches)
    branch = tree.add(f"punches: {used} counted, {len(day.punches) - used} not")
    for punch in day.punches:
        _add_punch(branch, punch)
    if day.of_other_days:
        branch = tree.add(f"punches of this date that are another day's: {len(day.of_other_days)}")
        for one in day.of_other_days:
            verdict = "counted" if one.counted else f"not counted: {one.why}"
            branch.add(escape(f"{one.time}  of {one.day}, {verdict}; event {one.event_id}"))


def _add_punch(branch: Tree, punch: DayPunch) -> None:
    verdict = f"counted: {punch.role}" if punch.counted else f"not counted: {punch.why}"
    node = branch.add(escape(f"{punch.time or '-'}  {verdict}"))
    for step in punch.way:
        node.add(escape(f"{step.where}  {step.at}  {step.what}"))
    node.add(escape(f"event {punch.event_id}"))


def _add_missing(tree: Tree, day: ExplainedDay) -> None:
    for one in day.missing:
        expected = f", expected about {one.expected_at}" if one.expected_at else ""
        tree.add(escape(f"missing: the {one.side} punch{expected}: {one.what}"))
    branch = tree.add("devices that the person may use")
    for device in day.devices:
        branch.add(escape(f"{device.device}: {device.what}"))
    if not day.devices:
        branch.add("none")
