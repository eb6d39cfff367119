"""Dated law rows: looked up by trust and date, read from files, checked for gaps and overlaps."""

import itertools
from datetime import date
from fractions import Fraction

import msgspec
import pytest

from hr_core.errors import InputFileError, NoLawError
from hr_core.law.book import LawBook, UnverifiedLawError
from hr_core.law.checking import Fault, check_law, law_status
from hr_core.law.collected import read_collection
from hr_core.law.loading import built_in_law, built_in_rows
from hr_core.law.national import national_law
from hr_core.law.periods import read_period
from hr_core.law.reading import parse_law
from hr_core.law.rows import AMOUNTS, Item, LawRow, Rounding, Status

TODAY = date(2026, 11, 22)


def row(since, until=None, **changes):
    facts = {
        "city": "甲", "item": Item.PENSION, "since": date.fromisoformat(since),
        "until": until and date.fromisoformat(until), "status": Status.SECONDARY, "source": "a",
        "floor": 100, "ceiling": 500, "employee": Fraction(8, 100),
    }  # fmt: skip
    return LawRow(**(facts | changes))


def test_a_month_without_law_is_refused_with_city_item_and_day():
    with pytest.raises(NoLawError, match="甲: there is no pension for 2024-12-31") as refused:
        LawBook([row("2025-01-01")]).row("甲", Item.PENSION, date(2024, 12, 31))

    assert (refused.value.city, refused.value.item) == ("甲", "pension")
    assert "hr-core law import" in refused.value.remedy


def test_the_later_row_follows_an_open_one():
    book = LawBook([row("2026-01-01", floor=200), row("2025-01-01")])

    assert book.row("甲", Item.PENSION, date(2025, 12, 31)).floor == 100
    assert book.row("甲", Item.PENSION, date(2026, 1, 1)).floor == 200


def test_an_end_is_the_first_day_that_no_longer_holds():
    book = LawBook([row("2025-01-01", "2025-07-01")])

    assert book.find("甲", Item.PENSION, date(2025, 6, 30)) is not None
    assert book.find("甲", Item.PENSION, date(2025, 7, 1)) is None


def test_an_unverified_row_pays_only_by_leave():
    rows = [row("2025-01-01", status=Status.UNVERIFIED)]

    with pytest.raises(UnverifiedLawError, match="unverified"):
        LawBook(rows).row("甲", Item.PENSION, TODAY)
    assert LawBook(rows, allow_unverified=True).row("甲", Item.PENSION, TODAY) is rows[0]


def test_a_trusted_row_goes_before_a_newer_one_that_nobody_checked():
    trusted, guess = row("2025-01-01"), row("2026-01-01", status=Status.UNVERIFIED)

    assert LawBook([guess, trusted]).row("甲", Item.PENSION, TODAY) is trusted


def test_a_district_has_its_own_row_and_else_the_city_s():
    city, tier = row("2025-01-01"), row("2025-01-01", district="二类", floor=90)
    book = LawBook([city, tier])

    assert book.row("甲", Item.PENSION, TODAY, "二类") is tier
    assert book.row("甲", Item.PENSION, TODAY, "三类") is city
    with pytest.raises(NoLawError):
        LawBook([tier]).row("甲", Item.PENSION, TODAY)


def test_a_notice_that_reaches_back_was_not_known_before_its_day():
    late = row("2025-07-01", floor=200, announced=date(2025, 9, 18))
    book = LawBook([row("2024-07-01"), late])

    assert late.retroactive
    assert book.row("甲", Item.PENSION, date(2025, 8, 1)).floor == 200
    before = book.known_on(date(2025, 9, 17))
    assert before.row("甲", Item.PENSION, date(2025, 8, 1)).floor == 100


def faults(*rows):
    return [one.fault for one in check_law(rows, TODAY)]


