"""What a newcomer meets in the first month: lost ids, a wrong ending, the run that paid, empty lists."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from hr_core.cli import main
from hr_core.cli.explain_output import _fact
from hr_core.cli.pay_diff_output import _reason_texts
from hr_core.pay.diff.model import Cause, Change, Reason

EXAMPLE = Path(__file__).parents[3] / "examples/pay-first-month"


@pytest.fixture
def month(tmp_path, monkeypatch, capfd):
    folder = tmp_path / "month"
    shutil.copytree(EXAMPLE, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CLOCKLINE_DB", raising=False)
    for command in (
        "init",
        "import people.toml",
        "import 1_attlog.dat --device CQZ7 --whole-log",
        "pay agreements import agreements.toml --by wu",
        "approvals approve 1 --by zhao",
    ):
        assert main(command.split()) == 0
    capfd.readouterr()
    return folder


def test_a_file_that_names_a_person_without_its_ids_says_what_it_takes_away(month, capfd):
    file = month / "units.toml"
    text = (month / "people.toml").read_text()
    file.write_text(text.replace('devices = [{ serial = "CQZ7", user_id = "8" }]\n', ""))
    assert main(["import", str(file)]) == 3
    refused = capfd.readouterr().err
    assert "user id 8 on CQZ7 of 1008" in refused
    assert "--drop-ids" in refused
    assert main(["import", str(file), "--drop-ids"]) == 0
    told = capfd.readouterr().out
    assert "taken away: user id 8 on CQZ7 of 1008" in told
    assert told.count("taken away") == 1
    assert main(["import", "people.toml"]) == 0
    assert "taken away" not in capfd.readouterr().out


def test_what_would_differ_is_asked_of_the_run_that_paid(month, capfd):
    assert main(["pay", "run", "--month", "2026-10", "--scheme", "demo", "--scheme", "cn"]) == 1
    assert main(["pay", "submit", "1", "--by", "wu"]) == 0
    assert main(["pay", "approve", "1", "--by", "zhao"]) == 0
    capfd.readouterr()
    assert main(["pay", "would-differ", "2026-10"]) == 0  # the site's own scheme is cn
    assert capfd.readouterr().out.startswith("run 1 of 2026-10: 0 lines")
    assert main(["pay", "would-differ", "2026-10", "--scheme", "cn"]) == 3
    assert "paid by run 1 of scheme demo" in capfd.readouterr().err


def test_a_template_is_not_written_under_another_kinds_ending(month, capfd):
    assert main(["pay", "run", "--month", "2026-10"]) == 1
    assert main(["pay", "export", "1", "--template", "tax", "--out", "tax.csv", "--trial"]) == 3
    assert "name it tax.xlsx" in capfd.readouterr().err
    assert not (month / "tax.csv").exists()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("pay pieces show --month 2026-10", "by_piece = true"),
        ("performance progress", "no agreed goals on"),
        ("performance goals tree", "performance goals import"),
        ("performance goals waiting", "no goals wait"),
    ],
)
def test_an_empty_list_says_so(month, capfd, command, told):
    assert main(command.split()) == 0
    assert told in capfd.readouterr().out


def test_a_month_of_counters_is_one_sentence_and_every_change_is_listed():
    def reasons(change, count):
        return tuple(
            Reason(cause=Cause.SCHEME, kind="work", subject=str(at), change=change)
            for at in range(count)
        )

    assert _reason_texts(_line(reasons(Change.GONE, 38)))[1:] == [
        "  and 37 more of work gone (--json has all)"
    ]
    assert len(_reason_texts(_line(reasons(Change.GONE, 5)))) == 5
    assert len(_reason_texts(_line(reasons(Change.CHANGED, 38)))) == 38


def _line(reasons):
    return SimpleNamespace(reasons=reasons)


def test_a_trace_inside_a_fact_is_left_to_json():
    assert _fact('{"rule":"base"}') == "(a trace: --json shows it)"
    assert _fact("attendance") == "attendance"
