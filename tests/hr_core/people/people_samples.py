"""A small plant's people, for the tests of what changes about them."""

from datetime import UTC, datetime

import sqlalchemy as sa

from hr_core.imports import import_people
from hr_core.people.changes import OWNER, Signature
from hr_core.store.database import writing
from hr_core.store.person_records import merged_people
from protocols.identity import event_id
from protocols.records import Punch
from protocols.uplink import Observation
from tests.hr_core.ingest.batch_samples import batch_of
from tests.hr_core.signed_batches import deliver

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SIGN = Signature(at=NOW, by="ann", reason="as the paper says")

FILE = """
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
[[unit]]
code = "S1"
kind = "site"
name = "Plant 1"
[[unit]]
code = "A"
kind = "department"
name = "Assembly"
name_zh = "装配"
parent = "S1"
[[unit]]
code = "A1"
kind = "team"
name = "Team 1"
parent = "A"
[[unit]]
code = "B"
kind = "department"
name = "Bending"
parent = "S1"
[[person]]
number = "1001"
name = "张伟"
shift = "D"
base = "8700.00"
device_user = "1"
badges = ["B-1"]
units = [{ unit = "A1" }]
[[person]]
number = "1002"
name = "Li Na"
shift = "D"
base = "6100.00"
device_user = "2"
units = [{ unit = "A1", until = 2026-10-10 }, { unit = "B", from = 2026-10-10 }]
[[person]]
number = "1003"
name = "Wang"
shift = "D"
base = "6100.00"
devices = [{ serial = "CQ1", user_id = "3" }]
units = [{ unit = "A", role = "manager" }]
"""


def load(engine, tmp_path, text=FILE, name="people.toml", **more):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with writing(engine) as conn:
        return import_people(conn, path, **more)


def send(engine, *punches, received=datetime(2026, 10, 31, tzinfo=UTC)):
    """`punches`: (user id, device time) or (user id, device time, serial)."""
    seen = []
    for user_id, at, *serial in punches:
        one = Punch(
            serial=serial[0] if serial else "CQ1", user_id=user_id,
            device_time=datetime.fromisoformat(at), state=255, verify=15,
        )  # fmt: skip
        seen.append(
            Observation(
                event_id=event_id(one).hex(), record=one, received_at=received, zone="Asia/Shanghai"
            )
        )
    deliver(engine, batch_of(*seen, gateway="gw-1"), at=received)


def state(engine):
    """Everything that a change of people may touch."""
    with engine.connect() as conn:
        return {
            table.name: set(conn.execute(sa.select(table)).all())
            for table in (*OWNER, merged_people)
        }
