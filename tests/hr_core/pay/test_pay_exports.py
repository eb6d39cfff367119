"""Files for bank, tax and ledger: columns by template, nobody dropped, sums proven, no formula runs."""

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from python_calamine import load_workbook

from hr_core.approvals.desk import Actor, approve
from hr_core.approvals.effects import take_effect
from hr_core.errors import CoreError, InputFileError, NotFoundError, RefusedError
from hr_core.pay import pay_export
from hr_core.pay.agreement import PayAgreement
from hr_core.pay.export_file import (
    Money,
    clean_text,
    csv_text,
    file_bytes,
    money_of_text,
    money_text,
    save_private,
)
from hr_core.pay.export_template import (
    DecimalForm,
    built_in_templates,
    load_template,
    parse_template,
)
from hr_core.pay.journal import JournalMismatchError
from hr_core.pay.pay_export import TRIAL, export_run
from hr_core.pay.run_life import submit
from hr_core.store.database import writing
from hr_core.store.guards import drop_guards
from hr_core.store.results import pay_slips
from tests.hr_core.pay.slip_samples import AT, slip, store_run
from tests.hr_core.two_people import agreement_by_two

HEAD = 'schema = "clockline-pay-export/1"\nname = "own"\nrows = "people"\n'
COLUMNS = """
[[column]]
title = "name"
field = "name"
[[column]]
title = "amount"
field = "net"
as = "amount"
"""


@pytest.fixture
def approved(monkeypatch):
    """Runs pass without two people; that they are asked is told below, with real ones."""
    monkeypatch.setattr(pay_export, "approved", lambda conn, run: True)


def approve_run(conn, run):
    number = submit(conn, run, at=AT, by=Actor("ann"))
    take_effect(conn, approve(conn, number, at=AT, by=Actor("bob")))


def own(head="", columns=COLUMNS):
    return parse_template(HEAD + head + columns, file="own.toml")


def run_of(engine, *slips, accounts=None):
    with writing(engine) as conn:
        for person, account in (accounts or {}).items():
            terms = PayAgreement(
                base_fen=1, bank_account=account, bank_name="工行", cost_centre="C1"
            )
            agreement_by_two(conn, person, date(2026, 1, 1), terms, by=("a", "b"), at=AT)
        return store_run(conn, *slips)


def made(engine, run, template, *, trial=False):
    with engine.connect() as conn:
        return export_run(conn, run, template, trial=trial)


def read_csv(export, encoding="utf-8-sig"):
    return list(csv.reader(io.StringIO(export.content.decode(encoding), newline="")))


def test_the_banks_file_pays_everybody_and_lists_who_has_no_account(engine, approved):
    slips = [
        slip("E1", "张伟"), slip("E2", 'Ann "A", Lee'), slip("E3", "没有帐号"), slip("E4", "错"),
        slip("E5", "零", base_fen=0, minutes=(0,)), slip("E6", "欠", advance=2_000_000),
    ]  # fmt: skip
    accounts = {
        "E1": "6222020200112233445", "E2": "6217000010001234567", "E4": "62-22", "E5": "62220202",
        "E6": "6222020200998877",
    }  # fmt: skip
    export = made(engine, run_of(engine, *slips, accounts=accounts), load_template("bank"))
    rows = read_csv(export, "gb18030")
    total = slips[0].total_fen + slips[1].total_fen
    head = ["代发工资", "2026-10", "笔数", "2", "金额", money_text(total, DecimalForm())]
    assert rows[0] == head
    assert rows[1] == ["序号", "收款账号", "收款户名", "开户行", "金额", "用途", "工号"]
    net = money_text(slips[0].total_fen, DecimalForm())
    assert rows[2] == ["1", "6222020200112233445", "张伟", "工行", net, "工资", "E1"]
    assert rows[3][2] == 'Ann "A", Lee'
    assert len(rows) == 4
    left = {one.person: one.why for one in export.left_out}
    assert left == {
        "E3": "no bank_account is entered: HR adds it to the agreement (hr-core pay agreements import), "
        "then write the file again",
        "E4": "bank_account does not look like 收款账号: …2-22 (5 characters)",
        "E6": "the amount is below zero: the person owes, nothing can be paid",
    }
    assert (export.rows, export.zero, export.total_fen) == (2, 1, total)
    assert export.total_fen + export.left_out_fen == sum(one.total_fen for one in slips)


