"""What the month lacks to the city's minimum wage: a line of its own, with its row of law."""

from collections.abc import Iterable, Sequence

from hr_core.law.rows import LawRow
from hr_core.money import format_fen
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import Calculation, LawInput, LineInput, Trace

CODE = "minimum_wage_top_up"
# 最低工资规定 (2004) art. 12: the minimum wage is earned without overtime, special allowances and
# what the law calls welfare.
_NOT_COUNTED = ("heat_allowance", "untaxed", "night_allowance", "sick_pay")


def counts_for_minimum(line: SlipLine) -> bool:
    kind = line.code.partition(":")[0]
    return line.side is Side.EARNED and "overtime" not in kind and kind not in _NOT_COUNTED


def as_law_input(row: LawRow) -> LawInput:
    return LawInput(
        city=row.city,
        item=row.item.value,
        version=row.version,
        since=str(row.since),
        status=row.status,
        source=row.source,
    )


def line_inputs(lines: Iterable[SlipLine]) -> tuple[LineInput, ...]:
    return tuple(LineInput(code=one.code, amount_fen=one.amount_fen) for one in lines)


def top_up_line(
    earned: Sequence[SlipLine],
    own_shares_fen: int,
    law: LawRow,
    days: int,
    full_days: int,
) -> SlipLine | None:
    """None when the wage reaches it. `own_shares_fen`: the person's part of insurance and fund,
    which the comparison takes off in the cities whose row says so. `days` of the month's
    `full_days` were owed: absence that nobody pays earns no minimum.
    """
    if law.amount is None:
        raise PayRefusedError(f"{law.version} has no amount", remedy="correct the law row")
    counted = [one for one in earned if counts_for_minimum(one)]
    lines = line_inputs(counted)
    steps = Calculation(lines=lines)
    due = steps.step("due", "multiply_half_up", law.amount, days, full_days)
    wage = steps.step("wage", "amount_of_lines")
    compared = "wage"
    if law.after_own_contributions:
        compared = "wage_after_own_shares"
        wage = steps.step(compared, "difference", "wage", own_shares_fen)
    steps.step("missing", "difference", "due", compared)
    amount = steps.step("top_up", "largest", "missing", 0)
    if not amount:
        return None
    facts = {
        "city": law.city,
        "minimum_fen": str(law.amount),
        "due_fen": str(due),
        "compared_fen": str(wage),
        "days": str(days),
        "full_days": str(full_days),
    }
    if law.status == "unverified":
        facts["law_status"] = str(law.status)
    trace = Trace(
        rule=CODE,
        version=law.version,
        source=law.source,
        formula="minimum wage x days / days of the month - wage without overtime and allowances"
        + (" - own insurance and fund" if law.after_own_contributions else ""),
        facts=facts,
        steps=steps.steps,
        lines=lines,
        law=(as_law_input(law),),
    )
    note = f"{format_fen(wage)} of {format_fen(due)} in {law.city}"
    return SlipLine(
        code=CODE,
        label="Top-up to the minimum wage",
        label_zh="补足最低工资",
        amount_fen=amount,
        note=note,
        trace=trace,
    )
