"""Payslip lines in words: every kind that the code makes has words, and the numbers are the line's."""

import ast
import re
import tomllib
from datetime import date
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import hr_core
from hr_core.attendance.calendar import DayKind, load_calendar
from hr_core.clock import Month
from hr_core.data_files import read_text
from hr_core.law.loading import built_in_law
from hr_core.law.national import national_law
from hr_core.law.rows import FUNDS, INSURANCES
from hr_core.pay.cn.income_tax import TaxYear
from hr_core.pay.cn.month import EmployerRates, Law, MonthFacts, Person
from hr_core.pay.cn.month_pay import pay_month
from hr_core.pay.cn.month_wage import Employment, WageSpan, paid_days
from hr_core.pay.cn.overtime import OvertimeWork
from hr_core.pay.entry import EntryKind
from hr_core.pay.line_values import rounding_of
from hr_core.pay.line_words import (
    MissingWordsError,
    absent_lines,
    cut_text,
    filled,
    kind_of,
    source_in,
    words,
    words_of,
    yuan_text,
)
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import (
    Calculation,
    DayInput,
    EntryInput,
    LawInput,
    LineInput,
    Step,
    Trace,
)

_MAKERS = {"line", "Line", "SlipLine", "_line", "slip_line", "_plain"}
_NO_KINDS = {"constant", "sum"}
LAW = Law(built_in_law(), national_law())
MARCH = Month(2026, 3)


def slip_line(code, *steps, facts=None, days=(), lines=(), **more):
    trace = Trace(
        rule=code, version="v", source="a source", formula="f", steps=steps, facts=facts or {},
        days=days, lines=lines,
    )  # fmt: skip
    return SlipLine(
        code=code, label=code, label_zh=code, amount_fen=trace.amount_fen, note="", trace=trace, **more
    )  # fmt: skip


def amount(code, fen, **facts):
    return slip_line(code, Step("amount", "constant", (fen,), fen), facts=facts)


def overtime(base_fen, minutes):
    steps = Calculation(days=(DayInput("2026-10-14", minutes, ("a", "b")),))
    per_minute = Fraction("1.5") / 60 / Fraction("21.75") / 8
    steps.step("minutes", "minutes_of_days")
    steps.step("numerator", "product", "minutes", per_minute.numerator)
    steps.step("amount", "multiply_half_up", base_fen, "numerator", per_minute.denominator)
    facts = {"base_fen": str(base_fen), "factor": "3/2", "month_days": "87/4", "day_hours": "8"}
    return slip_line("overtime_workday", *steps.steps, facts=facts, days=steps.inputs.days)


def cn_lines(wage=1_250_000, **more):
    person = Person(
        city="上海",
        work=Employment(hired=date(2025, 6, 2), wages=(WageSpan(wage, date(2020, 1, 1)),)),
        insurance_base=more.pop("insurance_base", wage),
        fund_base=wage,
    )
    facts = MonthFacts(
        month=MARCH,
        days=paid_days(MARCH, load_calendar()),
        rates=EmployerRates(injury=Fraction(2, 1000), fund=Fraction(7, 100)),
        **more,
    )
    paid = pay_month(person, facts, TaxYear(), LAW)
    found = [*paid.lines, paid.income_tax, paid.bonus_tax]
    found += [side for one in paid.shares for side in (one.employee, one.employer)]
    return {
        one.kind: SlipLine(
            code=one.kind, label="", label_zh="", amount_fen=one.fen, note="", trace=one.trace
        )
        for one in found
        if one is not None
    }


