"""A run beside a table from elsewhere: reading what people leave in sheets, and who has more."""

import tomllib

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from hr_core.errors import InputFileError
from hr_core.pay.diff.first_map import first_map
from hr_core.pay.diff.old_table import PeopleIndex, read_old_table
from hr_core.pay.diff.table_amounts import amount_of
from hr_core.pay.diff.table_compare import compare_table, table_rows
from hr_core.pay.diff.table_header import NoHeaderError, find_header
from hr_core.pay.diff.table_map import LineMap, TableMap, TablePlace, read_map
from hr_core.spreadsheet import Row, Sheet, read_sheet
from tests.hr_core.pay.diff.slip_samples import (
    base,
    bonus,
    day_input,
    overtime,
    pension,
    side,
    slip,
)

MAP = TableMap(
    name="old",
    table=TablePlace(number="工号", name="姓名", skip=("合计",)),
    ignore=("部门",),
    line=(
        LineMap(lines=("base",), columns=("基本工资", "岗位工资")),
        LineMap(lines=("overtime",), columns=("加班费",), tolerance="0.01"),
        LineMap(lines=("pension",), minus=("养老",)),
    ),
)
HEAD = ("工号", "姓名", "部门", "基本工资", "岗位工资", "加班费", "养老")
INDEX = PeopleIndex(
    [("001", "p1"), ("002", "p2"), ("1003", "p3"), ("1004", "p4")],
    [("王芳", "p1"), ("李伟", "p2"), ("张敏", "p3"), ("张敏", "p4")],
)


def sheet(*rows, head=HEAD):
    return Sheet([Row(at, tuple(cells)) for at, cells in enumerate((head, *rows), 1)], ())


def read(*rows, how=MAP, **more):
    return read_old_table(sheet(*rows, **more), how, INDEX)


def changed(how=MAP, **table):
    place = {name: getattr(how.table, name) for name in TablePlace.__struct_fields__}
    return TableMap(
        name=how.name, table=TablePlace(**place | table), line=how.line, ignore=how.ignore
    )


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("5200", 520000),
        ("5,200.50", 520050),
        ("￥１２，３４５．６７", 1234567),
        ("(12.00)", -1200),
        ("（12.00）", -1200),
        ("-3.5元", -350),
        ("−3.50", -350),
        ("'88", 8800),
        ("1.2E3", 120000),
        ("3.3000000000000003", 330),
        ("", None),
        (" — ", None),
        ("0", 0),
    ],
)
def test_amounts_as_people_write_them(text, fen):
    assert amount_of(text) == fen


@pytest.mark.parametrize(
    "text", ["abc", "1,23", "1.2.3", "12,34.5", "2026-10-01", "9" * 50, "1e30", "=1"]
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match="no amount"):
        amount_of(text)


def test_finer_than_a_fen_only_when_asked():
    with pytest.raises(ValueError, match="finer"):
        amount_of("18.3908")
    assert amount_of("18.3950", half_up=True) == 1840
    assert amount_of("-18.3950", half_up=True) == -1840
    assert amount_of("1840", in_fen=True) == 1840


@given(st.integers(-(10**11), 10**11))
def test_any_amount_is_read_as_it_was_written(fen):
    yuan = f"{'-' if fen < 0 else ''}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
    assert amount_of(yuan) == fen
    assert amount_of(str(fen / 100)) == fen  # what a workbook's number is read as


def test_rows_become_people_with_amounts_by_line():
    table = read(("001", "王芳", "A", "5000", "1000", "51.72", "480"))
    person = table.people["p1"]
    assert person.amounts == {"base": 600000, "overtime": 5172, "pension": -48000}
    assert (person.rows, table.refused, table.loose) == ((2,), (), ())


def test_a_blank_cell_says_nothing_and_zero_says_zero():
    person = read(("001", "", "", "", "", "0", "")).people["p1"]
    assert person.amounts == {"base": None, "overtime": 0, "pension": None}


