"""A computed line as a line of the slip: its words, its side, and its sign."""

from msgspec.structs import replace

from hr_core.money import format_fen
from hr_core.pay.cn.lines import Line
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import Step, Trace

# zh beside en; the sentences of a line's kind are in hr_core/data/line_words.toml.
LABELS = {
    "base": ("Base pay", "基本工资"),
    "floating": ("Performance pay", "绩效工资"),
    "heat_allowance": ("Heat allowance", "高温津贴"),
    "unpaid_leave": ("Unpaid leave by hours", "无薪假（按小时）"),
    "overtime_workday": ("Overtime on workdays", "工作日加班费"),
    "overtime_rest_day": ("Overtime on rest days", "休息日加班费"),
    "overtime_statutory_holiday": ("Overtime on statutory holidays", "法定节假日加班费"),
    "instant_bonus": ("Instant bonus", "即时奖励"),
    "bonus": ("Bonus", "奖金"),
    "grade_bonus": ("Grade bonus", "等级奖金"),
    "annual_bonus": ("Year-end bonus", "年终奖"),
    "pension_employee": ("Pension, own share", "养老保险（个人）"),
    "medical_employee": ("Medical, own share", "医疗保险（个人）"),
    "unemployment_employee": ("Unemployment, own share", "失业保险（个人）"),
    "injury_employee": ("Work injury, own share", "工伤保险（个人）"),
    "maternity_employee": ("Maternity, own share", "生育保险（个人）"),
    "housing_fund_employee": ("Housing fund, own share", "住房公积金（个人）"),
    "housing_fund_supplement_employee": (
        "Supplementary housing fund, own share",
        "补充住房公积金（个人）",
    ),
    "pension_employer": ("Pension, employer's share", "养老保险（单位）"),
    "medical_employer": ("Medical, employer's share", "医疗保险（单位）"),
    "unemployment_employer": ("Unemployment, employer's share", "失业保险（单位）"),
    "injury_employer": ("Work injury, employer's share", "工伤保险（单位）"),
    "maternity_employer": ("Maternity, employer's share", "生育保险（单位）"),
    "housing_fund_employer": ("Housing fund, employer's share", "住房公积金（单位）"),
    "housing_fund_supplement_employer": (
        "Supplementary housing fund, employer's share",
        "补充住房公积金（单位）",
    ),
    "income_tax": ("Income tax", "个人所得税"),
    "bonus_tax": ("Income tax on the year-end bonus", "年终奖个人所得税"),
    "advance": ("Advance taken off", "预支扣回"),
    "leave_pay": ("Annual leave not taken", "未休年假工资"),
    "severance": ("Severance", "经济补偿"),
    "notice_pay": ("Pay in place of notice", "代通知金"),
    "severance_tax": ("Income tax on severance", "经济补偿个人所得税"),
    "damages": ("Damages taken off", "赔偿扣款"),
}
UNVERIFIED_NOTE = "by law that nobody verified, allowed for this run"


def slip_line(
    line: Line,
    note: str,
    *,
    code: str = "",
    labels: tuple[str, str] | None = None,
    side: Side = Side.EARNED,
) -> SlipLine:
    """Of a deducted line the amount gets its minus. An unverified row is said in the note."""
    trace = line.trace if side is not Side.DEDUCTED else taken_off(line.trace)
    if "unverified" in trace.facts.get("law_status", "") or any(
        one.status == "unverified" for one in trace.law
    ):
        note = f"{note}; {UNVERIFIED_NOTE}"
    label, label_zh = labels or LABELS[line.kind]
    return SlipLine(
        code=code or line.kind,
        label=label,
        label_zh=label_zh,
        amount_fen=trace.amount_fen,
        note=note,
        trace=trace,
        side=side,
    )


def taken_off(trace: Trace) -> Trace:
    last = trace.steps[-1]
    minus = Step("taken_off", "difference", (0, last.name), -last.result)
    return replace(trace, steps=(*trace.steps, minus))


def yuan(fen: int) -> str:
    return format_fen(fen).removeprefix("¥")
