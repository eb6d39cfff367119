"""Months that were paid and turn out otherwise: corrections as lines of a later slip, whole slips
reversed, money that comes back in parts. Nothing is lost on any way.
"""

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.approvals.desk import approve
from hr_core.approvals.effects import take_effect
from hr_core.audit.log import verify
from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.law.imported import propose_law_file
from hr_core.pay.claims import ClaimKind
from hr_core.pay.counted_runs import counted_runs
from hr_core.pay.debts import debts, owed_back
from hr_core.pay.order_desk import propose_end, propose_order
from hr_core.pay.reversal import counted_slip, propose_reversal
from hr_core.pay.slip import Side
from hr_core.pay.year_so_far import paid_tax, year_so_far
from hr_core.store.attendance_locks import CorrectionState, Lock, corrections
from hr_core.store.court_orders import CourtOrder, court_orders
from hr_core.store.database import writing
from hr_core.store.pay_reversals import pay_reversals, reversals
from hr_core.store.results import lines_of
from hr_core.trace.calculation import replay
from tests.hr_core.pay.approved_runs import ANN, BOB, approve_run
from tests.hr_core.pay.law_plant import (
    OCTOBER,
    SHANGHAI,
    agree,
    amounts,
    enter,
    law_plant,
    line_of,
    run_month,
    slip_of,
)
from tests.hr_core.two_people import store_lock

NOVEMBER, DECEMBER = Month(2026, 11), Month(2026, 12)
PENSION = """
schema = "clockline-law/1"
city = "上海"
[[row]]
items = ["pension"]
from = 2026-10-01
announced = 2026-10-20
status = "secondary"
source = "a notice of October"
floor = "12000"
ceiling = "40000"
employer_percent = "16"
employee_percent = "8"
rounding = "fen"
"""


@pytest.fixture
def plant(tmp_path):
    plant = law_plant(tmp_path)
    plant.press("1 2026-11-02T07:55", "1 2026-11-02T17:05", "1 2026-12-01T07:55")
    yield plant
    plant.engine.dispose()


def lock(plant, month=OCTOBER):
    """The days, and the newest run of the month."""
    with writing(plant.engine) as conn:
        told = Lock(month=str(month), locked_at=plant.now, locked_by="ann", reason="")
        store_lock(conn, told)
    approve_run(plant, month)


def import_law(plant, folder, text):
    file = folder / "law.toml"
    file.write_text(text, encoding="utf-8")
    with writing(plant.engine) as conn:
        asked = propose_law_file(conn, file, at=plant.now, by=ANN)
        take_effect(conn, approve(conn, asked.approval, at=plant.now, by=BOB))


def pay_november(plant, month=NOVEMBER):
    (run,) = run_month(plant, month=month)
    return run


def retro(run, person="E1"):
    return {code: fen for code, fen in amounts(run, person).items() if code.startswith("retro_")}


def to_check(run):
    return {one.number: one.why for one in run.findings.to_check}


def reverse(plant, run=1, reason="the wage was wrong"):
    with writing(plant.engine) as conn:
        number, made = propose_reversal(conn, run, "E1", at=plant.now, by=ANN, reason=reason)
        take_effect(conn, approve(conn, number, at=plant.now, by=BOB))
    return made


def order(plant, **more):
    given = CourtOrder(
        person="E1", court="浦东法院", reference=f"({len(more)}) 执 {sorted(more)}",
        received=date(2026, 10, 5), first_month="2026-10", **{"kind": ClaimKind.DEBT} | more,
    )  # fmt: skip
    with writing(plant.engine) as conn:
        number = propose_order(conn, given, at=plant.now, by=ANN)
        take_effect(conn, approve(conn, number, at=plant.now, by=BOB))


