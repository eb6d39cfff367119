"""`hr-core cases run`: one line a case, the summary last, and files that are no cases."""

import json

import pytest

from hr_core.cli import main

CASE = {
    "id": "one",
    "kind": "round_instant",
    "input": {"time": "08:08", "interval_seconds": 900, "mode": "nearest", "grace_seconds": 0},
    "expect": {"time": "08:15:00"},
}


@pytest.fixture
def folder(tmp_path):
    def write(name, cases):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        content = {"schema": "hrcase/1", "family": "rounding", "cases": cases}
        file.write_text(json.dumps(content), encoding="utf-8")
        return file

    return write


def run(capfd, *paths):
    capfd.readouterr()
    code = main(["cases", "run", *map(str, paths), "--json"])
    return code, [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_each_case_is_a_line_and_the_last_line_counts_them(folder, capfd, tmp_path):
    wrong = CASE | {"id": "two", "expect": {"time": "08:00:00"}}
    folder("a/1.json", [CASE, wrong])
    folder("a/2.json", [CASE | {"id": "three", "kind": "round_moon"}])

    code, lines = run(capfd, tmp_path / "a")

    assert code == 1
    assert lines[0] == {"case": "one", "result": "passed", "differences": []}
    assert lines[1]["result"] == "failed"
    assert lines[1]["differences"] == [".time: expected 08:00:00, found 08:15:00"]
    assert lines[2] == {
        "case": "three", "result": "unsupported", "differences": ["kind 'round_moon'"],
    }  # fmt: skip
    assert lines[3] == {"summary": {"passed": 1, "failed": 1, "unsupported": 1}}


def test_what_is_unsupported_alone_is_no_failure(folder, capfd):
    file = folder("1.json", [CASE, CASE | {"kind": "moon_pay"}, {"no": "id"}, "not a case"])

    code, lines = run(capfd, file, file)  # named twice, run once

    assert code == 0
    assert lines[1]["differences"] == ["kind 'moon_pay'"]
    assert lines[-1] == {"summary": {"passed": 1, "failed": 0, "unsupported": 3}}


def test_people_get_a_table(folder, capfd):
    file = folder("1.json", [CASE, CASE | {"id": "two", "kind": "round_moon"}])

    assert main(["cases", "run", str(file)]) == 0

    assert capfd.readouterr().out.splitlines() == [
        f"{'1.json':46} passed    1  failed    0  unsupported    1",
        "  unsupported two",
        "    kind 'round_moon'",
        f"{'all':46} passed    1  failed    0  unsupported    1",
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", 2),
        ('{"schema": "hrcase/2", "cases": []}', 2),
        ('{"schema": "hrcase/1", "cases": 7}', 2),
        ("[" * 100_000, 2),
        (None, 3),
    ],
)
def test_a_file_that_is_no_cases_is_named_before_anything_runs(
    folder, capfd, tmp_path, content, code
):
    good, bad = folder("good.json", [CASE]), tmp_path / "bad.json"
    if content is not None:
        bad.write_text(content, encoding="utf-8")

    assert main(["cases", "run", str(good), str(bad), "--json"]) == code

    told = capfd.readouterr()
    assert told.out == ""
    assert "bad.json" in told.err
    assert "remedy: " in told.err
