"""Rule sets as data: which holds on a day, what their engine makes of a day, what is refused."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from hr_core.attendance.day import load_rules
from hr_core.attendance.rule_sets.errors import NoRuleSetError, RuleFileError
from hr_core.attendance.rule_sets.loading import built_in, built_in_texts, refuse_clashes, rule_set
from hr_core.attendance.rule_sets.reading import read_rule_file, read_rule_set, seconds_of
from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import Direction, Entries, Punch
from hr_core.attendance.timesheet.rules import RowKind
from hr_core.attendance.timesheet.sheet import compute_sheet
from hr_core.cli import main

H = 3600
MONDAY = date(2026, 3, 2)
TODAY = date(2026, 11, 22)

HEAD = """
name = "ours"
version = "ours/1"
title = "Ours"
valid_from = 2026-01-01
status = "house"
source = "our works agreement"
engine = "timesheet"
"""
SHEET = """
[timesheet]
day_rule = "day_shift_starts"
maximum_shift = "16h"
new_shift_gap = "4h"
[[timesheet.regular]]
pay_code = "regular"
order = 1
counts = { pay_codes = ["regular"] }
"""
FIRST_LAST = """
[first_last]
debounce_s = 60
one_visit_min = 30
overtime_step_min = 30
late_grace_min = 0
early_leave_grace_min = 0
"""
OVERTIME = """
[[timesheet.overtime]]
period = "daily"
over = "8h"
pay_code = "ot"
multiplier = 1.5
counts = { pay_codes = ["regular"] }
"""


def problems(text):
    with pytest.raises(RuleFileError) as refused:
        read_rule_set(text, "ours.toml")
    return {(one.row, one.reason) for one in refused.value.problems}


def test_the_rules_that_ship_can_all_hold_and_name_their_source():
    sets = built_in()

    assert {one.name for one in sets} >= {"attendance", "cn-standard", "us-california"}
    assert all(len(one.source) > 20 for one in sets)
    assert all((one.status == "house") == one.source.startswith("House rule") for one in sets)
    assert all(read_rule_set(text, "again") == one for one, text in built_in_texts().items())


def test_the_first_last_engine_takes_its_rules_from_the_rule_set():
    found = rule_set("attendance", TODAY)

    assert found.attendance_rules() == load_rules()
    assert load_rules().version == "attendance/1"
    with pytest.raises(ValueError, match="first_last"):
        rule_set("cn-standard", TODAY).attendance_rules()


def test_a_later_version_holds_from_its_first_day_on():
    first = read_rule_set(HEAD + SHEET, "1")
    second = replace(first, version="ours/2", valid_from=date(2026, 7, 1))
    last = replace(
        first, version="ours/3", valid_from=date(2027, 1, 1), valid_until=date(2027, 6, 30)
    )
    sets = (second, last, first)

    assert rule_set("ours", date(2026, 6, 30), sets).version == "ours/1"
    assert rule_set("ours", date(2026, 7, 1), sets).version == "ours/2"
    assert rule_set("ours", date(2027, 6, 30), sets).version == "ours/3"
    for on in (date(2025, 12, 31),):
        with pytest.raises(NoRuleSetError, match=r"'ours' holds on 2025-12-31"):
            rule_set("ours", on, sets)
    with pytest.raises(NoRuleSetError):
        rule_set("moon", TODAY, sets)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": "ours/2"}, "both begin on 2026-01-01"),
        ({"name": "theirs"}, "version of another rule set"),
        (
            {"version": "ours/2", "valid_from": date(2026, 5, 1)},
            "says that it holds until 2026-12-31",
        ),
    ],
)
def test_two_rule_sets_that_cannot_both_hold_are_refused(change, reason):
    first = replace(read_rule_set(HEAD + SHEET, "1"), valid_until=date(2026, 12, 31))

    with pytest.raises(RuleFileError, match=reason):
        refuse_clashes([first, replace(first, **change)])


def hours(name, days, zone, holidays=(), rest_days=()):
    """Hours by pay code of days of (first hour, last hour, …) from Monday on."""
    rules = rule_set(name, TODAY).timesheet.at(zone, frozenset(holidays), frozenset(rest_days))
    local = LocalTime(zone)
    punches = tuple(
        Punch(
            at=local.at(MONDAY + timedelta(days=number), round(hour * H)),
            direction=(Direction.IN, Direction.OUT)[index % 2],
        )
        for number, pressed in enumerate(days)
        for index, hour in enumerate(pressed)
    )
    found = {}
    for sheet in compute_sheet(Entries(punches=punches), rules).values():
        for row in sheet.rows:
            if row.kind in (RowKind.REGULAR, RowKind.OVERTIME, RowKind.PREMIUM):
                found[row.pay_code] = found.get(row.pay_code, 0) + row.seconds / H
    return found


def test_the_chinese_day_pays_by_its_kind():
    workday = hours("cn-standard", [(8, 19)], "Asia/Shanghai")
    rest_day = hours("cn-standard", [(8, 13)], "Asia/Shanghai", rest_days=[MONDAY])
    holiday = hours("cn-standard", [(8, 13)], "Asia/Shanghai", holidays=[MONDAY])

    assert workday == {"regular": 8, "overtime_workday": 2}  # 11 hours less the meal
    assert rest_day == {"overtime_rest_day": 5}
    assert holiday == {"overtime_holiday": 5}


def test_a_californian_week_with_its_long_day_and_a_missed_meal():
    week = [(8, 12, 12.5, 16.5)] * 4 + [(8, 12, 12.5, 21.5)]

    assert hours("us-california", week, "America/Los_Angeles") == {
        "regular": 40, "overtime": 4, "double_time": 1, "missed_meal": 1,
    }  # fmt: skip


def test_a_german_day_is_shortened_by_the_rest_that_was_not_taken():
    assert hours("de-standard", [(8, 14)], "Europe/Berlin") == {"regular": 6}
    assert hours("de-standard", [(8, 15)], "Europe/Berlin") == {"regular": 6.5}
    assert hours("de-standard", [(8, 18)], "Europe/Berlin") == {"regular": 8, "over_8_hours": 1.25}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("8h", 28_800), ("1h30min", 5400), ("45s", 45), ("22:00", 79_200), ("24:00", 86_400),
        ("24:01", None), ("8", None), ("", None), ("8 h", None), ("h", None), ("12:60", None),
    ],
)  # fmt: skip
def test_lengths_are_written_with_their_unit(text, seconds):
    assert seconds_of(text) == seconds


def test_every_value_that_is_wrong_is_named_with_its_row():
    text = (
        HEAD.replace("2026-01-01", '"soon"')
        + SHEET
        + OVERTIME.replace('"8h"', "8")
        + """
