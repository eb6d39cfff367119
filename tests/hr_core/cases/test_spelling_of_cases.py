"""What a case may look like: figures as text, null for nothing, any order, several files."""

import json
import random

import pytest

from hr_core.cases.compare import compare
from hr_core.cases.files import case_files, cases_of
from hr_core.cases.run import Outcome, run_case
from hr_core.cli import main

OPTIONAL = (
    "left", "wages", "facts_change", "earlier_runs", "hf_first_ever", "foreign", "tax_resident",
    "hf_agreed", "draws_pension", "unpaid_leave", "paid_leave", "unused_leave_days", "overtime",
    "holidays", "bonus", "annual_bonus_separate", "annual_bonus_separate_in", "untaxed", "exit",
    "special_deductions", "only_child", "heat_allowance", "maternity_allowance_offset",
    "carried_service_months", "deduct_60000_from_january", "first_wage_income_this_year",
    "probation_excess_damages", "probation_wage_shortfall", "no_written_contract_wage",
)  # fmt: skip
FACTS = {"injury_rate": 0.2, "unemp_er": 0.5, "unemp_ee": 0.5, "hf_rate": 7, "hf_supp": 0}
MONTH = {
    "city": "上海", "period": "2026-01", "facts": FACTS, "hired": "2025-06-02",
    "wage": 20000, "si_base": 20000, "hf_base": 20000,
}  # fmt: skip


def respelled(value, spell, chance):
    """With the keys of each object in another order."""
    if isinstance(value, dict):
        items = chance.sample(sorted(value.items()), len(value))
        return {key: respelled(one, spell, chance) for key, one in items}
    if isinstance(value, list):
        return [respelled(one, spell, chance) for one in value]
    return spell(value) if isinstance(value, int | float) and type(value) is not bool else value


@pytest.mark.parametrize(
    "spell", [str, float, lambda value: int(value) if value % 1 == 0 else value]
)
def test_a_figure_is_the_same_as_text_and_with_a_point(shared_data, spell):
    chance = random.Random(1)
    for case in (one for file in case_files([shared_data / "hr/cases"]) for one in cases_of(file)):
        if run_case(case).result is not Outcome.PASSED:
            continue
        asked = ("input", "expect", "setup", "rules", "steps")
        again = case | {key: respelled(case[key], spell, chance) for key in asked if key in case}

        found = run_case(again)

        assert (found.case, found.differences) == (case["id"], ())


def pay(given, expect):
    return run_case({"id": "any", "kind": "cn_month_pay", "input": given, "expect": expect})


def test_null_is_an_absent_key():
    found = pay(MONTH | dict.fromkeys(OPTIONAL), {"net": 16155, "iit_bonus": None})

    assert found.differences == ()


def test_who_has_no_first_day_is_employed_all_the_while():
    given = {key: value for key, value in MONTH.items() if key != "hired"}
    leaving = {"left": "2026-01-30", "exit": "mutual, proposed by employer"}

    assert pay(given, {"net": 16155}).differences == ()
    assert pay(given | leaving, {"refused": "years of service are not known"}).differences == ()


@pytest.mark.parametrize("kind", ["funeral", "Marriage leave", "annual_leave", None])
def test_paid_leave_of_any_kind_takes_nothing_off(kind):
    leave = {"kind": kind, "from": "2026-01-12", "to": "2026-01-16"}

    assert pay(MONTH | {"paid_leave": leave}, {"gross": 20000}).differences == ()


