"""`line replace`: the order, the event that the running agent makes of it, and what is refused."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent import caretaker
from edge_agent.cli.app import run
from edge_agent.line_orders import LineReplacement, give_order, take_orders, waiting_orders
from edge_agent.spool.store import Spool
from edge_agent.system_clock import SystemClock
from edge_agent.timekeeping import Stamp
from protocols.records import DeviceEvent
from tests.edge_agent.agents import running, site_text

LINES = """
[[device]]
name = "press-box"
kind = "modbus-counter"
host = "127.0.0.1"
port = 1
serial = "BOX-7"
counters = [{unit = 1, tag = "press", pieces = 0}, {unit = 2, tag = "saw", pieces = 0}]
[[device]]
name = "second-box"
kind = "pulse-counter"
port = "/dev/ttyNONE"
tag = "saw"
"""
STAMP = Stamp(received_at=datetime(2026, 11, 22, 3, tzinfo=UTC), monotonic_s=1.0)
ORDER = LineReplacement(
    source="BOX-7",
    tag="press",
    at=datetime(2026, 11, 22, 2, tzinfo=UTC),
    reason="水 got in",
    by="ops",
    zone="Asia/Shanghai",
)


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.toml"
    text = site_text(1).replace('zone = "UTC"', 'zone = "Asia/Shanghai"')
    path.write_text(text + LINES, "utf-8")
    return path


@pytest.fixture
def order(site, capsys):
    def give(*words, code=0):
        assert run(["line", "replace", *words, "-c", str(site)]) == code
        told = capsys.readouterr()
        return told.out + told.err

    return give


@contextlib.contextmanager
def spool_at(folder):
    spool = Spool.open(folder / "spool.db", clock=SystemClock(), boot_id="b")
    try:
        yield spool
    finally:
        spool.close()


async def stored(spool):
    return [one.record for one in await spool.peek("core")]


async def test_an_order_becomes_one_event_however_often_it_is_taken(tmp_path):
    with spool_at(tmp_path) as spool:
        give_order(tmp_path, ORDER)
        give_order(tmp_path, ORDER)
        assert await take_orders(tmp_path, spool, STAMP) == 1
        give_order(tmp_path, ORDER)  # as after a crash between the commit and the removal
        assert await take_orders(tmp_path, spool, STAMP) == 1
        assert await take_orders(tmp_path, spool, STAMP) == 0
        (event,) = await stored(spool)
    assert (event.serial, event.code) == ("BOX-7", "line_replaced")
    assert event.device_time == datetime(2026, 11, 22, 10)
    assert event.detail == {
        "tag": "press",
        "at": "2026-11-22T10:00:00+08:00",
        "reason": "水 got in",
        "by": "ops",
    }


async def test_a_file_that_is_no_order_is_set_aside_and_stops_no_other(tmp_path):
    give_order(tmp_path, ORDER)
    folder = tmp_path / "line-orders"
    for name, content in {"a": b"{}", "b": b"x" * 100_000, "c": b'{"tag": 1'}.items():
        (folder / f"{name}.json").write_bytes(content)
    with spool_at(tmp_path) as spool:
        assert await take_orders(tmp_path, spool, STAMP) == 1
        assert len(await stored(spool)) == 1
    assert sorted(file.name for file in folder.iterdir()) == ["a.bad", "b.bad", "c.bad"]
    assert list(waiting_orders(tmp_path)) == []


async def test_the_running_agent_takes_an_order_up(site, monkeypatch):
    monkeypatch.setattr(caretaker, "LOOK_S", 0.05)
    async with running(site.parent, site.read_text("utf-8")) as agent:
        words = ["line", "replace", "press", "--at", "2026-11-21T10:00", "--reason", "new box"]
        assert await asyncio.to_thread(run, [*words, "-c", str(site)]) == 0

        async def told():
            return [
                record
                for record in await stored(agent.spool)
                if isinstance(record, DeviceEvent) and record.code == "line_replaced"
            ]

        async with asyncio.timeout(20):
            while not (events := await told()):
                await asyncio.sleep(0.05)
    (event,) = events
    assert event.detail["at"] == "2026-11-21T10:00:00+08:00"
    assert event.detail["by"]


def test_the_order_says_what_it_does(order, site):
    told = order("press", "--at", "2026-11-21T10:00+01:00", "--reason", " worn ", "--json")
    row = json.loads(told)
    assert (row["source"], row["tag"], row["reason"]) == ("BOX-7", "press", "worn")
    assert row["at"] == "2026-11-21T17:00:00+08:00"
    assert "BOX-7/press: a new series since" in order("press", "--at", "now", "--reason", "x")
    (first, second) = waiting_orders(site.parent)
    assert first.replacement.at == datetime(2026, 11, 21, 9, tzinfo=UTC)
    assert datetime.now(UTC) - second.replacement.at < timedelta(minutes=1)


def test_a_tag_of_two_boxes_wants_its_source(order):
    words = ("saw", "--at", "now", "--reason", "x")
    assert "BOX-7 and second-box both have a counter saw" in order(*words, code=3)
    assert "second-box/saw" in order(*words, "--source", "second-box")
    assert "BOX-7/saw" in order(*words, "--source", "press-box")
    assert "plant/line1/saw" in order(*words, "--source", "plant/line1")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("pres", "--at", "now", "--reason", "x"), 'did you mean "press"?'),
        (("press", "--at", "now", "--reason", "x", "--source", "second-box"), "has no counter"),
        (("press", "--at", "yesterday", "--reason", "x"), "is no time"),
        (("press", "--at", "2099-01-01T00:00", "--reason", "x"), "still to come"),
        (("press", "--at", "now", "--reason", " "), "reason is empty"),
        (("press", "--at", "now"), "--reason"),
    ],
)
def test_what_cannot_be_ordered(order, site, words, told):
    assert told in order(*words, code=3)
    assert list(waiting_orders(site.parent)) == []
