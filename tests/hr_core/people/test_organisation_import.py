"""The organisation of a people file: what it means day by day, and what it must not contradict."""

from datetime import date

import pytest

from hr_core.errors import InputFileError
from hr_core.people.records import Kind
from hr_core.store.organisation import (
    load_organisation,
    memberships_of,
    site_of_device,
    zone_of_site,
)
from hr_core.store.person_records import employments_of
from tests.hr_core.people.people_samples import FILE, load

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
