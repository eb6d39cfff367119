"""Step cases of a time sheet: entries in order, and what the sheet holds between them."""

from datetime import datetime, timedelta

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
)
from hr_core.attendance.timesheet.rules import (
    Place,
    RowKind,
)
from hr_core.attendance.timesheet.sheet import compute_sheet
from hr_core.attendance.timesheet.shifts import in_order, pairs_of, refusal, shifts_of
from tests.hr_core.attendance.case_input import Fields, UnsupportedError, day
from tests.hr_core.attendance.timesheet_rules import Reader

WAGE = 21.50
ROW_KEYS = {
    "kind", "pay_code", "seconds", "start", "end", "hourly_rate", "hourly_rate_with_burden",
    "branch", "department", "tmp_override",
}  # fmt: skip


def differences_of(case):
    return Sheet(case).run(case["steps"])


class Sheet:
    def __init__(self, case):
        reader = Reader(case["setup"], case["rules"])
        self._rules = reader.rules()
        self._policy = reader.policy
        self._local = LocalTime(self._rules.zone)
        self._entries = Entries()
        self._found = []

    def run(self, steps):
        for number, step in enumerate(steps):
            if "skip" in step:
                continue
            given = Fields(step, f"step {step.get('op')}")
            take = getattr(self, f"_{given.take('op')}", None)
            if take is None:
                raise UnsupportedError(f"step {step['op']!r}")
            refused = given.take("expect_refused", False)
            before, known = self._entries, len(self._found)
            accepted = take(given)
            given.done()
            if accepted is False:
                self._entries = before
            if refused and accepted is not False:
                self._found.append("was not refused")
            self._found[known:] = [f"step {number}: {one}" for one in self._found[known:]]
        return self._found

    def _punch_pair(self, given):
        place = _place(given)
        punches = []
        for direction in Direction:
            type_ = PunchType(given.choice(f"{direction}_type", list(PunchType), "normal"))
            at = given.take(direction)
            if at is not None:
                punches.append(Punch(at=_instant(at), direction=direction, type=type_, place=place))
        if len(punches) == 2 and not pairs_of(punches, self._rules.maximum_shift)[0].worked:
            return False
        return self._with_punches([*self._entries.punches, *punches])

    def _punch(self, given):
        at = _instant(given.take("time"))
        direction, type_ = given.take("direction"), given.take("type")
        own = _place(given) if "branch" in given else None
        if "detected" in (direction, type_):
            if direction != type_:
                raise UnsupportedError("half detected")
            found = detect(at, self._entries, self._rules)
            self._entries = record(at, found, self._entries, own)
            return self._with_punches(self._entries.punches)
        punch = Punch(
            at=at,
            direction=Direction(direction),
            type=PunchType(type_),
            place=own or Place(),
        )
        return self._with_punches([*self._entries.punches, punch])

    def _with_punches(self, punches):
        if refusal(punches):
            return False
        self._entries = replace(self._entries, punches=tuple(punches))
        return True

    def _edit_punch(self, given):
        punch = self._which(given.take("which"))
        change = Fields(given.take("set"), "set")
        at = _instant(change.take("time_stamp"))
        change.done()
        if punch is None:
            return False
        before = in_order(self._entries.punches)
        after = [replace(one, at=at) if one == punch else one for one in before]
        if [one.direction for one in in_order(after)] != [one.direction for one in before]:
            return False
        return self._with_punches(after)

    def _delete_punch(self, given):
        punch = self._which(given.take("which"))
        if punch is None:
            return False
        return self._with_punches([one for one in self._entries.punches if one != punch])

    def _which(self, which):
        """The n-th punch of the shift that the i-th pair of the date belongs to."""
        given = Fields(which, "which")
        on, group, number = day(given.take("date")), given.take("group"), given.take("punch")
        given.done()
        shifts = shifts_of(self._entries.punches, self._rules)
        of_pairs = [shift for shift in shifts if shift.day == on for _ in shift.pairs]
        if group >= len(of_pairs):
            return None
        punches = _punches_of(of_pairs[group])
        return punches[number] if number < len(punches) else None

    def _schedule(self, given):
        on = day(given.take("date"))
        policy = given.take("schedule_policy", None)
        window, meal = self._policy(policy) if policy else (7200, None)
        start, end = (_seconds(given.take(key)) for key in ("start_time", "end_time"))
        status = ScheduleStatus(given.choice("status", list(ScheduleStatus), "working"))
        schedule = Schedule(
            day=on,
            start=self._local.at(on, start),
            end=self._local.at(on + timedelta(days=end <= start), end),
            status=status,
            absence=given.take("absence_policy", None),
            window=window,
            meal=meal,
            replaces_meals=policy is not None,
            place=_place(given),
        )
        self._entries = replace(self._entries, schedules=(*self._entries.schedules, schedule))

    def _absence(self, given):
        absence = Absence(day(given.take("date")), given.take("seconds"), given.take("policy"))
        self._entries = replace(self._entries, absences=(*self._entries.absences, absence))

    def _manual_total(self, given):
        total = ManualTotal(day(given.take("date")), given.take("seconds"))
        self._entries = replace(self._entries, manual=(*self._entries.manual, total))

    def _delete_absence(self, given):
        # Its id is the recorder's; each case has one absence only where it deletes.
        given.take("which")
        if len(self._entries.absences) != 1:
            raise UnsupportedError("delete_absence: which of several")
        self._entries = replace(self._entries, absences=())

    def _expect_detect(self, given):
        at = _instant(given.take("time"))
        found = detect(at, self._entries, self._rules)
        for key, value in (
            ("direction", str(found.direction)),
            ("type", str(found.type)),
            ("branch", found.place.branch),
            ("department", found.place.department),
        ):
            if key in given and (wanted := given.take(key)) != value:
                self._found.append(f"detected {key} {value}, expected {wanted}")

    def _expect_days_with_rows(self, given):
        of, count = given.choice("of", ("punches", "udt")), given.take("count")
        days = [
            sheet
            for sheet in self._sheet().values()
            if (sheet.rows if of == "udt" else sheet.shifts)
        ]
        if len(days) != count:
            self._found.append(f"{len(days)} days with {of}, expected {count}")

    def _expect_same(self, given):
        raise UnsupportedError("internal ids")

    _expect_different = _expect_raw = _expect_bank_balance = _expect_same

    def _expect_day(self, given):
        on = day(given.take("date"))
        sheet = self._sheet().get(on)
        rows = [self._as_row(row) for row in sheet.rows] if sheet else []
        shifts = sheet.shifts if sheet else ()
        wanted, count = given.take("rows", []), given.take("row_count", None)
        self._match(wanted, rows)
        if count is not None and count != len(rows):
            self._found.append(f"{on}: {len(rows)} rows, expected {count}: {_brief(rows)}")
        self._groups(on, given, shifts)

    def _match(self, wanted, rows):
        left = list(rows)
        # What is asserted most closely chooses first.
        for row in sorted(wanted, key=len, reverse=True):
            if set(row) - ROW_KEYS:
                raise UnsupportedError(f"row: {sorted(set(row) - ROW_KEYS)}")
            match = next((one for one in left if _same(row, one)), None)
            if match is None:
                self._found.append(f"no row {row}, left are {_brief(left)}")
            else:
                left.remove(match)

    def _groups(self, on, given, shifts):
        groups = given.take("punch_groups", {})
        count = given.take("punch_group_count", None)
        pairs = [pair for shift in shifts for pair in shift.pairs]
        if groups and not pairs:
            self._found.append(f"{on}: no punches")
        if count is not None:
            given.ignore("punch_group_count")
        for group in groups.values():
            self._group(on, Fields(group, "punch_groups"), shifts)

    def _group(self, on, given, shifts):
        given.ignore("punch_count")
        dated = given.take("date", None)
        if dated is not None and dated != on.isoformat():
            self._found.append(f"group dated {dated}")
        wanted = given.take("punches", {})
        given.done()
        if wanted and not any(not _punch_differences(wanted, one) for one in shifts):
            self._found.append(f"{on}: punches {wanted}")

    def _as_row(self, row):
        clock = self._local.iso
        rate = 0 if row.kind is RowKind.TOTAL else WAGE * row.multiplier
        return {
            "kind": str(row.kind),
            "pay_code": row.pay_code,
            "seconds": row.seconds,
            "start": False if row.start is None else clock(row.start),
            "end": False if row.end is None else clock(row.end),
            "hourly_rate": rate,
            "branch": row.place.branch,
            "department": row.place.department,
        }

    def _sheet(self):
        return compute_sheet(self._entries, self._rules)


