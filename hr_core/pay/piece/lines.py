"""Slip lines of piece pay, from values alone. `code` is kind:product:process[:grade].

Kinds: piece, piece_overtime_workday|rest_day|statutory_holiday, piece_group and piece_group_overtime_…
(kind:group:product:…), piece_rework, piece_own_rework, minimum_wage_top_up, scrap.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.errors import CoreError
from hr_core.law.national import Overtime
from hr_core.money import decimal_text
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.piece.amounts import Part, price_facts, priced, worth_steps
from hr_core.pay.piece.group_split import coefficient_unit, split_fen, whole_weights
from hr_core.pay.piece.made import Made, What, of_what
from hr_core.pay.piece.prices import Goods, PriceBook, PriceRow
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import (
    Calculation,
    DayInput,
    LawInput,
    TallyInput,
    Trace,
    WorkInput,
)

Labels = tuple[str, str]

_TIMES: dict[DayKind | None, tuple[str, str, str]] = {
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


class GroupMember(Struct, frozen=True, kw_only=True):
    """`days`: the member's days of the month in the group, with the minutes worked then."""

    person: str
    coefficient: Fraction
    regular: tuple[DayInput, ...] = ()
    overtime: tuple[DayInput, ...] = ()


class GroupMonth(Struct, frozen=True, kw_only=True):
    """`coefficients_from`: the table that tells them."""

    code: str
    made: tuple[Made, ...]
    members: tuple[GroupMember, ...]
    coefficients_from: str = ""


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


def group_lines(group: GroupMonth, terms: PieceTerms) -> dict[str, tuple[SlipLine, ...]]:
    """By person. Raises NoPriceError, PayRefusedError (nobody was there on those days)."""
    found: dict[str, list[SlipLine]] = {one.person: [] for one in group.members}
    for part in priced(group.made, terms.book):
        for person, line in _group_part(group, part, terms):
            found[person].append(line)
    return {person: with_single_codes(lines) for person, lines in found.items() if lines}


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


def _factor(overtime: DayKind | None, law: Overtime) -> Fraction:
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
    suffix, more, more_zh = _TIMES[part.overtime]
    work, tallies = inputs_of(part.made)
    steps = Calculation(work=work, tallies=tallies)
    factor = _factor(part.overtime, terms.overtime)
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
    return _line(
        code_of(f"piece{suffix}", part.goods),
        (f"Pieces {goods}{more}", f"计件 {goods}{more_zh}"),
        note,
        trace,
    )


def _line(code: str, labels: Labels, note: str, trace: Trace) -> SlipLine:
    return SlipLine(
        code=code,
        label=labels[0],
        label_zh=labels[1],
        amount_fen=trace.amount_fen,
        note=note,
        trace=trace,
        side=Side.EARNED,
    )


def _group_part(group: GroupMonth, part: Part, terms: PieceTerms) -> list[tuple[str, SlipLine]]:
    days = {str(day) for day in part.days}
    members = {(one.person, at): one for at, one in enumerate(group.members)}
    worked = {
        key: tuple(
            day
            for day in (one.regular if part.overtime is None else one.overtime)
            if day.day in days
        )
        for key, one in members.items()
    }
    minutes = {key: sum(day.minutes for day in own) for key, own in worked.items()}
    coefficients = {key: one.coefficient for key, one in members.items()}
    weights = whole_weights(minutes, coefficients)
    if sum(weights.values()) <= 0:
        raise PayRefusedError(
            f"group {group.code}: {part.pieces} pieces of {part.goods.text} on "
            f"{', '.join(sorted(days))}, and no member worked "
            f"{'then' if part.overtime is None else 'overtime then'}",
            remedy="HR clears the members' days, or enters the members of the group",
        )
    work, tallies = inputs_of(part.made)
    whole = Calculation(work=work, tallies=tallies)
    factor = _factor(part.overtime, terms.overtime)
    worth_steps(part, factor, (work, tallies), whole)
    shares = split_fen(whole.steps[-1].result, weights)
    unit, total = coefficient_unit(coefficients), sum(weights.values())
    lines = []
    for key, share in shares.items():
        if weights[key]:
            own = _Own(worked[key], coefficients[key], unit, total, share.last_fen)
            lines.append((key[0], _share_line(group, part, own, terms)))
    return lines


