"""Slips whose traces compute: a base, overtime by days, a tax that follows, all by small steps."""

from msgspec.structs import replace

from hr_core.pay.diff.model import Refused, RunHead, RunSide, SlipSide
from hr_core.pay.slip import Side, SlipLine, net_fen
from hr_core.trace.calculation import (
    Calculation,
    DayInput,
    EntryInput,
    LawInput,
    LineInput,
    Trace,
)

VERSION = "demo/2025-01"


def line(code, calculation, side=Side.EARNED, **trace):
    fields = {"rule": code, "version": VERSION, "source": "file", "formula": f"{code} formula"}
    inputs = {
        name: getattr(calculation.inputs, name)
        for name in ("days", "work", "corrections", "lines", "entries", "tallies")
    }
    made = Trace(steps=calculation.steps, **fields | inputs | trace)
    return SlipLine(
        code=code, label=code.title(), label_zh=f"{code}行", amount_fen=made.amount_fen,
        note="", trace=made, side=side,
    )  # fmt: skip


def base(fen=600000, **trace):
    steps = Calculation()
    steps.step("amount", "constant", fen)
    return line("base", steps, **trace)


def day_input(day, minutes, *events):
    return DayInput(f"2026-10-{day:02d}", minutes, events or (f"in{day}", f"out{day}"))


def overtime(*days, base_fen=600000, rounding="multiply_half_up", **trace):
    steps = Calculation(days=tuple(days))
    steps.step("minutes", "minutes_of_days")
    steps.step("amount", rounding, base_fen, "minutes", 6960)
    return line("overtime", steps, **{"facts": {"base_fen": str(base_fen)}} | trace)


def pension(base_fen=600000, percent=8, version="sh/2025", city="shanghai", **trace):
    steps = Calculation()
    steps.step("base", "constant", base_fen)
    steps.step("amount", "multiply_half_up", "base", -percent, 100)
    row = LawInput(
        item="pension", version=version, since="2025-07-01", status="official", source="沪人社", city=city
    )  # fmt: skip
    return line("pension", steps, Side.DEDUCTED, version=version, law=(row,), **trace)


def tax(*lines, percent=3, **trace):
    steps = Calculation(
        lines=tuple(LineInput(code=one.code, amount_fen=one.amount_fen) for one in lines)
    )
    steps.step("income", "amount_of_lines")
    steps.step("amount", "multiply_half_up", "income", -percent, 100)
    return line("tax", steps, Side.DEDUCTED, **trace)


def bonus(fen, number=7, **trace):
    entry = EntryInput(
        number=number, kind="bonus", name="Bonus", amount_fen=fen, entered_by="a", approved_by="b"
    )
    steps = Calculation(entries=(entry,))
    steps.step("amount", "amount_of_entries")
    return line("bonus", steps, **trace)


def employer(fen=96000):
    steps = Calculation()
    steps.step("base", "constant", fen)
    return line("pension_employer", steps, Side.EMPLOYER)


def slip(person, *lines, name="王芳", total_fen=None):
    total = net_fen(lines) if total_fen is None else total_fen
    return SlipSide(person=person, number=person, name=name, total_fen=total, lines=lines)


def side(number, *slips, days=None, refused=(), without=None, **head):
    fields = {
        "number": number,
        "month": "2026-10",
        "scheme": "demo",
        "scheme_version": VERSION,
        "created_at": "2026-11-01T00:00:00+00:00",
        "people": len(slips),
        "lines": sum(len(one.lines) for one in slips),
        "total_fen": sum(one.total_fen for one in slips),
        "digest": repr([(one.person, one.lines) for one in slips]),
    }
    return RunSide(
        head=RunHead(**fields | head),
        slips={one.person: one for one in slips},
        refused={person: Refused(person=person, what=what, remedy=do) for person, what, do in refused},
        without=without or {},
        traced=lambda person: next(one.lines for one in slips if one.person == person),
        days=lambda person: (days or {}).get(person, {}),
    )  # fmt: skip


def with_amount(line, fen):
    """As somebody writes over a stored amount."""
    return replace(line, amount_fen=fen)
