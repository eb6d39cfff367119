"""J6: bases told in August and in force since July are lines of August's pay; July's slip stays."""

from hr_core.approvals.desk import approve
from hr_core.approvals.effects import take_effect
from hr_core.clock import Month
from hr_core.law.imported import propose_law_file
from hr_core.pay.slip import Side
from hr_core.store.attendance_locks import Lock
from hr_core.store.database import writing
from hr_core.store.results import lines_of
from tests.hr_core.pay.approved_runs import ANN, BOB, approve_run
from tests.hr_core.pay.law_plant import agree, amounts, law_plant, line_of, run_month
from tests.hr_core.two_people import store_lock

JULY, AUGUST = Month(2026, 7), Month(2026, 8)
NOTICE = """
schema = "clockline-law/1"
city = "上海"
[[row]]
items = ["pension"]
from = 2026-07-01
announced = 2026-08-25
status = "secondary"
source = "a notice of August"
floor = "10500"
ceiling = "40000"
employer_percent = "16"
employee_percent = "8"
rounding = "fen"
"""


def test_july_is_corrected_in_august_and_its_slip_stays(tmp_path):
    plant = law_plant(tmp_path)
    plant.press("1 2026-07-01T07:55", "1 2026-07-01T17:05", "1 2026-08-03T07:55")
    agree(plant)
    (july,) = run_month(plant, month=JULY)
    assert amounts(july)["pension_employee"] == -80_000
    lock = Lock(month=str(JULY), locked_at=plant.now, locked_by="ann", reason="paid")
    with writing(plant.engine) as conn:
        store_lock(conn, lock)
    approve_run(plant, JULY)
    with plant.engine.connect() as conn:
        paid = list(lines_of(conn, 1, "E1"))
    file = tmp_path / "notice.toml"
    file.write_text(NOTICE, encoding="utf-8")
    with writing(plant.engine) as conn:
        asked = propose_law_file(conn, file, at=plant.now, by=ANN)
        take_effect(conn, approve(conn, asked.approval, at=plant.now, by=BOB))
    (august,) = run_month(plant, month=AUGUST)
    found = amounts(august)
    assert {code: fen for code, fen in found.items() if code.startswith("retro_")} == {
        "retro_2026-07_pension_employee": -4_000,  # 8 % of 10,500 in place of 10,000
        "retro_2026-07_pension_employer": 8_000,
    }
    assert found["pension_employee"] == -84_000
    own = line_of(august, "retro_2026-07_pension_employee")
    assert (own.side, own.trace.law[0].source) == (Side.DEDUCTED, "a notice of August")
    with plant.engine.connect() as conn:
        assert list(lines_of(conn, 1, "E1")) == paid
    plant.engine.dispose()
