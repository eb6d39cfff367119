"""Step cases of a time sheet: entries in order, and what the sheet holds between them."""

from datetime import timedelta

from msgspec.structs import replace

from hr_core.attendance.timesheet.detection import detect, record
from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import (
    Absence,
    Direction,
    Entries,
    ManualTotal,
    Punch,
    PunchType,
    Schedule,
    ScheduleStatus,
    Shift,
)
from hr_core.attendance.timesheet.rules import NOWHERE, Place
from hr_core.attendance.timesheet.sheet import DaySheet, compute_sheet
from hr_core.attendance.timesheet.shifts import in_order, pairs_of, refusal, shifts_of
from hr_core.cases.case_input import (
    Fields,
    Json,
    UnsupportedError,
    day,
    flag,
    length,
    text,
    whole,
)
from hr_core.cases.timesheet_expected import compare_day, instant, punches_of
from hr_core.cases.timesheet_rules import Reader
from hr_core.clock import DAY_S

_DETECTED = "detected"
_WINDOW_S = 7200
_TYPES = [*PunchType, _DETECTED]
_DIRECTIONS = [*Direction, _DETECTED]
# Who enters more than this is testing the machine, not the rules.
_MOST_STEPS = 2000


def differences_of(case: Json) -> list[str]:
    steps = case["steps"]
    if not isinstance(steps, list) or len(steps) > _MOST_STEPS:
        raise UnsupportedError("steps: not a list, or too many")
    rules = case.get("rules") or []
    if not isinstance(rules, list):
        raise UnsupportedError("rules: not a list")
    sheet = _Sheet(Reader(case.get("setup"), rules))
    for number, step in enumerate(steps):
        sheet.step(number, step)
    return sheet.found


