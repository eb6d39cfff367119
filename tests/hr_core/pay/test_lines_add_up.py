"""Whatever is agreed, entered and worked: lines replay, sides add up, and the tax takes the slip's lines."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.calendar import load_calendar
from hr_core.attendance.day import DayResult, DayStatus
from hr_core.attendance.day_parts import DayLeave
from hr_core.clock import Month
from hr_core.law.loading import built_in_law
from hr_core.law.national import national_law
from hr_core.pay.agreement import DatedAgreement, PayAgreement
from hr_core.pay.cn.income_tax import TaxYear
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.cn.month import Law
from hr_core.pay.cn.month_wage import paid_days
from hr_core.pay.cn.severance import Exit
from hr_core.pay.counted_runs import month_back
from hr_core.pay.entry import EntryKind, PayEntry
from hr_core.pay.leaving import LeaveOfYear, Leaver, Leaving, PaidMonth, SignedLeaving
from hr_core.pay.line_words import words_of
from hr_core.pay.month_inputs import LawOfMonth
from hr_core.pay.month_lines import slip_of_month
from hr_core.pay.person_month import PersonMonth
from hr_core.pay.scheme import built_in_scheme_text, parse_scheme
from hr_core.pay.slip import PayTerms, Side
from hr_core.people.model import Person
from hr_core.people.records import Employment, Kind
from hr_core.performance.results import LockedResult
from hr_core.quality.grades import load_grades
from tests.hr_core.pay.law_plant import check_slip

OCTOBER = Month(2026, 10)
CALENDAR = load_calendar()
LAW = LawOfMonth(Law(built_in_law(), national_law()), paid_days(OCTOBER, CALENDAR))
TERMS = PayTerms(
    parse_scheme(built_in_scheme_text("cn"), file="cn").on(OCTOBER.first),
    load_grades().on(OCTOBER.first),
)
FEN = st.integers(0, 5_000_000)
IN_OCTOBER = st.dates(OCTOBER.first, date(2026, 10, 31))


@st.composite
def agreements(draw):
    """One, or two of which the second begins inside the month."""
    starts = [date(2020, 1, 1), *draw(st.lists(IN_OCTOBER, max_size=1))]
    return tuple(
        DatedAgreement(
            number=at, person="E1", valid_from=since, entered_by="Wu", approved_by="Zhao",
            terms=PayAgreement(
                city="上海",
                base_fen=draw(st.integers(500_000, 6_000_000)),
                floating_percent=draw(st.sampled_from(["0", "10", "12.5", "17.3", "20"])),
                allowances=draw(st.dictionaries(st.sampled_from(["meal", "phone"]), FEN)),
                insurance_base_fen=draw(FEN),
                fund_base_fen=draw(FEN),
                special_deductions=draw(
                    st.sampled_from([{}, {"child_education": 200_000}, {"housing_rent": 150_000}])
                ),
            ),
        )
        for at, since in enumerate(starts, 1)
    )  # fmt: skip


@st.composite
def stored_days(draw):
    """Every day without overtime, but for some days of overtime and of unpaid leave."""
    overtime = draw(st.dictionaries(IN_OCTOBER, st.sampled_from([30, 90, 480]), max_size=5))
    away = draw(st.dictionaries(IN_OCTOBER, st.sampled_from([120, 480]), max_size=3))
    return tuple(
        DayResult(
            day=on,
            kind=CALENDAR.day(on).kind,
            shift="D",
            status=DayStatus.ON_LEAVE if away.get(on) == 480 else DayStatus.PRESENT,
            overtime_min=0 if on in away else overtime.get(on, 0),
            used=(f"in-{on}", f"out-{on}"),
            leave=(DayLeave(request=1, kind="personal", minutes=away[on]),) if on in away else (),
            rule_version="r/1",
        )
        for on in OCTOBER.days()
    )


@st.composite
def entered(draw):
    kinds = [EntryKind.BONUS, EntryKind.INSTANT_BONUS, EntryKind.ANNUAL_BONUS, EntryKind.ALLOWANCE]
    chosen = draw(st.lists(st.sampled_from(kinds), max_size=4))
    return tuple(
        PayEntry(
            number=at, person="E1", month="2026-10", kind=kind, name=f"n{at}",
            amount_fen=draw(st.integers(1, 5_000_000)), reason="", entered_by="Wu", approved_by="Zhao",
        )
        for at, kind in enumerate(chosen, 1)
    )  # fmt: skip


@st.composite
def months(draw):
    first = draw(st.none() | st.dates(date(2026, 1, 1), date(2026, 10, 20)))
    leaver = draw(st.none() | leavers(first))
    coefficient = Fraction(draw(st.integers(80, 120)), 100)
    return PersonMonth(
        person=Person(number="E1", name="A", shift="D", base_fen=1, zone="Asia/Shanghai", origin=""),
        month=OCTOBER,
        terms=TERMS,
        days=draw(stored_days()),
        agreements=draw(agreements()),
        entries=draw(entered()),
        score=draw(
            st.none()
            | st.just(
                LockedResult(
                    person="E1", period="2026-10", number=1, version=1, score=Fraction(80),
                    grade=None, coefficient=coefficient,
                )
            )
        ),
        year=TaxYear(
            income=draw(st.integers(0, 50_000_000)), withheld=draw(st.integers(0, 1_000_000))
        ),
        contracts=(
            Employment(
                contract="1", person="E1", kind=Kind.EMPLOYEE, valid_from=first,
                valid_until=None if leaver is None else leaver.leaving.last_day + timedelta(days=1),
            ),
        ),
        leaver=leaver,
    )  # fmt: skip


@st.composite
def leavers(draw, hired):
    """With slips of all twelve months before, or a stated average wage."""
    since = hired or draw(st.dates(date(2000, 1, 1), date(2026, 9, 1)))
    leaving = Leaving(
        person="E1",
        last_day=draw(st.dates(max(since, OCTOBER.first), date(2026, 10, 31))),
        exit=draw(st.sampled_from([one.code for one in Exit])),
        service_from=since,
        months_before=draw(st.integers(0, 100)),
        leave_half_days=draw(st.integers(0, 30)),
        leave_taken_half_days=draw(st.none() | st.integers(0, 30)),
        average_wage_fen=draw(st.none() | st.integers(1, 10_000_000)),
    )
    wages = draw(st.lists(FEN, min_size=12, max_size=12))
    return Leaver(
        signed=SignedLeaving(
            approval=9, entered_by="Wu", approved_by="Zhao", at=datetime(2026, 11, 1, tzinfo=UTC),
            leaving=replace(leaving, notice_pay=leaving.how.may_pay_notice and draw(st.booleans())),
        ),
        months=tuple(
            PaidMonth(month_back(OCTOBER, 12 - at), f"run {at}", fen) for at, fen in enumerate(wages)
        ),
        leave=LeaveOfYear(taken=((date(2026, 3, 2), draw(st.integers(0, 480))),)),
        wage_before_fen=draw(FEN),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(months())
def test_every_line_replays_and_the_sides_are_the_net(month):
    try:
        slip = slip_of_month(LAW.of_person(month))
    except PayRefusedError:
        event("refused")
        return
    event("paid")
    check_slip(slip)
    by_code = {line.code: line for line in slip.lines}
    taxed = by_code["income_tax"].trace.lines
    assert all(by_code[one.code].amount_fen == one.amount_fen for one in taxed)
    apart = [
        line
        for line in slip.lines
        if line.code.startswith(("annual_bonus", "severance", "notice_pay"))
    ]
    for line in slip.lines:
        assert all(words_of(line, lang).sentence for lang in ("zh", "en"))
    if "severance" in by_code:
        event("severance")
        taken = by_code["severance_tax"].trace
        assert sum(one.amount_fen for one in taken.lines) == sum(
            by_code[code].amount_fen for code in ("severance", "notice_pay") if code in by_code
        )
    earned = [line for line in slip.lines if line.side is Side.EARNED and line not in apart]
    assert sum(one.amount_fen for one in taxed) == sum(one.amount_fen for one in earned)
    assert all(line.trace.law for line in slip.lines if not line.trace.entries)
    assert (by_code["bonus_tax"].amount_fen if "bonus_tax" in by_code else 0) <= 0
