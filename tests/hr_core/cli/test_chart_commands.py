"""`quality chart` and `quality yields` over stored readings, against numbers worked out by hand."""

import json
import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from hr_core.cli import main
from protocols.records import Count
from tests.hr_core.cli.conftest import PEOPLE, store

DAY = ["--day", "2026-10-20"]
START = datetime(2026, 10, 19, 23, 59, tzinfo=UTC)  # a minute before 08:00 in the plant
MADE = [(100, 2), (100, 2), (200, 5), (100, 21), (100, 0)]
LINE_FILE = """
[[station]]
code = "CUT"
counters = [{ source = "cut", tag = "good" }, { source = "cut", tag = "bad" }]
line_total = false
[[station]]
code = "PACK"
counters = [{ source = "box-1", tag = "good" }, { source = "box-1", tag = "bad" }]
"""
CUT = "".join(
    f'[[station]]\nsource = "cut"\ntag = "{tag}"\nline = "L1"\n' for tag in ("good", "bad")
)


def hours(made, source="box-1"):
    """A reading before the first hour, and one in the middle of each."""
    good, bad, found = 1000, 10, []
    for hour, (pieces, rejects) in enumerate([(0, 0), *made]):
        good, bad = good + pieces, bad + rejects
        at = START if hour == 0 else START + timedelta(hours=hour - 1, minutes=31)
        for tag, metric, value in (("good", "pieces", good), ("bad", "rejects", bad)):
            found.append(
                Count(
                    source=source, tag=tag, metric=metric, value=value, boot_id="b", seq=hour,
                    source_time=at, badge="E001", raw=b"x",
                )
            )  # fmt: skip
    return found


@pytest.fixture
def ask(capfd):
    def run(*arguments):
        capfd.readouterr()
        code = main([*arguments, "--json"])
        out = capfd.readouterr().out
        return code, json.loads(out) if out else None

    return run


@pytest.fixture
def line(empty, tmp_path):
    (tmp_path / "people.toml").write_text(
        PEOPLE.replace("[[person]]", CUT + "[[person]]", 1), encoding="utf-8"
    )
    assert main(["import", "people.toml"]) == 0
    store(empty, hours(MADE))
    return empty


def test_a_p_chart_of_the_hours_of_a_day(line, ask):
    code, found = ask("quality", "chart", "L1", *DAY)
    assert (code, found["kind"], found["centre"], found["left_out"]) == (1, "p", "1/20", [])
    assert [(one["pieces"], one["rejects"]) for one in found["points"]] == MADE
    assert [one["signal"] for one in found["points"]] == [False, False, False, True, False]
    first = found["points"][0]
    assert (first["since"], first["rate"]) == ("2026-10-20T00:00:00+00:00", "2.00 %")
    assert first["upper"] == pytest.approx(0.05 + 3 * math.sqrt(0.05 * 0.95 / 100))
    assert first["lower"] == 0


def test_the_other_kinds_over_the_same_hours(line, ask):
    u = ask("quality", "chart", "L1", "--kind", "u", *DAY)[1]
    assert u["points"][2]["upper"] == pytest.approx(0.05 + 3 * math.sqrt(0.05 / 200))
    laney = ask("quality", "chart", "L1", "--kind", "laney", *DAY)[1]
    assert float(laney["settings"]["sigma_z"]) > 1
    assert laney["points"][0]["upper"] > u["points"][0]["upper"]
    z = [(bad / n - 0.05) / math.sqrt(0.05 * 0.95 / n) for n, bad in MADE]
    drift = ask("quality", "chart", "L1", "--kind", "cusum", *DAY)[1]
    upper, sums = 0.0, []
    for score in z:
        upper = max(0.0, upper + score - 0.5)
        sums.append(upper)
    assert [one["upper"] for one in drift["points"]] == pytest.approx(sums, abs=1e-6)
    assert [one["signal"] for one in drift["points"]] == [at > 5 for at in sums]
    smoothed = ask("quality", "chart", "L1", "--kind", "ewma", *DAY)[1]
    value = 0.0
    for score, point in zip(z, smoothed["points"], strict=True):
        value = 0.2 * score + 0.8 * value
        assert point["value"] == pytest.approx(value, abs=1e-6)
    assert smoothed["settings"] == {"of": "scores", "weight": "1/5", "sigmas": "3/1"}


