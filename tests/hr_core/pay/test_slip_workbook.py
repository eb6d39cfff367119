"""The slip workbook recomputes to our fen in LibreOffice, from its inputs alone."""

import random
from fractions import Fraction
from typing import get_args
from zipfile import ZipFile

import pytest
from msgspec.structs import replace
from python_calamine import load_workbook

import hr_core.pay.slip_workbook
from hr_core.errors import NotFoundError, RefusedError
from hr_core.pay.line_words import words
from hr_core.pay.slip import Side
from hr_core.pay.slip_workbook import slip_workbook
from hr_core.pay.step_formulas import EXACT_LIMIT, step_formula
from hr_core.store.database import writing
from hr_core.trace.calculation import Calculation, EntryInput, Operation
from tests.hr_core.pay.slip_samples import line, slip, store_run, sum_off
from tests.hr_core.pay.spreadsheets import emptied, recomputed

_FIRST = 4  # the slip's first line in a person's sheet


def factor_line(code, fen, over, under, operation="multiply_half_up"):
    steps = Calculation()
    steps.step("amount", operation, fen, over, under)
    return line(code, steps)


def odd_slip(number, seed):
    """Lines with negative factors, ties, rounding up, large products, and every kind of input."""
    chance = random.Random(seed)
    made = [
        factor_line("bonus_1", chance.randint(-(10**9), 10**9), chance.randint(-500, 500), 100),
        factor_line("bonus_2", chance.randint(-(10**6), 10**6), chance.choice((-1, 1, 3)), 2),
        factor_line(
            "bonus_3", chance.randint(0, 10**9), chance.randint(0, 99), 10**4, "multiply_up"
        ),
        factor_line(
            "bonus_4", -chance.randint(0, 10**9), chance.randint(1, 99), 10**4, "multiply_up"
        ),
        factor_line("bonus_5", chance.randint(-(10**9), 10**9), chance.randint(1, 10**6), 10**6),
        factor_line(
            "bonus_6", chance.randint(1, 10**6), chance.randint(1, 10**6) * 2 + 1, 2 * 10**6
        ),
    ]
    entry = EntryInput(
        number=7, kind="bonus", name="=1+1", amount_fen=seed, entered_by="a", approved_by="b"
    )
    steps = Calculation(entries=(entry,))
    steps.step("amount", "amount_of_entries")
    made += [line("instant_bonus", steps), sum_off("recovery", seed % 700)]
    one = slip(number, base_fen=chance.randint(1, 3_000_000), minutes=(seed % 500, 30))
    return replace(one, lines=(*one.lines, *made))


def stored(engine, *slips):
    with writing(engine) as conn:
        return store_run(conn, *slips)


def write(engine, path, run, person=None):
    with engine.connect() as conn:
        made = slip_workbook(conn, run, person)
    path.write_bytes(made.content)
    return made.slips


def fen_of(rows, made):
    """Fen of each line and of the net pay, as column B has them; column C says the same in yuan."""
    told = rows[_FIRST : _FIRST + len(made.lines) + 1]
    assert [round(row[2] * 100) for row in told] == [row[1] for row in told]
    return [row[1] for row in told]


def expected_fen(made):
    return [*(one.amount_fen for one in made.lines), made.total_fen]


def cell_of(rows, label):
    return next(f"B{at}" for at, row in enumerate(rows, 1) if row[0].strip() == label)


@pytest.mark.slow
@pytest.mark.timeout(180)  # a spreadsheet program starts
def test_libreoffice_recomputes_every_fen_also_after_an_input_changed(engine, tmp_path):
    slips = [odd_slip(f"E{seed}", seed) for seed in range(1, 41)]
    book = tmp_path / "slips.xlsx"
    write(engine, book, stored(engine, *slips))
    with load_workbook(str(book)) as read:
        cell = cell_of(
            read.get_sheet_by_name("E1").to_python(skip_empty_area=False), "月工资 agreed wage"
        )
    as_it_is = emptied(book, tmp_path / "as_it_is.xlsx")
    raised = emptied(book, tmp_path / "raised.xlsx", {("E1", cell): 1_234_567})
    first, second = recomputed(tmp_path, as_it_is, raised)

    for one in slips:
        assert fen_of(first[one.number], one) == expected_fen(one)
    _journal_agrees(first["日记账 Journal"], slips)

    base = slip("E1", base_fen=1_234_567, minutes=(1, 30))
    lines = {one.code: one for one in base.lines}
    # What hangs on the base of agreement: base pay and overtime; the pension has a base of its own.
    now = [
        lines[one.code] if one.code in {"base", "overtime_workday"} else one
        for one in slips[0].lines
    ]
    found = dict(zip((one.code for one in now), fen_of(second["E1"], slips[0]), strict=False))
    assert found["base"] == 1_234_567
    assert found["overtime_workday"] == lines["overtime_workday"].amount_fen
    income = sum(one.amount_fen for one in now if one.code in {"base", "overtime_workday"})
    income += found["pension_employee"]
    tax = (max(income - 500_000, 0) * 3 * 2 + 100) // 200
    assert found["income_tax"] == -tax
    net = sum(fen for code, fen in found.items() if code != "pension_employer")
    assert fen_of(second["E1"], slips[0])[-1] == net
    _sides_agree(second["日记账 Journal"])
    for one in slips[1:]:
        assert fen_of(second[one.number], one) == expected_fen(one)


