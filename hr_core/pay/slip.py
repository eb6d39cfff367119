"""One person's payslip for a month: a pure function of attendance, quality and a scheme edition.

Each line is rounded once, half up. Nothing is deducted for a day that the records leave open: such
days are listed on the slip with their effect, which is none.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayResult, DayStatus
from hr_core.errors import CoreError
from hr_core.pay.scheme import GradeTerms, SchemeEdition
from hr_core.people.model import Person
from hr_core.quality.attribution import Stretch
from hr_core.quality.corrections import Correction
from hr_core.quality.grades import GradeEdition, grade_of
from hr_core.trace.calculation import (
    Calculation,
    ComparisonInput,
    CorrectionInput,
    DayInput,
    Step,
    Trace,
    WorkInput,
)

BASE_LINE = "base"
GRADE_LINE = "grade"

OVERTIME_LABELS = {
    DayKind.WORKDAY: ("Overtime on workdays", "工作日加班费"),
    DayKind.REST_DAY: ("Overtime on rest days", "休息日加班费"),
    DayKind.STATUTORY_HOLIDAY: ("Overtime on statutory holidays", "法定节假日加班费"),
}

_UNCLEAR = {
    DayStatus.NO_RECORD: "no punch on a workday; absence is not proven",
    DayStatus.MISSING_IN: "the arriving punch is missing",
    DayStatus.MISSING_OUT: "the leaving punch is missing",
    DayStatus.WAITING: "a device that the person may have used has not told all of the day",
    DayStatus.ABSENT: "no punch on a workday, and every device was read past its end",
    DayStatus.UNPLANNED: "punches on a day for which no shift is planned",
}
_NO_EFFECT = "no effect on this pay until it is clarified"
_EFFECTS = {
    DayStatus.WAITING: "no effect on this pay until the device is read: then it shows what is lacking",
    DayStatus.ABSENT: "the base pay is not lessened by it",
}


class Side(StrEnum):
    """What a line does to the net: adds to it, takes off it (its amount is negative), or nothing, as
    the employer pays it beside the wage.
    """

    EARNED = "earned"
    DEDUCTED = "deducted"
    EMPLOYER = "employer"


class SlipLine(Struct, frozen=True, kw_only=True):
    """`code` is unique on the slip; `note` tells a person why the amount is what it is."""

    code: str
    label: str
    label_zh: str
    amount_fen: int
    note: str
    trace: Trace
    side: Side = Side.EARNED


def net_fen(lines: Iterable[SlipLine]) -> int:
    return sum(line.amount_fen for line in lines if line.side is not Side.EMPLOYER)


class OpenDay(Struct, frozen=True):
    """A day that a person must look at, and what it did to the pay meanwhile."""

    day: str
    status: str
    what: str
    effect: str


class Slip(Struct, frozen=True, kw_only=True):
    number: str
    name: str
    lines: tuple[SlipLine, ...]
    to_clarify: tuple[OpenDay, ...]

    @property
    def total_fen(self) -> int:
        """The net: what the person is paid."""
        return net_fen(self.lines)

    def side_fen(self, side: Side) -> int:
        return sum(line.amount_fen for line in self.lines if line.side is side)

    @property
    def earned_fen(self) -> int:
        return self.side_fen(Side.EARNED)

    @property
    def deducted_fen(self) -> int:
        """Zero or below."""
        return self.side_fen(Side.DEDUCTED)

    @property
    def employer_fen(self) -> int:
        return self.side_fen(Side.EMPLOYER)


class PayTerms(Struct, frozen=True):
    """The dated rules of one month."""

    scheme: SchemeEdition
    grades: GradeEdition


def compute_slip(
    person: Person,
    days: Iterable[DayResult],
    work: Iterable[Stretch],
    terms: PayTerms,
    corrections: Iterable[Correction] = (),
) -> Slip:
    """`corrections`: those of this person that count in the month."""
    days = tuple(days)
    lines = [_base_line(person, terms.scheme)]
    for kind in DayKind:
        inputs = overtime_days(days, kind)
        if inputs:
            lines.append(_overtime_line(person, kind, inputs, terms.scheme))
    lines += grade_lines(person.base_fen, work, corrections, terms)
    return Slip(
        number=person.number,
        name=person.name,
        lines=tuple(lines),
        to_clarify=open_days(days),
    )


def open_days(days: Iterable[DayResult]) -> tuple[OpenDay, ...]:
    return tuple(_open_day(day) for day in days if day.to_clarify)


def overtime_days(days: Iterable[DayResult], kind: DayKind) -> tuple[DayInput, ...]:
    return tuple(
        DayInput(day.day.isoformat(), day.overtime_min, day.used)
        for day in days
        if day.kind is kind and day.overtime_min
    )


def grade_lines(
    base_fen: int, work: Iterable[Stretch], corrections: Iterable[Correction], terms: PayTerms
) -> tuple[SlipLine, ...]:
    """The consequence of the quality grade, where the scheme has one."""
    grade = terms.scheme.grade
    if grade is None:
        return ()
    counted = Calculation(
        work=tuple(work_input(one) for one in work),
        corrections=tuple(correction_input(one) for one in corrections),
    )
    return (_grade_line(base_fen, counted, terms, grade),)


def work_input(stretch: Stretch) -> WorkInput:
    return WorkInput(
        source=stretch.counter.source,
        tag=stretch.counter.tag,
        metric=stretch.counter.metric,
        reject_code=stretch.counter.reject_code,
        badge=stretch.badge,
        first_event=stretch.first_event,
        last_event=stretch.last_event,
        first_value=stretch.first_value,
        last_value=stretch.last_value,
        readings=stretch.readings,
        amount=stretch.amount,
        flags=tuple(stretch.flags),
        evidence=stretch.owner.evidence.name.lower(),
    )


def correction_input(correction: Correction) -> CorrectionInput:
    return CorrectionInput(
        number=correction.identity,
        concerns=correction.concerns,
        pieces=correction.pieces,
        rejects=correction.rejects,
        author=correction.author,
        approver=correction.approver,
        reason=correction.reason,
    )


def _base_line(person: Person, scheme: SchemeEdition) -> SlipLine:
    trace = Trace(
        rule="base",
        version=scheme.version,
        source=person.origin,
        formula="the month's full base pay; no day is deducted",
        steps=(Step("amount", "constant", (person.base_fen,), person.base_fen),),
    )
    return _line(BASE_LINE, ("Base pay", "基本工资"), "full base", trace)


def _overtime_line(
    person: Person, kind: DayKind, days: tuple[DayInput, ...], scheme: SchemeEdition
) -> SlipLine:
    terms = scheme.overtime_on(date.fromisoformat(days[0].day).replace(day=1))
    factor = terms.factor(kind)
    per_minute = factor / (60 * terms.month_days * terms.day_hours)
    calculation = Calculation(days=days)
    minutes = calculation.step("minutes", "minutes_of_days")
    calculation.step("numerator", "product", "minutes", per_minute.numerator)
    calculation.step(
        "amount", "multiply_half_up", person.base_fen, "numerator", per_minute.denominator
    )
    trace = Trace(
        rule=f"overtime.{kind}",
        version=scheme.version,
        source=terms.source,
        formula="base x minutes x factor / (60 x month_days x day_hours), half up to the fen",
        facts={
            "base_fen": str(person.base_fen),
            "factor": str(factor),
            "month_days": str(terms.month_days),
            "day_hours": str(terms.day_hours),
        },
        steps=calculation.steps,
        days=days,
    )
    note = f"{minutes} min on {len(days)} days at {factor} of the hourly pay"
    return _line(f"overtime_{kind}", OVERTIME_LABELS[kind], note, trace)


def _grade_line(
    base_fen: int, calculation: Calculation, terms: PayTerms, consequences: GradeTerms
) -> SlipLine:
    pieces = calculation.step("pieces", "pieces_of_work")
    rejects = calculation.step("rejects", "rejects_of_work")
    grading = grade_of(pieces, rejects, terms.grades)
    facts = {"grade": grading.grade or "not rated", "grade_version": terms.grades.version}
    note = grading.reason
    if grading.grade is None:
        calculation.step("amount", "constant", 0)
    else:
        percent = consequences.percent_of_base.get(grading.grade)
        if percent is None:
            raise CoreError(
                f"scheme {terms.scheme.version} says nothing about grade {grading.grade}",
                remedy="add the grade to percent_of_base in the scheme file and import it again",
            )
        calculation.step(
            "amount",
            "multiply_half_up",
            base_fen,
            percent.numerator,
            100 * percent.denominator,
        )
        facts["percent_of_base"] = str(percent)
        note = f"grade {grading.grade}: {grading.reason}"
    trace = Trace(
        rule="grade",
        version=terms.scheme.version,
        source=f"{consequences.source}; grades: {terms.grades.source}",
        formula="base x percent_of_base / 100, half up to the fen; percent by grade",
        facts=facts,
        steps=calculation.steps,
        work=calculation.inputs.work,
        corrections=calculation.inputs.corrections,
        comparisons=tuple(
            ComparisonInput(one.grade, one.left, one.relation, one.right, one.holds)
            for one in grading.comparisons
        ),
    )
    return _line(GRADE_LINE, ("Quality grade", "质量等级"), note, trace)


def _line(code: str, labels: tuple[str, str], note: str, trace: Trace) -> SlipLine:
    return SlipLine(
        code=code,
        label=labels[0],
        label_zh=labels[1],
        amount_fen=trace.amount_fen,
        note=note,
        trace=trace,
    )


def _open_day(day: DayResult) -> OpenDay:
    if day.status is DayStatus.PRESENT:
        what = "the first press says leaving, the last arriving: wrong keys or another shift"
        return OpenDay(day.day.isoformat(), day.status, what, "paid as the times stand")
    effect = _EFFECTS.get(day.status, _NO_EFFECT)
    return OpenDay(day.day.isoformat(), day.status, _UNCLEAR[day.status], effect)
