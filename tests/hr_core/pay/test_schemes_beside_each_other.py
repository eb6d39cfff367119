"""Several schemes on the same inputs, floating pay by locked results, and law that nobody checked."""

from fractions import Fraction

import pytest
from msgspec.structs import replace

from hr_core.approvals.desk import approve
from hr_core.approvals.effects import take_effect
from hr_core.errors import InputFileError, NotFoundError, RefusedError
from hr_core.law.book import LawBook
from hr_core.law.loading import built_in_rows
from hr_core.law.rows import Status
from hr_core.pay import month_inputs
from hr_core.pay.counted_runs import counted_runs
from hr_core.pay.entry import EntryKind
from hr_core.pay.month_inputs import read_month
from hr_core.pay.proposals import paid_by
from hr_core.pay.run import compute_runs
from hr_core.pay.run_life import submit
from hr_core.pay.scheme import built_in_scheme_text, parse_scheme
from hr_core.pay.would_differ import would_differ
from hr_core.pay.year_so_far import year_so_far
from hr_core.performance.results import LockedResult
from hr_core.store.database import writing
from hr_core.store.people import load_roster
from hr_core.store.results import run_by_number
from tests.hr_core.pay.approved_runs import ANN, BOB
from tests.hr_core.pay.law_plant import (
    NOVEMBER,
    OCTOBER,
    SHANGHAI,
    agree,
    amounts,
    enter,
    law_plant,
    line_of,
    refused,
    run_month,
)
from tests.hr_core.performance.score_desk import locked

FLOATS = replace(SHANGHAI, floating_percent="20")
CN = built_in_scheme_text("cn")


@pytest.fixture
def plant(tmp_path):
    plant = law_plant(tmp_path)
    yield plant
    plant.engine.dispose()


def with_result(monkeypatch, score="95", grade=None, coefficient=None):
    result = LockedResult(
        person="E1", period="2026-10", number=7, version=2, score=Fraction(score), grade=grade,
        coefficient=None if coefficient is None else Fraction(coefficient),
    )  # fmt: skip
    monkeypatch.setattr(month_inputs, "locked_results", lambda *_: {"E1": result})


def test_two_schemes_pay_the_same_inputs_and_neither_touches_the_other(plant):
    agree(plant)
    (alone,) = run_month(plant, "demo")
    demo, law = run_month(plant, "demo", "cn")
    assert demo.slips == alone.slips
    assert (demo.scheme, law.scheme) == ("demo", "cn")
    assert demo.inputs_digest == law.inputs_digest == alone.inputs_digest != ""
    assert demo.days == law.days
    assert "pension_employee" in amounts(law)
    assert "pension_employee" not in amounts(demo)
    (again,) = run_month(plant, "cn")
    assert again.slips == law.slips
    with plant.engine.connect() as conn:
        assert run_by_number(conn, 3).inputs_digest == law.inputs_digest


def test_an_approved_run_of_another_scheme_is_the_months_also_for_this_one(plant):
    agree(plant)
    run_month(plant, "demo", "cn")
    with plant.engine.connect() as conn:
        assert counted_runs(conn, [OCTOBER], "cn") == {OCTOBER: 2}
        assert "E1" in year_so_far(conn, NOVEMBER, scheme="cn")
    with writing(plant.engine) as conn:
        number = submit(conn, 1, at=plant.now, by=ANN)
        take_effect(conn, approve(conn, number, at=plant.now, by=BOB))
    agree(plant, terms=replace(SHANGHAI, base_fen=1_200_000))
    with plant.engine.connect() as conn:
        assert counted_runs(conn, [OCTOBER], "cn") == {OCTOBER: 1}
        assert year_so_far(conn, NOVEMBER, scheme="cn") == {}, "demo withholds no tax"
        assert would_differ(conn, OCTOBER, plant.now).run == 1
        with pytest.raises(NotFoundError, match="paid by run 1 of scheme demo, not by cn"):
            would_differ(conn, OCTOBER, plant.now, "cn")
        with pytest.raises(RefusedError, match="no later slip would bring bonus"):
            paid_by(conn, EntryKind.BONUS, "2026-10")
    plant.press("1 2026-11-02T07:55", "1 2026-11-02T17:05")
    (november,) = run_month(plant, "cn", month=NOVEMBER)
    assert not [code for code in amounts(november) if code.startswith("retro_")]


def test_whatever_is_put_in_changes_the_digest(plant):
    def digest():
        with plant.engine.connect() as conn:
            return read_month(conn, load_roster(conn), OCTOBER, plant.now).digest()

    plant.catch_up()
    seen = [digest(), digest()]
    assert seen[0] == seen[1]
    agree(plant)
    seen.append(digest())
    enter(plant, "bonus", 1)
    seen.append(digest())
    plant.press("1 2026-10-17T09:00", "1 2026-10-17T11:00")
    plant.catch_up()
    seen.append(digest())
    with writing(plant.engine) as conn:
        locked(conn, "92")
    seen.append(digest())
    assert len(set(seen)) == len(seen) - 1


