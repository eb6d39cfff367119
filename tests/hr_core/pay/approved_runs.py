"""A run that one person submitted and another approved."""

from hr_core.approvals.desk import Actor, approve
from hr_core.approvals.effects import take_effect
from hr_core.pay.run_life import submit
from hr_core.store.database import writing
from hr_core.store.results import runs

ANN, BOB = Actor("ann"), Actor("bob")


def approve_run(plant, month):
    """The newest of the month."""
    with writing(plant.engine) as conn:
        run = next(one.number for one in runs(conn) if one.month == str(month))
        number = submit(conn, run, at=plant.now, by=ANN)
        take_effect(conn, approve(conn, number, at=plant.now, by=BOB))
