"""What the facts of a payslip line are called, and their values in words: a part of words.py."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from hr_core.money import format_fen
from hr_core.web import piece_words

FACTS: dict[str, tuple[str, str]] = {
    "base_fen": ("基本工资", "Base pay"),
    "factor": ("倍数", "Factor"),
    "month_days": ("月计薪天数", "Paid days a month"),
    "day_hours": ("每天小时", "Hours a day"),
    "grade": ("等级", "Grade"),
    "grade_version": ("等级表版本", "Grade table"),
    "percent_of_base": ("占基本工资 %", "Percent of base"),
    "month": ("月份", "Month"),
    "paid_days": ("全月计薪天数", "Paid days of the month"),
    "employed_days": ("在职计薪天数", "Paid days while employed"),
    "unpaid_days": ("事假天数", "Days of unpaid leave"),
    "agreement": ("薪酬协议", "Pay agreement"),
    "floating_percent": ("绩效部分 %", "Performance part, percent"),
    "result": ("绩效结果编号", "Performance result"),
    "result_version": ("绩效结果版本", "Version of the result"),
    "score": ("绩效得分", "Score"),
    "name": ("名目", "What for"),
    "reason": ("原因", "Reason"),
    "side": ("承担方", "Whose share"),
    "law_status": ("法规数据", "Row of law"),
    "employer_rates": ("单位比例的依据", "Source of the employer's rates"),
    "basic": ("累计减除费用", "Basic deduction of the year so far"),
    "year_so_far": ("本年以前月份", "Earlier months of the year"),
    "months_not_known": ("本年未知月数", "Months of the year not known"),
    "infant_care": ("婴幼儿照护", "Care of infants"),
    "child_education": ("子女教育", "Children's education"),
    "elderly_support": ("赡养老人", "Support of elderly parents"),
    "continuing_education": ("继续教育", "Continuing education"),
    "housing_loan_interest": ("住房贷款利息", "Interest of a housing loan"),
    "housing_rent": ("住房租金", "Housing rent"),
    "line": ("更正的项目", "Corrected line"),
    "causes": ("更正原因", "Why it is corrected"),
    "paid_by": ("原发放", "Paid by"),
    "run": ("原算薪编号", "Earlier run"),
    "kind": ("欠款种类", "Kind of claim"),
    "told": ("依据", "By"),
    "goods": ("产品", "Goods"),
    "exit": ("离职方式", "How the contract ended"),
    "hired": ("入职日期", "Hired"),
    "left": ("离职日期", "Left"),
    "average_of": ("平均工资的月份", "Months of the average wage"),
    "months_before": ("合并计算的工龄(月)", "Months served before that count"),
    "leaving": ("离职登记", "Leaving"),
    "leave_a_year": ("全年年假(天)", "Annual leave of a year, days"),
    "service_days": ("当年在职天数", "Days employed this year"),
    "leave_taken": ("已休年假(天)", "Annual leave taken, days"),
    "taken_on": ("年假日期", "Taken on"),
    "further_percent": ("另付比例 %", "Paid beside the wage, percent"),
    "opening": ("期初数", "Opening balances"),
    "wage": ("应付工资", "Wage"),
    "own_shares": ("个人缴费", "Own shares"),
}
_FEN = frozenset(
    {
        *piece_words.FEN_FACTS,
        "base_fen",
        "basic",
        "infant_care",
        "child_education",
        "elderly_support",
        "continuing_education",
        "housing_loan_interest",
        "housing_rent",
        "own_shares",
        "wage",
    }
)
# Whole traces of a corrected line: for programs; its sentence tells what they say.
_FOR_PROGRAMS = frozenset({"paid_trace", "now_trace"})
# Values that are words of the program; others are names and numbers and stay as they are.
VALUES: dict[str, tuple[str, str]] = {
    "grade=not rated": ("未评级", "not rated"),
    "law_status=unverified": ("未核实", "unverified"),
    "side=employee": ("个人", "employee"),
    "side=employer": ("单位", "employer"),
    "result=none is locked": ("没有已锁定的结果", "none is locked"),
    "year_so_far=no earlier month is known": ("没有以前月份", "no earlier month is known"),
    "paid_by=no slip": ("没有工资条", "no payslip"),
    "per=day": ("每天", "day"),
    "per=month": ("每月", "month"),
    "tiers_pay=each": ("每件按所在档", "each piece by its tier"),
    "tiers_pay=all": ("全部按达到的最高档", "all pieces by the last tier reached"),
    "exit=mutual, proposed by employer": ("协商一致(单位提出)", "mutual, proposed by the employer"),
    "exit=resignation": ("辞职", "resignation"),
    "exit=mutual, proposed by employee": ("协商一致(员工提出)", "mutual, proposed by the employee"),
    "exit=left because the employer was at fault": (
        "因单位过错解除",
        "left because the employer was at fault",
    ),
    "exit=dismissed for the employee's fault": ("过失性辞退", "dismissed for the employee's fault"),
    "exit=dismissed with notice, without fault": (
        "无过失性辞退",
        "dismissed with notice, without fault",
    ),
    "exit=layoff": ("经济性裁员", "layoff"),
    "exit=fixed term ended": ("合同期满", "fixed term ended"),
    "exit=fixed term ended, renewal declined by employee": (
        "合同期满(员工不续订)",
        "fixed term ended, renewal declined by the employee",
    ),
    "exit=retirement": ("退休", "retirement"),
    "exit=employer closed": ("单位终止", "employer closed"),
    "average_of=stated in the leaving": ("离职登记中写明", "stated in the leaving"),
    "exit=unlawful dismissal (double)": ("违法解除(双倍)", "unlawful dismissal (double)"),
    "kind=maintenance": ("抚养、赡养费", "maintenance"),
    "kind=wages": ("工资债权", "wages"),
    "kind=injury": ("人身损害赔偿", "injury"),
    "kind=tax": ("税款", "tax"),
    "kind=debt": ("债务", "debt"),
    "kind=fine": ("罚款", "fine"),
    "kind=own": ("欠公司的款", "owed to the company"),
    "causes=attendance": ("考勤更正", "attendance"),
    "causes=entry": ("录入金额", "entered sums"),
    "causes=quality": ("计数更正", "counted work"),
    "causes=input": ("协议或结果更正", "agreement or result"),
    "causes=price": ("计件单价追溯调整", "prices of pieces decided later"),
    "causes=announced_law": ("迟到的法规通知", "law announced later"),
    "causes=law": ("法规", "law"),
    "causes=rule": ("方案规则", "rule of the scheme"),
    "causes=program": ("程序", "program"),
    "leave=annual": ("年假", "annual leave"),
    "leave=personal": ("事假", "personal leave"),
    "leave=sick": ("病假", "sick leave"),
    "leave=compensatory": ("调休", "compensatory time off"),
    "leave=marriage": ("婚假", "marriage leave"),
    "leave=maternity": ("产假", "maternity leave"),
    "leave=paternity": ("陪产假", "paternity leave"),
    "leave=parental": ("育儿假", "parental leave"),
    "leave=nursing": ("哺乳假", "nursing time"),
    "leave=prenatal": ("产检假", "prenatal examination"),
    "leave=bereavement": ("丧假", "bereavement leave"),
    "leave=work_injury": ("工伤假", "work injury leave"),
    "leave=holiday": ("法定节假日", "statutory holiday"),
    "last_fen_rule=shares are rounded down; what is left goes fen by fen to the largest remainders": (
        "每份向下取整,余下的分按余数从大到小逐分分配",
        "shares are rounded down; what is left goes fen by fen to the largest remainders",
    ),
}
_SEVERAL = frozenset({"causes"})  # several words in one value
_AGREED = re.compile(r"from (\S+), entered by (.+), approved by (.+)", re.DOTALL)
_NUMBERED = re.compile(r"(agreement|floating_percent)_\d+")


class _Words(Protocol):
    """hr_core.web.words.Words, which is made of this module."""

    def __call__(self, phrase: str, **values: object) -> str: ...

    def of(self, group: str, code: str) -> str: ...


def shown_facts(facts: dict[str, str], words: _Words) -> tuple[tuple[str, str], ...]:
    """(label, value) of what a person reads, in the order of the trace; a fact of an empty value says
    nothing.
    """
    return tuple(
        (_label(name, words), fact_in_words(name, value, words))
        for name, value in facts.items()
        if value and name not in _FOR_PROGRAMS
    )


def fact_in_words(name: str, value: str, words: _Words) -> str:
    if (agreed := _AGREED.fullmatch(value)) and name.startswith("agreement_"):
        since, entered, approved = agreed.groups()
        return words("agreed", since=since, by=entered, approver=approved)
    one_by_one = value.split(", ") if name in _SEVERAL else [value]
    known = [f"{name}={one}" for one in one_by_one]
    if all(one in VALUES for one in known):
        return ", ".join(words.of("fact_value", one) for one in known)
    return fact_text(name, value)


def fact_text(name: str, value: str) -> str:
    """A fact of a trace for people: fen as yuan, 87/4 as 21.75; anything else as it is."""
    if name in _FEN:
        return ", ".join(amount_text(int(one)) for one in value.split(", "))
    numerator, slash, denominator = value.partition("/")
    if not (slash and numerator.lstrip("-").isdigit() and denominator.isdigit()):
        return value.replace("-", "−") if name == "percent_of_base" else value
    exact = Fraction(value)
    for places in range(1, 10):  # as many decimals as parse_exact reads
        scaled = exact * 10**places
        if scaled.denominator == 1:
            return str(Decimal(scaled.numerator).scaleb(-places))
    return value


def amount_text(fen: int) -> str:
    """−¥1,234.56, with a minus sign as wide as the digits."""
    return format_fen(fen).replace("-", "−")


def _label(name: str, words: _Words) -> str:
    numbered = _NUMBERED.fullmatch(name)
    return words.of("fact", numbered[1] if numbered else name)