def _punch_differences(wanted, shift):
    punches = _punches_of(shift)
    found = []
    for number, punch in wanted.items():
        given = Fields(punch, "punch")
        position = int(number)
        if position >= len(punches):
            return ["too few"]
        one = punches[position]
        time = given.take("time", None)
        if time is not None and _instant(time) != one.at:
            found.append(time)
        for key, value in (("type", one.type), ("direction", one.direction)):
            if given.take(key, value) != value:
                found.append(key)
        given.done()
    return found


def _punches_of(shift):
    return [punch for pair in shift.pairs for punch in (pair.came, pair.left) if punch is not None]


def _same(wanted, row):
    for key, value in wanted.items():
        if key in ("tmp_override", "hourly_rate_with_burden"):
            continue
        found = row[key]
        if key == "hourly_rate":
            if abs(found - value) > 0.005:
                return False
        elif found != value:
            return False
    return True


def _brief(rows):
    return [(row["kind"], row["pay_code"], row["seconds"], row["start"]) for row in rows]


def _place(given):
    return Place(given.take("branch", None), given.take("department", None))


def _instant(text):
    return int(datetime.fromisoformat(text).timestamp())


def _seconds(text):
    hours, minutes = text[:-2].split(":")
    return (int(hours) % 12 + 12 * (text[-2:] == "PM")) * 3600 + int(minutes) * 60
