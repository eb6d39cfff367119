"""Devices of an account's units, and employee numbers, by the day that is looked at."""

from datetime import date

import pytest
import sqlalchemy as sa

from hr_core.people.number_of_day import NumbersOfDays
from hr_core.people.records import DeviceSite, EmployeeNumber, Unit, UnitKind, UnitParent
from hr_core.people.visibility import devices_of_units, units_with_below
from hr_core.store.database import writing
from hr_core.store.dated_rows import add_rows
from hr_core.store.organisation import Organisation, save_organisation
from hr_core.store.person_records import employee_numbers, merged_people, number_on

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
KINDS = {"G": UnitKind.DEPARTMENT, "S1": UnitKind.SITE, "S2": UnitKind.SITE} | dict.fromkeys(
    ("D1", "T1", "D2"), UnitKind.DEPARTMENT
)
# The group G over two sites; T1 lies in D1 in S1; D2 moves from S2 to S1 in June.
PARENTS = (
    UnitParent(unit="S1", parent="G"),
    UnitParent(unit="S2", parent="G"),
    UnitParent(unit="D1", parent="S1"),
    UnitParent(unit="T1", parent="D1"),
    UnitParent(unit="D2", parent="S2", valid_until=JUNE),
    UnitParent(unit="D2", parent="S1", valid_from=JUNE),
)
DEVICES = (
    DeviceSite(serial="A", site="S1"),
    DeviceSite(serial="B", site="S2", valid_until=JUNE),
    DeviceSite(serial="B", site="S1", valid_from=JUNE),
    DeviceSite(serial="C", site="S2"),
)


@pytest.fixture
def conn(engine):
    with writing(engine) as conn:
        units = {code: Unit(code=code, kind=kind, name=code) for code, kind in KINDS.items()}
        save_organisation(conn, Organisation(units=units, parents=PARENTS, devices=DEVICES))
    with engine.connect() as reading:
        yield reading


@pytest.mark.parametrize(
    ("codes", "day", "devices"),
    [
        (("G",), MAY, "ABC"),
        (("S1",), MAY, "A"),
        (("S1",), JUNE, "AB"),
        (("D1",), MAY, "A"),
        (("T1",), JUNE, "AB"),
        (("D2",), MAY, "BC"),
        (("D2",), JUNE, "AB"),
        (("T1", "D2"), MAY, "ABC"),
        (("nowhere",), MAY, ""),
        ((), MAY, ""),
    ],
)
def test_devices_are_those_of_the_sites_of_the_units(conn, codes, day, devices):
    assert sorted(conn.execute(devices_of_units(codes, day)).scalars()) == list(devices)


def test_units_come_with_those_below_them_on_the_day(conn):
    found = {
        day: set(conn.execute(units_with_below(("S1",), day)).scalars()) for day in (MAY, JUNE)
    }
    assert found == {MAY: {"S1", "D1", "T1"}, JUNE: {"S1", "D1", "T1", "D2"}}


def test_a_number_is_that_of_the_day(engine):
    rows = [
        EmployeeNumber(person="k1", employee_number="1007", valid_until=JUNE),
        EmployeeNumber(person="k1", employee_number="2007", valid_from=JUNE),
        EmployeeNumber(person="k1", employee_number="2008", valid_from=JUNE),
        EmployeeNumber(person="k2", employee_number="1007", valid_from=JUNE),
    ]
    with writing(engine) as conn:
        conn.execute(sa.delete(employee_numbers))
        add_rows(conn, employee_numbers, rows)
        conn.execute(sa.insert(merged_people).values(person="k0", into="k1"))
        numbers = NumbersOfDays.load(conn, {"k0", "k1", "k2", "k3"})
        for person in ("k1", "k2", "k3"):
            for day in (MAY, JUNE):
                assert numbers.on(person, day) == number_on(conn, person, day)
    assert [numbers.on("k1", day) for day in (MAY, JUNE)] == ["1007", "2007"]
    assert [numbers.on("k0", day) for day in (MAY, JUNE)] == ["1007", "2007"]
    assert [numbers.on("k2", day) for day in (MAY, JUNE)] == [None, "1007"]
