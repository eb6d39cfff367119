"""The rules that ship as data: how far back they reach, from whom, and that 2025 did not change."""

import time
import tomllib
from datetime import date
from fractions import Fraction

import pytest

from hr_core.attendance.calendar import load_calendar
from hr_core.attendance.day import load_rules
from hr_core.clock import Month
from hr_core.data_files import read_text
from hr_core.errors import NoLawError
from hr_core.pay.scheme import parse_scheme
from hr_core.quality.alert_rules import load_alert_rules
from hr_core.quality.grades import load_grades

SCHEME = parse_scheme(read_text("scheme_demo.toml"), file="scheme_demo.toml")
GRADES = load_grades()
ALERTS = load_alert_rules()
COVERED = [Month(year, month) for year in range(2008, 2027) for month in range(1, 13)][1:]
FILES = [
    "alerts.toml",
    "calendar_cn.toml",
    "grades.toml",
    "overtime_counting.toml",
    "scheme_demo.toml",
    "time_off.toml",
]


def test_each_month_from_february_2008_can_be_paid():
    calendar = load_calendar()
    for month in COVERED:
        assert [calendar.day(on).on for on in month.days()] == list(month.days())
        overtime = SCHEME.on(month.first).overtime_on(month.first)
        assert (overtime.month_days, overtime.day_hours) == (Fraction(87, 4), 8)
        factors = (overtime.workday, overtime.rest_day, overtime.statutory_holiday)
        assert factors == (Fraction(3, 2), 2, 3)
        assert GRADES.on(month.first).version == "grades/2025-01"
        assert ALERTS.on(month.first).version == "alerts/2025-01"


@pytest.mark.parametrize(
    ("on", "version", "law"),
    [
        (date(2008, 2, 1), "demo/2008-02", "劳社部发〔2008〕3号"),
        (date(2024, 12, 31), "demo/2008-02", "劳社部发〔2008〕3号"),
        (date(2025, 1, 1), "demo/2025-01", "人社部发〔2025〕2号"),
        (date(2026, 11, 1), "demo/2025-01", "人社部发〔2025〕2号"),
    ],
)
def test_the_paid_days_come_from_the_notice_of_their_time(on, version, law):
    edition = SCHEME.on(on)
    assert edition.version == version
    assert law in edition.overtime_on(on.replace(day=1)).source


def test_what_is_before_the_law_is_refused():
    with pytest.raises(NoLawError):
        SCHEME.on(date(2008, 1, 31))  # the month began before the notice of 2008-01-03
    with pytest.raises(NoLawError):
        GRADES.on(date(2007, 12, 31))
    with pytest.raises(NoLawError):
        ALERTS.on(date(2007, 12, 31))


def test_house_rules_do_not_pose_as_law():
    editions = (*GRADES.edition, *ALERTS.edition)
    sources = [load_rules().source, *(edition.source for edition in editions)]
    assert all(source.startswith("House rule, not law") for source in sources)
    assert all("demo scheme" in edition.grade.source for edition in SCHEME.edition)


@pytest.mark.parametrize(
    "editions",
    [SCHEME.edition, GRADES.edition, ALERTS.edition],
    ids=["scheme", "grades", "alerts"],
)
def test_no_two_editions_share_a_version_or_a_first_day(editions):
    assert len({edition.version for edition in editions}) == len(editions)
    assert len({edition.since for edition in editions}) == len(editions)


@pytest.mark.parametrize("name", FILES)
def test_every_block_names_its_source(name):
    content = tomllib.loads(read_text(name))
    blocks = content.get("edition") or content.get("year") or [content]
    assert all(len(block["source"]) > 10 for block in blocks)


def test_the_calendar_loads_fast():
    """It is read anew for each view and run."""

    def seconds():
        start = time.process_time()
        load_calendar()
        return time.process_time() - start

    assert min(seconds() for _ in range(5)) < 0.020
