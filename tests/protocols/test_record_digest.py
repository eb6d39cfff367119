"""Salted digests and the root over them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.record_digest import (
    batch_digests,
    merkle_root,
    record_bytes,
    record_digest,
    record_salt,
)
from protocols.records import Count, DeviceEvent, Flag, Punch
from protocols.uplink import Observation

AT = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
WALL = datetime(2026, 11, 21, 8, 30)
SALT = bytes(range(32))


def observed(record: Punch | Count | DeviceEvent, **facts: object) -> Observation:
    return Observation(
        event_id="00" * 16,
        record=record,
        received_at=AT,
        zone="Asia/Shanghai",
        **facts,  # type: ignore[arg-type]
    )


PUNCH = observed(
    Punch(serial="S1", user_id="007", device_time=WALL, state=0, verify=15, raw=b"\x01\x02")
)
COUNT = observed(
    Count(
        source="box",
        tag="t",
        metric="pieces",
        value=5,
        boot_id="b",
        seq=1,
        source_time=AT,
    ),
    flags=(Flag.GATEWAY_CLOCK_SUSPECT,),
)
EVENT = observed(DeviceEvent(serial="S1", code="power_on", device_time=WALL), clock_offset_ms=-3)

# Never change one: chains that exist were signed over these spellings.
GOLDEN = {
    "punch": '{"event_id":"00000000000000000000000000000000","record":{"kind":"punch","serial":"S1","user_id":"007","device_time":"2026-11-21T08:30:00","state":0,"verify":15,"raw":"AQI="},"received_at":"2026-11-21T00:30:00Z","zone":"Asia/Shanghai"}',
    "count": '{"event_id":"00000000000000000000000000000000","record":{"kind":"count","source":"box","tag":"t","metric":"pieces","value":5,"boot_id":"b","seq":1,"source_time":"2026-11-21T00:30:00Z"},"received_at":"2026-11-21T00:30:00Z","zone":"Asia/Shanghai","flags":["gateway_clock_suspect"]}',
    "event": '{"event_id":"00000000000000000000000000000000","record":{"kind":"device_event","serial":"S1","code":"power_on","device_time":"2026-11-21T08:30:00"},"received_at":"2026-11-21T00:30:00Z","zone":"Asia/Shanghai","clock_offset_ms":-3}',
}


@pytest.mark.parametrize(
    ("name", "observation"), [("punch", PUNCH), ("count", COUNT), ("event", EVENT)]
)
def test_a_record_is_spelled_as_the_first_release_did(name: str, observation: Observation) -> None:
    assert record_bytes(observation).decode() == GOLDEN[name]


def test_a_salt_tells_equal_records_apart() -> None:
    first, second = batch_digests(SALT, [PUNCH, PUNCH])
    assert first != second
    assert first == record_digest(record_salt(SALT, 0), record_bytes(PUNCH))


def test_without_the_salt_a_guess_proves_nothing() -> None:
    (digest,) = batch_digests(SALT, [PUNCH])
    guess = record_bytes(PUNCH)
    assert digest not in {record_digest(bytes(16), guess), record_digest(b"", guess)}


DIGESTS = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40, unique=True)


@given(digests=DIGESTS, data=st.data())
def test_the_root_binds_every_digest_its_place_and_their_number(
    digests: list[bytes], data: st.DataObject
) -> None:
    root = merkle_root(digests)
    place = data.draw(st.integers(0, len(digests) - 1))
    changed = [*digests]
    changed[place] = bytes(32) if digests[place] != bytes(32) else bytes([1]) * 32
    assert merkle_root(changed) != root
    assert merkle_root([*digests, digests[-1]]) != root
    if len(digests) > 1:
        assert merkle_root(digests[:-1]) != root
        assert merkle_root(digests[::-1]) != root


def test_no_record_and_one_record() -> None:
    assert merkle_root([]) != merkle_root([bytes(32)])
    assert merkle_root([bytes(32)]) == bytes(32)


def test_a_node_is_no_leaf() -> None:
    """The root of two is not the root of one that was made to look like them."""
    left, right = batch_digests(SALT, [PUNCH, COUNT])
    forged = record_digest(b"", left + right)
    assert merkle_root([left, right]) != forged
