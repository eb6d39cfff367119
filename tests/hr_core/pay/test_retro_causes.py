"""Why a paid line would be another one now: the month's own causes are paid, an upgrade's are listed."""

from datetime import date

import pytest
from msgspec.structs import replace

from hr_core.clock import Month
from hr_core.pay.counted_lines import CountedLine
from hr_core.pay.retro import Cause, differences, paid_lines, retro_line, settled_line, stage_of
from hr_core.pay.slip import Side, SlipLine
from hr_core.pay.stage import Stage
from hr_core.trace.calculation import (
    Calculation,
    DayInput,
    EntryInput,
    LawInput,
    Trace,
    replay,
)

JULY = Month(2026, 7)
FLOOR = LawInput(
    item="pension", version="sh/2025-07", since="2025-07-01", status="secondary", source="a"
)
LATER = replace(FLOOR, version="sh/2026-07", since="2026-07-01", source="notice of August")
ANNOUNCED = {"sh/2026-07": date(2026, 8, 18), "sh/known": date(2026, 6, 20)}
ENTRY = EntryInput(number=1, kind="bonus", name="b", amount_fen=5, entered_by="a", approved_by="b")


def line(fen, code="base", side=Side.EARNED, given=None, **more):
    steps = Calculation()
    steps.step("wage", "constant", fen if given is None else given)
    steps.step("amount", "constant", fen)
    trace = Trace(rule=code, version="s/1", source="", formula="f", steps=steps.steps, **more)
    return SlipLine(
        code=code, label=code, label_zh=code, amount_fen=fen, note="", trace=trace, side=side
    )


def found(before, after, **more):
    counted = [] if before is None else [CountedLine(1, "P1", 1, before)]
    paid = paid_lines(JULY, counted).get("P1", {})
    (one,) = differences("P1", JULY, paid, [] if after is None else [after], ANNOUNCED, **more)
    return one


def changed(made, **parts):
    return replace(made, trace=replace(made.trace, **parts))


@pytest.mark.parametrize(
    ("before", "after", "causes", "is_paid"),
    [
        (line(1), line(2), {Cause.INPUT}, True),
        (line(1), line(2, days=(DayInput("2026-07-03", 60, ()),)), {Cause.ATTENDANCE}, True),
        (line(1), line(2, entries=(ENTRY,)), {Cause.ENTRY}, True),
        (line(1, law=(FLOOR,)), line(2, law=(LATER,)), {Cause.ANNOUNCED_LAW}, True),
        (
            line(1, law=(FLOOR,)),
            line(2, law=(replace(LATER, version="sh/known"),)),
            {Cause.LAW},
            False,
        ),
        (line(1, law=(FLOOR,)), line(2, law=(replace(FLOOR, source="b"),)), {Cause.LAW}, False),
        (line(1), changed(line(2), version="s/2"), {Cause.RULE}, False),
        (line(1), changed(line(2), formula="g"), {Cause.RULE}, False),
        (
            line(1),
            changed(line(2, days=(DayInput("2026-07-03", 60, ()),)), version="s/2"),
            {Cause.RULE, Cause.ATTENDANCE},
            False,
        ),
        (None, line(2), {Cause.INPUT}, True),
        (line(1), None, {Cause.INPUT}, True),
        (line(-1, "income_tax", Side.DEDUCTED), line(-2, "income_tax", Side.DEDUCTED),
         {Cause.INPUT}, False),
    ],
)  # fmt: skip
def test_causes(before, after, causes, is_paid):
    one = found(before, after)
    assert set(one.causes) == causes
    assert one.is_paid is is_paid
    made = retro_line(one)
    assert made.amount_fen == one.fen == replay(made.trace)


def test_the_same_inputs_and_rules_with_another_amount_are_the_programs():
    before, after = line(1, given=7), line(1, given=7)
    steps = (after.trace.steps[0], replace(after.trace.steps[1], of=("wage",), result=7))
    before = changed(before, steps=(steps[0], replace(steps[1], result=1)))
    after = replace(changed(after, steps=steps), amount_fen=7)
    one = found(before, after)
    assert one.causes == (Cause.PROGRAM,)
    assert not one.is_paid


def test_what_later_slips_corrected_counts_as_paid():
    first, second = found(line(100), line(130)), None
    later = CountedLine(2, "P1", 1, retro_line(first))
    counted = [CountedLine(1, "P1", 1, line(100)), later]
    paid = paid_lines(JULY, counted)["P1"]
    assert differences("P1", JULY, paid, [line(130)], {}) == []
    (second,) = differences("P1", JULY, paid, [line(90)], {})
    assert second.fen == -40
    assert second.paid.slips == ("run 1", "run 2")
    settled = settled_line("base", [later])
    assert settled.amount_fen == -30 == replay(settled.trace)
    whole = paid_lines(JULY, [*counted, CountedLine(1, "P1", 2, settled)])["P1"]
    assert whole["base"].fen == 100


@pytest.mark.parametrize(
    ("code", "side", "stage"),
    [
        ("base", Side.EARNED, Stage.WAGE),
        ("untaxed_1", Side.EARNED, Stage.UNTAXED),
        ("pension_employee", Side.DEDUCTED, Stage.SHARES),
        ("pension_employer", Side.EMPLOYER, Stage.EMPLOYER),
        ("income_tax", Side.DEDUCTED, None),
        ("annual_bonus_3", Side.EARNED, None),
        ("order_3", Side.DEDUCTED, None),
        ("scrap", Side.DEDUCTED, None),
        ("retro_2026-06_base", Side.EARNED, None),
    ],
)
def test_as_what_a_correction_counts(code, side, stage):
    assert stage_of(line(1, code, side)) is stage