def test_an_unknown_scheme_names_those_that_there_are(plant):
    with plant.engine.connect() as conn, pytest.raises(NotFoundError) as told:
        compute_runs(conn, OCTOBER, plant.now, ["cn", "nope"])
    assert "cn, demo" in told.value.remedy


def test_entered_sums_are_paid_by_a_scheme_without_law_too(plant):
    number = enter(plant, "bonus", 12_300)
    (run,) = run_month(plant, "demo")
    assert amounts(run)[f"bonus_{number}"] == 12_300


@pytest.mark.parametrize(
    ("result", "fen"),
    [
        ({"coefficient": "0.9"}, 180_000),
        ({"coefficient": "1.2"}, 240_000),
        ({"grade": "B"}, 220_000),
        ({"score": "85"}, 220_000),
        ({"score": "12.5"}, 160_000),
    ],
)
def test_the_locked_result_multiplies_the_floating_part(plant, monkeypatch, result, fen):
    agree(plant, terms=FLOATS)
    with_result(monkeypatch, **result)
    (run,) = run_month(plant)
    assert (amounts(run)["base"], amounts(run)["floating"]) == (800_000, fen)
    facts = line_of(run, "floating").trace.facts
    assert (facts["result"], facts["result_version"]) == ("7", "2")


@pytest.mark.parametrize(
    ("terms", "coefficient", "what"),
    [
        (FLOATS, "1.25", "coefficient 1.25 is outside 0.8 to 1.2"),
        (FLOATS, "0.79", "outside 0.8 to 1.2"),
        (replace(FLOATS, coefficient_max="1.1"), "1.15", "outside 0.8 to 1.1"),
        (replace(FLOATS, coefficient_max="1.5"), "1.3", "outside 0.8 to 1.2"),
        (replace(FLOATS, coefficient_min="?"), "1", "agreement"),
    ],
)
def test_a_coefficient_outside_its_range_is_refused(plant, monkeypatch, terms, coefficient, what):
    agree(plant, terms=terms)
    agree(plant, person="E2")
    with_result(monkeypatch, coefficient=coefficient)
    (run,) = run_month(plant)
    told, remedy = refused(run)["E1"]
    assert what in told
    assert "HR" in remedy
    assert [slip.number for slip in run.slips] == ["E2"], "the others are paid"


def test_a_result_that_lowers_the_wage_below_the_minimum_is_refused(plant, monkeypatch):
    agree(plant, terms=replace(FLOATS, base_fen=380_000, fund_base_fen=0, insurance_base_fen=0))
    with_result(monkeypatch, coefficient="1")
    (paid,) = run_month(plant)
    assert refused(paid).keys() == {"E2"}
    with_result(monkeypatch, coefficient="0.8")
    (run,) = run_month(plant)
    assert "below the minimum wage" in refused(run)["E1"][0]


def test_a_score_locked_by_two_sides_reaches_the_slip(plant):
    agree(plant, terms=FLOATS)
    with writing(plant.engine) as conn:
        result = locked(conn, "92")
    (run,) = run_month(plant)
    facts = line_of(run, "floating").trace.facts
    assert facts["score"] == "92"
    assert facts["result"] == str(getattr(result, "number", result))


def test_law_that_nobody_checked_pays_only_when_it_is_allowed_and_the_slip_says_so(
    plant, monkeypatch
):
    agree(plant)
    rows = [replace(row, status=Status.UNVERIFIED) for row in built_in_rows()]
    monkeypatch.setattr(
        month_inputs,
        "law_of",
        lambda _, allow_unverified: LawBook(rows, allow_unverified=allow_unverified),
    )
    (refusing,) = run_month(plant)
    what, remedy = refused(refusing)["E1"]
    assert "only from an unverified row" in what
    assert "allow unverified law" in remedy
    (run,) = run_month(plant, allow_unverified=True)
    assert run.findings.unverified_law
    line = line_of(run, "pension_employee")
    assert "nobody verified" in line.note
    assert line.trace.law[0].status == "unverified"
    assert "nobody verified" not in line_of(run, "base").note


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('law = "cn"\n', "", "edition.grade"),
        ('law = "cn"', 'law = "fr"', "law"),
        ("[edition.leave]", "[edition.holiday]", "edition"),
        ('floating_percent = ["10", "20"]', 'floating_percent = ["20", "10"]', "floating.post[0]"),
        ('floating_percent = ["10", "20"]', 'floating_percent = ["10"]', "floating"),
        ('injury_percent = "0.2"', "injury_percent = 0.2", "injury_percent"),
        ("from = 2025-01-01", "from = 2025-01-02", "edition.from"),
    ],
)
def test_a_wrong_scheme_by_law_is_refused_by_key(old, new, key):
    assert old in CN
    with pytest.raises(InputFileError) as told:
        parse_scheme(CN.replace(old, new, 1), file="scheme.toml")
    assert key in told.value.key
