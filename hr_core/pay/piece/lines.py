"""Slip lines of piece pay, from values alone. `code` is kind:product:process[:grade].

Kinds: piece, piece_overtime_workday|rest_day|statutory_holiday, piece_group and piece_group_overtime_…
(kind:group:product:…), piece_rework, piece_own_rework, minimum_wage_top_up, scrap.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.law.national import Overtime
from hr_core.money import decimal_text
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.piece.amounts import Part, price_facts, priced, worth_steps
from hr_core.pay.piece.made import Made, What, of_what
from hr_core.pay.piece.prices import Goods, PriceBook, PriceRow
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import (
    Calculation,
    LawInput,
    TallyInput,
    Trace,
    WorkInput,
)

Labels = tuple[str, str]

TIMES: dict[DayKind | None, tuple[str, str, str]] = {
    None: ("", "", ""),
    DayKind.WORKDAY: ("_overtime_workday", ", overtime on workdays", "·工作日加班"),
    DayKind.REST_DAY: ("_overtime_rest_day", ", overtime on rest days", "·休息日加班"),
    DayKind.STATUTORY_HOLIDAY: (
        "_overtime_statutory_holiday",
        ", overtime on statutory holidays",
        "·法定节假日加班",
    ),
}
_REWORK = {
    What.REWORK: ("piece_rework", "Rework", "返工"),
    What.OWN_REWORK: ("piece_own_rework", "Rework of own defects", "本人返工"),
}


class PieceTerms(Struct, frozen=True):
    """What holds in the month."""

    book: PriceBook
    overtime: Overtime


def person_lines(made: Sequence[Made], terms: PieceTerms) -> tuple[SlipLine, ...]:
    """Pieces and rework of one person. Raises NoPriceError, PayRefusedError."""
    lines = [_piece_line(part, terms) for part in priced(made, terms.book)]
    for what in _REWORK:
        lines += _rework_lines(of_what(made, what), what, terms)
    return with_single_codes(lines)


def with_single_codes(lines: Iterable[SlipLine]) -> tuple[SlipLine, ...]:
    """A price that changes inside the month makes two lines of one kind: the later one is named with
    its first day too. What is still the same (two teams on one station) is numbered.
    """
    seen: set[str] = set()
    found = []
    for line in lines:
        dated = f"{line.code}@{line.trace.facts['price_from']}"
        names = (line.code, dated, *(f"{dated}#{number}" for number in range(2, len(seen) + 2)))
        code = next(name for name in names if name not in seen)
        seen.add(code)
        found.append(line if code == line.code else replace(line, code=code))
    return tuple(found)


def overtime_law(law: Overtime) -> LawInput:
    return LawInput(
        item="overtime",
        version=law.version,
        since=str(law.since),
        status=law.status,
        source=law.source,
    )


def factor_of(overtime: DayKind | None, law: Overtime) -> Fraction:
    return Fraction(1) if overtime is None else law.factors[overtime]


def inputs_of(made: Iterable[Made]) -> tuple[tuple[WorkInput, ...], tuple[TallyInput, ...]]:
    made = tuple(made)
    return (
        tuple(one for of_day in made for one in of_day.work),
        tuple(one for of_day in made for one in of_day.tallies),
    )


def code_of(kind: str, goods: Goods) -> str:
    return ":".join((kind, *(part for part in goods if part)))


def _piece_line(part: Part, terms: PieceTerms) -> SlipLine:
    suffix, more, more_zh = TIMES[part.overtime]
    work, tallies = inputs_of(part.made)
    steps = Calculation(work=work, tallies=tallies)
    factor = factor_of(part.overtime, terms.overtime)
    worth_steps(part, factor, (work, tallies), steps)
    facts = price_facts(part)
    formula = "pieces x price"
    if part.overtime is not None:
        facts["factor"] = decimal_text(factor)
        formula += f" x {decimal_text(factor)}"
    trace = Trace(
        rule="piece",
        version=part.row.version,
        source=part.row.source,
        formula=f"{formula}, half up to the fen",
        facts=facts,
        steps=steps.steps,
        work=work,
        tallies=tallies,
        law=() if part.overtime is None else (overtime_law(terms.overtime),),
    )
    note = f"{part.pieces} pieces: {facts['paid']} yuan"
    if part.overtime is not None:
        note += f", x {decimal_text(factor)}"
    goods = part.goods.text
    return earned_line(
        code_of(f"piece{suffix}", part.goods),
        (f"Pieces {goods}{more}", f"计件 {goods}{more_zh}"),
        note,
        trace,
    )


def earned_line(code: str, labels: Labels, note: str, trace: Trace) -> SlipLine:
    return SlipLine(
        code=code,
        label=labels[0],
        label_zh=labels[1],
        amount_fen=trace.amount_fen,
        note=note,
        trace=trace,
        side=Side.EARNED,
    )


def _rework_lines(made: Sequence[Made], what: What, terms: PieceTerms) -> list[SlipLine]:
    by_row: dict[tuple[Goods, DayKind | None], dict[PriceRow, list[Made]]] = {}
    for one in made:
        row = terms.book.row(one.goods, one.day)
        of_time = by_row.setdefault((one.goods, one.overtime), {})
        of_time.setdefault(row, []).append(one)
    return [
        _rework_line(row, of_row, what, terms)
        for _, of_time in sorted(by_row.items(), key=lambda one: (one[0][0], one[0][1] or ""))
        for row, of_row in of_time.items()
    ]


def _rework_line(row: PriceRow, made: Sequence[Made], what: What, terms: PieceTerms) -> SlipLine:
    price = row.rework if what is What.REWORK else row.own_rework
    goods, overtime = made[0].goods, made[0].overtime
    kind, label, label_zh = _REWORK[what]
    suffix, more, more_zh = TIMES[overtime]
    if price is None:
        raise PayRefusedError(
            f"{row.version} does not say what {what.value} of {goods.text} is paid",
            remedy=f'add {what.value} to the price ("0" = it is not paid) and import the table again',
        )
    _, tallies = inputs_of(made)
    factor = factor_of(overtime, terms.overtime)
    steps = Calculation(tallies=tallies)
    pieces = steps.step("pieces", "pieces_of_tallies")
    steps.step("worth", "product", "pieces", price.numerator)
    steps.step(
        "amount",
        "multiply_half_up",
        "worth",
        factor.numerator,
        factor.denominator * price.denominator,
    )
    facts = {
        "product": goods.product,
        "process": goods.process,
        "grade": goods.grade,
        "pieces": str(pieces),
        "price": decimal_text(price / 100),
        "factor": decimal_text(factor),
        "days": ", ".join(sorted({str(one.day) for one in made})),
        "price_from": str(row.since),
    }
    trace = Trace(
        rule=kind,
        version=row.version,
        source=row.source,
        formula="reworked pieces x price of rework"
        + ("" if overtime is None else f" x {decimal_text(factor)}"),
        facts=facts,
        steps=steps.steps,
        tallies=tallies,
        law=() if overtime is None else (overtime_law(terms.overtime),),
    )
    note = f"{pieces} pieces x {facts['price']} yuan"
    labels = (f"{label} {goods.text}{more}", f"{label_zh} {goods.text}{more_zh}")
    return earned_line(code_of(f"{kind}{suffix}", goods), labels, note, trace)
