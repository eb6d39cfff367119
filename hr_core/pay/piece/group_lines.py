"""Lines of group results: the group's amount by hours x coefficient, a line for each member."""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from hr_core.errors import CoreError
from hr_core.money import decimal_text
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.piece.amounts import Part, price_facts, priced, worth_steps
from hr_core.pay.piece.group_split import coefficient_unit, split_fen, whole_weights
from hr_core.pay.piece.lines import (
    TIMES,
    PieceTerms,
    code_of,
    earned_line,
    factor_of,
    inputs_of,
    overtime_law,
    with_single_codes,
)
from hr_core.pay.piece.made import Made
from hr_core.pay.slip import SlipLine
from hr_core.trace.calculation import Calculation, DayInput, Trace


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


def group_lines(group: GroupMonth, terms: PieceTerms) -> dict[str, tuple[SlipLine, ...]]:
    """By person. Raises NoPriceError, PayRefusedError (nobody was there on those days)."""
    found: dict[str, list[SlipLine]] = {one.person: [] for one in group.members}
    for part in priced(group.made, terms.book):
        for person, line in _group_part(group, part, terms):
            found[person].append(line)
    return {person: with_single_codes(lines) for person, lines in found.items() if lines}


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
    factor = factor_of(part.overtime, terms.overtime)
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
    suffix, more, more_zh = TIMES[part.overtime]
    work, tallies = inputs_of(part.made)
    work = tuple(replace(one, badge=None) for one in work)
    steps = Calculation(days=own.days, work=work, tallies=tallies)
    factor = factor_of(part.overtime, terms.overtime)
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
    return earned_line(code, labels, note, trace)


def _value(steps: Calculation, name: str) -> int:
    return next(one.result for one in steps.steps if one.name == name)


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