def test_the_checker_finds_what_is_wrong():
    assert faults(row("2025-01-01"), row("2026-01-01")) == []
    assert faults(row("2025-01-01", "2025-07-01"), row("2025-08-01")) == [Fault.GAP]
    assert faults(row("2025-01-01", "2025-07-01"), row("2025-06-30")) == [Fault.OVERLAP]
    assert faults(row("2025-01-01"), row("2025-01-01")) == [Fault.OVERLAP]
    assert faults(row("2025-01-01", "2026-01-01")) == [Fault.ENDED]
    assert faults(row("2025-01-01", source=" ")) == [Fault.NO_SOURCE]
    assert faults(row("2025-01-01", employee=None)) == [Fault.NO_RATE]
    assert faults(row("2025-01-01", floor=None)) == [Fault.NO_BOUND]
    assert faults(row("2025-01-01", "2025-07-01"), row("2025-08-01", city="乙")) == [Fault.ENDED]
    noticed = row("2025-01-01", announced=date(2025, 3, 12))
    assert faults(row("2025-01-01"), noticed) == [], "superseded by a notice"
    assert faults(row("2025-01-01", "2025-07-01"), noticed) == [], "and so is its end"
    assert faults(noticed, noticed) == [Fault.OVERLAP]
    unchecked = row("2025-01-01", status=Status.UNVERIFIED)
    assert faults(row("2025-01-01"), unchecked) == []


def test_the_version_tells_a_notice_that_reaches_back_from_the_row_it_replaces():
    before, after = row("2025-01-01"), row("2025-01-01", announced=date(2025, 3, 12))
    assert after.version == f"{before.version}, notice of 2025-03-12"
    in_time = row("2025-01-01", announced=date(2024, 12, 30))
    assert in_time.version == before.version


def test_a_city_is_as_good_as_its_worst_item():
    rows = [
        row("2025-01-01", announced=date(2026, 11, 12)),
        row("2025-01-01", item=Item.MEDICAL, status=Status.UNVERIFIED),
        row("2025-01-01", city="乙", checked=date(2026, 11, 21)),
        row("2024-01-01", "2025-01-01", city="丙"),
    ]

    found = {one.city: one for one in law_status(rows, TODAY)}

    assert list(found) == ["丙", "甲", "乙"]
    assert found["甲"].status == "unverified"
    assert found["甲"].items == {"pension": "secondary", "medical": "unverified"}
    assert (found["甲"].age_days, found["乙"].age_days) == (10, 1)
    assert (found["丙"].status, found["丙"].holds) == (None, False)


def test_what_ships_is_sound_and_never_calls_itself_official():
    found = check_law(built_in_rows(), date(2026, 6, 30))

    assert [one for one in found if one.fault is not Fault.ENDED] == []
    assert {one.status for one in built_in_rows()} <= {Status.SECONDARY, Status.UNVERIFIED}
    assert {one.city for one in built_in_rows()} == {"上海", "北京"}


def test_shanghai_changes_in_july():
    book = built_in_law()

    june = book.row("上海", Item.PENSION, date(2026, 6, 30))
    july = book.row("上海", Item.PENSION, date(2026, 7, 1))
    assert (june.ceiling, july.ceiling) == (3730200, 3773100)
    assert july.retroactive
    assert book.row("上海", Item.HOUSING_FUND, date(2026, 7, 1)).rounding is Rounding.YUAN


def test_bases_of_last_year_never_go_on_paying():
    for row in built_in_rows():
        bases = row.item not in {*AMOUNTS, Item.SICK_PAY}
        assert row.until is not None or not bases, row.version


def test_the_tax_tables_are_continuous():
    """At each edge the band below and the one above give the same tax."""
    law = national_law().income_tax_on(TODAY)
    for bands in (law.year_bands(), law.month_bands()):
        for below, above in itertools.pairwise(bands):
            edge = below.up_to
            assert edge is not None
            of_below, of_above = (
                Fraction(edge * band.numerator, band.denominator) - band.quick
                for band in (below, above)
            )
            assert of_below == of_above


def test_the_separate_bonus_ends_with_its_law():
    with pytest.raises(NoLawError):
        national_law().annual_bonus_on(date(2028, 1, 1))


LAW = """
schema = "clockline-law/1"
city = "甲"

[[row]]
items = ["pension", "medical"]
from = 2026-01-01
status = "official"
source = "notice 1"
floor = "4000"
ceiling = "20000.5"
employer_percent = "16"
employee_percent = "8"
rounding = "jiao_up"
"""