class TestCorrections:
    def test_a_raise_for_a_paid_month_is_a_line_of_the_next_one(self, plant):
        agree(plant)
        run_month(plant)
        lock(plant)
        before = stored(plant)
        agree(plant, terms=replace(SHANGHAI, base_fen=1_200_000))
        november = pay_november(plant)
        assert retro(november) == {
            "retro_2026-10_base": 200_000,
            "retro_2026-10_overtime_workday": 3_449,  # 206.90 in place of 172.41
        }
        line = line_of(november, "retro_2026-10_base")
        assert line.side is Side.EARNED
        assert line.label_zh.endswith("（2026-10 更正）")
        assert line.trace.facts["paid_by"] == "run 1"
        assert '"rule":"base"' in line.trace.facts["paid_trace"]
        assert '"rule":"base"' in line.trace.facts["now_trace"]
        tax = paid_tax(line_of(november, "income_tax").trace)
        assert tax.month.income == slip_of(november).earned_fen
        assert stored(plant) == before
        assert retro(pay_november(plant)) == retro(november)
        lock(plant, NOVEMBER)
        assert retro(pay_november(plant, DECEMBER)) == {}

    def test_a_late_punch_of_a_locked_month_is_paid_with_the_next(self, plant):
        agree(plant)
        run_month(plant)
        lock(plant)
        plant.press("1 2026-10-13T19:05")
        november = pay_november(plant)
        assert retro(november) == {"retro_2026-10_overtime_workday": 17_242}
        line = line_of(november, "retro_2026-10_overtime_workday")
        assert [day.day for day in line.trace.days] == ["2026-10-12", "2026-10-13"]
        assert line.trace.facts["causes"] == "attendance"
        assert november.findings.locked_corrections == ()
        lock(plant, NOVEMBER)
        with plant.engine.connect() as conn:
            assert corrections(conn) == []
            (taken,) = corrections(conn, state=CorrectionState.TAKEN)
        assert taken.settled_by == "run 2"
        assert retro(pay_november(plant, DECEMBER)) == {}

    def test_law_that_was_announced_later_corrects_the_shares(self, plant, tmp_path):
        agree(plant)
        run_month(plant)
        lock(plant)
        import_law(plant, tmp_path, PENSION)
        november = pay_november(plant)
        assert retro(november) == {
            "retro_2026-10_pension_employee": -16_000,
            "retro_2026-10_pension_employer": 32_000,
        }
        own = line_of(november, "retro_2026-10_pension_employee")
        assert (own.side, own.trace.law[0].source) == (Side.DEDUCTED, "a notice of October")
        tax = paid_tax(line_of(november, "income_tax").trace)
        assert tax.month.contributions == 175_000 + 16_000 + 16_000

    def test_what_an_upgrade_would_change_is_listed_and_not_paid(self, plant, tmp_path):
        agree(plant)
        run_month(plant)
        lock(plant)
        text = PENSION.replace("announced = 2026-10-20\n", "announced = 2026-09-01\n")
        agree(plant, terms=replace(SHANGHAI, heat_allowance_fen=1))  # somebody to look at
        import_law(plant, tmp_path, text)
        november = pay_november(plant)
        assert retro(november) == {}
        assert "pension_employee of 2026-10 would be" in str(november.findings.to_check)
        assert "hr-core pay would-differ 2026-10" in to_check(november)["E1"]

    def test_a_leavers_late_punch_proposes_a_last_extra_slip(self, plant):
        agree(plant)
        run_month(plant)
        lock(plant)
        with writing(plant.engine) as conn:
            conn.execute(sa.text("UPDATE employments SET valid_until = '2026-11-01'"))
        plant.press("1 2026-10-13T19:05")
        november = pay_november(plant)
        assert "E1" not in {slip.number for slip in november.slips}
        assert "a last extra slip is proposed by hr-core pay reverse" in to_check(november)["E1"]
        made = reverse(plant, reason="a late punch of a leaver")
        assert made.difference_fen == 17_242