def test_an_unapproved_run_goes_to_nobody_except_as_a_stamped_trial(engine):
    run = run_of(engine, slip("E1"), accounts={"E1": "6222020200112233445"})
    with pytest.raises(RefusedError, match="not approved") as refused:
        made(engine, run, load_template("bank"))
    assert "--trial" in refused.value.remedy
    export = made(engine, run, load_template("bank"), trial=True)
    rows = read_csv(export, "gb18030")
    assert export.trial
    assert rows[0] == rows[-1] == [f"{TRIAL}; run {run}"]
    with pytest.raises(NotFoundError, match="no pay run 9"):
        made(engine, 9, load_template("bank"), trial=True)


def test_what_two_people_approved_goes_to_the_bank_without_a_stamp(engine):
    first = run_of(engine, slip("E1"), accounts={"E1": "6222020200112233445"})
    second = run_of(engine, slip("E1"))
    with writing(engine) as conn:
        approve_run(conn, first)
    rows = read_csv(made(engine, first, load_template("bank")), "gb18030")
    assert rows[0][0] == "代发工资"
    assert len(rows) == 3
    with pytest.raises(RefusedError, match="not approved"):
        made(engine, second, load_template("bank"))


def test_an_approved_run_that_somebody_changed_pays_nobody(engine):
    run = run_of(engine, slip("E1"), accounts={"E1": "6222020200112233445"})
    with writing(engine) as conn:
        approve_run(conn, run)
        drop_guards(conn)
        conn.execute(pay_slips.update().values(name="Mallory"))
    with pytest.raises(RefusedError, match="not what was approved"):
        made(engine, run, load_template("bank"))


def test_the_ledger_balances_and_each_row_has_an_account(engine, approved):
    run = run_of(engine, slip("E1", advance=500), slip("E2"), accounts={"E1": "1"})
    rows = read_csv(made(engine, run, load_template("ledger")))
    assert rows[0] == ["成本中心", "科目", "摘要", "借方", "贷方", "期间"]
    *booked, footer = rows[1:]
    debit, credit = (sum(money_of_text(row[at], DecimalForm()) for row in booked) for at in (3, 4))
    assert debit == credit > 0
    assert footer[3:5] == [money_text(debit, DecimalForm())] * 2
    assert ["C1", "2241.09", "借支扣回", "0.00", "5.00", "2026-10"] in booked
    assert {row[1] for row in booked} >= {"5001.01", "5001.02", "2211.01", "2211.02", "2221.05"}


def test_a_journal_row_without_account_is_no_half_voucher(engine, approved):
    bare = replace(load_template("ledger"), account=())
    run = run_of(engine, slip("E1"))
    with pytest.raises(RefusedError, match="the first is no cost centre, earned"):
        made(engine, run, bare)


def test_the_tax_figures_are_an_xlsx_of_texts_and_numbers(engine, approved, tmp_path):
    one = slip("E1", "=HYPERLINK(1)")
    export = made(engine, run_of(engine, one), load_template("tax"))
    file = tmp_path / "tax.xlsx"
    save_private(file, export.content)
    assert file.stat().st_mode & 0o077 == 0
    with load_workbook(str(file)) as book:
        head, row = book.get_sheet_by_index(0).to_python()
    told = dict(zip(head, row, strict=True))
    assert told["姓名"] == "=HYPERLINK(1)"
    assert round(told["本期收入"] * 100) == one.earned_fen
    assert told["基本养老保险费"] == 696.0
    tax = next(-line.amount_fen for line in one.lines if line.code == "income_tax")
    assert round(told["工资个税"] * 100) == tax == export.total_fen
    with pytest.raises(CoreError, match="cannot be written"):
        save_private(tmp_path / "none" / "x", b"")