def test_a_row_may_stand_for_several_items():
    rows = parse_law(LAW, file="x.toml")

    assert [one.item for one in rows] == ["pension", "medical"]
    assert (rows[0].ceiling, rows[0].employer, rows[0].rounding) == (
        2000050, Fraction(16, 100), Rounding.JIAO_UP,
    )  # fmt: skip
    assert rows[0].version == "甲/pension/2026-01-01"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"4000"', '"40000"'),
        ('"16"', '"160"'),
        ('"16"', "16"),
        ('"notice 1"', '"notice 1"\nuntil = 2025-01-01'),
        ('"pension"', '"minimum_wage"'),
        ('"4000"', '"-1"'),
        ("floor", "flour"),
        ("clockline-law/1", "clockline-law/9"),
        ("[[row]]", "[[row"),
    ],
)
def test_a_file_that_cannot_be_law_is_refused(old, new):
    with pytest.raises(InputFileError) as refused:
        parse_law(LAW.replace(old, new, 1), file="x.toml")

    assert refused.value.file == "x.toml"


@pytest.mark.parametrize(
    ("text", "since", "until", "told"),
    [
        ("2026年度（2026-07-01至2027-06-30）", "2026-07-01", "2027-07-01", True),
        ("2026年度（2026年7月至2027年6月）", "2026-07-01", "2027-07-01", True),
        ("2026年度（2026年1月1日-12月31日）", "2026-01-01", "2027-01-01", True),
        ("2026年度（自2026年1月起执行）", "2026-01-01", None, True),
        ("2025-07-01至2026-06-30；下限自2025-09-01起执行", "2025-09-01", "2026-07-01", True),
        ("2025年度（2025年7月1日至9月30日办理）", "2025-07-01", None, False),
        ("2025年度", "2025-07-01", None, False),
        ("2026年度（2026-07-13发布）", "2026-07-01", None, False),
    ],
)
def test_periods_are_read_as_people_write_them(text, since, until, told):
    found = read_period(text)

    assert found is not None
    assert (str(found.since), found.until and str(found.until), found.told) == (since, until, told)


def test_a_period_without_a_year_is_none():
    assert read_period("未找到公开通知") is None
    assert read_period("2026年13月起") is None


def collection(schema, *rows):
    return msgspec.json.encode({"schema": schema, "rows": rows}).decode()


def test_a_collected_row_keeps_what_it_does_not_tell_untold():
    fund = {
        "city": "甲", "base_floor": 2430, "base_ceiling": 31968.25, "rate_range": "5%-12%",
        "period": "2026-07-01起", "source_urls": ["https://a"], "has_official_url": True,
        "as_of": "2026-08-20", "note": "",
    }  # fmt: skip
    text = collection("cn-housing-fund-base/1", fund, fund | {"has_official_url": False}, {})

    read = read_collection(text, file="x.json")

    assert [one.status for one in read.rows] == ["secondary", "unverified"]
    assert (read.rows[0].floor, read.rows[0].ceiling) == (243000, 3196825)
    assert read.rows[0].employee_range == (Fraction(5, 100), Fraction(12, 100))
    assert (read.rows[0].employee, read.rows[0].rounding) == (None, None)
    assert read.rows[0].until == date(2027, 7, 1)
    assert [one.why for one in read.skipped] == ["names no city"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "moon/1", "rows": []}'])
def test_what_is_no_collection_is_refused(text):
    with pytest.raises(InputFileError, match="no collection"):
        read_collection(text, file="x.json")


@pytest.mark.parametrize(
    ("name", "cities", "statuses"),
    [
        ("cn_housing_fund_base", 130, {"secondary", "unverified"}),
        ("cn_city_bases_2024_unverified", 345, {"unverified"}),
        ("cn_si_cited_cities", 4, {"secondary", "unverified"}),
    ],
)
def test_the_collections_are_read_with_their_true_status(shared_data, name, cities, statuses):
    file = shared_data / "hr" / f"{name}.json"

    read = read_collection(file.read_text(encoding="utf-8"), file=file.name)

    assert len({one.city for one in read.rows}) == cities
    assert {str(one.status) for one in read.rows} == statuses
    assert all(one.why for one in read.skipped)


def test_beijing_s_three_yuan_stand_on_top_of_a_rate(shared_data):
    text = (shared_data / "hr/cn_si_cited_cities.json").read_text(encoding="utf-8")

    rows = read_collection(text, file="x.json").rows

    beijing = next(one for one in rows if (one.city, one.item) == ("北京", "medical"))
    assert (beijing.employee, beijing.employee_fixed) == (Fraction(2, 100), 300)
    shenzhen = {one.item: one.ceiling for one in rows if one.city == "深圳"}
    assert shenzhen[Item.PENSION] == 2754900
    assert shenzhen[Item.MEDICAL] == 3363300