class TestReversal:
    def test_a_slip_is_taken_back_line_by_line_and_put_anew(self, plant):
        agree(plant)
        run_month(plant)
        lock(plant)
        before = stored(plant)
        agree(plant, terms=replace(SHANGHAI, base_fen=1_100_000))
        made = reverse(plant)
        with plant.engine.connect() as conn:
            (stored_one,) = reversals(conn)
            slip = counted_slip(conn, 1, "E1")
        old = {line.code: line.amount_fen for line in before}
        back = {line.code: line.amount_fen for line in stored_one.reversed_lines}
        assert back == {code: -fen for code, fen in old.items()}
        assert all(replay(line.trace) == line.amount_fen for line in stored_one.reversed_lines)
        assert [one.line for one in slip] == list(made.lines)
        assert {one.version for one in slip} == {2}
        assert made.difference_fen == 100_000 + 1_725
        assert stored_one.before_fen + made.difference_fen == made.after_fen
        assert stored(plant) == before
        november = pay_november(plant)
        assert retro(november) == {}
        assert amounts(november)["repaid_1"] == 101_725
        tax = paid_tax(line_of(november, "income_tax").trace)
        assert tax.month.income == slip_of(november).earned_fen - 101_725
        lock(plant, NOVEMBER)
        assert "repaid_1" not in amounts(pay_november(plant, DECEMBER))
        with plant.engine.connect() as conn:
            assert verify(conn).faults == ()
            assert [one.left_fen for one in owed_back(conn, Month(2027, 1))] == [0]

    def test_what_was_too_much_comes_back_in_parts(self, plant):
        agree(plant, terms=replace(SHANGHAI, base_fen=1_500_000))
        run_month(plant)
        lock(plant)
        agree(plant, terms=replace(SHANGHAI, base_fen=800_000))
        november = pay_november(plant)
        assert retro(november) == {}
        assert "takes it back in parts" in to_check(november)["E1"]
        debt = -reverse(plant).difference_fen
        with plant.engine.connect() as conn:
            year = year_so_far(conn, NOVEMBER)["E1"]
            new_tax = paid_tax(counted_line(conn, "income_tax").trace)
        assert (year.year.income, year.origin) == (
            new_tax.month.income, ("run 1 version 2 of 2026-10",),
        )  # fmt: skip
        taken = 0
        for month in (NOVEMBER, DECEMBER):
            run = pay_november(plant, month)
            assert to_check(run).get("E1") is None
            part = -amounts(run)["recovery_1"]
            assert part == 160_000  # a fifth of 8,000
            taken += part
            lock(plant, month)
            with plant.engine.connect() as conn:
                (owed,) = debts(conn, Month(2027, 1))
            assert (owed.owed_fen, owed.taken.fen, owed.left_fen) == (debt, taken, debt - taken)
        assert [part[0] for part in owed.taken.parts] == ["2026-11", "2026-12"]

    def test_corrections_that_were_paid_later_are_not_paid_twice(self, plant):
        agree(plant)
        run_month(plant)
        lock(plant)
        plant.press("1 2026-10-13T19:05")
        pay_november(plant)
        lock(plant, NOVEMBER)
        agree(plant, terms=replace(SHANGHAI, base_fen=1_100_000))
        made = reverse(plant)
        found = {line.code: line.amount_fen for line in made.lines}
        assert found["settled_overtime_workday"] == -17_242
        assert made.difference_fen == 100_000 + (37_931 - 17_241 - 17_242)
        december = pay_november(plant, DECEMBER)
        assert [code for code in retro(december) if "2026-10" in code] == []

    def test_what_a_court_has_stays_with_the_court(self, plant):
        agree(plant)
        order(plant, total_fen=300_000, instalment_fen=100_000)
        run_month(plant)
        lock(plant)
        agree(plant, terms=replace(SHANGHAI, base_fen=1_100_000))
        made = reverse(plant)
        assert {line.code: line.amount_fen for line in made.lines}["order_1"] == -100_000
        assert amounts(pay_november(plant))["order_1"] == -100_000
        with plant.engine.connect() as conn:
            (owed,) = debts(conn, DECEMBER)
        assert (owed.taken.fen, owed.left_fen) == (200_000, 100_000)

    def test_it_needs_a_reason_a_payment_a_difference_and_another_person(self, plant):
        agree(plant)
        run_month(plant)
        with writing(plant.engine) as conn:
            with pytest.raises(RefusedError, match="not the approved one"):
                propose_reversal(conn, 1, "E1", at=plant.now, by=ANN, reason="x")
            with pytest.raises(RefusedError, match="reason"):
                propose_reversal(conn, 1, "E1", at=plant.now, by=ANN, reason=" ")
        lock(plant)
        with writing(plant.engine) as conn, pytest.raises(RefusedError, match="nothing to reverse"):
            propose_reversal(conn, 1, "E1", at=plant.now, by=ANN, reason="x")
        agree(plant, terms=replace(SHANGHAI, base_fen=1_100_000))
        with writing(plant.engine) as conn:
            number, _ = propose_reversal(conn, 1, "E1", at=plant.now, by=ANN, reason="x")
            with pytest.raises(RefusedError, match=r"reversed already, as approval"):
                propose_reversal(conn, 1, "E1", at=plant.now, by=BOB, reason="x")
            with pytest.raises(RefusedError, match="ann cannot approve"):
                approve(conn, number, at=plant.now, by=ANN)
            with pytest.raises(RefusedError, match="is about the pay of E1"):
                take_effect(conn, approve(conn, number, at=plant.now, by=replace(BOB, name="E1")))


