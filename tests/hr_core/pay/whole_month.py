"""One plant's October 2026 with everything in it, after a September that was paid and partly wrong."""

from datetime import date

from msgspec.structs import replace

from hr_core.approvals.desk import approve
from hr_core.approvals.effects import take_effect
from hr_core.attendance.plan.request import Leave
from hr_core.clock import Month
from hr_core.opening.desk import propose_opening
from hr_core.opening.rows import OpeningFile, OpeningRow, TaxOpening
from hr_core.pay.claims import ClaimKind
from hr_core.pay.leaving import Leaving
from hr_core.pay.leaving_desk import propose_leaving
from hr_core.pay.order_desk import propose_order
from hr_core.pay.piece.price_desk import propose_table
from hr_core.pay.piece.table_file import parse_table
from hr_core.pay.piece.tally_sheet import import_tally
from hr_core.pay.reversal import propose_reversal
from hr_core.pay.run_life import ask_payment
from hr_core.people.changes import Signature
from hr_core.people.moves import leave
from hr_core.store.court_orders import CourtOrder
from hr_core.store.database import writing
from tests.hr_core.attendance.live.conftest import Plant
from tests.hr_core.pay.approved_runs import ANN, BOB, approve_run
from tests.hr_core.pay.law_plant import NOW, SHANGHAI, WORKDAYS, agree, enter, run_month
from tests.hr_core.performance.score_desk import locked
from tests.hr_core.two_people import lock_by_two

SEPTEMBER, OCTOBER = Month(2026, 9), Month(2026, 10)
SEPTEMBER_DAYS = [
    day for day in SEPTEMBER.days() if (day.weekday() < 5 or day.day == 20) and day.day != 25
]

# office: floating part and score, overtime of three kinds, bonuses, advance, opening balance, a raise
# that was entered after September was paid; sick: sick leave; away: unpaid leave, damages, court order,
# a late punch of September; piece: prices with quota, a group's result, scrap; slow: topped up;
# new: hired in the month; gone: left in it, with severance; less, more: September's slip was reversed.
PEOPLE = {
    "office": "2019-03-01", "sick": "2020-03-01", "away": "2020-03-01", "piece": "2021-03-01",
    "slow": "2021-03-01", "new": "2026-10-12", "gone": "2021-03-01", "less": "2021-03-01",
    "more": "2021-03-01", "nobody": "2021-03-01", "nowhere": "2021-03-01",
}  # fmt: skip
PAID = tuple(sorted(set(PEOPLE) - {"nobody", "nowhere"}))
FILE = """
[site]
zone = "Asia/Shanghai"
[scheme]
code = "cn"
[[shift]]
code = "D"
name = "Day"
start = "08:00"
end = "17:00"
break_min = 60
""" + "".join(
    f"""
[[person]]
number = "{number}"
from = {first}
name = "名{number}"
shift = "D"
base = "5000.00"
device_user = "{place}"
"""
    for place, (number, first) in enumerate(PEOPLE.items(), 1)
)
USER = {number: str(place) for place, number in enumerate(PEOPLE, 1)}

BANKED = replace(SHANGHAI, bank_name="工行", bank_account="6222020200112233445", cost_centre="C1")
BY_PIECE = replace(
    BANKED, base_fen=435_000, by_piece=True, insurance_base_fen=800_000, fund_base_fen=800_000,
    cost_centre="L2",
)  # fmt: skip
OFFICE = replace(
    BANKED, base_fen=2_000_000, floating_percent="15", post_type="staff",
    allowances={"餐补": 30_000}, untaxed={"missed_meal": 3_000},
    special_deductions={"child_education": 200_000}, children=1,
)  # fmt: skip
AGREED = {
    "office": OFFICE, "sick": BANKED, "away": BANKED, "piece": BY_PIECE, "slow": BY_PIECE,
    "new": replace(BANKED, cost_centre="L2"), "gone": replace(BANKED, bank_account=""),
    "less": BANKED, "more": replace(BANKED, base_fen=1_500_000), "nowhere": replace(BANKED, city="大阪"),
}  # fmt: skip
PRICES = """
schema = "clockline-pieces/1"
name = "2026"
source = "price list of 2026-09, works council"
[[price]]
product = "P1"
process = "weld"
from = 2026-09-01
price = "0.9"
quota = 5000
above_quota = "1.1"
rework = "0.20"
own_rework = "0"
scrap = "3"
[[group]]
code = "G1"
[[group.member]]
person = "piece"
coefficient = "1.2"
from = 2026-09-01
[[group.member]]
person = "slow"
coefficient = "1"
from = 2026-09-01
"""
TALLY = """day,person,group,product,process,pieces,rework,own_rework,scrap,overtime
2026-09-08,piece,,P1,weld,6000,,,,
2026-09-08,slow,,P1,weld,1000,,,,
2026-10-09,piece,,P1,weld,5200,30,5,1500,
2026-10-12,piece,,P1,weld,300,,,,yes
2026-10-13,,G1,P1,weld,100,,,,
2026-10-14,slow,,P1,weld,70,,,,
"""