@pytest.mark.parametrize(
    "impossible",
    [
        {"wage": -1},
        {"unused_leave_days": -1},
        {"maternity_allowance_offset": -1},
        {"annual_bonus_separate": -1},
        {"bonus": -1},
        {"carried_service_months": -1},
        {"overtime": [{"date": "2026-01-12", "day_kind": "workday", "hours": -1}]},
        {"overtime": [{"date": "2026-01-19", "day_kind": "workday", "hours": 1}], "left": "2026-01-16"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(impossible):
    assert pay(MONTH | impossible, {"refused": "in words"}).differences == ()
    assert pay(MONTH | impossible, {"gross": 20000}).result is Outcome.FAILED


@pytest.mark.parametrize(("inspected", "defects"), [(5, 6), (-1, 0), (10, -1)])
@pytest.mark.parametrize("kind", ["defect_grade", "line_alert"])
def test_counts_that_cannot_be_are_refused(kind, inspected, defects):
    given = {"inspected": inspected, "defects": defects}

    assert run_case({"kind": kind, "input": given, "expect": {"refused": "no"}}).differences == ()


def test_time_off_settles_the_rest_day_alone_in_hours_too():
    given = {
        "monthly_wage": "8700.00", "time_off_in_lieu": True,
        "hours": {"workday": 1, "rest_day": 8, "statutory_holiday": 1},
    }  # fmt: skip
    expect = {"workday": 75, "rest_day": 0, "statutory_holiday": 150, "total": 225}

    assert run_case({"kind": "cn_overtime", "input": given, "expect": expect}).differences == ()


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        ({"gross": 0.07}, {"gross": 0.075}, True),
        ({"gross": 0.07}, {"gross": 0.0751}, False),
        ({"gross": "12434.00"}, {"gross": 12434}, True),
        ({"gross": "much"}, {"gross": 12434}, False),
        ({"hours": 8.01}, {"hours": 8.0}, True),
        ({"hours": 8.02}, {"hours": 8.0}, False),
        ({"gross": "as the contract says"}, {"gross": 5}, True),
        ({"shift": "the early morning shift"}, {"shift": None}, False),
        ({"net_about": 100}, {"net": 119}, True),
        ({"net_about": 100}, {"net": 121}, False),
        ({"refused": True}, {"refused": "no law"}, True),
        ({"refused": True}, {"gross": 5}, False),
        ({"refused": None, "gross": 5}, {"gross": 5}, True),
        ({"refused": False, "gross": 5}, {"refused": "no law"}, False),
    ],
)
def test_tolerance_notes_and_refusals(expected, found, same):
    assert (compare(expected, found) == []) is same


def test_asserted_rows_choose_no_row_that_another_needs():
    """Both fit the morning, one of them the afternoon too."""
    half = {"kind": "regular", "pay_code": "regular", "seconds": 14400}
    day = "2024-06-10T{:02}:00:00-07:00".format
    rows = [half | {"branch": None}, half | {"start": day(8)}]
    case = {
        "id": "any",
        "setup": {
            "timezone": "America/Vancouver", "week_starts": "sunday", "max_shift_seconds": 57600,
            "day_rule": "day_shift_starts", "new_shift_gap_seconds": 14400,
        },
        "rules": [{"kind": "regular", "counts": "counts:regular", "pay_code": "regular"}],
        "steps": [
            {"op": "punch_pair", "in": day(8), "out": day(12), "out_type": "lunch"},
            {"op": "punch_pair", "in": day(13), "out": day(17), "in_type": "lunch"},
            {"op": "expect_day", "date": "2024-06-10", "rows": rows},
        ],
    }  # fmt: skip

    def result(*asserted):
        return run_case(
            case | {"steps": [*case["steps"][:2], case["steps"][2] | {"rows": asserted}]}
        )

    assert result(*rows).differences == ()
    assert result(*reversed(rows)).differences == ()
    assert result(*rows, half).result is Outcome.FAILED


def test_several_files_and_a_folder_in_a_folder(tmp_path, capfd):
    case = {"id": "a", "kind": "line_alert", "input": {"inspected": 10000, "defects": "501"}}
    text = json.dumps({"cases": [case | {"expect": {"line_alert": True}}], "schema": "hrcase/1"})
    inner = tmp_path / "folder" / "inner"
    inner.mkdir(parents=True)
    for file in (inner / "one.json", inner.parent / "two.json", tmp_path / "three.json"):
        file.write_bytes(b"\xef\xbb\xbf" + text.encode())

    assert main(["cases", "run", str(inner.parent), str(tmp_path / "three.json"), "--json"]) == 0

    *_, last = capfd.readouterr().out.splitlines()
    assert json.loads(last) == {"summary": {"passed": 3, "failed": 0, "unsupported": 0}}


def test_what_lies_beside_cases_is_named_and_left_out(tmp_path, capfd):
    case = {"id": "a", "kind": "line_alert", "input": {"inspected": 1, "defects": 1}}
    cases = {"schema": "hrcase/1", "cases": [case | {"expect": {"line_alert": True}}]}
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    other = tmp_path / "results.json"
    other.write_text('[{"passed": 1}]')

    assert main(["cases", "run", str(tmp_path)]) == 0

    told = capfd.readouterr()
    assert "passed    1" in told.out
    assert "left out" in told.err
    assert "results.json" in told.err

    assert main(["cases", "run", str(tmp_path), str(other)]) == 2
    (tmp_path / "cases.json").unlink()
    assert main(["cases", "run", str(tmp_path)]) == 2
