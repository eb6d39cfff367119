"""`hr-core quality` and `hr-core line` on a real database: alerts from stored readings to closing."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from hr_core.cli import main
from hr_core.quality import alert_desk
from hr_core.quality.alert_desk import acknowledge_alert
from hr_core.store.alerts import save_alerts, stored_alert
from hr_core.store.database import open_database, writing
from protocols.records import Count, Direction
from tests.hr_core.cli.conftest import punch, store

DAY = ["--day", "2026-10-13"]
OCTOBER = ["--month", "2026-10"]
START = datetime(2026, 10, 13, 1, tzinfo=UTC)  # 09:00 in the plant, an hour into the day shift
E1 = "person/E001/2026-10-13/D/1"


@pytest.fixture
def ask(capfd):
    def run(*arguments):
        capfd.readouterr()
        code = main([*arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


def made(*steps, badge="E001", begin=(2100, 20), seq=100, at=START):
    """Readings of box-1: each step (pieces, rejects) a minute later than the last."""
    good, bad = begin
    found = []
    for minute, (pieces, rejects) in enumerate([(0, 0), *steps]):
        good, bad = good + pieces, bad + rejects
        for tag, metric, value in (("good", "pieces", good), ("bad", "rejects", bad)):
            found.append(
                Count(
                    source="box-1", tag=tag, metric=metric, value=value, boot_id="b",
                    seq=seq + minute, source_time=at + timedelta(minutes=minute), badge=badge,
                    raw=b"x",
                )
            )  # fmt: skip
    return found


@pytest.fixture
def bad_day(plant):
    """E001: 12 of 200 rejects, which proves more than 3 % and not more than 5 %."""
    store(plant, made((100, 3), (60, 6), (40, 3)))
    return plant


def test_a_quiet_day_has_no_alert(plant, ask):
    code, found = ask("quality", "alerts", "--day", "2026-10-12")
    assert (code, found["alerts"], found["standing"]) == (0, [], [])
    assert (found["policy"], found["rule_version"]) == ("wilson", "alerts/2025-01")


def test_an_alert_from_stored_readings_to_its_cause(bad_day, ask):
    code, found = ask("quality", "alerts", *DAY)
    (alert,) = found["alerts"]
    assert code == 1
    assert (alert["alert"], alert["status"], alert["role"]) == (E1, "open", "manager")
    assert (alert["pieces"], alert["rejects"], alert["limit_percent"]) == (200, 12, "3")
    assert alert["raised_at"] == "2026-10-13T01:04:00Z"
    assert alert["cleared_at"] == "2026-10-13T13:00:00Z"  # 17:00 and four hours: the shift's window
    assert [step["role"] for step in alert["escalations"]] == [
        "production_manager",
        "plant_manager",
    ]
    line = next(one for one in found["standing"] if one["kind"] == "line")
    assert (line["status"], line["percent"]) == ("watch", "6.00 %")  # over 5 %, and no proof

    code, taken = ask("quality", "alerts", "ack", E1, "--by", "ann")
    assert (code, taken["status"], taken["acknowledged_by"]) == (0, "acknowledged", "ann")
    code, found = ask("quality", "alerts", *DAY)
    assert (code, found["alerts"][0]["status"]) == (0, "acknowledged")

    assert main(["quality", "alerts", "close", E1, "--cause", "weather", "--note", "rain"]) == 2
    assert main(["quality", "alerts", "close", E1, "--cause", "tool", "--note", " "]) == 2
    code, done = ask(
        "quality", "alerts", "close", E1, "--cause", "tool", "--note", "die changed", "--by", "bo"
    )
    assert (code, done["status"], done["cause"], done["note"]) == (
        0,
        "closed",
        "tool",
        "die changed",
    )
    assert done["seconds_to_close"] > 0
    assert ask("quality", "alerts", "--open")[1]["alerts"] == []
    assert ask("quality", "alerts", *DAY)[1]["alerts"][0] == done


def test_who_acknowledges_while_it_computes_is_not_overwritten(bad_day, ask, monkeypatch):
    ask("quality", "alerts", *DAY)
    engine = open_database(f"sqlite:///{bad_day}")
    compute, looks = alert_desk.alerts_of_day, []

    def computed_while_somebody_acts(conn, roster, day, now):
        # As an older look left it, so that this one has an escalation to write.
        found = compute(conn, roster, day, now)
        if not looks:
            with writing(engine) as other:
                acknowledge_alert(other, E1, int(now.timestamp()), "ann")
        looks.append(found)
        return found

    with writing(engine) as conn:
        alert = stored_alert(conn, E1)
        save_alerts(conn, [replace(alert, escalations=())])
    monkeypatch.setattr(alert_desk, "alerts_of_day", computed_while_somebody_acts)
    code, shown = ask("quality", "alerts", *DAY)
    assert (code, shown["alerts"][0]["acknowledged_by"], len(looks)) == (0, "ann", 2)
    assert looks[0].alerts[0].escalations  # what was computed first, and would have been stored
    with engine.connect() as conn:
        stored = stored_alert(conn, E1)
    assert (stored.acknowledged_by, stored.escalations) == ("ann", ())
    engine.dispose()


def test_computing_again_changes_nothing(bad_day, ask):
    assert ask("quality", "alerts", *DAY) == ask("quality", "alerts", *DAY)


def test_late_data_add_a_note_and_never_unsend(bad_day, ask):
    first = ask("quality", "alerts", *DAY)[1]["alerts"][0]
    # A box that was offline: 5,000 good pieces of the same morning, from a counter of its own.
    late = [
        Count(
            source="box-1", tag="good", metric="pieces", value=value, boot_id="a", seq=seq,
            source_time=START - timedelta(minutes=30 - seq), badge="E001", raw=b"y",
        )
        for seq, value in enumerate((2100, 2100))
    ]  # fmt: skip
    store(bad_day, [*late, *made((500, 0), seq=50, at=START - timedelta(minutes=20))])
    again = ask("quality", "alerts", *DAY)[1]["alerts"][0]
    assert (again["pieces"], again["rejects"]) == (first["pieces"], first["rejects"])
    assert [note for note in again["notes"] if note.startswith("restated: 12/200")]


def test_an_alert_of_the_line_lists_those_it_keeps_back(plant, ask):
    store(plant, made((200, 30)))
    found = {one["kind"]: one for one in ask("quality", "alerts", *DAY)[1]["alerts"]}
    assert found["line"]["hides"] == [found["person"]["alert"]]
    assert found["person"]["hidden_by"] == found["line"]["alert"]
    assert found["person"]["escalations"] == []
    assert found["line"]["role"] == "production_manager"


def test_doubtful_counters_alert_nobody_and_say_so(plant, ask):
    rows = made((100, 0), (100, 40))
    rows[-2] = Count(
        source="box-1", tag="good", metric="pieces", value=3, boot_id="b2", seq=102,
        source_time=START + timedelta(minutes=2), badge="E001", raw=b"z",
    )  # fmt: skip
    store(plant, rows)
    code, found = ask("quality", "alerts", *DAY)
    assert (code, found["alerts"]) == (1, [])
    assert {one["suspect"] for one in found["standing"]} == {"gap"}


def test_explain_walks_a_rate_down_to_its_readings(bad_day, ask):
    code, found = ask("quality", "explain", "E001", *OCTOBER)
    assert (code, found["rate"]["pieces"], found["rate"]["rejects"]) == (0, 1200, 27)
    assert found["rate"]["evidence"] == {"login": 1200}
    assert sum(one["amount"] for one in found["work"] if one["metric"] == "pieces") == 1200
    assert [one["grade"] for one in found["comparisons"] if one["holds"]] == ["B"]
    first = found["work"][0]["first_event"]
    assert ask("trace", first)[1]["event_id"] == first
    line = ask("quality", "explain", "L1", *OCTOBER)[1]
    rates = ask("quality", "rates", *OCTOBER)[1]
    assert line["rate"]["pieces"] == rates["total"]["pieces"]
    lost = ask("quality", "explain", "unattributed", *OCTOBER)[1]
    assert (lost["rate"], sum(one["amount"] for one in lost["work"])) == (
        None, rates["unattributed"]["pieces"],
    )  # fmt: skip
    assert main(["quality", "explain", "E999", *OCTOBER]) == 3


LINE_FILE = """
[[station]]
code = "ST-1"
readers = ["ST1"]
counters = [{source = "box-1", tag = "good"}, {source = "box-1", tag = "bad"}]
[[owner]]
role = "manager"
owner = "E002"
line = "L1"
[[roster]]
station = "ST-1"
person = "E002"
since = 2026-10-14T08:00:00
until = 2026-10-14T17:00:00
"""


def enter(tmp_path, text=LINE_FILE):
    (tmp_path / "line.toml").write_text(text, encoding="utf-8")
    return main(["line", "import", str(tmp_path / "line.toml")])


def at_station(user_id, text, direction):
    return punch(user_id, text, direction=direction)


def test_the_owner_comes_from_the_line_file(bad_day, ask, tmp_path):
    assert enter(tmp_path) == 0
    assert ask("quality", "alerts", *DAY)[1]["alerts"][0]["owner"] == "E002"


def test_badges_at_a_station_split_the_counts_exactly_and_a_plan_is_never_payable(
    plant, ask, tmp_path
):
    """E001 until 09:02, then E002, who forgets to sign off; the line itself names nobody."""
    store(plant, made((60, 1), (40, 0), (50, 2), badge=None))
    rostered = datetime(2026, 10, 14, 1, tzinfo=UTC)
    store(plant, made((10, 0), begin=(2250, 23), seq=200, badge=None, at=rostered))
    before = ask("quality", "rates", *OCTOBER)[1]
    assert (before["unattributed"]["pieces"], len(before["people"])) == (4 + 160, 2)

    assert enter(tmp_path) == 0
    reader = [
        at_station("1007", "2026-10-13T08:55:00", Direction.IN),
        at_station("1008", "2026-10-13T09:02:00", Direction.IN),
    ]
    store(plant, [type(one)(**_fields(one) | {"serial": "ST1"}) for one in reader])
    rates = ask("quality", "rates", *OCTOBER)[1]
    people = {one["subject"]: one for one in rates["people"]}
    assert people["E001"]["evidence"] == {"badge": 100, "login": 1000}
    assert people["E002"]["evidence"] == {"badge": 50, "login": 96, "roster": 10}
    assert rates["unattributed"]["pieces"] == 4
    assert rates["total"] == before["total"]
    work = ask("quality", "explain", "E002", *OCTOBER)[1]["work"]
    assert {one["evidence"] for one in work if not one["payable"]} == {"roster"}


def _fields(record):
    return {name: getattr(record, name) for name in record.__struct_fields__}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[station]]\ncode = 1", "Expected `str`"),
        ("[station", "not TOML"),
        (LINE_FILE.replace('tag = "bad"', 'tag = "ugly"'), "no station of the people file"),
        (LINE_FILE.replace('person = "E002"', 'person = "E9"'), "whom nobody imported"),
        (LINE_FILE.replace('line = "L1"', 'line = "L9"'), "line 'L9'"),
        (LINE_FILE.replace("T17:00:00", "T07:00:00"), "ends before it begins"),
        (LINE_FILE.replace("T17:00:00", "T17:00:00+08:00"), "Invalid"),
        (LINE_FILE + '[[station]]\ncode = "ST-1"\ncounters = []', "stands twice"),
    ],
)
def test_a_wrong_line_file_is_refused_whole(plant, ask, tmp_path, capfd, text, words):
    assert enter(tmp_path, text) == 3
    shown = capfd.readouterr().err
    assert words in shown or words == "Invalid"
    assert "line.toml" in shown


def test_a_replaced_box_is_asked_for_and_then_a_new_series(plant, ask):
    new_box = [
        Count(
            source="box-1", tag="good", metric="pieces", value=value, boot_id="new", seq=seq,
            source_time=START + timedelta(minutes=seq), badge="E001", raw=b"n",
        )
        for seq, value in enumerate((40, 55))
    ]  # fmt: skip
    store(plant, new_box)
    code, rates = ask("quality", "rates", *OCTOBER)
    assert (code, [note["flag"] for note in rates["notes"]]) == (1, ["restart"])
    replaced = ["line", "replace", "box-1", "good", "--at", "2026-10-13T08:50:00+08:00"]
    code, entry = ask(*replaced, "--reason", "burnt")
    assert (code, entry["added"]) == (0, True)
    assert ask(*replaced, "--reason", "burnt")[1]["added"] is False
    code, rates = ask("quality", "rates", *OCTOBER)
    assert (code, rates["notes"]) == (0, [])
    assert rates["total"]["pieces"] == 1100 + 15  # 40 of the new box are nobody's delta
    assert next(one for one in rates["lines"])["coverage"] != "1/1"


@pytest.mark.parametrize(
    "arguments",
    [
        ["quality", "alerts", "--day", "13.10.2026"],
        ["quality", "alerts", "ack", "person/X/2026-10-13/D/1"],
        ["line", "replace", "box-1", "good", "--at", "2026-10-13T08:50:00", "--reason", "x"],
        ["line", "replace", "box-1", "good", "--at", "now", "--reason", "x"],
        ["line", "replace", "box-1", "good", "--at", "2026-10-13T08:50:00Z", "--reason", " "],
    ],
)
def test_wrong_use_is_a_usage_error(plant, arguments):
    assert main(arguments) == 3


def test_the_text_forms(bad_day, tmp_path, capfd):
    enter(tmp_path)
    main(["quality", "alerts", *DAY])
    main(["quality", "rates", *OCTOBER])
    main(["quality", "explain", "E001", *OCTOBER])
    shown = capfd.readouterr().out
    assert f"{E1}  OPEN  12/200  6.00 % over 3 %" in shown
    assert "went to production_manager (nobody is named)" in shown
    assert "grade B: 2700 <= 3600: yes" in shown
    assert "1 stations, 1 planned presences, 1 owners of alerts" in shown


# -- corrections and revisions -------------------------------------------------------------------

CORRECT = ["quality", "correct", "E001", "--line", "L1", *OCTOBER, "--rejects", "-3"]
AGREED = ["--reason", "gauge was off", "--by", "ann", "--approver", "bo"]


def test_before_the_pay_run_a_correction_counts_in_its_month_and_the_sums_agree(plant, ask):
    code, entered = ask(*CORRECT, *AGREED)
    assert (code, entered) == (0, {"number": "1", "counts_in": "2026-10", "refers_to": None})
    rates = ask("quality", "rates", *OCTOBER)[1]
    first = rates["people"][0]
    assert (first["rejects"], first["grade"], len(first["corrections"])) == (12, "A", 1)
    assert rates["total"] == {"pieces": 1100, "rejects": 12}
    assert rates["lines"][0]["rejects"] == 12
    run = ask("pay", "run", *OCTOBER)[1]
    shown = ask("pay", "explain", str(run["run"]), "E001")[1]
    (grade,) = [line for line in shown["lines"] if line["line"] == "grade"]
    assert [one["rejects"] for one in grade["corrections"]] == [-3]
    assert {step["name"]: step["result"] for step in grade["steps"]}["rejects"] == 12
    assert grade["replayed_fen"] == grade["amount_fen"]


def test_after_the_pay_run_the_paid_figure_stays_and_the_open_month_takes_it(plant, ask, capfd):
    assert ask("quality", "publish", *OCTOBER)[1]["revisions"] == 4
    assert ask("quality", "publish", *OCTOBER)[1]["revisions"] == 0
    assert ask("pay", "run", *OCTOBER)[0] == 0
    code, locked = ask("quality", "publish", *OCTOBER)
    assert (code, locked["state"], locked["revisions"]) == (0, "locked", 4)

    code, entered = ask(*CORRECT, *AGREED)
    assert (code, entered["refers_to"]) == (0, "2026-10")
    assert entered["counts_in"] > "2026-10"
    assert ask("quality", "rates", *OCTOBER)[1]["total"]["rejects"] == 15
    open_month = ask("quality", "rates", "--month", entered["counts_in"])[1]
    assert open_month["people"][0]["corrections"][0]["concerns"] == "2026-10"
    assert open_month["people"][0]["reason"].startswith("not rated: corrections leave -3")

    store(plant, made((100, 3)))  # a box comes back with readings of the paid month
    code, refused = ask("quality", "publish", *OCTOBER)
    assert (code, refused["refused"]) == (1, ["line:L1", "E001"])
    explained = ask("quality", "explain", "E001", *OCTOBER)[1]
    assert [(one["revision"], one["state"], one["rejects"]) for one in explained["revisions"]] == [
        (1, explained["revisions"][0]["state"], 15), (2, "locked", 15),
    ]  # fmt: skip
    assert explained["rate"]["rejects"] > 15  # both numbers stay visible
    main(["quality", "explain", "E001", *OCTOBER])
    assert "revision 2 (locked): 15/1000" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--approver", "ann"], "approver other than its author"),
        (["--rejects", "0"], "changes nothing"),
        (["--line", "L9"], "no line"),
    ],
)
def test_a_correction_needs_four_eyes_and_real_names(plant, capfd, change, words):
    assert main([*CORRECT, *AGREED, *change]) == 2
    assert words in capfd.readouterr().err


def test_nobody_is_corrected_who_does_not_exist(plant):
    assert main([*CORRECT[:2], "E999", *CORRECT[3:], *AGREED]) == 2
