"""A file of opening balances: both forms say the same, and each fault is named with its place."""

import pytest

from hr_core.clock import Month
from hr_core.errors import InputFileError, NotFoundError
from hr_core.law.national import national_law
from hr_core.opening.file import read_opening_file
from hr_core.opening.rows import (
    LeaveOpening,
    OpeningKind,
    PeriodOpening,
    TaxOpening,
    TimeOffOpening,
)
from hr_core.opening.tax_check import tax_notes
from hr_core.spreadsheet import write_rows

HEAD = 'schema = "clockline-opening/1"\nsource = "old payroll"\nfirst_month = "2026-09"\n'
TAX = """
[[tax_year]]
person = "E001"
months = 8
income = "69600.00"
contributions = "7308.00"
special_deductions = "8000"
withheld = "128.76"
"""
REST = """
[[time_off]]
person = "E001"
day = 2026-08-15
day_kind = "rest_day"
minutes = 450
last_day = 2026-12-31
[[leave]]
person = "E001"
leave = "annual"
year = 2026
days = "3.5"
[[period]]
person = "E001"
permit = "HR-7"
from = 2026-07-01
worked_min = 20160
holiday_min = 0
"""
HEADING = [
    "工号", "项目", "月数", "累计收入", "累计专项扣除", "累计专项附加扣除", "已预缴税额",
    "日期", "日期类型", "分钟", "有效期至", "假别", "年度", "天数", "批文", "周期开始", "已工作分钟",
]  # fmt: skip


def person_of(number, month):
    assert month == Month(2026, 9)
    if number != "E001":
        raise NotFoundError(f"nobody has the employee number {number!r}", remedy="-")
    return "P1"


def read(tmp_path, text):
    file = tmp_path / "opening.toml"
    file.write_text(text, encoding="utf-8")
    return read_opening_file(file, person_of)


def test_each_kind_of_balance_is_read_with_its_place(tmp_path):
    found = read(tmp_path, HEAD + TAX + REST)
    assert [row.kind for row in found.rows] == list(OpeningKind)
    tax, lot, leave, period = (row.balance for row in found.rows)
    assert tax == TaxOpening(
        year=2026,
        first_month="2026-09",
        months=8,
        income=6_960_000,
        contributions=730_800,
        special=800_000,
        withheld=12_876,
    )
    assert isinstance(lot, TimeOffOpening)
    assert (lot.minutes, str(lot.last_day)) == (450, "2026-12-31")
    assert leave == LeaveOpening(leave="annual", year=2026, half_days=7)
    assert isinstance(period, PeriodOpening)
    assert str(period.until) == "2026-09-01"
    assert found.rows[1].source == "old payroll, opening.toml time_off[1]"


def test_a_table_says_the_same(tmp_path):
    table = [
        HEADING,
        ["E001", "个税", 8, "69600.00", "7308.00", 8000, "128.76"],
        ["E001", "调休", *[""] * 5, "2026-08-15", "rest_day", 450, "2026-12-31"],
        ["E001", "假期", *[""] * 9, "annual", 2026, "3.5"],
        ["E001", "综合工时", *[""] * 12, "HR-7", "2026-07-01", 20160],
    ]
    wanted = [row.balance for row in read(tmp_path, HEAD + TAX + REST).rows]
    for name in ("opening.xlsx", "opening.csv"):
        write_rows(tmp_path / name, table)
        found = read_opening_file(
            tmp_path / name, person_of, source="old payroll", first_month="2026-09"
        )
        assert [row.balance for row in found.rows] == wanted
    with pytest.raises(InputFileError, match="first one here"):
        read_opening_file(tmp_path / "opening.csv", person_of)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("months = 8", "months = 9"), "8 of the tax year lie before"),
        (("months = 8", "months = 0"), "amounts and no months"),
        (('"69600.00"', "69600.00"), "not a figure as text"),
        (('"69600.00"', '"-1"'), "below zero"),
        (('"128.76"', '"70000"'), "more tax is withheld than was earned"),
        (("[[tax_year]]\nperson", "[[tax_year]]\nbonus = 1\nperson"), "unknown field `bonus`"),
        (("2026-08-15", "2026-09-01"), "counted here"),
        (("last_day = 2026-12-31", "last_day = 2026-08-01"), "before the overtime"),
        (("minutes = 450", "minutes = 0"), ">= 1"),
        (('"3.5"', '"3.3"'), "whole or half days"),
        (("year = 2026", "year = 2023"), "leave of 2023"),
        (("worked_min = 20160", "worked_min = 99999"), "the days, can hold"),
        (("from = 2026-07-01", "from = 2026-09-01"), "counted here from its start"),
        (('person = "E001"\nleave', 'person = "E9"\nleave'), "E9"),
        (('first_month = "2026-09"', 'first_month = "2026-9"'), "not a month"),
        (("/1", "/2"), "schema"),
    ],
)
def test_a_fault_is_named_and_nothing_is_taken(tmp_path, change, fault):
    text = HEAD + TAX + REST
    assert change[0] in text
    with pytest.raises(InputFileError, match=fault):
        read(tmp_path, text.replace(*change))


def test_the_same_balance_twice_is_refused(tmp_path):
    with pytest.raises(InputFileError, match=r"says again what .* tax_year\[1\]"):
        read(tmp_path, HEAD + TAX + TAX)


def test_every_faulty_row_is_told_up_to_a_number(tmp_path):
    rows = "".join(TAX.replace("E001", f"X{number}") for number in range(12))
    with pytest.raises(InputFileError, match=r"X0.*X9.*and 2 more"):
        read(tmp_path, HEAD + rows)


def test_tax_that_the_table_does_not_give_is_told(tmp_path):
    """69,600 - 7,308 - 8,000 - 8 x 5,000 = 14,292 at 3 % = 428.76."""
    (note,) = tax_notes(read(tmp_path, HEAD + TAX), national_law())
    assert "¥128.76 is withheld, the table gives ¥428.76 for 8 months" in note
    right = TAX.replace("128.76", "428.76")
    assert tax_notes(read(tmp_path, HEAD + right), national_law()) == []


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ([["person", "item", "colour"], ["E001", "tax_year", "red"]], "nobody knows: colour"),
        ([["person", "months"], ["E001", 8]], "lacking: item"),
        ([["person", "item", "income", "累计收入"]], "two columns are income"),
        ([["person", "item"], ["E001", "bonus"]], "row 2: item 'bonus' is none of"),
        ([["person", "item", "annual_bonus_apart"], ["E001", "tax_year", "maybe"]], "maybe"),
        ([["person", "item", "months"], ["E001", "tax_year", "eight"]], "row 2"),
        ([], "lacking: item, person"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, table, fault):
    file = tmp_path / "opening.csv"
    write_rows(file, table)
    with pytest.raises(InputFileError, match=fault):
        read_opening_file(file, person_of, source="old", first_month="2026-09")