[[timesheet.overtime]]
period = "fortnightly"
colour = "blue"
over = "8h"
pay_code = ""
multiplier = "much"
counts = { pay_codes = ["regular"], filter = { weekdays = ["sat", "noday"] } }
"""
    )

    found = {row for row, _ in problems(text)}

    assert found == {
        "valid_from",
        "timesheet.overtime row 1.over",
        "timesheet.overtime row 2.period",
        "timesheet.overtime row 2.colour",
        "timesheet.overtime row 2.pay_code",
        "timesheet.overtime row 2.multiplier",
        "timesheet.overtime row 2.counts.filter.weekdays row 2",
    }


def meal(after, amount, mode="auto_deduct"):
    return f"""
[[timesheet.meals]]
kind = "lunch_adjust"
mode = "{mode}"
after = "{after}"
amount = "{amount}"
pay_code = "meal"
"""


def premium(more):
    return f"""
[[timesheet.premiums]]
pay_code = "p"
multiplier = 1
counts = {{ pay_codes = ["regular"] }}
{more}
"""


def rounding(what, more=""):
    return f"""
[[timesheet.rounding]]
what = "{what}"
mode = "down"
interval = "15min"
grace = "3min"
{more}
"""


def more_overtime(**changes):
    text = OVERTIME
    for key, value in changes.items():
        line = next((one for one in text.splitlines() if one.startswith(f"{key} =")), None)
        text = text.replace(line, f"{key} = {value}") if line else f"{text}{key} = {value}\n"
    return OVERTIME + text


@pytest.mark.parametrize(
    ("more", "row", "reason"),
    [
        (meal("30min", "60min"), "timesheet.meals row 1", "longer than the work"),
        (meal("6h", "17h", "auto_add"), "timesheet.meals row 1", "longer than the longest shift"),
        (meal("6h", "30min") * 2, "timesheet.meals row 2", "the same meal"),
        (more_overtime(), "timesheet.overtime row 2", "cannot both hold"),
        (
            more_overtime(over='"10h"', pay_code='"ot2"', multiplier=1.25),
            "timesheet.overtime row 2", "thresholds out of order",
        ),
        (
            more_overtime(over='"10h"', multiplier=2.0),
            "timesheet.overtime row 2", "a row before it does not",
        ),
        (more_overtime(period='"daily"', over='"25h"'), "timesheet.overtime row 2", "longer than its period"),
        (
            more_overtime(period='"days_in_week"', over=0),
            "timesheet.overtime row 2", "needs days",
        ),
        (more_overtime(period='"holiday"', over=0), "timesheet.overtime row 2", "holiday_rules"),
        (premium('minimum = "3h"\nmaximum = "2h"'), "timesheet.premiums row 1", "above maximum"),
        (premium('filter = { start = "22:00" }'), "timesheet.premiums row 1", "start and end"),
        (rounding("all") + rounding("in"), "timesheet.rounding row 2", "never applies"),
        (rounding("in", 'condition = "static_total_time"\nafter = "5min"'),
         "timesheet.rounding row 1", "not a condition for in"),
        ('[marks]\nhalf_day_below = "2h"\nabsent_below = "4h"', "marks", "a half day could not be"),
        ('[[time_banks]]\npay_code = "ot"\nmonths = 3\nrate_percent = 150',
         "time_banks row 1", "no overtime row writes"),
        (OVERTIME + '[period]\nscheme = "comprehensive_hours"\nholiday_fills_standard = false',
         "timesheet.overtime row 1", "paid twice"),
        (FIRST_LAST, "first_last", "cannot hold beside"),
    ],
)  # fmt: skip
def test_rules_that_cannot_hold_are_refused_with_row_and_reason(more, row, reason):
    found = problems(HEAD + SHEET + more)

    assert [one for one, why in found if one == row and reason in why], found


def test_two_regular_rows_for_the_same_place_need_an_order():
    second = SHEET[SHEET.index("[[timesheet.regular]]") :]
    apart = second + 'only = { branches = ["north"] }\n'
    other = second + 'only = { branches = ["south"] }\n'

    assert problems(HEAD + SHEET + second) == {
        ("timesheet.regular row 2", "has the order 1 of a row before it, for the same places")
    }
    alone = HEAD + SHEET[: SHEET.index("[[timesheet.regular]]")]
    assert len(read_rule_set(alone + apart + other, "ok").timesheet.regular) == 2


def test_the_example_of_the_page_is_a_rule_set():
    page = (Path(__file__).parents[4] / "docs/attendance-rules.md").read_text(encoding="utf-8")

    found = read_rule_set(page.partition("```toml\n")[2].partition("```")[0], "page")

    assert found.timesheet.overtime[0].over == 8 * H


def test_files_that_are_no_rule_files(tmp_path):
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(RuleFileError, match="not UTF-8"):
        read_rule_file(file)
    with pytest.raises(RuleFileError, match="cannot be read"):
        read_rule_file(tmp_path / "none.toml")
    assert {row for row, _ in problems("= 1")} == {"file"}


@pytest.fixture
def ask(tmp_path, capfd, monkeypatch):
    """Runs `attendance rules …` where there is no database yet: (exit code, what it said)."""
    monkeypatch.delenv("CLOCKLINE_DB", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capfd.readouterr()
        code = main(["attendance", "rules", *map(str, arguments)])
        return code, capfd.readouterr()

    return run


def test_the_commands_list_show_and_check(tmp_path, ask):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(HEAD + SHEET, encoding="utf-8")
    bad.write_text(HEAD + SHEET + meal("30min", "60min"), encoding="utf-8")

    code, told = ask("list", "--json")
    assert (
        code,
        {one["name"] for one in json.loads(told.out)["rule_sets"]} >= {"cn-standard"},
    ) == (0, True)
    assert "cn-standard/2008-02" in ask("list")[1].out
    code, told = ask("show", "cn-standard", "--on", "2026-01-01")
    assert (code, "劳动法" in told.out) == (0, True)
    assert read_rule_set(told.out, "shown") == rule_set("cn-standard", TODAY)
    code, told = ask("show", "cn-standard", "--json")
    assert json.loads(told.out)["timesheet"]["overtime"][0]["over"] == 8 * H
    assert ask("show", "cn-standard", "--on", "2001-01-01")[0] == 3
    assert ask("check", good)[0] == 0
    assert json.loads(ask("check", good, "--json")[1].out)["ok"] is True
    code, told = ask("check", bad)
    assert (code, "timesheet.meals row 1: amount is longer than the work" in told.err) == (3, True)
    code, told = ask("check", bad, "--json")
    assert (code, json.loads(told.out)["problems"][0]["row"]) == (3, "timesheet.meals row 1")


def test_rules_of_your_own_are_imported_once_and_never_changed(tmp_path, ask):
    file = tmp_path / "ours.toml"
    file.write_text(HEAD + SHEET, encoding="utf-8")
    assert ask("import", file)[0] == 2  # no database yet
    assert main(["init"]) == 0

    assert json.loads(ask("import", file, "--by", "Li", "--json")[1].out)["added"] is True
    assert json.loads(ask("import", file, "--json")[1].out)["added"] is False
    code, told = ask("show", "ours", "--on", "2026-05-01")
    assert (code, told.out) == (0, HEAD + SHEET)
    assert "ours/1" in ask("list")[1].out

    file.write_text(HEAD + SHEET + OVERTIME, encoding="utf-8")
    code, told = ask("import", file)
    assert (code, "ours/1 holds already and says something else" in told.err) == (3, True)
    file.write_text(HEAD.replace("ours/1", "ours/2") + SHEET + OVERTIME, encoding="utf-8")
    code, told = ask("import", file)
    assert (code, "both begin on 2026-01-01" in told.err) == (3, True)
    text = HEAD.replace("ours/1", "ours/2").replace("2026-01-01", "2026-06-01") + SHEET + OVERTIME
    file.write_text(text, encoding="utf-8")
    assert ask("import", file)[0] == 0
    assert ask("show", "ours", "--on", "2026-05-31")[1].out == HEAD + SHEET
    assert ask("show", "ours", "--on", "2026-06-01")[1].out == text
