"""J2: 200 cities and more load with the days on which they hold, their sources and their true status."""

from datetime import UTC, date, datetime

import pytest

from hr_core.approvals.desk import Actor, approve
from hr_core.approvals.effects import take_effect
from hr_core.cases.files import cases_of
from hr_core.cases.run import run_case
from hr_core.law.book import UnverifiedLawError
from hr_core.law.imported import all_rows, law_of, propose_law_file
from hr_core.law.rows import Item, Status
from hr_core.store.database import writing

NOW = datetime(2026, 11, 22, tzinfo=UTC)
COLLECTIONS = [
    "cn_housing_fund_base",
    "cn_si_cited_cities",
    "cn_si_items_beijing_2021_2025",
    "cn_city_bases_2024_unverified",
]


@pytest.fixture
def stored(sqlite_engine, shared_data):
    """Each collection as `hr-core law import` brings it, approved by a second person."""
    with writing(sqlite_engine) as conn:
        for name in COLLECTIONS:
            file = shared_data / f"hr/{name}.json"
            asked = propose_law_file(conn, file, at=NOW, by=Actor("ann"))
            take_effect(conn, approve(conn, asked.approval, at=NOW, by=Actor("bob")))
    return sqlite_engine


def cities(rows, *statuses):
    return {row.city for row in rows if row.status in statuses}


def test_more_than_200_cities_have_a_first_day_and_a_source(stored):
    with stored.connect() as conn:
        rows = all_rows(conn)
        strict, open_to_all = law_of(conn), law_of(conn, allow_unverified=True)
    assert len({row.city for row in rows}) >= 200
    insurances = {row.city for row in rows if row.item is Item.PENSION}
    funds = {row.city for row in rows if row.item is Item.HOUSING_FUND}
    assert min(len(insurances), len(funds)) >= 200
    for row in rows:
        assert isinstance(row.since, date)
        assert row.source.strip()
        assert row.version.startswith(f"{row.city}/{row.item}/")
    # What nobody checked says so, and pays nobody unless it is asked for.
    assert len(cities(rows, Status.UNVERIFIED)) >= 200
    trusted = cities(rows, Status.OFFICIAL, Status.SECONDARY)
    assert 50 <= len(trusted) < 200
    only_unverified = min(cities(rows, Status.UNVERIFIED) - trusted)
    told = next(row for row in rows if row.city == only_unverified and row.item is Item.PENSION)
    assert open_to_all.row(told.city, Item.PENSION, told.since).status is Status.UNVERIFIED
    with pytest.raises(UnverifiedLawError):
        strict.row(told.city, Item.PENSION, told.since)


def test_the_known_answers_of_shanghai_are_equal_to_the_fen(shared_data):
    cases = cases_of(shared_data / "hr/cases/cn_pay.shanghai.json")
    assert len(cases) >= 30
    assert {str(run_case(case).result) for case in cases} == {"passed"}
