"""A core with an organisation, goals that are being agreed, an assessment and a locked score."""

from fractions import Fraction

from hr_core.approvals.desk import Actor
from hr_core.performance.acting import Deed
from hr_core.performance.agreeing import Draft, propose
from hr_core.performance.goals import GoalKind, Level
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.goals import add_set
from tests.hr_core.accounts.quick import account
from tests.hr_core.performance.goal_samples import NOW as SEPTEMBER
from tests.hr_core.performance.goal_samples import goal, goal_set, plant
from tests.hr_core.performance.score_desk import locked, opened
from tests.hr_core.web.plant import NOW

# Login name, role, person.
ACCOUNTS = (
    ("ann", "hr", None),
    ("e1", "worker", "E1"),
    ("e2", "worker", "E2"),
    ("lead", "manager", "LEAD"),
    ("head", "manager", "HEAD"),
    ("buyer", "worker", "BUY"),
    ("eve", "auditor", None),
)


def performing_core(folder):
    """Goals 1 to 3 are the units', 4 those of E1 for 2026-12; assessment 1 is of E1 by LEAD for 2026-09,
    and 2 made the locked score of E2 for 2026-10.
    """
    engine = open_database(f"sqlite:///{folder}/core.db")
    initialise(engine)
    plant(engine)
    for name, role, person in ACCOUNTS:
        account(engine, name, role, person=person, at=NOW)
    with writing(engine) as conn:
        for one in (
            goal("SALES", "CO", "2026", level=Level.COMPANY, title="Sales", title_zh="销售额"),
            goal("LINE", "PROD", "2026", level=Level.DEPARTMENT, parent="SALES", title="Output"),
            goal(
                "DEFECT",
                "T1",
                "2026-Q4",
                level=Level.TEAM,
                parent="LINE",
                title="Defects",
                title_zh="次品率",
                kind=GoalKind.AT_MOST,
                target=Fraction(5),
                measure="%",
            ),
        ):
            add_set(conn, goal_set(one), SEPTEMBER, "BOSS", "")
        own = goal(
            "OWN-DEFECT",
            "E1",
            "2026-12",
            parent="DEFECT",
            title="Own defects",
            title_zh="本人次品率",
            kind=GoalKind.AT_MOST,
            target=Fraction(3),
        )
        draft = Draft(person="E1", period="2026-12", goals=(own,))
        propose(conn, draft, Deed(at=NOW, actor=Actor("LEAD")))
        opened(conn, person="E1", period="2026-09", rater="LEAD")
        locked(conn, Fraction(88), person="E2", period="2026-10")
    return engine
