"""Agreements from a file and single sums: proposed by one person, approved by another, then paid."""

from datetime import UTC, date, datetime

import pytest
import xlsxwriter
from msgspec.structs import replace

from hr_core.approvals.desk import Actor, approve, open_approvals
from hr_core.approvals.effects import take_effect
from hr_core.errors import InputFileError, RefusedError
from hr_core.pay.agreement_desk import propose_agreements, without_account
from hr_core.pay.agreement_file import read_agreements
from hr_core.store.database import writing
from hr_core.store.pay_agreements import agreements_until
from tests.hr_core.pay.law_plant import SHANGHAI, law_plant

AT = datetime(2026, 10, 1, tzinfo=UTC)
WU, ZHAO = Actor("Wu"), Actor("Zhao")
FILE = """
[[agreement]]
person = "E1"
from = 2026-01-01
city = "上海"
base = "10000.00"
insurance_base = "10000.00"
fund_base = "10000.00"

[[agreement]]
person = "E2"
from = 2026-07-01
city = "上海"
base = "8000"
insurance_base = "8000"
fund_base = "8000"
post_type = "marketing"
floating_percent = "40"
allowances = { meal = "300.00", phone = "50" }
special_deductions = { child_education = "2000" }
only_child = true
bank_account = "6222021234567890"
"""


@pytest.fixture
def plant(tmp_path):
    plant = law_plant(tmp_path)
    yield plant
    plant.engine.dispose()


def read(tmp_path, text=FILE, name="agreements.toml"):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return read_agreements(file)


def propose(plant, rows, by=WU):
    with writing(plant.engine) as conn:
        return propose_agreements(conn, rows, "agreements.toml", at=AT, by=by)


def take(plant, number, by=ZHAO):
    with writing(plant.engine) as conn:
        take_effect(conn, approve(conn, number, at=AT, by=by))


def held(plant):
    with plant.engine.connect() as conn:
        return agreements_until(conn, date.max)


def test_a_file_holds_once_another_person_approved_it(plant, tmp_path):
    rows = read(tmp_path)
    done = propose(plant, rows)
    assert (done.new, done.unchanged) == (2, 0)
    assert held(plant) == {}
    assert propose(plant, rows).approval == done.approval, "the same file waits once"
    with pytest.raises(RefusedError, match="cannot approve"):
        take(plant, done.approval, by=WU)
    take(plant, done.approval)
    (first,), (second,) = held(plant)["E1"], held(plant)["E2"]
    assert first.terms == SHANGHAI
    assert (first.entered_by, first.approved_by) == ("Wu", "Zhao")
    assert second.terms.allowances == {"meal": 30_000, "phone": 5_000}
    assert second.terms.only_child
    again = propose(plant, rows)
    assert (again.approval, again.unchanged) == (None, 2)
    with plant.engine.connect() as conn:
        assert open_approvals(conn) == []


def test_an_agreement_that_was_replaced_meanwhile_is_not_approved(plant, tmp_path):
    first = propose(plant, read(tmp_path)).approval
    second = propose(plant, read(tmp_path, FILE.replace("10000.00", "12000.00"))).approval
    take(plant, second)
    with pytest.raises(RefusedError, match="another one than when"):
        take(plant, first)


def test_a_table_says_the_same_as_toml(tmp_path):
    header = [
        "person", "from", "city", "base", "insurance_base", "fund_base", "post_type",
        "floating_percent", "allowances", "special_deductions", "only_child", "bank_account",
    ]  # fmt: skip
    row = [
        "E2", "2026-07-01", "上海", "8000", "8000", "8000", "marketing", "40",
        "meal=300.00; phone=50", "child_education=2000", "yes", "6222021234567890",
    ]  # fmt: skip
    with xlsxwriter.Workbook(str(tmp_path / "agreements.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, header)
        sheet.write_row(1, 0, row)
    (table,) = read_agreements(tmp_path / "agreements.xlsx")
    _, toml = read(tmp_path)
    assert table == replace(toml, where="row 2")


@pytest.mark.parametrize(
    ("header", "row", "what"),
    [
        ("person,from,base,base", "E2,2026-07-01,8000,9000", "two columns are base"),
        ("person,from,base,allowances", "E2,2026-07-01,1,meal=300;meal=400", "one sum twice"),
    ],
)
def test_a_table_that_says_two_things_is_refused(tmp_path, header, row, what):
    (tmp_path / "agreements.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    with pytest.raises(InputFileError, match=what):
        read_agreements(tmp_path / "agreements.csv")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('base = "10000.00"', "base = 10000.00", "agreement[0].base"),
        ('base = "10000.00"', 'base = "-1"', "agreement[0]"),
        ('base = "10000.00"', "", "agreement[0]"),
        ("from = 2026-01-01", 'from = "soon"', "agreement[0].from"),
        ('floating_percent = "40"', 'floating_percent = "140"', "agreement[1]"),
        ('floating_percent = "40"', 'floating_percent = "much"', "agreement[1]"),
        ('phone = "50"', "phone = 50", "agreement[1].allowances"),
        ('city = "上海"', 'town = "上海"', "agreement[0]"),
        ("[[agreement]]", "[agreement]", "(file)"),
    ],
)
def test_a_wrong_file_is_refused_by_key(tmp_path, old, new, key):
    with pytest.raises(InputFileError) as refused:
        read(tmp_path, FILE.replace(old, new, 1))
    assert refused.value.key.startswith(key)
    assert "nothing was stored" in refused.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [('"E2"', '"E9"', "E9"), ('"E2"\nfrom = 2026-07-01', '"E1"\nfrom = 2026-01-01', "second")],
)
def test_unknown_people_and_doubles_are_refused(plant, tmp_path, old, new, what):
    with pytest.raises(InputFileError, match=what):
        propose(plant, read(tmp_path, FILE.replace(old, new, 1)))


def test_lists_hide_the_bank_account():
    hidden = without_account(replace(SHANGHAI, bank_account="6222021234567890"))
    assert hidden.bank_account == "…7890"
