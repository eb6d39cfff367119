"""Signed goals of E1 and E2 for 2026-08, beside the plant of the pages of performance: E1's has its
figure, E2's has none.
"""

from hr_core.performance.sign_off import State
from hr_core.store.database import writing
from hr_core.store.goals import StepRow, add_set, add_step
from hr_core.store.performance_figures import add_figures
from tests.hr_core.performance.goal_samples import NOW as SEPTEMBER
from tests.hr_core.performance.goal_samples import goal, goal_set
from tests.hr_core.performance.test_first_score import figure
from tests.hr_core.web.performance_plant import performing_core

PERIOD = "2026-08"


def team_core(folder):
    engine = performing_core(folder)
    with writing(engine) as conn:
        for person in ("E1", "E2"):
            signed(conn, person)
        add_figures(conn, [figure("output", 80, period=PERIOD)])
    return engine


def signed(conn, person, manager="LEAD"):
    stored = add_set(conn, goal_set(goal("output", person, PERIOD)), SEPTEMBER, manager, "")
    row = StepRow(
        goal_set=stored.number,
        step=1,
        act="sign",
        role="manager",
        person=manager,
        name=manager,
        at=SEPTEMBER,
        before=State.SIGNED_BY_EMPLOYEE,
        after=State.SIGNED,
        digest=stored.digest,
        wanted=None,
        note="",
    )
    add_step(conn, row)