def kinds_in_code():
    """Constants and patterns that calls in hr_core/pay give as a line's kind or code."""
    for file in sorted((Path(hr_core.__file__).parent / "pay").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        constants = {
            one.targets[0].id: one.value
            for one in tree.body
            if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            told = [one.value for one in node.keywords if one.arg in {"code", "kind"}]
            if name in _MAKERS and (told or node.args):
                kind = (told or node.args)[0]
                kind = constants.get(getattr(kind, "id", ""), kind)
                if isinstance(kind, ast.Constant) and isinstance(kind.value, str):
                    yield kind.value
                elif isinstance(kind, ast.JoinedStr):
                    yield "".join(
                        part.value if isinstance(part, ast.Constant) else "*"
                        for part in kind.values
                    )


def test_every_kind_that_the_code_makes_has_a_name_and_a_form():
    found = set(kinds_in_code())
    assert found >= {"wages", "severance", "overtime_*", "income_tax", "bonus", "grade"}  # it reads
    expected = {
        f"{item}_{side}" for item in (*INSURANCES, *FUNDS) for side in ("employee", "employer")
    }
    expected |= {f"overtime_{kind}" for kind in DayKind} | {kind.value for kind in EntryKind}
    expected |= {kind for kind in found if "*" not in kind and re.fullmatch(r"[a-z_]+", kind)}
    for kind in sorted(expected):
        told = words_of(amount(kind, 12_345), "zh")
        assert told.kind == kind
        assert told.sentence
    for pattern in sorted(kind for kind in found if "*" in kind and kind.strip("*_")):
        told = (pattern, re.sub(r"[_:]\*$", "", pattern))  # the number of an entry behind its kind
        assert any(fnmatchcase(name, one) for name in words().names for one in told), pattern


@pytest.mark.parametrize("kind", sorted(words().names))
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("fen", [0, 12_345])
def test_every_name_has_words_also_for_a_line_that_tells_nothing_else(kind, lang, fen):
    line = amount(kind.partition(".")[0], fen)
    told = words_of(line, lang)
    assert told.name
    assert told.sentence
    assert "{" not in told.sentence + told.calculation


def test_both_languages_say_the_same_numbers():
    told = [form.sentence for form in words().form]
    told += [form.calculation for form in words().form if form.calculation]
    told += [*(one.text for one in words().why), *words().says.values()]
    for zh, en in told:
        fields = [
            sorted((field, spec) for _, field, spec, _ in Formatter().parse(text) if field)
            for text in (zh, en)
        ]
        assert fields[0] == fields[1], zh


def test_no_clause_of_a_sentence_is_too_long_for_a_phone():
    for form in words().form:
        for text in re.split("[,;:]", form.sentence[0]):
            assert len(re.sub(r"\{[^}]*\}", "0000", text)) <= 40


def test_a_kind_without_words_is_an_error_and_no_code_on_a_slip():
    with pytest.raises(MissingWordsError, match="'mystery'") as refused:
        words_of(amount("mystery", 1), "zh")
    assert "line_words.toml" in refused.value.remedy


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("bonus_2", "bonus"), ("retro_2026-08_overtime_workday", "retro"), ("allowance:3", "allowance"),
        ("piece:P_1:turning:A", "piece"), ("piece_overtime_workday:P1:turning", "piece_overtime_workday"),
        ("piece_group_overtime_workday:G1:P1", "piece_group"), ("settled_base", "settled"),
        ("overtime_rest_day", "overtime_rest_day"), ("piece_overtime_rest_day", "piece_overtime_rest_day"),
    ],
)  # fmt: skip
def test_a_code_may_go_on_behind_its_kind(code, kind):
    assert kind_of(amount(code, 1)) == kind


def test_overtime_shows_the_hour_the_days_and_one_rounding_at_the_end():
    """3,200 / 21.75 / 8 x 1.5 x 22 is 606.8965...; rounding the hour first would give 606.87."""
    told = words_of(overtime(320_000, 22 * 60), "zh")
    assert told.sentence == "加班 22:00,每小时 18.3908… 的 1.5 倍"
    assert told.calculation == "3,200.00 ÷ 21.75 ÷ 8 = 18.3908…,× 1.5 × 22 = 606.8965…"
    assert told.rounding == "606.8965… 四舍五入到分 = 606.90"
    assert told.days == "14日 22:00 (1 天)"
    assert told.amount_fen == 60_690
    english = words_of(overtime(870_000, 65), "en")
    assert english.sentence == "1:05 hours at 1.5 times 50.00 an hour"
    assert english.rounding == "Nothing was rounded"
    assert english.days == "10-14 1:05 (1 day)"


def test_shares_say_when_the_base_was_held_between_floor_and_ceiling():
    assert words_of(cn_lines()["pension_employee"], "zh").sentence == "缴费基数 12,500.00 的 8%"
    high = words_of(cn_lines(insurance_base=9_000_000)["pension_employee"], "zh")
    assert high.sentence.startswith("基数 90,000.00 超过上限,按 ")
    low = words_of(cn_lines(insurance_base=100_000)["medical_employer"], "en")
    assert low.sentence.startswith("Base 1,000.00 is under the floor: 9% of ")


