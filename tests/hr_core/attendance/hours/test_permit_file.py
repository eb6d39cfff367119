"""Permits from a file: each row that cannot hold is named, and then nothing is taken."""

from datetime import date

import pytest

from hr_core.attendance.hours.law import PeriodLength, System
from hr_core.attendance.hours.permit_file import PermitFileError, read_permits

TOML = """
[[permit]]
number = "沪人社综〔2025〕12号"
system = "comprehensive"
posts = ["guard", "driver"]
period = "quarter"
valid_from = 2025-07-01
valid_to = 2026-06-30
authority = "上海市人社局"
"""
CSV = (
    "批准文号,工时制度,岗位,周期,开始日期,结束日期,节假日计入标准工时\n"
    "沪人社综〔2025〕12号,综合工时,guard；driver,季,2025-07-01,2026-06-30,否\n"
    "B-2,不定时,sales,,2026-01-01,2026-12-31,\n"
)


def test_toml_and_csv_say_the_same():
    (permit,) = read_permits(TOML, file="p.toml")
    first, second = read_permits("\ufeff" + CSV, file="p.CSV")

    assert permit.system is System.COMPREHENSIVE
    assert permit.period is PeriodLength.QUARTER
    assert permit.valid_until == date(2026, 7, 1)  # the day after the paper's last
    assert (first.posts, first.days, first.number) == (permit.posts, permit.days, permit.number)
    assert (second.system, second.period) == (System.IRREGULAR, None)


def faults(text, file="p.toml", known=()):
    with pytest.raises(PermitFileError) as caught:
        read_permits(text, file=file, known=known)
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"quarter"', '"half-year"', "period 'half-year' is none of week, month"),
        ('period = "quarter"', "", "need a period"),
        ('"comprehensive"', '"irregular"', "irregular hours have none"),
        ('"comprehensive"', '"standard"', "none of comprehensive, irregular"),
        ("2026-06-30", "2025-06-30", "before valid_from"),
        ("valid_to = 2026-06-30", "", "valid_to is missing"),
        ("2026-06-30", '"soon"', "not a day"),
        ("2026-06-30", "2026-06-30T00:00:00", "not a day"),
        ('["guard", "driver"]', "[]", "no list of names"),
        ('["guard", "driver"]', "[1]", "no text"),
        ('"driver"', '"guard"', "stands twice"),
        ("authority", "office", "unknown office"),
        ('authority = "上海市人社局"', 'holiday_fills_standard = "perhaps"', "true, false"),
        ('authority = "上海市人社局"', 'basis = "guess"', "notice, calendar"),
    ],
)
def test_a_row_that_cannot_hold(old, new, fault):
    found = faults(TOML.replace(old, new))

    assert found.key == "permit 1"
    assert fault in str(found)


def test_all_bad_rows_are_named_at_once_with_their_lines():
    found = faults(CSV.replace("季", "旬").replace("2026-12-31", "x") + "B-2,不定时,a,,x,y,z,更多\n",
                   "p.csv")  # fmt: skip
    assert found.key == "line 4"  # a row longer than its head cannot be read at all
    found = faults(CSV.replace("季", "旬").replace("2026-12-31", "x"), "p.csv")
    assert [one.where for one in found.faults] == ["line 2", "line 3"]


def test_two_permits_for_one_post_on_one_day_are_refused_also_against_stored_ones():
    twin = TOML.replace("12号", "13号").replace("2025-07-01", "2026-06-30")
    assert "both hold for post driver" in str(faults(TOML + twin))
    known = read_permits(TOML, file="p.toml")
    assert "both hold for post driver" in str(faults(twin, known=known))
    assert read_permits(TOML.replace("guard", "cook"), file="p.toml", known=known)  # replaces it
    renewed = twin.replace("valid_from = 2026-06-30", "valid_from = 2026-07-01").replace(
        "valid_to = 2026-06-30", "valid_to = 2027-06-30"
    )
    assert read_permits(renewed, file="p.toml", known=known)


@pytest.mark.parametrize(
    ("text", "file", "fault"),
    [
        ("", "p.toml", "no permit"), ("x = 1", "p.toml", "something else"),
        ("[[", "p.toml", "not TOML"), ("number\n", "p.csv", "no permit"),
        ('a\n"b\n', "p.csv", "unknown a"), (TOML + TOML, "p.toml", "stands in permit 1 too"),
    ],
)  # fmt: skip
def test_files_that_hold_no_permits(text, file, fault):
    assert fault in str(faults(text, file))
