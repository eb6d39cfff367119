"""A plant by Chinese law with runs to lay beside each other: 1 before, 2 after changes, 3 as 2, 4 with
an amount that nothing explains, 5 of November.
"""

from datetime import date

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.people.records import Membership, Unit, UnitKind, UnitParent
from hr_core.store.database import writing
from hr_core.store.dated_rows import add_rows
from hr_core.store.organisation import memberships, unit_parents, units
from hr_core.store.results import pay_lines, pay_runs, pay_slips
from tests.hr_core.pay.law_plant import NOVEMBER, SHANGHAI, agree, enter, law_plant, run_month

HOSTILE = "<script>alert(2)</script>"


def compared_plant(folder):
    plant = law_plant(folder)
    agree(plant)
    enter(plant, "bonus", 5_000_000)
    run_month(plant)
    agree(plant, terms=replace(SHANGHAI, base_fen=1_200_000, allowances={HOSTILE: 20_000}))
    enter(plant, "advance", 120_000, name="October 10")
    agree(plant, person="E2", since=date(2026, 10, 1))
    plant.press("1 2026-10-13T20:05", until="2026-11-20T00:00")
    run_month(plant)
    run_month(plant)
    run_month(plant)
    write_over(plant.engine, 4, 12_345)
    plant.press("1 2026-11-02T07:55", "1 2026-11-02T17:05", until="2026-11-20T00:00")
    run_month(plant, month=NOVEMBER)
    organise(plant.engine)
    return plant


def organise(engine):
    """E1 in a team of the works, E2 in none."""
    team = Unit(code="T1", kind=UnitKind.TEAM, name="Press team", name_zh="冲压一班")
    works = Unit(code="W", kind=UnitKind.SITE, name="Works", name_zh="一厂")
    with writing(engine) as conn:
        add_rows(conn, units, [works, team])
        add_rows(conn, unit_parents, [UnitParent(unit="T1", parent="W")])
        add_rows(conn, memberships, [Membership(unit="T1", person="E1")])


def write_over(engine, run, fen, person="E1"):
    """As somebody at the database might, with the sums made to fit: the trace still says otherwise."""
    with writing(engine) as conn:
        for table, where in (
            (pay_lines, (pay_lines.c.run == run) & (pay_lines.c.code == "base")),
            (pay_slips, pay_slips.c.run == run),
        ):
            column = table.c.amount_fen if table is pay_lines else table.c.total_fen
            mine = where & (table.c.number == person)
            conn.execute(sa.update(table).where(mine).values({column.name: column + fen}))
        total = pay_runs.c.total_fen
        conn.execute(
            sa.update(pay_runs).where(pay_runs.c.number == run).values(total_fen=total + fen)
        )
