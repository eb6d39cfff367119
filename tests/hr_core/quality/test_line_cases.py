"""Every known-answer file of data/line/cases, through the engines."""

import json
from pathlib import Path

import pytest

from tests.hr_core.quality.line_cases import run_file

# State machines of the wire, run by the edge: tests/protocols/sparkplug.
OF_THE_EDGE = {"sparkplug_session"}


def test_every_case_file_agrees(shared_data):
    files = sorted((shared_data / "line" / "cases").glob("*.json"))
    assert len(files) >= 14
    results = [
        (file.stem, one) for file in files if file.stem not in OF_THE_EDGE for one in run_file(file)
    ]
    wrong = [(file, one.case, one.differences) for file, one in results if one.result != "passed"]
    assert not wrong
    assert len(results) >= 82


def test_our_own_cases_of_the_same_forms_agree():
    results = run_file(Path(__file__).with_name("more_line_cases.json"))
    assert [one for one in results if one.result != "passed"] == []
    assert len(results) == 13


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("counter_delta", "delta", -1),
        ("counter_delta", "flag", "late"),
        ("attribution", "expect", {"E1": [9, 1]}),
        ("wilson_intervals", "wilson95", [0.5, 0.6]),
        ("grades_thresholds", "grade", "X"),
        ("alert_min_defects", "wilson_one_sided95_min_defects", 0),
        ("oee_fpy_rty", "expect", {"oee": 0.5}),
    ],
)
def test_a_wrong_expectation_fails(shared_data, tmp_path, file, key, value):
    """The runner can fail: the first case of the file, with one fact changed."""
    content = json.loads((shared_data / "line" / "cases" / f"{file}.json").read_text())
    rows = content.get("cases") or content["rows"]
    rows[:] = [rows[0] | {key: value}]
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(content))
    assert [one.result for one in run_file(changed)] == ["failed"]


def test_a_form_that_nobody_knows_is_unsupported(tmp_path):
    strange = tmp_path / "strange.json"
    strange.write_text('{"cases": [{"name": "a", "colour": "red"}]}')
    assert [one.result for one in run_file(strange)] == ["unsupported"]