def test_a_month_is_cut_into_days(line, ask):
    next_day = START + timedelta(days=1, hours=2)
    store(
        line,
        [
            Count(
                source="box-1", tag="good", metric="pieces", value=1700, boot_id="b", seq=99,
                source_time=next_day, badge="E001", raw=b"y",
            )
        ],
    )  # fmt: skip
    code, found = ask("quality", "chart", "L1", "--month", "2026-10")
    assert [(one["pieces"], one["rejects"]) for one in found["points"]] == [(600, 30), (100, 0)]
    assert [one["since"] for one in found["points"]] == [
        "2026-10-19T16:00:00+00:00", "2026-10-20T16:00:00+00:00",
    ]  # fmt: skip
    assert code == 0


def test_what_cannot_be_drawn_is_said(line, ask, capfd):
    assert main(["quality", "chart", "L1", "--kind", "c", *DAY]) == 2
    assert "--kind u" in capfd.readouterr().err
    assert main(["quality", "chart", "L1", "--day", "2026-10-02"]) == 2
    assert "a chart needs 2" in capfd.readouterr().err
    assert main(["quality", "chart", "L9", *DAY]) == 3
    assert main(["quality", "chart", "L1", "--kind", "pie", *DAY]) == 3
    assert main(["quality", "chart", "L1", *DAY, "--month", "2026-10"]) == 3
    assert main(["quality", "chart", "L1", *DAY]) == 1
    assert "OUT" in capfd.readouterr().out


def test_a_c_chart_counts_in_parts_of_one_size(empty, ask, tmp_path):
    (tmp_path / "people.toml").write_text(PEOPLE, encoding="utf-8")
    assert main(["import", "people.toml"]) == 0
    store(empty, hours([(100, 2), (100, 4)]))
    code, found = ask("quality", "chart", "L1", "--kind", "c", *DAY)
    assert (code, found["centre"], [one["value"] for one in found["points"]]) == (0, "3/1", [2, 4])
    assert found["points"][0]["upper"] == pytest.approx(3 + 3 * math.sqrt(3))


def test_yields_say_what_they_lack(line, ask):
    code, found = ask("quality", "yields", *DAY)
    (one,) = found["lines"]
    assert (code, one["line"]) == (0, "L1")
    assert one["first_pass"] == {"exact": "19/20", "percent": "95.00 %"}
    assert one["rolled"] == {"exact": None, "percent": None}
    assert one["oee"]["inputs"] == {
        "planned_min": None, "run_min": None, "ideal_cycle_s": None, "total": 600, "good": 570,
    }  # fmt: skip
    assert one["oee"]["quality"]["exact"] == "19/20"
    assert [one["oee"][name]["exact"] for name in ("availability", "performance", "oee")] == [
        None
    ] * 3
    for word in ("rolled", "--planned-min", "--run-min", "--ideal-cycle-s", "rework"):
        assert any(word in said for said in one["missing"]), word


def test_yields_of_a_line_whose_stations_and_times_are_known(line, ask, tmp_path, capfd):
    (tmp_path / "line.toml").write_text(LINE_FILE, encoding="utf-8")
    assert main(["line", "import", "line.toml"]) == 0
    store(line, hours([(400, 40), (250, 25)], source="cut"))
    times = ["--line", "L1", "--planned-min", "480", "--run-min", "400", "--ideal-cycle-s", "36.5"]
    found = ask("quality", "yields", *DAY, *times)[1]
    (one,) = found["lines"]
    assert [(row["station"], row["first_pass"]["exact"], row["of_line"]) for row in one["stations"]] == [
        ("CUT", "9/10", False), ("PACK", "19/20", True),
    ]  # fmt: skip
    assert one["rolled"]["exact"] == str(Fraction(9, 10) * Fraction(19, 20))
    oee = one["oee"]
    assert oee["availability"]["exact"] == "5/6"
    assert Fraction(oee["performance"]["exact"]) == 600 * Fraction("36.5") / 24_000
    assert Fraction(oee["oee"]["exact"]) == 570 * Fraction("36.5") / 28_800
    assert len(one["missing"]) == 1  # rework, which no counter tells
    assert main(["quality", "yields", *DAY, *times]) == 0
    assert "OEE 72.24 % = availability 83.33 %" in capfd.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [["--planned-min", "480"], ["--line", "L1", "--ideal-cycle-s", "0"], ["--line", "L9"],
     ["--line", "L1", "--ideal-cycle-s", "1/0"]],
)  # fmt: skip
def test_times_without_their_line_or_sense_are_refused(line, wrong):
    assert main(["quality", "yields", *DAY, *wrong]) == 3


def test_more_rejects_than_pieces_is_no_yield(line, ask):
    store(line, hours([(5, 9)], source="cut"))
    (one,) = ask("quality", "yields", *DAY)[1]["lines"]
    cut = next(row for row in one["stations"] if row["station"] == "cut")
    assert cut["first_pass"]["exact"] is None
