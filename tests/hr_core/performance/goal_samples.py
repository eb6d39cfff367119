"""A small plant: a company, two departments, teams, and people who sign above each other."""

from datetime import UTC, date, datetime
from fractions import Fraction

from msgspec.structs import replace

from hr_core.people.model import Person, Roster, Shift
from hr_core.people.records import Membership, Role, Unit, UnitKind, UnitParent
from hr_core.performance.goals import Goal, GoalKind, GoalSet, Level
from hr_core.performance.periods import Period
from hr_core.store.database import writing
from hr_core.store.organisation import Organisation, save_organisation
from hr_core.store.people import save_roster

NOW = datetime(2026, 9, 20, 8, 0, tzinfo=UTC)
PEOPLE = ("E1", "E2", "LEAD", "HEAD", "BOSS", "BUY")
SHIFT = Shift(
    code="D",
    name="day",
    start_min=480,
    end_min=1020,
    break_min=60,
    break_start_min=720,
    early_in_min=120,
    late_out_min=240,
)
UNITS = {
    "CO": UnitKind.SITE,
    "PROD": UnitKind.DEPARTMENT,
    "PURCH": UnitKind.DEPARTMENT,
    "T1": UnitKind.TEAM,
    "T2": UnitKind.TEAM,
}
PARENTS = {"PROD": "CO", "PURCH": "CO", "T1": "PROD", "T2": "PROD"}
PLACES = (
    ("E1", "T1", Role.MEMBER),
    ("E2", "T2", Role.MEMBER),
    ("LEAD", "T1", Role.MANAGER),
    ("LEAD", "T2", Role.MANAGER),
    ("HEAD", "PROD", Role.MANAGER),
    ("BOSS", "CO", Role.MANAGER),
    ("BUY", "PURCH", Role.MEMBER),
)


def plant(engine):
    """Stores the people and the organisation."""
    people = {
        number: Person(
            number=number,
            name=number.title(),
            shift="D",
            base_fen=600_000,
            zone="Asia/Shanghai",
            origin="test",
        )
        for number in PEOPLE
    }
    with writing(engine) as conn:
        save_roster(
            conn, Roster(zone="Asia/Shanghai", scheme="", shifts={"D": SHIFT}, people=people)
        )
        save_organisation(conn, organisation())


def organisation(**changes):
    found = Organisation(
        units={code: Unit(code=code, kind=kind, name=code) for code, kind in UNITS.items()},
        parents=tuple(UnitParent(unit=unit, parent=above) for unit, above in PARENTS.items()),
        memberships=tuple(Membership(person=p, unit=u, role=r) for p, u, r in PLACES),
    )
    return replace(found, **changes)


def goal(code="G", owner="E1", period="2026-10", **changes):
    columns = {
        "code": code,
        "level": Level.PERSON,
        "owner": owner,
        "period": period,
        "title": code,
        "kind": GoalKind.COUNT,
        "target": Fraction(100),
        "weight": Fraction(100),
    }
    return Goal(**columns | changes)


def goal_set(*goals, version=1, since=None):
    first = goals[0]
    return GoalSet(
        level=first.level,
        owner=first.owner,
        period=first.period,
        version=version,
        since=since or Period.parse(first.period).first,
        goals=goals,
    )


def day(text):
    return date.fromisoformat(text)
