"""Known answers of four systems and of law: no case that the engine takes may fail."""

import pytest

from tests.hr_core.attendance.hr_cases import counted, run_file

FAMILIES = ("rounding.timetrex", "rounding.kimai", "overtime_periods.timetrex")


@pytest.mark.parametrize("family", FAMILIES)
def test_no_case_fails(shared_data, family):
    results = run_file(shared_data / "hr/cases" / f"{family}.json")

    print(family, counted(results))
    assert [result for result in results if result.result == "failed"] == []
    assert any(result.result == "passed" for result in results)
