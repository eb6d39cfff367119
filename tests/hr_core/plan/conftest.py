"""A core with three people, and the way requests are asked and decided in tests."""

import shutil
from datetime import UTC, date, datetime

import pytest

import hr_core.store.all_tables  # noqa: F401 - imported for the tables it defines
from hr_core import request_desk
from hr_core.attendance.plan.request import Relation
from hr_core.imports import import_people
from hr_core.request_desk import Asking, Deciding, nothing_locked
from hr_core.store.database import initialise, open_database, writing

PEOPLE = """
[site]
zone = "Asia/Shanghai"
[scheme]
code = "demo"
[[shift]]
code = "D"
name = "Day"
start = "08:00"
end = "17:00"
break_min = 60
[[shift]]
code = "E"
name = "Evening"
start = "17:00"
end = "23:00"
[[shift]]
code = "N"
name = "Night"
start = "20:00"
end = "08:00"
break_min = 60
early_in_min = 60
late_out_min = 60
[[shift]]
code = "X"
name = "Early"
start = "06:00"
end = "14:00"
"""
NOW = datetime(2026, 11, 10, 2, tzinfo=UTC)  # 10:00 in Shanghai


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """The database that every test gets a copy of: making its tables takes longer than a test."""
    folder = tmp_path_factory.mktemp("plant")
    engine = open_database(f"sqlite:///{folder}/core.db")
    initialise(engine)
    people = PEOPLE + "".join(
        f'[[person]]\nnumber = "{key}"\nname = "=name({key})"\nshift = "D"\nbase = "5000.00"\n'
        for key in ("007", "008", "009")
    )
    (folder / "people.toml").write_text(people, encoding="utf-8")
    with writing(engine) as conn:
        import_people(conn, folder / "people.toml")
    engine.dispose()  # the last connection moves the log into the file
    assert not (folder / "core.db-wal").exists()
    return folder / "core.db"


@pytest.fixture
def core_file(made_once, tmp_path):
    return shutil.copy(made_once, tmp_path / "core.db")


@pytest.fixture
def engine(core_file):
    engine = open_database(f"sqlite:///{core_file}")
    yield engine
    engine.dispose()


@pytest.fixture
def conn(engine):
    with writing(engine) as conn:
        yield conn


class Desk:
    """Asks as leader Li and decides as Wang unless told otherwise."""

    def __init__(self, conn):
        self.conn = conn

    def ask(self, body, *, person="007", by="Li", at=NOW, locked=nothing_locked, **more):
        fields = {"relation": Relation.LEADER, "reason": "needed"} | more
        asking = Asking(person=person, body=body, by=by, **fields)
        return request_desk.ask(self.conn, asking, at, locked)

    def approve(self, number, *, by="Wang", locked=nothing_locked):
        return request_desk.approve(self.conn, number, Deciding(by, NOW), locked)

    def refuse(self, number, *, by="Wang", reason="not possible"):
        return request_desk.refuse(self.conn, number, Deciding(by, NOW, reason))

    def withdraw(self, number, *, by="Li"):
        return request_desk.withdraw(self.conn, number, Deciding(by, NOW))

    def approved(self, body, **more):
        return self.approve(self.ask(body, **more).id)

    def reverse(self, number, *, locked=nothing_locked):
        person, body = request_desk.reversal_of(self.conn, number)
        return self.approve(self.ask(body, person=person).id, locked=locked)


@pytest.fixture
def desk(conn):
    return Desk(conn)


def day(text):
    return date.fromisoformat(f"2026-{text}")


def wall(text):
    return datetime.fromisoformat(f"2026-{text}")