def test_who_it_is():
    """By number, also as a spreadsheet spoils it; by a name that only one has."""
    table = read(
        ("１", "", "", "1", "", "", ""), ("", "李 伟", "", "1", "", "", ""),
        ("1003", "张敏", "", "1", "", "", ""),
    )  # fmt: skip
    assert list(table.people) == ["p1", "p2", "p3"]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (("", "张敏"), "'张敏' may be 2 people: p3, p4"),
        (("999", "王芳"), "nobody has the employee number '999'"),
        (("", "赵六"), "nobody is called '赵六'"),
        (("", ""), "neither an employee number nor a name"),
        (("001", "王芳", "", "five"), "column 基本工资: 'five' is no amount"),
        (("001", "王芳", "", "1.234"), "column 基本工资: '1.234' is finer than a fen"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_by_its_number(row, what):
    table = read((*row, *[""] * (7 - len(row))), ("002", "李伟", "", "1", "", "", ""))
    (refused,) = table.refused
    assert (refused.row, refused.what, bool(refused.remedy)) == (2, what, True)
    assert list(table.people) == ["p2"], "the others are compared"


def test_a_person_twice_is_refused_or_added_up():
    rows = [("001", "", "", "10", "", "", ""), ("001", "", "", "5", "1", "", "")]
    assert "stands in row 2" in read(*rows).refused[0].what
    table = read(*rows, how=changed(several_rows="sum"))
    assert table.people["p1"].amounts["base"] == 1600
    assert table.people["p1"].rows == (2, 3)


def test_totals_are_skipped_only_when_the_map_says_so():
    row = ("合计", "", "", "9000", "", "", "")
    assert read(row).skipped == 1
    assert read(row, how=changed(skip=())).refused[0].who == "合计"
    assert read(("", "合计", *row[2:])).skipped == 1


def test_a_column_with_amounts_that_nobody_mapped_is_told():
    table = read(("001", "", "x", "1", "", "", "", "12.5"), head=(*HEAD, "餐补"))
    assert [(one.name, one.total_fen) for one in table.loose] == [("餐补", 1250)]


def test_the_heading_is_found_under_a_title_and_over_two_rows():
    """As CSV: the merged "应发" stands over two columns and says so in the first only."""
    rows = [
        ("2026年10月工资表", "", "", "", "", ""),
        ("工号", "姓名", "应发", "", "扣款", "备注"),
        ("", "", "基本工资", "加班费", "养老", ""),
        ("001", "王芳", "1", "2", "3", "x"),
    ]
    header = find_header(Sheet([Row(at, row) for at, row in enumerate(rows, 1)], ()), TablePlace())
    assert header.rows == (2, 3)
    assert header.names == ("工号", "姓名", "应发/基本工资", "应发/加班费", "扣款/养老", "备注")
    assert (header.column("加班费"), header.column("扣款 / 养老")) == (3, 4)
    assert (header.number, header.name) == (0, 1)


def test_a_workbooks_merged_heading(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "old.xlsx") as book:
        book.add_worksheet("notes")
        page = book.add_worksheet("10月")
        page.merge_range(0, 0, 0, 5, "华兴工资表")
        page.merge_range(1, 0, 2, 0, "工 号")
        page.merge_range(1, 1, 1, 2, "应发")
        page.merge_range(1, 3, 1, 4, "代扣")
        page.merge_range(1, 5, 2, 5, "备注")
        for column, text in enumerate(("基本\n工资", "加班费", "养老", "公积金"), 1):
            page.write(2, column, text)
        page.write_row(3, 0, [1003, 6000.5, 51.72, 480, 300, "好"])
    found = read_sheet(tmp_path / "old.xlsx", "10月")
    header = find_header(found, TablePlace())
    assert header.names == (
        "工号",
        "应发/基本工资",
        "应发/加班费",
        "代扣/养老",
        "代扣/公积金",
        "备注",
    )
    how = TableMap(
        name="old", table=TablePlace(number="工号"), ignore=("备注",),
        line=(LineMap(lines=("base",), columns=("基本工资",)),),
    )  # fmt: skip
    table = read_old_table(found, how, INDEX)
    assert table.people["p3"].amounts == {"base": 600050}
    assert [one.name for one in table.loose] == ["应发/加班费", "代扣/养老", "代扣/公积金"]


def test_a_column_name_that_stands_twice_must_be_told_whole():
    header = find_header(sheet(head=("工号", "应发", "应发")), TablePlace(number="工号"))
    with pytest.raises(NoHeaderError, match="stands 2 times"):
        header.column("应发")
    with pytest.raises(NoHeaderError, match="no column '奖金'"):
        header.column("奖金")
    with pytest.raises(NoHeaderError, match="no row of the first"):
        find_header(sheet(head=("a", "b")), TablePlace())


def run():
    return side(
        3,
        slip("p1", base(), overtime(day_input(12, 60)), pension()),
        slip("p2", base(), bonus(30000)),
        refused=[("p3", "no fund base", "HR enters it")],
    )


def compared(*rows, how=MAP):
    return compare_table(run(), read(*rows, how=how), how, name="old.xlsx", called=lambda one: one)


def test_each_difference_has_its_direction_and_tolerance_is_counted():
    found = compared(
        ("001", "王芳", "", "5000", "1000", "51.73", "500"), ("002", "李伟", "", "6001", "", "", ""),
        ("1003", "张敏", "", "7000", "", "", ""),
    )  # fmt: skip
    told = [(one.person, one.line, one.difference_fen, one.verdict.value) for one in found.lines]
    assert told == [
        ("p1", "pension", 2000, "we_more"),
        ("p2", "base", -100, "old_more"),
        ("p3", "base", -700000, "not_in_run"),
    ]
    assert found.lines[2].why == "refused: no fund base; HR enters it"
    assert [(one.line, one.count, one.total_fen) for one in found.within] == [("overtime", 1, -1)]
    assert [(one.code, one.total_fen) for one in found.loose_lines] == [("bonus", 30000)]
    assert found.proof_holds
    assert not found.agrees


def test_who_is_not_in_the_table_is_listed():
    found = compared(("001", "王芳", "", "6000", "", "51.72", "480"))
    told = [(one.person, one.verdict.value, one.why) for one in found.lines]
    assert told == [("p2", "not_in_old", "no row of the person")]


def test_sums_of_a_slip_can_be_held_against_a_column():
    how = TableMap(
        name="old", table=TablePlace(number="工号"),
        line=(LineMap(lines=("@net",), columns=("实发",)), LineMap(lines=("@deducted",), minus=("扣",))),
    )  # fmt: skip
    rows = sheet(("001", "5571.72", "480"), head=("工号", "实发", "扣"))
    found = compare_table(
        run(), read_old_table(rows, how, INDEX), how, name="t", called=lambda one: one
    )
    assert [one.person for one in found.lines] == ["p2"]


def test_the_sheet_of_a_table_comparison():
    found = compared(
        ("001", "王芳", "", "6000", "", "51.72", "480.5"), ("9", "", "", "", "", "", "")
    )
    rows = list(table_rows(found, ["", "agreed"]))
    assert rows[1][:7] == ("p1", "王芳", "pension", -480.0, -480.5, 0.5, "we_more")
    assert rows[2][-1] == "agreed"
    assert rows[3][2] == "refused row"


amounts = st.integers(-500000, 500000)


@given(
    st.dictionaries(st.sampled_from(["p1", "p2", "p3"]), st.tuples(amounts, amounts, st.booleans()))
)
def test_what_is_listed_is_the_difference_of_the_sums(people):
    numbers = {"p1": "001", "p2": "002", "p3": "1003"}
    made = side(1, *(slip(one, base(ours)) for one, (ours, _, paid) in people.items() if paid))
    rows = [
        (numbers[one], "", "", str(old / 100), "", "", "") for one, (_, old, _) in people.items()
    ]
    found = compare_table(made, read(*rows), MAP, name="t", called=lambda one: one)
    assert found.proof_holds
    assert found.ours_fen == made.head.total_fen


WHOLE = """
name = "old payroll"
ignore = ["部门"]
[table]
number = "工号"
skip = ["合计"]
[[line]]
lines = ["base"]
columns = ["基本工资"]
tolerance = "0.01"
"""


def test_a_map_is_read(tmp_path):
    (tmp_path / "map.toml").write_text("\ufeff" + WHOLE, encoding="utf-8")
    how = read_map(tmp_path / "map.toml")
    assert (how.name, how.table.unit, how.tolerance_fen(how.line[0])) == ("old payroll", "yuan", 1)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('number = "工号"', "", "neither number nor name"),
        ('"0.01"', '"-1"', "not below zero"),
        ('"0.01"', '"x"', "not an amount"),
        ('lines = ["base"]', "lines = []", "must both name"),
        ('lines = ["base"]', 'lines = ["@all"]', "@all is no sum"),
        ('lines = ["base"]', 'lines = ["@net", "base"]', "stands alone"),
        ('lines = ["base"]', 'lines = ["base", "base"]', "stands in two places"),
        ('skip = ["合计"]', 'skip = "合计"', "Expected `array`"),
        ("[table]", "[table", "not TOML"),
        ("tolerance", "tolerence", "tolerence"),
    ],
)
def test_a_map_that_cannot_hold_is_refused_by_its_key(tmp_path, old, new, told):
    (tmp_path / "map.toml").write_text(WHOLE.replace(old, new), encoding="utf-8")
    with pytest.raises(InputFileError, match=told):
        read_map(tmp_path / "map.toml")


