"""`hr-core pay reverse|recoveries|would-differ|orders` over a plant that is paid by law."""

import json

import pytest
from msgspec.structs import replace

from hr_core.cli import main
from tests.hr_core.pay.approved_runs import approve_run
from tests.hr_core.pay.law_plant import OCTOBER, SHANGHAI, agree, law_plant, run_month


@pytest.fixture
def plant(tmp_path, monkeypatch):
    plant = law_plant(tmp_path)
    agree(plant)
    run_month(plant)
    approve_run(plant, OCTOBER)
    monkeypatch.setenv("CLOCKLINE_DB", str(plant.engine.url.database))
    monkeypatch.setattr("hr_core.clock.SystemClock.now", lambda _clock: plant.now)
    yield plant
    plant.engine.dispose()


@pytest.fixture
def ask(capfd):
    def run(*arguments):
        capfd.readouterr()
        code = main([*arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


def test_a_paid_month_is_compared_with_what_it_would_be(plant, ask, capfd):
    assert ask("pay", "would-differ", "2026-10", "--scheme", "cn") == (
        0,
        {"month": "2026-10", "run": 1, "differences": [], "not_computed": []},
    )
    agree(plant, terms=replace(SHANGHAI, base_fen=1_100_000))
    code, found = ask("pay", "would-differ", "2026-10", "--scheme", "cn")
    assert code == 1
    first = found["differences"][0]
    assert (first["line"], first["difference_fen"], first["causes"]) == (
        "base", 100_000, ["input"],
    )  # fmt: skip
    assert first["becomes_a_line"]
    assert main(["pay", "would-differ", "2026-10", "--scheme", "cn"]) == 1
    assert "becomes a line of the next run" in capfd.readouterr().out
    assert main(["pay", "would-differ", "2026-09", "--scheme", "cn"]) == 3


def test_a_slip_is_reversed_by_two_and_comes_back_in_parts(plant, ask, capfd):
    agree(plant, terms=replace(SHANGHAI, base_fen=800_000))
    code, done = ask("pay", "reverse", "1", "E1", "--reason", "typed wrong", "--by", "ann")
    assert (code, done["version"]["version"]) == (0, 2)
    number = str(done["approval"])
    assert main(["approvals", "approve", number, "--by", "ann"]) == 3
    assert main(["approvals", "approve", number, "--by", "bob"]) == 0
    (made,) = ask("pay", "reversals")[1]["reversals"]
    assert (made["entered_by"], made["approved_by"], made["run"]) == ("ann", "bob", 1)
    owed = ask("pay", "recoveries", "--month", "2026-11", "--employee", "E1", "--plan")[1]
    (debt,) = owed["owed"]
    assert debt["left_fen"] == debt["owed_fen"] == -done["difference_fen"]
    taken = [part["taken_fen"] for part in owed["plan"]]
    assert sum(taken) == debt["owed_fen"]
    assert owed["plan"][-1]["left_fen"] == 0
    assert len(taken) > 1
    capfd.readouterr()
    assert main(["pay", "recoveries", "--month", "2026-11"]) == 0
    assert "too much was paid in 2026-10" in capfd.readouterr().out
    assert main(["pay", "recoveries", "--plan"]) == 3
    assert main(["pay", "reversals"]) == 0
    assert "ann and bob: typed wrong" in capfd.readouterr().out


def test_papers_of_a_reversed_slip_are_its_newest_version_or_say_so(plant, ask, capfd):
    agree(plant, terms=replace(SHANGHAI, base_fen=1_100_000))
    _, asked = ask("pay", "reverse", "1", "E1", "--reason", "the wrong wage", "--by", "ann")
    assert ask("pay", "slip", "1", "E1")[1]["version"] == 1
    ask("approvals", "approve", str(asked["approval"]), "--by", "bob")
    _, slip = ask("pay", "slip", "1", "E1")
    assert (slip["version"], slip["net_fen"]) == (2, 842_241 + asked["difference_fen"])
    assert "base" in {one["code"] for one in slip["lines"]}
    anew = [{"person": "E1", "version": 2, "difference_fen": asked["difference_fen"]}]
    assert ask("pay", "journal", "1")[1]["put_anew"] == anew
    book = str(plant.folder / "book.xlsx")
    assert ask("pay", "export", "1", "--xlsx", book)[1]["put_anew"] == anew
    bank = ["--template", "ledger", "--out", str(plant.folder / "ledger.csv")]
    assert ask("pay", "export", "1", *bank)[1]["put_anew"] == anew
    for lang, told in (("zh", "第 2 版,代替已冲销的工资条"), ("en", "Version 2, in place of")):
        assert main(["pay", "slip", "1", "E1", "--lang", lang]) == 0
        assert told in capfd.readouterr().out
    assert main(["pay", "journal", "1"]) == 0
    assert "have a newer version: E1 (version 2)" in capfd.readouterr().out


def test_a_sum_of_a_paid_month_comes_with_the_next_run_or_is_refused(plant, ask, capfd):
    entry = ["50.00", "--month", "2026-10", "--reason", "late", "--by", "ann"]
    assert ask("pay", "entries", "add", "E1", "bonus", *entry)[1]["paid_by_run"] == 1
    assert main(["pay", "entries", "add", "E1", "bonus", *entry]) == 0
    assert "it comes with the next run" in capfd.readouterr().out
    assert main(["pay", "entries", "add", "E1", "advance", *entry]) == 3
    assert "enter it for the month in which" in capfd.readouterr().err


def test_a_whole_run_is_reversed_unless_its_slips_were_singly(plant, ask):
    whole = ("pay", "reverse", "1", "--reason", "the wrong scheme", "--by", "ann")
    number = str(ask(*whole)[1]["approval"])
    agree(plant, terms=replace(SHANGHAI, base_fen=1_100_000))
    single = str(ask("pay", "reverse", "1", "E1", "--reason", "x", "--by", "ann")[1]["approval"])
    assert main(["approvals", "approve", single, "--by", "bob"]) == 0
    assert main(["approvals", "approve", number, "--by", "bob"]) == 3


@pytest.mark.usefixtures("plant")
def test_a_reversed_run_leaves_its_month_free(ask):
    number = str(
        ask("pay", "reverse", "1", "--reason", "the wrong scheme", "--by", "ann")[1]["approval"]
    )
    assert main(["approvals", "approve", number, "--by", "bob"]) == 0
    assert main(["pay", "reverse", "1", "--reason", "again"]) == 3
    assert main(["pay", "reverse", "1", "E1", "--reason", "again"]) == 3


@pytest.mark.usefixtures("plant")
def test_an_order_is_entered_by_one_and_approved_by_another(ask, capfd):
    given = (
        "pay", "orders", "add", "E1", "--kind", "maintenance", "--court", "浦东法院", "--reference",
        "(2026) 1", "--received", "2026-10-05", "--from", "2026-11", "--percent", "25.5",
        "--by", "ann",
    )  # fmt: skip
    number = str(ask(*given)[1]["approval"])
    assert ask("pay", "orders", "list")[1]["orders"] == []
    assert main(["approvals", "approve", number, "--by", "bob"]) == 0
    (order,) = ask("pay", "orders", "list")[1]["orders"]
    assert order["order"]["net_percent"] == 2_550
    assert main(list(given)) == 3
    capfd.readouterr()
    ended = ("pay", "orders", "end", "1", "--last-month", "2026-12", "--reason", "of age")
    number = str(ask(*ended, "--by", "bob")[1]["approval"])
    assert main(["approvals", "approve", number, "--by", "ann"]) == 0
    capfd.readouterr()
    assert main(["pay", "orders", "list"]) == 0
    assert "25.5 % of the net pay" in (told := capfd.readouterr().out)
    assert "ended after 2026-12: of age" in told


@pytest.mark.parametrize(
    "wrong",
    [
        ("--kind", "love"),
        ("--percent", "0.001"),
        ("--percent", "much"),
        ("--total", "1,000"),
        ("--received", "yesterday"),
        ("--from", "soon"),
    ],
)
@pytest.mark.usefixtures("plant")
def test_an_order_that_cannot_be_read_is_refused(wrong):
    given = {
        "--kind": "debt", "--court": "c", "--reference": "r", "--received": "2026-10-05",
        "--from": "2026-11", "--total": "100",
    }  # fmt: skip
    given |= dict([wrong])
    options = [text for pair in given.items() for text in pair]
    assert main(["pay", "orders", "add", "E1", *options]) == 3
