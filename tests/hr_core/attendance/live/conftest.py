"""A core with people whose days are computed, and ways to let things happen to it."""

from datetime import UTC, date, datetime
from time import monotonic

import pytest
from msgspec.structs import replace

from hr_core import request_desk
from hr_core.attendance.live.recomputing import Recomputer
from hr_core.attendance.plan.request import Relation
from hr_core.imports import import_people
from hr_core.request_desk import Asking, Deciding
from hr_core.store import all_tables
from hr_core.store.attendance_days import days_of_person
from hr_core.store.database import initialise, open_database, writing
from hr_core.store.work_plan import locks_of
from protocols.identity import event_id
from protocols.records import Punch
from protocols.uplink import Observation, Watermark
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
[[person]]
number = "E1"
name = "Zhang"
shift = "D"
base = "5000.00"
device_user = "1"
[[person]]
number = "E2"
name = "Li"
shift = "N"
base = "5000.00"
device_user = "2"
"""
NOW = datetime(2026, 10, 31, 4, tzinfo=UTC)


class Plant:
    """A core at a moment, with one gateway."""

    def __init__(self, folder, now=NOW, people=PEOPLE):
        assert all_tables
        self.folder = folder
        self.now = now
        self.engine = open_database(f"sqlite:///{folder}/core.db")
        initialise(self.engine)
        self.import_people(people)
        self.recomputer = self.new_recomputer()

    def new_recomputer(self, engines=None):
        return Recomputer(self.engine, now=lambda: self.now, monotonic=monotonic, engines=engines)

    def import_people(self, text, *, drop_ids=False):
        file = self.folder / "people.toml"
        file.write_text(text)
        with writing(self.engine) as conn:
            import_people(conn, file, drop_ids=drop_ids)

    def press(self, *texts, serial="ZK1", until=None, watermarks=None):
        """Each text: user id and time, "1 2026-10-12T08:00"; `until` completes the device."""
        if until is not None:
            watermarks = [mark(serial, until)]
        found = batch_of(
            *(
                Observation(
                    event_id=event_id(one).hex(), record=one, received_at=self.now,
                    zone="Asia/Shanghai",
                )
                for one in (punch(text, serial) for text in texts)
            ),
            gateway="gw-1",
        )  # fmt: skip
        batch = replace(found, watermarks=tuple(watermarks or ()))
        deliver(self.engine, batch, at=self.now)

    def approve(self, body, person="E1"):
        """Asked for by one, approved by another."""
        asking = Asking(
            person=person, body=body, by="Wu", relation=Relation.HR, reason="seen", evidence="form"
        )
        with writing(self.engine) as conn:
            asked = request_desk.ask(conn, asking, self.now, locks_of(conn))
            return request_desk.approve(conn, asked.id, Deciding("Zhao", self.now), locks_of(conn))

    def catch_up(self):
        return self.recomputer.catch_up()

    def day(self, person, on):
        return self.days(person).get(date.fromisoformat(f"2026-10-{on:02d}"))

    def days(self, person):
        with self.engine.connect() as conn:
            return days_of_person(conn, person, date(2026, 1, 1), date(2027, 1, 1))


def punch(text, serial="ZK1"):
    user_id, _, time = text.partition(" ")
    return Punch(
        serial=serial, user_id=user_id, device_time=datetime.fromisoformat(time), state=255,
        verify=15, raw=text.encode(),
    )  # fmt: skip


def mark(serial, until):
    until = None if until is None else datetime.fromisoformat(until).replace(tzinfo=UTC)
    return Watermark(serial=serial, complete_until=until, on_device=9, fetched=9, stored=9)


@pytest.fixture
def plant(tmp_path):
    plant = Plant(tmp_path)
    yield plant
    plant.engine.dispose()
