"""A box that is swapped without a word: told once, with what to enter, until it is entered."""

import json
import shlex
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa
from msgspec import structs

from hr_core.cli import main
from hr_core.notify.alert_watch import AlertWatch
from hr_core.notify.delivery import Deliverer
from hr_core.notify.message import Message
from hr_core.notify.settings import LOG_ONLY
from hr_core.store.alert_outbox import alert_deliveries
from hr_core.store.database import open_database
from protocols.records import Count
from tests.hr_core.cli.conftest import PEOPLE, store
from tests.hr_core.notify.test_alert_outbox import Wire
from tests.hr_core.web.conftest import browse  # noqa: F401 - a fixture

_decode = msgspec.json.Decoder(Message).decode
DAY = ["--day", "2026-10-13"]
START = datetime(2026, 10, 13, 1, tzinfo=UTC)
OWNER = '[[owner]]\nrole = "production_manager"\nowner = "E002"\n'


def reading(minute, value, boot):
    return Count(
        source="box-1", tag="good", metric="pieces", value=value, boot_id=boot, seq=minute,
        source_time=START + timedelta(minutes=minute), badge="E001", raw=b"x",
    )  # fmt: skip


@pytest.fixture
def swapped(empty, tmp_path):
    """At 09:02 a box that has counted 90,000 pieces elsewhere stands under the tag."""
    limited = PEOPLE.replace('tag = "good"', 'tag = "good"\nmax_rate_per_s = 2')
    (tmp_path / "people.toml").write_text(limited, encoding="utf-8")
    (tmp_path / "line.toml").write_text(OWNER, encoding="utf-8")
    assert main(["import", "people.toml"]) == 0
    assert main(["line", "import", "line.toml"]) == 0
    store(empty, [reading(0, 500, "a"), reading(1, 560, "a"), reading(2, 90_000, "b")])
    store(empty, [reading(3, 90_030, "b")])
    return empty


@pytest.fixture
def ask(capfd):
    def run(*arguments):
        capfd.readouterr()
        code = main([*arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


def test_it_is_asked_for_until_it_is_entered(swapped, ask, capfd):
    code, found = ask("quality", "alerts", *DAY)
    (swap,) = found["swaps"]
    assert (code, swap["status"], swap["owner"]) == (1, "open", "E002")
    assert (swap["last_value"], swap["first_value"]) == (560, 90_000)
    assert swap["shift"] == "2026-10-13/D"
    assert ask("trace", swap["first_event"])[1]["value"] == 90_000
    at = "2026-10-13T09:02:00+08:00"
    assert swap["commands"] == [
        f'edge-agent line replace good --source box-1 --at {at} --reason "another box"',
        f'hr-core line replace box-1 good --at {at} --reason "another box"',
    ]
    assert ask("quality", "alerts", "--open") == (1, {**found, "day": None, "standing": []})
    assert ask("quality", "alerts", *DAY)[1]["swaps"] == [swap]  # once, however often one looks
    assert ask("quality", "alerts", "--day", "2026-10-15")[1]["swaps"] == [swap]
    main(["quality", "alerts", *DAY])
    assert swap["commands"][0] in capfd.readouterr().out

    assert main([*shlex.split(swap["commands"][1])[1:], "--by", "li"]) == 0
    code, found = ask("quality", "alerts", *DAY)
    (done,) = found["swaps"]
    assert (done["status"], done["closed_by"], done["closing"]) == ("closed", "li", "another box")
    assert ask("quality", "alerts", "--open") == (0, {**found, "day": None, "alerts": [],
                                                      "standing": [], "swaps": []})  # fmt: skip
    assert ask("quality", "alerts", "--day", "2026-10-15")[1]["swaps"] == []
    rates = ask("quality", "rates", "--month", "2026-10")[1]
    assert rates["total"]["pieces"] == 90  # 60 before, 30 after, never what lies between


def test_an_entry_days_later_closes_it_as_well(swapped, ask):
    ask("quality", "alerts", *DAY)
    command = ["line", "replace", "box-1", "good", "--reason", "new box", "--by", "li"]
    assert main([*command, "--at", "2026-10-13T09:01:30+08:00"]) == 0
    code, found = ask("quality", "alerts", "--day", "2026-10-30")
    assert (code, found["swaps"]) == (0, [])
    assert ask("quality", "alerts", "--open")[1]["swaps"] == []


def test_an_entry_for_another_time_does_not(swapped, ask):
    command = ["line", "replace", "box-1", "good", "--reason", "new box"]
    assert main([*command, "--at", "2026-10-13T09:30:00+08:00"]) == 0
    code, found = ask("quality", "alerts", *DAY)
    assert (code, [one["status"] for one in found["swaps"]]) == (1, ["open"])


def test_what_arrives_late_may_explain_it(swapped, ask):
    ask("quality", "alerts", *DAY)
    late = reading(1, 5, "b")  # the box had begun again at 0, and jumped later
    store(swapped, [structs.replace(late, source_time=START + timedelta(seconds=90))])
    (swap,) = ask("quality", "alerts", *DAY)[1]["swaps"]
    assert (swap["status"], swap["closed_by"]) == ("closed", "")
    assert "later readings explain it" in swap["closing"]


async def test_it_is_told_once_and_stands_on_the_board(swapped, browse):  # noqa: F811
    class Clock:
        at = START + timedelta(minutes=4)

        def now(self):
            return self.at

    engine = open_database(f"sqlite:///{swapped}")
    clock, wire = Clock(), Wire()
    watch, deliverer = (
        AlertWatch(engine, LOG_ONLY, clock),
        Deliverer(engine, {"log": wire}, clock.now),
    )
    for _ in range(3):
        watch.look()
        await deliverer.send_due()
        clock.at += timedelta(minutes=1)
    with engine.connect() as conn:
        (said,) = [_decode(body) for (body,) in conn.execute(sa.select(alert_deliveries.c.body))]
    assert wire.took == [(said.alert, "raised")]
    assert said.command.startswith(
        "edge-agent line replace good --source box-1 --at 2026-10-13T09:02"
    )
    assert said.command in said.text_en
    assert said.command in said.text_zh
    assert said.owner_name == "Li Na"
    async with browse(engine) as client:
        for language, asks in (("en", "Box swapped?"), ("zh", "采集盒更换?")):
            page = (await client.get(f"/{language}/board?shift=D&day=2026-10-13")).text
            assert asks in page
            assert "edge-agent line replace good --source box-1" in page
            wall = (await client.get(f"/{language}/board?shift=D&day=2026-10-13&wall=1")).text
            assert asks in wall
            assert "edge-agent line replace" not in wall
        assert main(["line", "replace", "box-1", "good", "--at", "2026-10-13T09:02:00+08:00",
                     "--reason", "new box"]) == 0  # fmt: skip
        watch.look()
        page = (await client.get("/en/board?shift=D&day=2026-10-13")).text
        assert "Box swapped?" not in page
    engine.dispose()
