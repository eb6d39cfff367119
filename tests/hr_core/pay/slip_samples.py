"""Runs of slips with lines of every side, as the pay of China makes them, for tests of what leaves."""

from datetime import UTC, datetime

from hr_core.pay.slip import Side, Slip, SlipLine
from hr_core.store.results import NewRun, RunFindings, add_run
from hr_core.trace.calculation import Calculation, DayInput, LineInput, Trace

AT = datetime(2026, 11, 2, 3, tzinfo=UTC)


def line(code, steps, side=Side.EARNED, **facts):
    trace = Trace(
        rule=code,
        version="v1",
        source="a source",
        formula="f",
        steps=steps.steps,
        facts=facts,
        days=steps.inputs.days,
        lines=steps.inputs.lines,
        entries=steps.inputs.entries,
    )
    return SlipLine(
        code=code, label=code, label_zh=code, amount_fen=trace.amount_fen, note="", trace=trace,
        side=side,
    )  # fmt: skip


def base(fen):
    steps = Calculation()
    steps.step("amount", "constant", fen)
    return line("base", steps, base_fen=str(fen))


def overtime(fen, *minutes):
    days = tuple(DayInput(f"2026-10-{on:02d}", one, ()) for on, one in enumerate(minutes, 12))
    steps = Calculation(days=days)
    steps.step("minutes", "minutes_of_days")
    steps.step("numerator", "product", "minutes", 1)
    steps.step("amount", "multiply_half_up", fen, "numerator", 6960)
    return line(
        "overtime_workday", steps, base_fen=str(fen), factor="3/2", month_days="87/4", day_hours="8"
    )


def sum_off(code, fen, side=Side.DEDUCTED):
    steps = Calculation()
    steps.step("sum", "constant", fen)
    steps.step("off", "difference", 0, "sum")
    return line(code, steps, side)


def share(base_fen, percent_x_1000, side):
    steps = Calculation()
    steps.step("base", "constant", base_fen)
    steps.step("at_most_ceiling", "smallest", "base", 3_773_100)
    steps.step("units", "multiply_half_up", "at_most_ceiling", percent_x_1000, 100_000)
    steps.step("share", "product", "units", 1)
    if side is Side.DEDUCTED:
        steps.step("off", "difference", 0, "share")
    return line(f"pension_{'employee' if side is Side.DEDUCTED else 'employer'}", steps, side)


def tax(lines):
    of = tuple(
        LineInput(code=one.code, amount_fen=one.amount_fen)
        for one in lines
        if one.side is not Side.EMPLOYER
    )
    steps = Calculation(lines=of)
    steps.step("income", "amount_of_lines")
    steps.step("after", "difference", "income", 500_000)
    steps.step("taxable", "largest", "after", 0)
    steps.step("tax", "multiply_half_up", "taxable", 3, 100)
    steps.step("off", "difference", 0, "tax")
    return line("income_tax", steps, Side.DEDUCTED)


def slip(number, name="张伟", base_fen=870_000, minutes=(65,), advance=0):
    lines = [base(base_fen), overtime(base_fen, *minutes)]
    lines += [share(base_fen, 8000, Side.DEDUCTED), share(base_fen, 16_000, Side.EMPLOYER)]
    lines.append(tax(lines))
    if advance:
        lines.append(sum_off("advance", advance))
    return Slip(number=number, name=name, lines=tuple(lines), to_clarify=())


def new_run(*slips, month="2026-10", scheme="cn"):
    return NewRun(
        month=month, scheme=scheme, scheme_version=f"{scheme}/1", created_at=AT, slips=slips, days={},
        findings=RunFindings(),
    )  # fmt: skip


def store_run(conn, *slips, **more):
    return add_run(conn, new_run(*slips, **more))
