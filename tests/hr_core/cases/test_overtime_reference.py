"""Daily and weekly overtime of a time sheet against a count minute by minute, as SCHEMA tells it.

Each minute goes to the rule with the highest factor whose counter has passed its threshold; the weekly
counters stand still during minutes that a daily rule won.
"""

import random
from datetime import date, datetime, time, timedelta

import pytest

from hr_core.cases.run import run_case

SUNDAY = date(2024, 6, 9)
SETUP = {
    "timezone": "America/Vancouver", "week_starts": "sunday", "day_rule": "day_shift_starts",
    "max_shift_seconds": 57_600, "new_shift_gap_seconds": 14_400,
}  # fmt: skip
COUNTS = "counts:regular+meal/break"


def moment(day, minute):
    return f"{(datetime.combine(day, time()) + timedelta(minutes=minute)).isoformat()}-07:00"


def pairs_of_a_day(chance):
    """Between 5:00 and 22:30: nights of more than four hours part the shifts."""
    at, pairs = 300, []
    for _ in range(chance.randint(0, 3)):
        came = at + chance.randint(1, 90)
        at = came + chance.choice([30, 61, 120, 240, 300, 480, 601])
        if at <= 1_350 and at - (pairs[0][0] if pairs else came) <= 950:
            pairs.append((came, at))
    return pairs


def segments(pairs, rules, weekly):
    """[winner, first minute, end] of each pair; `weekly` counts on over the days."""
    found, worked = [], 0
    for came, left in pairs:
        found.append(None)
        for minute in range(came, left):
            counted = [worked if period == "daily" else weekly for period, _, _ in rules]
            passed = [one for one, (_, over, _) in enumerate(rules) if counted[one] * 60 >= over]
            winner = max(passed, key=lambda one: rules[one][2], default=None)
            if found[-1] and found[-1][0] == winner:
                found[-1][2] = minute + 1
            else:
                found[-1:] = [*filter(None, found[-1:]), [winner, minute, minute + 1]]
            worked += 1
            weekly += winner is None or rules[winner][0] == "weekly"
    return found, weekly


def row_of(day, rules, winner, first, end):
    row = {"seconds": (end - first) * 60, "start": moment(day, first), "end": moment(day, end)}
    if winner is None:
        return row | {"kind": "regular", "pay_code": "regular", "hourly_rate": 21.5}
    rate = 21.5 * rules[winner][2]
    return row | {"kind": "overtime", "pay_code": f"code {winner}", "hourly_rate": rate}


@pytest.mark.parametrize("seed", range(4))
def test_no_second_is_counted_twice(seed):
    chance = random.Random(seed)
    for _ in range(20):
        daily = chance.sample([27_000, 28_800, 32_400, 36_000], chance.randint(0, 2))
        factors = iter(chance.sample([1.25, 1.5, 1.75, 2, 2.5, 3], 4))
        rules = [("daily", over, next(factors)) for over in daily]
        rules += [("weekly", over, next(factors)) for over in chance.sample([111_600, 144_000], 2)]
        entered, asked, weekly = [], [], 0
        for day in (SUNDAY + timedelta(days=one) for one in range(7)):
            pairs = pairs_of_a_day(chance)
            found, weekly = segments(pairs, rules, weekly)
            entered += [
                {"op": "punch_pair", "in": moment(day, came), "out": moment(day, left)}
                for came, left in pairs
            ]
            rows = [row_of(day, rules, *one) for one in found]
            if rows:
                worked = sum(row["seconds"] for row in rows)
                rows.append({"kind": "total", "seconds": worked, "hourly_rate": 0})
            asked.append(
                {"op": "expect_day", "date": str(day), "rows": rows, "row_count": len(rows)}
            )
        case = {
            "id": "any",
            "setup": SETUP,
            "rules": [{"kind": "regular", "counts": COUNTS, "pay_code": "regular"}]
            + [
                {
                    "kind": "overtime", "period": period, "over_seconds": over, "counts": COUNTS,
                    "pay_code": f"code {one}", "multiplier": factor,
                }
                for one, (period, over, factor) in enumerate(rules)
            ],
            "steps": entered + asked,
        }  # fmt: skip

        result = run_case(case)

        assert (result.result, result.differences) == ("passed", ()), case