@pytest.mark.parametrize("name", ["=cmd|'/C calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "=1"])
def test_no_text_of_a_csv_becomes_a_formula_and_amounts_keep_their_minus(engine, approved, name):
    run = run_of(engine, slip("E1", name, advance=2_000_000))
    ((_, *_), (told, amount)) = read_csv(made(engine, run, own()))
    assert told == f"'{clean_text(name)}"
    assert amount.startswith("-")


@pytest.mark.parametrize(
    ("encoding", "name", "left"),
    [
        ("gbk", "𠮷田", 1),
        ("gb18030", "𠮷田", 0),
        ("utf-8", "𠮷田", 0),
        ("gbk", "王㐂", 1),
        ("gbk", "李", 0),
    ],
)
def test_a_name_that_the_encoding_lacks_is_listed_and_never_a_question_mark(
    engine, approved, encoding, name, left
):
    run = run_of(engine, slip("E1", name), slip("E2", "b"))
    export = made(engine, run, own(f'encoding = "{encoding}"\n'))
    assert len(export.left_out) == left
    assert all("gb18030 has all" in one.why for one in export.left_out)
    assert [row[0] for row in read_csv(export, encoding)[1:]] == ["b"] if left else [name, "b"]


def test_a_file_without_quotes_leaves_out_who_has_the_separator_in_the_name(engine, approved):
    run = run_of(engine, slip("E1", "Lee, Ann"), slip("E2", "王|五"), slip("E3", 'q"q'))
    export = made(engine, run, own('quotes = "never"\nseparator = "|"\nline_end = "lf"\n'))
    assert [one.person for one in export.left_out] == ["E2", "E3"]
    assert export.content.decode("utf-8-sig").splitlines()[1].startswith("Lee, Ann|")
    braces = made(engine, run, own('header = [["{ {run} }"]]\n'))
    assert read_csv(braces)[0] == [f"{{ {run} }}"]
    always = made(engine, run, own('quotes = "always"\nencoding = "utf-8"\n'))
    assert always.content.decode().splitlines()[0] == '"name","amount"'


def test_line_ends_in_a_name_end_no_row(engine, approved):
    run = run_of(engine, slip("E1", "a\r\nb\tc\x1fd"))
    assert read_csv(made(engine, run, own()))[1][0] == "a b c d"


def test_rows_of_lines_and_own_texts(engine, approved):
    one = slip("E1")
    columns = """
[[column]]
title = "no"
field = "row"
[[column]]
title = "kind"
field = "kind"
[[column]]
title = "amount"
field = "amount"
as = "amount"
[[column]]
title = "currency"
text = "CNY"
"""
    text = (HEAD + 'titles = false\ntotal = "amount"\n' + columns).replace("people", "lines")
    export = made(engine, run_of(engine, one), parse_template(text, file="x"))
    rows = read_csv(export)
    assert [row[1] for row in rows] == [line.code for line in one.lines]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert export.total_fen == sum(line.amount_fen for line in one.lines)


def test_a_slip_that_was_changed_behind_our_back_is_not_exported(engine, approved):
    run = run_of(engine, slip("E1"))
    with writing(engine) as conn:
        conn.execute(pay_slips.update().values(total_fen=1))
    with pytest.raises(JournalMismatchError, match="differ"):
        made(engine, run, own())


@pytest.mark.parametrize("name", built_in_templates())
def test_our_templates_are_sound(name):
    assert load_template(name).name == name


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (HEAD, "column"),
        (HEAD + 'file = "pdf"\n' + COLUMNS, "file"),
        (HEAD + COLUMNS.replace('"net"', '"nett"'), "column 'amount'"),
        (HEAD + COLUMNS.replace('"net"', '"line.nothing"'), "column 'amount'"),
        (HEAD + COLUMNS.replace('as = "amount"', ""), "column 'amount'"),
        (HEAD + COLUMNS + 'text = "x"\n', "column 'amount'"),
        (
            HEAD + COLUMNS.replace('field = "name"', 'field = "name"\npattern = "["'),
            "column 'name'",
        ),
        (HEAD + 'header = [["{sum}"]]\n' + COLUMNS, "header"),
        (HEAD + 'header = [["{total.__class__}"]]\n' + COLUMNS, "header"),
        (HEAD + 'total = "nett"\n' + COLUMNS, "total"),
        (HEAD + 'decimal = { point = ",", thousands = "," }\n' + COLUMNS, "decimal"),
        (HEAD + 'quotes = "never"\ndecimal = { point = "," }\n' + COLUMNS, "decimal"),
        (HEAD + 'encoding = "gbk"\n' + COLUMNS.replace('"amount"', '"金额𠮷"', 1), "encoding"),
        ("schema = ", "(file)"),
    ],
)
def test_a_faulty_template_is_refused_with_its_key(text, key):
    with pytest.raises(InputFileError) as refused:
        parse_template(text, file="own.toml")
    assert refused.value.key == key
    assert refused.value.remedy


