"""What a person orders at the gateway about a counter stands at the core beside its own entries."""

from datetime import UTC, datetime

import pytest

from hr_core.quality.counters import Replacement
from hr_core.store.events import count_events
from hr_core.store.line_entries import replacements
from tests.hr_core.ingest.batch_samples import batch_of, device_event, observe, punch
from tests.hr_core.signed_batches import deliver

AT = int(datetime(2026, 11, 21, 2, 30, tzinfo=UTC).timestamp())


def order(**changes):
    detail = {"tag": "good", "at": "2026-11-21T10:30:00+08:00", "reason": "new box", "by": "li"}
    detail |= changes
    kept = {key: value for key, value in detail.items() if value is not None}
    return device_event(serial="LINE-1", code="line_replaced", detail=kept)


def entered(engine):
    with engine.connect() as conn:
        return replacements(conn)


def test_an_order_is_entered_once(engine):
    deliver(engine, batch_of(observe(punch()), observe(order())))
    deliver(engine, batch_of(observe(punch(1)), observe(order()), number=2))
    entry = Replacement(at=AT, author="li", reason="new box")
    assert entered(engine) == {("LINE-1", "good"): (entry,)}


def test_other_events_enter_nothing(engine):
    deliver(engine, batch_of(observe(device_event(detail={"tag": "good", "at": "2026-11-21"}))))
    assert entered(engine) == {}


@pytest.mark.parametrize(
    "fault", [{"at": None}, {"at": "soon"}, {"at": "2026-11-21T10:30:00"}, {"at": 7}, {"tag": None}]
)
def test_an_order_without_its_facts_is_stored_and_told(engine, caplog, fault):
    deliver(engine, batch_of(observe(order(**fault))))
    assert entered(engine) == {}
    with engine.connect() as conn:
        assert count_events(conn)["device_event"] == 1
    assert "does not say which counter or since when" in caplog.text
