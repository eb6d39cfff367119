"""The organisation of a people file: what it means day by day, and what it must not contradict."""

from datetime import date

import pytest

from hr_core.attendance.punches import punches_of_month
from hr_core.audit import log
from hr_core.clock import Month
from hr_core.errors import InputFileError
from hr_core.imports import import_people
from hr_core.people.moves import renumber
from hr_core.people.places import Places
from hr_core.people.records import Kind
from hr_core.store.database import writing
from hr_core.store.organisation import (
    load_organisation,
    memberships_of,
    site_of_device,
    zone_of_site,
)
from hr_core.store.people import load_roster
from hr_core.store.person_records import employments_of, numbers_of
from tests.hr_core.people.people_samples import FILE, SIGN, load, send

JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)
SITES = """
[site]
zone = "Asia/Shanghai"
[[unit]]
code = "S1"
kind = "site"
name = "Plant 1"
zones = [{ zone = "Asia/Shanghai", until = 2026-07-01 }, { zone = "Asia/Urumqi", from = 2026-07-01 }]
devices = [{ serial = "CQ1", until = 2026-07-01 }]
[[unit]]
code = "S2"
kind = "site"
name = "Plant 2"
devices = [{ serial = "CQ1", from = 2026-07-01 }]
"""


def test_a_site_changes_its_zone_and_a_device_its_site_on_a_day(engine, tmp_path):
    load(engine, tmp_path, SITES)
    with engine.connect() as conn:
        assert zone_of_site(conn, "S1", JUNE) == "Asia/Shanghai"
        assert zone_of_site(conn, "S1", JULY) == "Asia/Urumqi"
        assert zone_of_site(conn, "S2", JULY) is None
        assert site_of_device(conn, "CQ1", JUNE) == "S1"
        assert site_of_device(conn, "CQ1", JULY) == "S2"


def test_a_person_is_in_several_units_at_once_and_a_later_file_keeps_what_it_does_not_name(
    engine, tmp_path
):
    text = FILE.replace(
        'units = [{ unit = "A1" }]', 'units = [{ unit = "A1" }, { unit = "B", role = "manager" }]'
    )
    load(engine, tmp_path, text)
    load(engine, tmp_path, FILE.replace('units = [{ unit = "A1" }]\n', ""))
    load(engine, tmp_path, SITES)
    with engine.connect() as conn:
        assert [(one.unit, one.role) for one in memberships_of(conn, "1001")] == [
            ("A1", "member"), ("B", "manager"),
        ]  # fmt: skip
        assert set(load_organisation(conn).units) == {"S1", "S2", "A", "A1", "B"}


@pytest.mark.parametrize(
    ("text", "old", "new", "key", "words"),
    [
        (FILE, 'parent = "A"', 'parent = "X"', "unit[2].parents", "not defined"),
        (FILE, 'kind = "site"', 'kind = "site"\nparent = "A1"', "unit[0].parents", "under itself"),
        (FILE, '{ unit = "A1" }', '{ unit = "X" }', "person.units", "not defined"),
        (FILE, 'code = "B"', 'code = "A"', "unit", "stands twice"),
        (FILE, 'kind = "team"', 'kind = "gang"', "unit[2].kind", "site"),
        (FILE, "until = 2026-10-10", 'until = 2026-10-10 }, { unit = "A1"', "unit[2].days", "same day"),
        (SITES, 'zone = "Asia/Urumqi", from = 2026-07-01', 'zone = "Asia/Urumqi", from = 2026-06-01',
         "unit[0].days", "hold on the same day"),
        (SITES, 'serial = "CQ1", from = 2026-07-01', 'serial = "CQ1", from = 2026-06-30',
         "unit[1].days", "DeviceSite CQ1"),
        (SITES, 'zone = "Asia/Urumqi"', 'zone = "Asia/Peking"', "unit[0].zones[1].zone", "time zone"),
        (SITES, 'kind = "site"', 'kind = "team"', "unit[0]", "only a unit of kind"),
    ],
)  # fmt: skip
def test_what_contradicts_is_refused_with_row_and_reason(
    engine, tmp_path, text, old, new, key, words
):
    with pytest.raises(InputFileError) as refused:
        load(engine, tmp_path, text.replace(old, new, 1))
    assert refused.value.key == key
    assert words in str(refused.value)
    with engine.connect() as conn:
        assert load_organisation(conn).units == {}


