"""A month paid by law as it leaves: the slip in words, the workbook in LibreOffice, the bank's file."""

from datetime import date

import pytest
from msgspec.structs import replace
from python_calamine import load_workbook

from hr_core.attendance.plan.request import Leave
from hr_core.pay.export_template import load_template
from hr_core.pay.journal import journal_of_run
from hr_core.pay.pay_export import export_run
from hr_core.pay.slip_text import paid_slip, slip_text
from hr_core.pay.slip_workbook import slip_workbook
from tests.hr_core.pay.law_plant import SHANGHAI, agree, enter, law_plant, run_month, slip_of
from tests.hr_core.pay.spreadsheets import emptied, recomputed

RICH = replace(
    SHANGHAI, base_fen=1_050_000, floating_percent="40", post_type="marketing",
    allowances={"餐补": 30_000}, untaxed={"missed_meal": 3_000}, cost_centre="C1", bank_name="工行",
    bank_account="6222020200112233445",
)  # fmt: skip


@pytest.fixture
def plant(tmp_path):
    plant = law_plant(tmp_path)
    agree(plant, terms=RICH)
    agree(plant, person="E2")
    on = date(2026, 10, 14)
    plant.approve(Leave(leave="personal", first=on, last=on), person="E2")
    for kind, fen, name in (
        ("instant_bonus", 250_000, "抢修"), ("annual_bonus", 3_600_000, "2026"),
        ("advance", 100_000, "10-10"),
    ):  # fmt: skip
        enter(plant, kind, fen, name=name)
    enter(plant, "damages", 900_000, person="E2", name="模具")
    yield plant
    plant.engine.dispose()


def test_each_line_is_a_sentence_with_its_numbers(plant):
    run_month(plant)
    with plant.engine.connect() as conn:
        rich, plain = (slip_text(paid_slip(conn, 1, who), "zh") for who in ("E1", "E2"))
    for told in (
        "出勤 21 天(全月计薪 21 天)",
        "没有锁定的绩效结果,系数按方案取 1",
        "津贴 · 餐补",
        "10,500.00 ÷ 21.75 ÷ 8 = 60.3448…,× 1.5 × 2 = 181.0344…",
        "抢修:Wu 录入,Zhao 批准",
        "缴费基数 10,000.00 的 8%",
        "年终奖 36,000.00,税率 3%",
        "转述官方来源",
        "公司另付",
    ):
        assert told in rich, told
    assert "赔偿扣款" in plain
    assert "其中事假 1 天" in plain
    assert "10,000.00 − 10,000.00 ÷ 21.75 × 1 = 9,540.2298…" in plain
    assert "累计收入没有超过累计扣除,不扣税" in plain


def test_the_journal_and_the_banks_file_hold_the_runs_total(plant):
    (run,) = run_month(plant)
    with plant.engine.connect() as conn:
        journal = journal_of_run(conn, 1)
        export = export_run(conn, 1, load_template("bank"), trial=True)
    assert {row.cost_centre for row in journal.rows} == {"C1", ""}
    assert [one.person for one in export.left_out] == ["E2"]
    assert export.total_fen == slip_of(run).total_fen
    assert export.total_fen + export.left_out_fen == sum(slip.total_fen for slip in run.slips)


def fen_of(rows, slip):
    first = next(at for at, row in enumerate(rows) if row[2] != "")
    return [row[1] for row in rows[first : first + len(slip.lines) + 1]]


def expected_fen(slip):
    return [*(line.amount_fen for line in slip.lines), slip.total_fen]


@pytest.mark.slow
@pytest.mark.timeout(180)  # a spreadsheet program starts
def test_libreoffice_recomputes_the_month_and_a_raise_moves_what_hangs_on_it(plant, tmp_path):
    """The changed cells give the slip that the core computes for that agreement."""
    enter(plant, "bonus", 6_000_000, name="项目")
    (run,) = run_month(plant)
    better = replace(RICH, base_fen=1_234_567, insurance_base_fen=1_111_100)
    agree(plant, terms=better, since=date(2026, 10, 1))
    (again,) = run_month(plant)
    with plant.engine.connect() as conn:
        book = tmp_path / "month.xlsx"
        book.write_bytes(slip_workbook(conn, 1).content)
    with load_workbook(str(book)) as read:
        rows = read.get_sheet_by_name("E1").to_python(skip_empty_area=False)
    cells = {row[0].strip(): f"B{at}" for at, row in enumerate(rows, 1)}
    changes = {
        ("E1", cells["月工资 agreed wage"]): 1_234_567,
        ("E1", cells["社保基数 base of insurance"]): 1_111_100,
    }
    same = emptied(book, tmp_path / "same.xlsx")
    raised = emptied(book, tmp_path / "raised.xlsx", changes)
    first, second = recomputed(tmp_path, same, raised)
    for slip in run.slips:
        assert fen_of(first[slip.number], slip) == expected_fen(slip)
    wanted = slip_of(again)
    assert wanted.total_fen != slip_of(run).total_fen
    assert next(line.amount_fen for line in wanted.lines if line.code == "income_tax") < 0
    assert fen_of(second["E1"], wanted) == expected_fen(wanted)