def test_the_fund_is_rounded_to_its_own_unit():
    line = cn_lines(wage=1_234_567)["housing_fund_employee"]
    rounding = rounding_of(line.trace)
    assert rounding.unit_fen == 100
    assert words_of(line, "zh").rounding == "864.1969 四舍五入到元 = 864.00"


def test_tax_says_rate_and_what_was_withheld_or_why_there_is_none():
    lines = cn_lines(wage=6_000_000, bonus_apart=3_000_000)
    assert words_of(lines["income_tax"], "zh").sentence.endswith(",税率 10%,减去已扣 0.00")
    assert words_of(lines["bonus_tax"], "zh").sentence == "年终奖 30,000.00,税率 3%"
    none = words_of(cn_lines(wage=500_000)["income_tax"], "zh")
    assert none.sentence == "累计收入没有超过累计扣除,不扣税"


def test_days_of_unpaid_leave_and_a_month_in_part_are_told():
    leave = cn_lines(unpaid_leave=(date(2026, 3, 3),))["wages"]
    assert words_of(leave, "zh").sentence == "在职 22 天(全月计薪 22 天),其中事假 1 天"
    assert words_of(leave, "zh").calculation == ("12,500.00 − 12,500.00 ÷ 21.75 × 1 = 11,925.2873…")
    assert words_of(leave, "zh").rounding.endswith("= 11,925.29")
    worked = OvertimeWork(date(2026, 3, 5), DayKind.WORKDAY, Fraction(5, 2), 1_250_000)
    line = cn_lines(overtime=(worked,))["overtime_workday"]
    assert words_of(line, "zh").calculation == (
        "12,500.00 ÷ 21.75 ÷ 8 = 71.8390…,× 1.5 × 2.5 = 269.3965…"
    )


def test_a_correction_of_an_earlier_month_says_what_is_right_and_what_was_paid():
    steps = Calculation(
        lines=(
            LineInput(code="overtime_workday now", amount_fen=60_690),
            LineInput(code="overtime_workday of run 3", amount_fen=-56_549),
        )
    )
    steps.step("difference", "amount_of_lines")
    line = slip_line(
        "retro", *steps.steps, facts={"month": "2026-08", "line": "overtime_workday"},
        lines=steps.inputs.lines,
    )  # fmt: skip
    line = replace(line, code="retro_2026-08_overtime_workday")
    told = words_of(line, "zh")
    assert told.sentence == "2026-08 工作日加班费:应为 606.90,已发 565.49"
    assert told.kind == "retro"


def test_a_piece_line_names_its_goods_and_prices():
    steps = Calculation()
    steps.step("made", "constant", 120)
    steps.step("worth", "product", "made", 85)
    steps.step("amount", "multiply_half_up", "worth", 3, 2)
    facts = {
        "product": "P1", "process": "turning", "grade": "", "pieces": "120", "paid": "120 x 0.85",
        "factor": "1.5",
    }  # fmt: skip
    line = slip_line("piece_overtime_workday:P1:turning", *steps.steps, facts=facts)
    told = words_of(line, "zh")
    assert told.name == "计件工作日加班费 · P1 turning"
    assert told.sentence == "合格 120 件,1.5 倍"
    assert told.calculation == "(120 x 0.85) × 1.5 = 153.00"


def test_what_is_owed_says_what_is_left():
    line = amount("claim_3", -500, told="法院 2026-1", left_fen="12300")
    assert words_of(line, "zh").sentence == "法院 2026-1,还欠 123.00"


def test_an_unverified_row_is_an_amber_sentence():
    told = words_of(amount("bonus", 1, law_status="unverified"), "zh")
    assert [law.warning for law in told.law] == ["本市比例来自非官方来源,可能更正"]
    assert [law.warning for law in words_of(amount("bonus", 1), "zh").law] == [""]


def test_rows_of_law_are_told_with_their_status():
    row = LawInput(
        item="pension",
        version="v",
        since="2025-07-01",
        status="unverified",
        source="a page",
        city="甲",
    )
    line = amount("pension_employee", 1)
    line = replace(line, trace=replace(line.trace, law=(row,)))
    (told,) = words_of(line, "zh").law
    assert told.text == "甲,2025-07-01 起:a page(未核实来源)"
    assert told.warning == "本市比例来自非官方来源,可能更正"
    (official,) = words_of(
        replace(line, trace=replace(line.trace, law=(replace(row, status="official", city=""),))),
        "en",
    ).law
    assert official.text == "the country, from 2025-07-01: a page (official source)"
    assert not official.warning