def _journal_agrees(rows, slips):
    debit, credit = _sides_agree(rows)
    told = {(row[1], row[2]): round((row[4] - row[5]) * 100) for row in rows[3:] if row[1]}
    assert told["net", "net"] == -sum(one.total_fen for one in slips)
    for side in Side:
        kinds = {kind for part, kind in told if part == side}
        assert kinds <= set(words().names)
        fen = sum(one.side_fen(side) for one in slips)
        assert sum(told[side, kind] for kind in kinds) == fen
    assert debit == credit > 0


def _sides_agree(rows):
    total = next(row for row in rows if row[3] == "合计 total")
    assert round(total[4] * 100) == round(total[5] * 100)
    return round(total[4] * 100), round(total[5] * 100)


def test_every_step_is_a_formula_and_no_text_is_one(engine, tmp_path):
    made = odd_slip("=cmd|' /C calc'!A1", 5)
    made = replace(made, name="@SUM(1+1)*cmd|'x'!A1")
    book = tmp_path / "one.xlsx"
    assert [one.person for one in write(engine, book, stored(engine, made))] == [made.number]
    with ZipFile(book) as read:
        sheets = [name for name in read.namelist() if name.startswith("xl/worksheets/")]
        texts = [read.read(name).decode() for name in sheets]
    formulas = sum(text.count("<f>") for text in texts)
    assert formulas > sum(len(one.trace.steps) for one in made.lines)
    assert not any("|" in cell for text in texts for cell in text.split("<f>")[1:])
    with load_workbook(str(book)) as read:
        assert read.sheet_names[2] == "_cmd__ _C calc__A1"
        rows = read.get_sheet_by_index(2).to_python(skip_empty_area=False)
    assert not any("(!)" in row[0] for row in rows)
    assert fen_of(rows, made) == expected_fen(made)  # what a program shows that does not recompute


def test_sheets_of_numbers_that_differ_in_case_alone_do_not_meet(engine, tmp_path):
    book = tmp_path / "names.xlsx"
    write(engine, book, stored(engine, slip("ab"), slip("AB"), slip("History"), slip("a" * 40)))
    with load_workbook(str(book)) as read:
        names = read.sheet_names[2:]
    assert len({name.casefold() for name in names}) == 4
    assert all(len(name) <= 31 and name.casefold() != "history" for name in names)


def test_one_persons_workbook_and_refusals(engine, tmp_path, monkeypatch):
    run = stored(engine, slip("E1"), slip("E2"))
    assert [one.person for one in write(engine, tmp_path / "e2.xlsx", run, "E2")] == ["E2"]
    with pytest.raises(NotFoundError, match="no such payslip"):
        write(engine, tmp_path / "x.xlsx", run, "E3")
    with pytest.raises(NotFoundError, match="no pay run 9"):
        write(engine, tmp_path / "x.xlsx", 9)
    monkeypatch.setattr(hr_core.pay.slip_workbook, "MAX_SHEETS", 1)
    with pytest.raises(RefusedError, match="2 payslips"):
        write(engine, tmp_path / "x.xlsx", run)
    assert not (tmp_path / "x.xlsx").exists()


@pytest.mark.parametrize("operation", get_args(Operation))
def test_every_operation_of_a_trace_is_a_formula(operation):
    """A new one is added to step_formulas and, with its inputs, to slip_sheet.inputs_of."""
    assert step_formula(operation, ("A1", "A2", "A3"), (1, 1, 1)).startswith("=")


def test_a_step_too_large_for_a_spreadsheet_is_no_formula():
    cells = ("A1", "A2", "A3")
    assert step_formula("multiply_half_up", cells, (EXACT_LIMIT, 1, 1)) is None
    assert step_formula("product", cells[:2], (10**8, 10**8)) is None
    assert step_formula("multiply_up", cells, (10**8, 10**8, 1)) is None
    assert step_formula("multiply_half_up", cells, (10**9 - 1, 10**6 + 1, 10**9)) is None
    long = step_formula("multiply_half_up", cells, (10**9, 10**5, 10**5 + 1))
    assert "INT(ABS(A1)/A3)" in long


def test_the_formula_for_large_products_is_exact():
    """As it is written: the whole part, and half up of the rest."""
    chance = random.Random(3)
    for _ in range(2_000):
        fen, over = chance.randint(-(10**13), 10**13), chance.randint(-(10**5), 10**5)
        under = chance.randint(1, 10**5)
        held = abs(fen) // under
        rest = abs(fen) - held * under
        sign = (fen > 0) - (fen < 0)
        sign *= (over > 0) - (over < 0)
        told = sign * (held * abs(over) + (2 * rest * abs(over) + under) // (2 * under))
        exact = Fraction(fen * over, under)
        assert abs(told - exact) <= Fraction(1, 2)
        if abs(told - exact) == Fraction(1, 2):
            assert abs(told) > abs(exact)