# The average is above three times the city's, so that both caps and the tax of severance are on the slip.
LEAVING = Leaving(
    person="gone", last_day=date(2026, 10, 20), exit="with_notice", service_from=date(2009, 3, 1),
    leave_half_days=20, leave_taken_half_days=6, notice_pay=True, average_wage_fen=5_000_000,
    reason="notice of 2026-10-20",
)  # fmt: skip


def whole_month(folder):
    """Up to the day before October is paid."""
    plant = Plant(folder, now=NOW, people=FILE)
    press_days(plant)
    for person, terms in AGREED.items():
        agree(plant, person, terms)
    open_balances(plant)
    by_two(plant, lambda conn: propose_table(
        conn, parse_table(PRICES, file="p.toml"), file="p.toml", at=plant.now, by=ANN).number
    )  # fmt: skip
    (folder / "tally.csv").write_text(TALLY, encoding="utf-8")
    with writing(plant.engine) as conn:
        import_tally(conn, folder / "tally.csv", by="clerk", at=plant.now)
    pay_september(plant)
    put_september_right(plant)
    put_into_october(plant)
    return plant


def press_days(plant):
    presses = []
    for person in PEOPLE:
        for on in (*SEPTEMBER_DAYS, *WORKDAYS):
            longer = on.day == 12 and person in {"office", "piece", "new"}
            if not _here(person, on):
                continue
            presses += [
                f"{USER[person]} {on}T07:55",
                f"{USER[person]} {on}T{19 if longer else 17}:05",
            ]
    for on in ("2026-10-17", "2026-10-02"):  # a rest day, a statutory holiday
        presses += [f"{USER['office']} {on}T08:55", f"{USER['office']} {on}T12:05"]
    plant.press(*presses, until="2026-11-20T00:00")


def _here(person, on):
    if person == "new":
        return on >= date(2026, 10, 12)
    if person == "gone":
        return on <= date(2026, 10, 20)
    if person == "slow":
        return on.month == 9 or on.day in {13, 14}
    away = {"sick": {13, 14}, "away": {21}}.get(person, set())
    return on.month == 9 or on.day not in away


def by_two(plant, ask):
    with writing(plant.engine) as conn:
        take_effect(conn, approve(conn, ask(conn), at=plant.now, by=BOB))


def open_balances(plant):
    year = TaxOpening(
        year=2026, first_month="2026-09", months=8, income=16_000_000, contributions=1_400_000,
        special=1_600_000, withheld=270_000,
    )  # fmt: skip
    row = OpeningRow(person="office", balance=year, source="old payroll, row 2")
    file = OpeningFile(file="o.toml", source="old payroll", first_month="2026-09", rows=(row,))
    by_two(plant, lambda conn: propose_opening(conn, file, at=plant.now, by=ANN).approval)


def pay_september(plant):
    run_month(plant, month=SEPTEMBER)
    with writing(plant.engine) as conn:
        lock_by_two(conn, SEPTEMBER, at=plant.now, by="ann", reason="", with_open=True)
    approve_run(plant, SEPTEMBER)
    by_two(plant, lambda conn: ask_payment(conn, 1, at=plant.now, by=ANN))


def put_september_right(plant):
    """A raise and a punch that came late, and two slips that are put anew."""
    agree(plant, "office", replace(OFFICE, base_fen=2_100_000), date(2026, 9, 1))
    plant.press(f"{USER['away']} 2026-09-09T19:05")
    plant.catch_up()
    agree(plant, "less", replace(BANKED, base_fen=1_100_000), date(2026, 9, 1))
    agree(plant, "more", replace(BANKED, base_fen=900_000), date(2026, 9, 1))
    for person in ("less", "more"):
        by_two(
            plant,
            lambda conn, person=person: propose_reversal(
                conn, 1, person, at=plant.now, by=ANN, reason="the wrong wage"
            )[0],
        )


def put_into_october(plant):
    with writing(plant.engine) as conn:
        locked(conn, "92", person="office")
        leave(conn, "gone", date(2026, 10, 21), Signature(at=plant.now, by="Wu", reason="moved"))
    by_two(plant, lambda conn: propose_leaving(conn, LEAVING, at=plant.now, by=ANN))
    plant.approve(Leave(leave="sick", first=date(2026, 10, 13), last=date(2026, 10, 14)), "sick")
    plant.approve(
        Leave(leave="personal", first=date(2026, 10, 21), last=date(2026, 10, 21)), "away"
    )
    for kind, fen, name, person in (
        ("instant_bonus", 250_000, "抢修", "office"), ("annual_bonus", 3_600_000, "2026", "office"),
        ("advance", 100_000, "10-10", "office"), ("damages", 90_000, "模具", "away"),
        ("damages", 50_000, "量具", "piece"),
    ):  # fmt: skip
        enter(plant, kind, fen, name=name, person=person)
    order = CourtOrder(
        person="away", kind=ClaimKind.DEBT, court="浦东法院", reference="(2026)沪0115执1号",
        received=date(2026, 10, 5), first_month="2026-10", total_fen=300_000, instalment_fen=120_000,
    )  # fmt: skip
    by_two(plant, lambda conn: propose_order(conn, order, at=plant.now, by=ANN))


def late_tally(plant, *rows):
    file = plant.folder / f"late{len(rows)}.csv"
    head = TALLY.splitlines()[0]
    file.write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    with writing(plant.engine) as conn:
        return import_tally(conn, file, by="clerk", at=plant.now)
