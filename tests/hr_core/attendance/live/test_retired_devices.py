"""A device that is gone holds nobody's day for ever: by a person's word, kept and taken back."""

from datetime import date, datetime

import pytest

from hr_core.audit.log import entries, verify
from hr_core.cli import main
from hr_core.device_retirement import Ruling, retire_device, return_device
from hr_core.errors import CoreError, NotFoundError
from hr_core.store.database import writing
from hr_core.store.retired_devices import retired
from protocols.records import DeviceEvent
from tests.hr_core.attendance.live.conftest import Plant, mark
from tests.hr_core.ingest.batch_samples import batch_of, observe
from tests.hr_core.signed_batches import deliver

READ = "2026-10-31T03:00"


@pytest.fixture
def plant(tmp_path):
    """October 31, noon: ZK1 is read, ZK2 was last read on the 20th at 20:00 in Shanghai."""
    plant = Plant(tmp_path)
    plant.press("1 2026-10-15T07:55", watermarks=[mark("ZK1", READ)])
    plant.press("9 2026-10-15T07:55", serial="ZK2", watermarks=[mark("ZK2", "2026-10-20T12:00")])
    plant.catch_up()
    yield plant
    plant.engine.dispose()


def ruling(plant, by="Wu"):
    return Ruling(by=by, at=plant.now, reason="taken off the wall")


def retire(plant, on, serial="ZK2"):
    with writing(plant.engine) as conn:
        retire_device(conn, serial, date(2026, 10, on), ruling(plant))
    plant.catch_up()


def statuses(plant, *days):
    return [plant.day("E1", day).result.status for day in days]


def test_a_retired_device_holds_nobody_up_from_its_date_and_anew_when_it_is_taken_back(plant):
    assert statuses(plant, 16, 20, 21, 28) == ["absent", "waiting", "waiting", "waiting"]
    retire(plant, 22)
    assert statuses(plant, 16, 20, 21, 28) == ["absent", "waiting", "waiting", "absent"]
    assert [one.device for one in plant.day("E1", 21).result.waiting_for] == ["ZK2"]
    retire(plant, 21)
    assert statuses(plant, 20, 21, 28) == ["waiting", "absent", "absent"]
    with writing(plant.engine) as conn:
        return_device(conn, "ZK2", ruling(plant, "Zhao"))
    plant.catch_up()
    assert statuses(plant, 16, 20, 21, 28) == ["absent", "waiting", "waiting", "waiting"]
    with plant.engine.connect() as conn:
        told = [(one.action, one.subject, one.actor) for one in entries(conn)][-3:]
        assert verify(conn).faults == ()
    assert told == [
        ("device.retire", "device ZK2", "Wu"),
        ("device.retire", "device ZK2", "Wu"),
        ("device.return", "device ZK2", "Zhao"),
    ]


def test_a_night_that_ends_after_the_device_was_taken_away_needs_it_until_then(plant):
    """E2's night of the 22nd closes on the 23rd: what the device told until midnight is all there is."""
    retire(plant, 23)
    assert plant.day("E2", 22).result.status == "waiting"
    plant.press(watermarks=[mark("ZK2", "2026-10-22T16:00")])
    plant.catch_up()
    assert plant.day("E2", 22).result.status == "absent"


def test_only_a_known_device_is_retired_and_never_without_a_reason(plant):
    with writing(plant.engine) as conn:
        with pytest.raises(NotFoundError, match="no gateway ever told"):
            retire_device(conn, "ZK9", date(2026, 10, 20), ruling(plant))
        why = Ruling(by="Wu", at=plant.now, reason=" ")
        with pytest.raises(CoreError, match="without a reason"):
            retire_device(conn, "ZK2", date(2026, 10, 20), why)
        with pytest.raises(CoreError, match="is not retired"):
            return_device(conn, "ZK2", ruling(plant))
        assert retired(conn) == {}


def replaced(plant, number, old, new, on=21, **changes):
    detail = {"name": "gate", "old": old, "new": new, "ordered_by": "li"} | changes
    event = DeviceEvent(
        serial=new, code="device_replaced", device_time=datetime(2026, 10, on, 9), detail=detail
    )
    deliver(plant.engine, batch_of(observe(event), number=number), at=plant.now)
    plant.catch_up()


def test_a_unit_that_was_replaced_is_retired_from_then_and_back_when_it_is_put_back(tmp_path):
    plant = Plant(tmp_path)
    try:
        plant.press("1 2026-10-15T07:55", watermarks=[mark("ZK1", READ), mark("ZK2", None)])
        plant.catch_up()
        assert statuses(plant, 28) == ["waiting"]
        replaced(plant, 2, "ZK2", "ZK3")
        with plant.engine.connect() as conn:
            assert retired(conn) == {"ZK2": date(2026, 10, 21)}
            row = list(entries(conn))[-1]
        assert (row.actor, row.action) == ("li", "device.retire")
        assert row.reason.startswith("ZK3 took its place, event ")
        assert statuses(plant, 20, 28) == ["waiting", "absent"]
        replaced(plant, 3, "ZK3", "ZK2", on=25)
        with plant.engine.connect() as conn:
            assert retired(conn) == {"ZK3": date(2026, 10, 25)}
        assert statuses(plant, 28) == ["waiting"]
    finally:
        plant.engine.dispose()


def test_a_replacement_without_its_facts_is_stored_and_told(plant, caplog):
    replaced(plant, 1, "ZK2", "")
    with plant.engine.connect() as conn:
        assert retired(conn) == {}
    assert "hr-core devices retire" in caplog.text


def test_the_commands(plant, capsys):
    db = ["--db", str(plant.folder / "core.db")]
    words = ["--from", "2026-10-21", "--reason", "broken", "--by", "Wu"]
    assert main([*db, "devices", "retire", "ZK2", *words]) == 0
    assert "retired from 2026-10-21" in capsys.readouterr().out
    assert main([*db, "devices"]) == 0
    assert "ZK2  retired from 2026-10-21" in capsys.readouterr().out
    assert main(["devices", "return", "ZK2", "--reason", "found", *db]) == 0
    assert main(["devices", "return", "ZK2", "--reason", "found", *db]) == 2
    assert main(["devices", *db, "--json"]) == 0
    assert '"retired": {}' in capsys.readouterr().out
    assert main([*db, "devices", "retire", "ZK2", "--from", "soon", "--reason", "x"]) == 3