def test_templates_by_path(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(HEAD + COLUMNS, encoding="utf-8-sig")
    assert load_template(str(file)).name == "own"
    file.write_bytes((HEAD + "# 工资\n" + COLUMNS).encode("gbk"))
    with pytest.raises(InputFileError, match="not UTF-8"):
        load_template(str(file))
    file.write_bytes(b"#" * 300_000)
    with pytest.raises(InputFileError, match="bytes"):
        load_template(str(file))
    with pytest.raises(NotFoundError, match="'nobody'") as refused:
        load_template("nobody")
    assert "bank, ledger, tax" in refused.value.remedy


forms = st.sampled_from(
    [
        DecimalForm(), DecimalForm(unit="fen"), DecimalForm(thousands=","), DecimalForm(thousands=" "),
        DecimalForm(point=",", thousands="."), DecimalForm(point=","),
    ]
)  # fmt: skip


@given(st.integers(-(10**15), 10**15), forms)
def test_an_amount_is_read_back_as_it_was_written(fen, form):
    assert money_of_text(money_text(fen, form), form) == fen


def test_amounts_in_each_form():
    told = [money_text(-123_456_705, form) for form in (
        DecimalForm(), DecimalForm(unit="fen"), DecimalForm(thousands=","),
        DecimalForm(point=",", thousands="."),
    )]  # fmt: skip
    assert told == ["-1234567.05", "-123456705", "-1,234,567.05", "-1.234.567,05"]
    with pytest.raises(ValueError, match="not an amount"):
        money_of_text("12.345", DecimalForm())


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)


@given(st.lists(st.tuples(texts, st.integers(-(10**12), 10**12)), max_size=5))
def test_a_csv_is_read_back_cell_by_cell(rows):
    rows = [(clean_text(text), fen) for text, fen in rows]
    told = csv_text(own('separator = ";"\n'), [[text, Money(fen)] for text, fen in rows])
    read = list(csv.reader(io.StringIO(told, newline=""), delimiter=";"))
    assert [money_of_text(row[1], DecimalForm()) for row in read] == [fen for _, fen in rows]
    for (text, _), row in zip(rows, read, strict=True):
        assert row[0] in {text, f"'{text}"}
        assert not row[0].startswith(("=", "+", "-", "@"))


def test_a_file_that_was_there_becomes_the_owners_alone(tmp_path):
    file = tmp_path / "bank.csv"
    file.touch(mode=0o644)
    save_private(file, b"pay")
    assert file.stat().st_mode & 0o077 == 0


def test_the_byte_order_mark_stands_once_at_the_beginning():
    assert file_bytes(own(), [["a"], ["b"]], "x") == b"\xef\xbb\xbfa\r\nb\r\n"