EXTERNAL = FILE.replace(
    'base = "8700.00"', 'kind = "external"\nemployer = "Agency"\nfrom = 2026-06-01'
)


def test_the_first_contract_is_of_the_file_and_later_ones_are_not(engine, tmp_path):
    load(engine, tmp_path, EXTERNAL)
    load(engine, tmp_path, EXTERNAL)
    with engine.connect() as conn:
        [contract] = employments_of(conn, "1001")
    assert (contract.kind, contract.employer, contract.valid_from) == (
        Kind.EXTERNAL,
        "Agency",
        JUNE,
    )
    with pytest.raises(InputFileError) as refused:
        load(engine, tmp_path, EXTERNAL.replace('employer = "Agency"', 'employer = "Other"'))
    assert refused.value.key == "person[0]"
    assert "hr-core people rehire" in refused.value.remedy
    with pytest.raises(InputFileError, match=r"1001's number from 2026-06-01, not from 2026-07-01"):
        load(engine, tmp_path, EXTERNAL.replace("from = 2026-06-01", "from = 2026-07-01"))


def test_a_first_day_that_nobody_said_before_is_filled_in(engine, tmp_path):
    load(engine, tmp_path, FILE)
    dated = FILE.replace('number = "1001"', 'number = "1001"\nfrom = 2026-06-01')
    for _ in range(2):
        load(engine, tmp_path, dated)
    with engine.connect() as conn:
        assert [one.valid_from for one in employments_of(conn, "1001")] == [JUNE]
        assert [one.valid_from for one in numbers_of(conn, "1001")] == [JUNE]
        assert [one.valid_from for one in numbers_of(conn, "1002")] == [None]


def test_a_badge_is_not_somebody_elses_number_of_today(engine, tmp_path):
    load(engine, tmp_path, FILE)
    with writing(engine) as conn:
        renumber(conn, "1002", "2002", JUNE, SIGN)
    taken = FILE.replace('badges = ["B-1"]', 'badges = ["2002"]').replace(
        'number = "1002"', 'number = "2002"'
    )
    with pytest.raises(InputFileError, match="badge '2002' would be both person 1001"):
        load(engine, tmp_path, taken)


def test_punches_of_a_gateway_with_another_zone_than_the_site_are_told(engine, tmp_path):
    load(engine, tmp_path, FILE)
    load(engine, tmp_path, SITES)
    send(engine, ("1", "2026-06-30T08:00:00"), ("1", "2026-07-01T08:00:00"))
    with engine.connect() as conn:
        roster = load_roster(conn)
        assert punches_of_month(conn, roster, Month(2026, 6)).zone_conflicts == ()
        july = punches_of_month(conn, roster, Month(2026, 7))
    assert july.zone_conflicts == ()  # CQ1 stands at S2 then, whose zone nobody entered
    stays = SITES.replace(
        'devices = [{ serial = "CQ1", until = 2026-07-01 }]', 'devices = [{ serial = "CQ1" }]'
    )
    load(engine, tmp_path, stays.replace('devices = [{ serial = "CQ1", from = 2026-07-01 }]', ""))
    with engine.connect() as conn:
        [told] = punches_of_month(conn, roster, Month(2026, 7)).zone_conflicts
        places = Places.load(conn)
    assert (told.serial, told.zone_of_punches, told.zone_of_site, told.punches) == (
        "CQ1", "Asia/Shanghai", "Asia/Urumqi", 1,
    )  # fmt: skip
    assert len(july.by_person["1001"]) == 2  # flagged, never dropped
    assert places.zone_of_person("1001", JUNE, "UTC") == "Asia/Shanghai"
    assert places.zone_of_person("1001", JULY, "UTC") == "Asia/Urumqi"
    assert places.zone_of_person("nobody", JULY, "UTC") == "UTC"


def test_a_signed_import_that_changes_something_is_audited(engine, tmp_path):
    path = tmp_path / "people.toml"
    path.write_text(FILE, encoding="utf-8")
    for _ in range(2):
        with writing(engine) as conn:
            import_people(conn, path, SIGN)
    with engine.connect() as conn:
        [entry] = log.entries(conn)
    assert (entry.action, entry.actor, entry.after["people_added"]) == ("import.people", "ann", 3)
