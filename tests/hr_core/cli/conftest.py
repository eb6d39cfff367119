"""A small plant in a real database: two people, a night shift, a line with a hand-over."""

from datetime import UTC, datetime, timedelta

import pytest

from hr_core.cli import main
from hr_core.store.database import open_database
from protocols.identity import event_id
from protocols.records import Count, Flag, Punch
from protocols.uplink import Observation
from tests.hr_core.ingest.batch_samples import batch_of
from tests.hr_core.signed_batches import deliver

PEOPLE = """
[site]
zone = "Asia/Shanghai"
[scheme]
code = "demo"
[[shift]]
code = "D"
name = "Day"
start = "08:00"
end = "17:00"
break_min = 60
[[shift]]
code = "N"
name = "Night"
start = "18:00"
end = "06:00"
break_min = 60
[[line]]
code = "L1"
name = "Line 1"
[[station]]
source = "box-1"
tag = "good"
line = "L1"
[[station]]
source = "box-1"
tag = "bad"
line = "L1"
[[person]]
number = "E001"
name = "张伟"
shift = "D"
base = "8700.00"
device_user = "1007"
[[person]]
number = "E002"
name = "Li Na"
shift = "N"
base = "6100.00"
device_user = "1008"
"""

RECEIVED = datetime(2026, 10, 30, 12, tzinfo=UTC)


def punch(user_id, text, **more):
    return Punch(
        serial="CQ1", user_id=user_id, device_time=datetime.fromisoformat(text), state=255,
        verify=15, raw=f"{user_id} {text}".encode(), **more,
    )  # fmt: skip


def counts(tag, metric, values, badge, start):
    return [
        Count(
            source="box-1", tag=tag, metric=metric, value=value, boot_id="b", seq=start + index,
            source_time=datetime(2026, 10, 12, 1, tzinfo=UTC) + timedelta(minutes=start + index),
            badge=badge, raw=bytes([value % 256]),
        )
        for index, value in enumerate(values)
    ]  # fmt: skip


def records():
    found = []
    for day in range(8, 31):  # the 8th to the 30th: every workday after the October holiday
        if day not in {11, 17, 18, 24, 25}:
            out = "19:05" if day == 12 else "17:02"
            found += [punch("1007", f"2026-10-{day:02d}T07:55:00")]
            found += [punch("1007", f"2026-10-{day:02d}T{out}:00")]
            found += [punch("1008", f"2026-10-{day:02d}T17:50:00")]
            found += [punch("1008", f"2026-10-{day + 1:02d}T06:04:00")]
    found += counts("good", "pieces", (1000, 1400, 2000), "E001", 0)
    found += counts("good", "pieces", (2004, 2100), "E002", 3)
    found += counts("bad", "rejects", (5, 10, 20), "E001", 0)
    return found


def store(path, found):
    batch = batch_of(
        *(
            Observation(
                event_id=event_id(one).hex(), record=one, received_at=RECEIVED, zone="Asia/Shanghai"
            )
            for one in found
        ),
        gateway="gw-1",
    )
    engine = open_database(f"sqlite:///{path}")
    try:
        answer = deliver(engine, batch, at=RECEIVED)
    finally:
        engine.dispose()
    assert {verdict.verdict for verdict in answer.verdicts} == {"accepted"}


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An initialised database, chosen by CLOCKLINE_DB."""
    path = tmp_path / "core.db"
    monkeypatch.setenv("CLOCKLINE_DB", str(path))
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    return path


@pytest.fixture
def plant(empty, tmp_path):
    (tmp_path / "people.toml").write_text(PEOPLE, encoding="utf-8")
    assert main(["import", "people.toml"]) == 0
    store(empty, records())
    return empty


@pytest.fixture
def edges(plant):
    """What lies just outside October, and a reading that the line itself calls bad."""

    def reading(value, seq, at, quality="good"):
        return Count(
            source="box-1", tag="good", metric="pieces", value=value, boot_id="b", seq=seq,
            source_time=at, badge="E001", quality=quality,
        )  # fmt: skip

    before = datetime(2026, 9, 29, tzinfo=UTC)
    store(
        plant,
        [
            punch("9999", "2026-09-30T08:00:00"),
            punch("9999", "2026-11-01T08:00:00"),
            reading(900, -2, before),
            reading(5000, -1, before + timedelta(days=5), "bad"),
        ],
    )
    return plant


@pytest.fixture
def odd_plant(plant):
    """The plant with an unknown user, a lost clock and a punch in no window."""
    lost = punch("1007", "2000-01-01T00:01:00", flags=(Flag.CLOCK_SUSPECT,))
    store(plant, [punch("9999", "2026-10-12T08:00:00"), lost, punch("1007", "2026-10-13T02:00:00")])
    return plant