class TestOrders:
    def test_claims_come_off_in_the_order_of_their_ranks_and_wait(self, plant):
        agree(plant)
        order(plant, total_fen=900_000, rank=2)
        order(plant, kind=ClaimKind.MAINTENANCE, instalment_fen=150_000, rank=1)
        number = enter(plant, "damages", 900_000, name="a broken mould")
        (run,) = run_month(plant)
        found = amounts(run)
        assert found["order_2"] == -150_000
        net_after_tax = 842_241
        minimum = net_after_tax - 150_000 + found["order_1"]
        assert minimum == 274_000  # Shanghai's, from July 2026
        assert found[f"damages_{number}"] == 0
        assert slip_of(run).total_fen == minimum
        lock(plant)
        with plant.engine.connect() as conn:
            left = {one.code: one.left_fen for one in debts(conn, NOVEMBER)}
        assert left == {
            "order_1": 900_000 + found["order_1"],
            "order_2": 150_000,  # November's
            f"damages_{number}": 900_000,
        }

    def test_an_order_ends_and_what_was_left_of_it_is_told(self, plant):
        agree(plant)
        order(plant, kind=ClaimKind.MAINTENANCE, instalment_fen=150_000)
        run_month(plant)
        with writing(plant.engine) as conn:
            number = propose_end(conn, 1, "2026-10", at=plant.now, by=ANN, reason="of age")
            take_effect(conn, approve(conn, number, at=plant.now, by=BOB))
            (owed,) = debts(conn, NOVEMBER)
            assert (owed.claim, owed.left_fen, owed.ended) == (None, 0, "after 2026-10: of age")
            with pytest.raises(RefusedError, match="ended with 2026-10"):
                propose_end(conn, 1, "2026-11", at=plant.now, by=ANN, reason="again")
        assert "order_1" not in amounts(pay_november(plant))

    @pytest.mark.parametrize(
        "fault",
        [
            {},
            {"total_fen": 0},
            {"instalment_fen": 5, "net_percent": 5},
            {"net_percent": 10_001},
            {"total_fen": 5, "protected_fen": -1},
            {"total_fen": 5, "kind": ClaimKind.OWN},
            {"total_fen": 5, "court": " "},
            {"total_fen": 5, "first_month": "2026-13"},
        ],
    )
    def test_an_order_that_cannot_be_meant_is_refused(self, plant, fault):
        given = {
            "person": "E1", "kind": ClaimKind.DEBT, "court": "court", "reference": "1",
            "received": date(2026, 10, 5), "first_month": "2026-10",
        }  # fmt: skip
        with writing(plant.engine) as conn, pytest.raises(RefusedError):
            propose_order(conn, CourtOrder(**given | fault), at=plant.now, by=ANN)


def stored(plant):
    with plant.engine.connect() as conn:
        return lines_of(conn, 1, "E1")


def counted_line(conn, code):
    (one,) = (one.line for one in counted_slip(conn, 1, "E1") if one.line.code == code)
    return one


@pytest.mark.parametrize("table", [court_orders, pay_reversals])
def test_the_database_refuses_a_row_that_nobody_approved(engine, table):
    at = datetime(2026, 11, 1, tzinfo=UTC)
    values: dict[str, object] = {}
    for column in table.columns:
        if column.name in {"at", "added_at"}:
            values[column.name] = at
        elif isinstance(column.type, sa.Date):
            values[column.name] = at.date()
        else:
            values[column.name] = "1" if isinstance(column.type, sa.Text) else 1
    values |= {"entered_by": "ann", "approved_by": "bob"}
    with pytest.raises(sa.exc.IntegrityError, match="needs its approval"), writing(engine) as conn:
        conn.execute(sa.insert(table).values(**values))


def test_the_approved_run_counts_and_not_the_newest(plant):
    """A month is locked by its approved run alone; a later trial changes nothing behind it."""
    agree(plant)
    run_month(plant)
    approve_run(plant, OCTOBER)
    agree(plant, terms=replace(SHANGHAI, base_fen=1_200_000))
    run_month(plant)
    with plant.engine.connect() as conn:
        assert counted_runs(conn, [OCTOBER, NOVEMBER]) == {OCTOBER: 1}
    november = pay_november(plant)
    assert retro(november)["retro_2026-10_base"] == 200_000
    tax = line_of(november, "income_tax").trace
    assert tax.facts["year_so_far"] == "run 1 of 2026-10"
    with writing(plant.engine) as conn, pytest.raises(RefusedError, match="not the approved one"):
        propose_reversal(conn, 2, "E1", at=plant.now, by=ANN, reason="x")
