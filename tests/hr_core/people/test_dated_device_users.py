"""An id on a device that is used again: both histories stay, and nobody gets another's punches."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.punches import punches_of_month
from hr_core.clock import Month
from hr_core.errors import InputFileError
from hr_core.imports import import_people
from hr_core.people.model import Days, DeviceUser, Roster, find_person, overlapping
from hr_core.store.database import writing
from hr_core.store.people import load_roster
from hr_core.views import punches_of_day
from protocols.identity import event_id
from protocols.records import Flag, Punch
from protocols.uplink import Observation
from tests.hr_core.ingest.batch_samples import batch_of
from tests.hr_core.signed_batches import deliver

FILE = """
[site]
zone = "Asia/Shanghai"
[[shift]]
code = "D"
name = "Day"
start = "08:00"
end = "17:00"
[[person]]
number = "E001"
name = "张伟"
shift = "D"
base = "1"
devices = [{ user_id = "7", until = 2026-10-15 }]
[[person]]
number = "E002"
name = "Li Na"
shift = "D"
base = "1"
devices = [{ user_id = "7", from = 2026-10-20 }, { serial = "CQ2", user_id = "7" }]
"""


def run_import(engine, tmp_path, text=FILE):
    path = tmp_path / "people.toml"
    path.write_text(text, encoding="utf-8")
    with writing(engine) as conn:
        return import_people(conn, path)


def send(engine, *times, serial="CQ1", received=datetime(2026, 10, 31, tzinfo=UTC), flags=()):
    records = [
        Punch(serial=serial, user_id="7", device_time=datetime.fromisoformat(at), state=0,
              verify=1, flags=flags)
        for at in times
    ]  # fmt: skip
    seen = [
        Observation(
            event_id=event_id(one).hex(), record=one, received_at=received, zone="Asia/Shanghai"
        )
        for one in records
    ]
    deliver(engine, batch_of(*seen, gateway="gw-1"), at=received)


def test_each_punch_is_whose_the_id_was_that_day(engine, tmp_path):
    run_import(engine, tmp_path)
    send(engine, *(f"2026-10-{day}T08:00:00" for day in (14, 15, 19, 20)))
    with engine.connect() as conn:
        month = punches_of_month(conn, load_roster(conn), Month(2026, 10))
        owners = [punches_of_day(conn, date(2026, 10, day))[0].number for day in (14, 15, 19, 20)]
    assert owners == ["E001", None, None, "E002"]
    assert {number: len(found) for number, found in month.by_person.items()} == {
        "E001": 1, "E002": 1,
    }  # fmt: skip
    assert [(one.user_id, one.punches) for one in month.unmapped] == [("7", 2)]  # they wait
    assert month.total == 4


def test_a_lost_clock_names_who_held_the_id_when_the_punch_came(engine, tmp_path):
    run_import(engine, tmp_path)
    send(engine, "2000-01-01T00:01:00", flags=(Flag.CLOCK_SUSPECT,))
    with engine.connect() as conn:
        [lost] = punches_of_month(conn, load_roster(conn), Month(2026, 10)).distrusted
    assert lost.number == "E002"


def test_the_devices_own_entry_wins_only_on_its_days():
    rows = (
        DeviceUser(serial="*", user_id="7", number="A"),
        DeviceUser(serial="CQ1", user_id="7", number="B", valid_until=date(2026, 5, 1)),
    )
    mapping = Roster(
        zone="UTC", scheme="", shifts={}, people={}, device_users=rows
    ).number_by_device_user()
    assert find_person(mapping, "CQ1", "7", date(2026, 4, 30)) == "B"
    assert find_person(mapping, "CQ1", "7", date(2026, 5, 1)) == "A"


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("from = 2026-10-20", "from = 2026-10-14", "person[1].devices", "from 2026-10-14"),
        (", from = 2026-10-20", "", "person[1].devices", "E001 (until 2026-10-15)"),
        (
            'serial = "CQ2", user_id = "7"',
            'user_id = "7", from = 2026-12-01',
            "person[1].devices",
            "both person E002",
        ),
        (
            "until = 2026-10-15",
            "from = 2026-10-15, until = 2026-10-15",
            "person[0].devices[0]",
            "is no day",
        ),
        ("until = 2026-10-15", 'until = "soon"', "person[0].devices[0].until", "valid date"),
    ],
)
def test_overlapping_days_are_refused_with_row_and_reason(engine, tmp_path, old, new, key, words):
    with pytest.raises(InputFileError) as refused:
        run_import(engine, tmp_path, FILE.replace(old, new))
    assert refused.value.key == key
    assert words in str(refused.value)


def test_a_stored_mapping_is_not_overlapped_by_a_later_file(engine, tmp_path):
    run_import(engine, tmp_path)
    later = FILE.replace("E001", "E003").replace("E002", "E004")
    with pytest.raises(InputFileError, match=r"person\[\d\].devices: user id '7'"):
        run_import(engine, tmp_path, later)


def test_a_badge_of_a_common_id_is_whoever_held_it_on_those_days(engine, tmp_path):
    run_import(engine, tmp_path)
    with engine.connect() as conn:
        roster = load_roster(conn)
    assert roster.number_by_badge(Days(date(2026, 10, 1), date(2026, 10, 10)))["7"] == "E001"
    assert roster.number_by_badge(Days(date(2026, 10, 21), date(2026, 10, 22)))["7"] == "E002"
    assert "7" not in roster.number_by_badge(Days(date(2026, 10, 1), date(2026, 11, 1)))


bounds = st.none() | st.integers(1, 12).map(lambda day: date(2026, 1, day))
spans = st.builds(Days, bounds, bounds).filter(
    lambda days: days.first is None or days.until is None or days.first < days.until
)
ALL_DAYS = [date(2025, 12, 1), *(date(2026, 1, day) for day in range(1, 14)), date(2027, 1, 1)]


@given(st.lists(spans, max_size=5))
def test_overlapping_says_what_looking_at_each_day_says(found):
    rows = [
        DeviceUser(serial="*", user_id="7", number=str(at), valid_from=one.first,
                   valid_until=one.until)
        for at, one in enumerate(found)
    ]  # fmt: skip
    twice = any(sum(one.covers(day) for one in found) > 1 for day in ALL_DAYS)
    assert (overlapping(rows) is not None) == twice