class _Own(Struct, frozen=True):
    days: tuple[DayInput, ...]
    coefficient: Fraction
    unit: int
    total_weight: int
    last_fen: int


def _share_line(group: GroupMonth, part: Part, own: _Own, terms: PieceTerms) -> SlipLine:
    """The names and hours of the other members are theirs: only their sum is here."""
    suffix, more, more_zh = _TIMES[part.overtime]
    work, tallies = inputs_of(part.made)
    work = tuple(replace(one, badge=None) for one in work)
    steps = Calculation(days=own.days, work=work, tallies=tallies)
    factor = _factor(part.overtime, terms.overtime)
    worth_steps(part, factor, (work, tallies), steps)
    steps.step("minutes", "minutes_of_days")
    steps.step("own_weight", "product", "minutes", int(own.coefficient * own.unit))
    # Rounded down: up from below zero.
    steps.step("to_split", "difference", 0, "amount")
    weight = _value(steps, "own_weight")
    steps.step("share_below_zero", "multiply_up", "to_split", "own_weight", own.total_weight)
    steps.step("whole_fen", "difference", 0, "share_below_zero")
    steps.step("last_fen", "constant", own.last_fen)
    steps.step("share", "sum", "whole_fen", "last_fen")
    facts = price_facts(part) | {
        "group": group.code,
        "group_amount_fen": str(_value(steps, "amount")),
        "hours": decimal_text(Fraction(_value(steps, "minutes"), 60)),
        "coefficient": decimal_text(own.coefficient),
        "own_weight": decimal_text(Fraction(weight, 60 * own.unit)),
        "group_weight": decimal_text(Fraction(own.total_weight, 60 * own.unit)),
        "last_fen": str(own.last_fen),
        "last_fen_rule": "shares are rounded down; what is left goes fen by fen to the largest remainders",
    }
    if part.overtime is not None:
        facts["factor"] = decimal_text(factor)
    trace = Trace(
        rule="piece_group",
        version=part.row.version,
        source=part.row.source
        + (f"; coefficients: {group.coefficients_from}" if group.coefficients_from else ""),
        formula="group's amount x own hours x coefficient / the group's sum of hours x coefficient",
        facts=facts,
        steps=steps.steps,
        days=own.days,
        work=work,
        tallies=tallies,
        law=() if part.overtime is None else (overtime_law(terms.overtime),),
    )
    note = f"{facts['hours']} h x {facts['coefficient']} of {facts['group_weight']} in the group"
    code = code_of(f"piece_group{suffix}:{group.code}", part.goods)
    goods = part.goods.text
    labels = (f"Group {group.code}, {goods}{more}", f"集体计件 {group.code} {goods}{more_zh}")
    return _line(code, labels, note, trace)


def _value(steps: Calculation, name: str) -> int:
    return next(one.result for one in steps.steps if one.name == name)


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
    suffix, more, more_zh = _TIMES[overtime]
    if price is None:
        raise PayRefusedError(
            f"{row.version} does not say what {what.value} of {goods.text} is paid",
            remedy=f'add {what.value} to the price ("0" = it is not paid) and import the table again',
        )
    _, tallies = inputs_of(made)
    factor = _factor(overtime, terms.overtime)
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
    return _line(code_of(f"{kind}{suffix}", goods), labels, note, trace)


class OfGroups(NamedTuple):
    """Lines by person; by person why one of his groups cannot be paid, so that he is not paid yet; and
    what befell the groups, in words.
    """

    lines: dict[str, list[SlipLine]]
    refused: dict[str, CoreError]
    faults: list[str]


def members_lines(groups: Iterable[GroupMonth], terms: PieceTerms) -> OfGroups:
    done = OfGroups({}, {}, [])
    for group in groups:
        try:
            found = group_lines(group, terms)
        except CoreError as error:
            done.faults.append(f"{error}; {error.remedy}")
            for one in group.members:
                done.refused.setdefault(one.person, error)
            continue
        for person, own in found.items():
            done.lines.setdefault(person, []).extend(own)
    return done
