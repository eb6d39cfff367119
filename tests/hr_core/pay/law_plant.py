"""A small plant whose people are paid by law: agreements and entries as two people signed them."""

from datetime import UTC, date, datetime, timedelta

from hr_core.clock import Month
from hr_core.pay.agreement import PayAgreement
from hr_core.pay.entry import EntryKind, NewEntry
from hr_core.pay.month_days import touch_days_to_pay
from hr_core.pay.run import compute_runs
from hr_core.pay.slip import Side
from hr_core.store.database import writing
from hr_core.store.results import add_run
from hr_core.trace.calculation import replay
from tests.hr_core.attendance.live.conftest import Plant
from tests.hr_core.two_people import agreement_by_two, entry_by_two

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
WORKDAYS = [
    date(2026, 10, day) for day in (8, 9, 10, *range(12, 17), *range(19, 24), *range(26, 31))
]
SHANGHAI = PayAgreement(
    city="上海", base_fen=1_000_000, insurance_base_fen=1_000_000, fund_base_fen=1_000_000
)
NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)


def law_plant(folder, now=NOW, **more):
    """E1 pressed on all workdays of October 2026, two hours longer on the 12th; E2 on none."""
    plant = Plant(folder, now=now, **more)
    presses = [
        press
        for on in WORKDAYS
        for press in (f"1 {on}T07:55", f"1 {on}T{'19' if on.day == 12 else '17'}:05")
    ]
    plant.press(*presses, until="2026-11-20T00:00")
    return plant


def agree(plant, person="E1", terms=SHANGHAI, since=date(2026, 1, 1)):
    with writing(plant.engine) as conn:
        return agreement_by_two(conn, person, since, terms, by=("Wu", "Zhao"), at=plant.now)


def enter(plant, kind, fen, *, person="E1", name="line rescued", month="2026-10"):
    entry = NewEntry(
        person=person, month=month, kind=EntryKind(kind), name=name, amount_fen=fen, reason="",
        entered_by="Wu", approved_by="Zhao",
    )  # fmt: skip
    with writing(plant.engine) as conn:
        return entry_by_two(conn, entry, at=plant.now)


def run_month(plant, *schemes, month=OCTOBER, allow_unverified=False):
    """As `hr-core pay run` does, each run stored; every line replays to its amount."""
    plant.catch_up()
    with writing(plant.engine) as conn:
        touch_days_to_pay(conn, month, plant.now)
    plant.catch_up()
    with plant.engine.connect() as conn:
        runs = compute_runs(
            conn, month, plant.now, schemes or ("cn",), allow_unverified=allow_unverified
        )
    for run in runs:
        for slip in run.slips:
            check_slip(slip)
        with writing(plant.engine) as conn:
            add_run(conn, run)
    return runs


def check_slip(slip):
    assert len({line.code for line in slip.lines}) == len(slip.lines)
    for line in slip.lines:
        assert replay(line.trace) == line.amount_fen
        assert line.label
        assert line.label_zh
    assert slip.total_fen == slip.earned_fen + slip.deducted_fen
    assert slip.employer_fen == sum(
        one.amount_fen for one in slip.lines if one.side is Side.EMPLOYER
    )


def slip_of(run, person="E1"):
    (slip,) = (slip for slip in run.slips if slip.number == person)
    return slip


def amounts(run, person="E1"):
    return {line.code: line.amount_fen for line in slip_of(run, person).lines}


def line_of(run, code, person="E1"):
    (line,) = (line for line in slip_of(run, person).lines if line.code == code)
    return line


def refused(run):
    return {one.number: (one.what, one.remedy) for one in run.findings.refused}


def days(first, last):
    return [first + timedelta(days=at) for at in range((last - first).days + 1)]
