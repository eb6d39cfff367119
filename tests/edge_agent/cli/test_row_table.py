"""Rows for people: what all share stands once, what a device sends cannot steer the terminal."""

import io
import json
from contextlib import suppress
from datetime import UTC, datetime

from drivers.contract import Delivery
from edge_agent.cli.device_rows import rows_of
from edge_agent.cli.row_table import SHOWN_ROWS, RowTable
from protocols.records import Count, DeviceEvent, Quarantined


def shown(*rows):
    out = io.StringIO()
    with RowTable(out) as table:
        for row in rows:
            table(json.dumps(row))
    return out.getvalue()


def punch(**fields):
    return {"kind": "punch", "serial": "A", "user_id": "1", "flags": [], "raw": "00"} | fields


def test_a_table_for_each_kind_and_the_summary_last():
    text = shown(
        punch(user_id="1007", state=0),
        punch(user_id="1008", state=1),
        {"kind": "quarantined", "offset": 80, "reason": "no date", "raw": "a5a5"},
        {"summary": {"records": 2, "quarantined": 1}},
    )

    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    assert lines[0] == "punch: serial A"
    assert lines[1].split() == ["user_id", "state"]
    assert [line.split() for line in lines[3:5]] == [["1007", "0"], ["1008", "1"]]
    assert lines[5] == "quarantined"
    assert lines[-1] == "2 records, 1 quarantined"
    assert "a5a5" not in text


def test_a_long_log_is_cut_for_people_but_counted_whole():
    text = shown(
        *(punch(user_id=str(n)) for n in range(SHOWN_ROWS + 5)), {"summary": {"records": 9}}
    )

    assert "… and 5 more; --json prints all" in text
    assert text.endswith("9 records\n")


def test_a_device_cannot_steer_the_terminal():
    text = shown(punch(user_id="\x1b[2J[red]x"), punch(user_id="2"), {"summary": {}})

    assert "\x1b" not in text
    assert "\ufffd[2J[red]x" in text


def test_nothing_is_shown_of_a_run_that_failed():
    out = io.StringIO()

    with suppress(ZeroDivisionError), RowTable(out) as table:
        table(json.dumps(punch()))
        raise ZeroDivisionError

    assert out.getvalue() == ""


def test_every_kind_of_record_has_its_row():
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    delivery = Delivery(
        serial="B",
        records=[
            Count(
                source="B",
                tag="t",
                metric="pieces",
                value=5,
                boot_id="1",
                seq=2,
                source_time=moment,
            ),
            DeviceEvent(serial="B", code="power_on", device_time=datetime(2026, 11, 22)),
        ],
        quarantined=[Quarantined(source="B", offset=0, reason="noise", raw=b"\x02")],
    )

    rows = list(rows_of(delivery))

    assert [row["kind"] for row in rows] == ["count", "device_event", "quarantined"]
    assert rows[0]["value"] == 5
    assert rows[0]["source_time"] == "2026-11-22T00:00:00+00:00"
    assert json.dumps(rows)