def test_a_first_map_knows_lines_that_no_slip_of_the_run_has(tmp_path):
    rows = sheet(
        ("001", "王芳", "6000", "0", "0", "0", "0", "0", "0", "6000"),
        head=(
            "工号", "姓名", "基本工资", "高温津贴", "个税", "公积金", "Severance", "未休年假工资", "餐补",
            "实发工资",
        ),
    )  # fmt: skip
    text = first_map(rows, [base()], name="old")
    assert text.count("# by its name alone: no slip of this run has the line") == 5
    assert '# columns = ["餐补"]' in text, "nobody knows whose that is"
    (tmp_path / "map.toml").write_text(text, encoding="utf-8")
    how = read_map(tmp_path / "map.toml")
    assert {line.lines: (line.columns, line.minus) for line in how.line} == {
        ("base",): (("基本工资",), ()),
        ("heat_allowance",): (("高温津贴",), ()),
        ("income_tax",): ((), ("个税",)),
        ("housing_fund_employee",): ((), ("公积金",)),
        ("severance",): (("Severance",), ()),
        ("leave_pay",): (("未休年假工资",), ()),
        ("@net",): (("实发工资",), ()),
    }


def test_a_first_map_reads_as_a_map_and_leaves_the_doubtful_to_a_person(tmp_path):
    rows = sheet(
        ("001", "王芳", "A", "6000", "51.72", "480", "20", "5591.72"),
        ("合计", "", "", "6000", "51.72", "480", "20", "5591.72"),
        head=("工号", "姓名", "部门", "基本工资", "overtime", "养老保险", "餐补", "实发工资"),
    )
    lines = [base(), overtime(day_input(12, 60)), pension()]
    text = first_map(rows, lines, name='10 月"旧"')
    assert '# columns = ["餐补"]' in text
    (tmp_path / "map.toml").write_text(text, encoding="utf-8")
    how = read_map(tmp_path / "map.toml")
    assert {line.lines: (line.columns, line.minus) for line in how.line} == {
        ("base",): (("基本工资",), ()),
        ("overtime",): (("overtime",), ()),
        ("pension",): ((), ("养老保险",)),
        ("@net",): (("实发工资",), ()),
    }
    assert (how.table.header_rows, how.table.skip, how.ignore) == ((1,), ("合计",), ("部门",))
    assert tomllib.loads(text)["name"] == '10 月"旧"'
    table = read_old_table(rows, how, INDEX)
    assert [one.name for one in table.loose] == ["餐补"]