class _Sheet:
    def __init__(self, reader: Reader) -> None:
        self._rules = reader.rules()
        self._policy = reader.policy
        self._local = LocalTime(self._rules.zone)
        self._entries = Entries()
        self.found: list[str] = []
        # An entering step says whether it was accepted, an expecting one what differs.
        self._entering = {
            "punch_pair": self._punch_pair,
            "punch": self._punch,
            "edit_punch": self._edit_punch,
            "delete_punch": self._delete_punch,
            "schedule": self._schedule,
            "absence": self._absence,
            "manual_total": self._manual_total,
            "delete_absence": self._delete_absence,
        }
        self._expecting = {
            "expect_detect": self._expect_detect,
            "expect_days_with_rows": self._expect_days_with_rows,
            "expect_day": self._expect_day,
        }

    def step(self, number: int, step: Json) -> None:
        given = Fields(step, "step")
        if "skip" in given:
            return
        name = given.choice("op", (*self._entering, *self._expecting))
        given = Fields({key: step[key] for key in step if key != "op"}, f"step {name}")
        if name in self._expecting:
            found = self._expecting[name](given)
        else:
            refused = given.read_or("expect_refused", flag, default=False)
            before = self._entries
            accepted = self._entering[name](given)
            if not accepted:
                self._entries = before
            found = ["was not refused"] if refused and accepted else []
            # What nobody expected to be refused shows in the days after it.
        given.done()
        self.found += [f"step {number}: {one}" for one in found]

    def _punch_pair(self, given: Fields) -> bool:
        place = _place(given)
        punches = []
        for direction in Direction:
            type_ = PunchType(given.choice(f"{direction}_type", list(PunchType), "normal"))
            at = given.read_or(direction, instant, None)
            if at is not None:
                punches.append(Punch(at=at, direction=direction, type=type_, place=place))
        if len(punches) == 2 and not pairs_of(punches, self._rules.maximum_shift)[0].worked:
            return False
        return self._with_punches([*self._entries.punches, *punches])

    def _punch(self, given: Fields) -> bool:
        at = given.read("time", instant)
        direction, type_ = given.choice("direction", _DIRECTIONS), given.choice("type", _TYPES)
        own = _place(given) if "branch" in given or "department" in given else None
        if direction == type_ == _DETECTED:
            found = detect(at, self._entries, self._rules)
            self._entries = record(at, found, self._entries, own)
            return self._with_punches(list(self._entries.punches))
        if _DETECTED in (direction, type_):
            found = detect(at, self._entries, self._rules)
            direction = found.direction if direction == _DETECTED else direction
            type_ = found.type if type_ == _DETECTED else type_
        punch = Punch(
            at=at, direction=Direction(direction), type=PunchType(type_), place=own or NOWHERE
        )
        return self._with_punches([*self._entries.punches, punch])

    def _with_punches(self, punches: list[Punch]) -> bool:
        if refusal(punches):
            return False
        self._entries = replace(self._entries, punches=tuple(punches))
        return True

    def _edit_punch(self, given: Fields) -> bool:
        punch = self._which(given.take("which"))
        change = Fields(given.take("set"), "set")
        at = change.read("time_stamp", instant)
        change.done()
        if punch is None:
            return False
        before = in_order(self._entries.punches)
        after = [replace(one, at=at) if one == punch else one for one in before]
        if [one.direction for one in in_order(after)] != [one.direction for one in before]:
            return False
        return self._with_punches(after)

    def _delete_punch(self, given: Fields) -> bool:
        punch = self._which(given.take("which"))
        if punch is None:
            return False
        return self._with_punches([one for one in self._entries.punches if one != punch])

    def _which(self, which: Json) -> Punch | None:
        """The n-th punch of the shift that the i-th pair of the date belongs to."""
        given = Fields(which, "which")
        on, group, number = (
            given.read("date", day),
            given.read("group", length),
            given.read("punch", length),
        )
        given.done()
        shifts = shifts_of(self._entries.punches, self._rules)
        of_pairs: list[Shift] = [shift for shift in shifts if shift.day == on for _ in shift.pairs]
        if group >= len(of_pairs):
            return None
        punches = punches_of(of_pairs[group])
        return punches[number] if number < len(punches) else None

    def _schedule(self, given: Fields) -> bool:
        on = given.read("date", day)
        policy = given.take("schedule_policy", None)
        window, meal = (_WINDOW_S, None) if policy is None else self._policy(policy)
        start, end = given.read("start_time", _time_of_day), given.read("end_time", _time_of_day)
        status = ScheduleStatus(given.choice("status", list(ScheduleStatus), "working"))
        schedule = Schedule(
            day=on,
            start=self._local.at(on, start),
            end=self._local.at(on + timedelta(days=end <= start), end),
            status=status,
            absence=given.read_or("absence_policy", text, None),
            window=window,
            meal=meal,
            replaces_meals=policy is not None,
            place=_place(given),
        )
        self._entries = replace(self._entries, schedules=(*self._entries.schedules, schedule))
        return True

    def _absence(self, given: Fields) -> bool:
        absence = Absence(
            given.read("date", day), given.read("seconds", whole), given.read("policy", text)
        )
        self._entries = replace(self._entries, absences=(*self._entries.absences, absence))
        return True

    def _manual_total(self, given: Fields) -> bool:
        total = ManualTotal(given.read("date", day), given.read("seconds", length))
        self._entries = replace(self._entries, manual=(*self._entries.manual, total))
        return True

    def _delete_absence(self, given: Fields) -> bool:
        # Its id is the recorder's; each case has one absence only where it deletes.
        given.take("which")
        if len(self._entries.absences) != 1:
            raise UnsupportedError("delete_absence: which of several")
        self._entries = replace(self._entries, absences=())
        return True

    def _expect_detect(self, given: Fields) -> list[str]:
        found = detect(given.read("time", instant), self._entries, self._rules)
        return [
            f"detected {key} {value}, expected {wanted}"
            for key, value in (
                ("direction", str(found.direction)),
                ("type", str(found.type)),
                ("branch", found.place.branch),
                ("department", found.place.department),
            )
            if key in given and (wanted := given.take(key)) != value
        ]

    def _expect_days_with_rows(self, given: Fields) -> list[str]:
        of, count = given.choice("of", ("punches", "udt")), given.read("count", length)
        days = [
            sheet
            for sheet in compute_sheet(self._entries, self._rules).values()
            if (sheet.rows if of == "udt" else sheet.shifts)
        ]
        return [] if len(days) == count else [f"{len(days)} days with {of}, expected {count}"]

    def _expect_day(self, given: Fields) -> list[str]:
        on = given.read("date", day)
        sheet = compute_sheet(self._entries, self._rules).get(on)
        return compare_day(given, sheet or DaySheet(on, (), ()), self._local)


def _place(given: Fields) -> Place:
    return Place(given.read_or("branch", text, None), given.read_or("department", text, None))


def _time_of_day(value: Json) -> int:
    """As 8:00AM, 12:30 PM or 20:00."""
    written = text(value).strip().upper()
    half = written[-2:] if written[-2:] in ("AM", "PM") else ""
    hours, minutes = (int(part) for part in written.removesuffix(half).split(":"))
    if half:
        hours = hours % 12 + 12 * (half == "PM")
    if not (0 <= hours <= 24 and 0 <= minutes < 60):
        raise ValueError
    return (hours * 3600 + minutes * 60) % DAY_S