def test_an_entered_sum_says_who_entered_and_who_approved_it():
    entry = EntryInput(
        number=1, kind="bonus", name="中秋", amount_fen=5, entered_by="王", approved_by="李"
    )
    line = amount("bonus_1", 5)
    line = replace(line, trace=replace(line.trace, entries=(entry,)))
    told = words_of(line, "zh")
    assert told.sentence == "中秋:王 录入,李 批准"
    assert told.law == ()
    unnamed = replace(entry, name=line.trace.rule)
    line = replace(line, trace=replace(line.trace, entries=(unnamed,)))
    assert words_of(line, "zh").sentence == "王 录入,李 批准"
    assert words_of(line, "en").sentence == "Entered by 王, approved by 李"


def test_an_allowance_has_its_own_name_behind_the_kinds():
    assert words_of(amount("allowance_1", 5, name="餐补"), "zh").name == "津贴 · 餐补"
    assert words_of(amount("bonus", 5, name="bonus"), "zh").name == "奖金"


def test_what_is_taken_off_is_told_without_its_minus_and_by_its_own_name():
    line = replace(amount("damages", -500), side=Side.DEDUCTED)
    assert words_of(line, "zh").sentence == "赔偿扣款 5.00"
    assert words_of(amount("damages", 500), "zh").name == "公司支付的赔偿"


def test_what_one_looks_for_and_does_not_find_is_told_with_its_reason():
    told = list(absent_lines([amount("base", 1), overtime(320_000, 60)], "zh"))
    assert ("earned", "休息日加班费", "本月没有计付的休息日加班") in told
    assert not any(one.name == "工作日加班费" for one in told)
    assert ("deducted", "养老保险(个人)", "这个方案不算社保") in told
    by_law = list(absent_lines([amount("base", 1), amount("income_tax", 0)], "zh"))
    assert ("deducted", "养老保险(个人)", "没有参加养老保险(已领养老金)") in by_law
    assert not any(one.name == "个人所得税" for one in by_law)
    assert not list(absent_lines([amount("bonus", 1)], "zh"))


@given(st.fractions(-(10**9), 10**9))
def test_a_number_is_cut_and_says_so_never_rounded(number):
    text = cut_text(number)
    shown = Fraction(text.replace("−", "-").rstrip("…"))
    assert abs(shown) <= abs(number)
    assert abs(number - shown) < Fraction(1, 10**4)
    assert text.endswith("…") == (shown != number)


@given(st.integers(-(10**15), 10**15))
def test_amounts_keep_every_fen(fen):
    text = yuan_text(fen)
    assert Fraction(text.replace(",", "").replace("−", "-")) * 100 == fen
    assert re.fullmatch(r"−?\d{1,3}(,\d{3})*\.\d\d", text)


def test_a_placeholder_without_a_value_gives_no_sentence():
    assert filled(("{x:yuan}", "{x:yuan}"), "zh", {}) is None
    assert filled(("{x:yuan}", "{x:yuan}"), "zh", {"x": "no number"}) is None
    assert filled(("{x:yuan} {y}", ""), "zh", {"x": 5, "y": "a"}) == "0.05 a"


@pytest.mark.parametrize(
    "file", ["scheme_cn.toml", "scheme_demo.toml", "law/cn_national.toml", "law/shanghai.toml"]
)
def test_every_source_that_ships_has_its_chinese_name(file):
    """Where it names more than a number of a notice; the English slip keeps it as the row has it."""
    for source in sources_in(tomllib.loads(read_text(file))):
        chinese = source_in(source, "zh")
        assert source_in(source, "en") == source
        assert not re.search(r"[a-z]{2,} [a-z]{2,}", chinese), source


def sources_in(value):
    if isinstance(value, list):
        for one in value:
            yield from sources_in(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name == "source":
                yield one
            else:
                yield from sources_in(one)


def test_a_source_of_ones_own_stays_as_it_is():
    assert source_in("our notice of 2026-03-01", "zh") == "our notice of 2026-03-01"
