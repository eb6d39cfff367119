"""The totals are what counting the rows gives, whatever was sent."""

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hr_core.store.database import writing
from hr_core.store.erasures import erase_event
from hr_core.store.event_totals import count_events, count_events_per_device
from hr_core.store.events import raw_events
from protocols.identity import event_id
from tests.hr_core.ingest.batch_samples import NOW, batch_of, count, device_event, observe, punch
from tests.hr_core.signed_batches import deliver

RECORDS = [
    *(punch(n, serial=serial) for n in range(3) for serial in ("ZK0001", "ZK0002")),
    punch(0, verify=4),  # another punch under the id of the first
    count(1),
    count(2, source="LINE-2"),
    device_event(),
]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sent=st.lists(st.lists(st.sampled_from(RECORDS), max_size=6), max_size=4),
    erased=st.lists(st.sampled_from(RECORDS), max_size=2),
)
def test_totals_are_those_of_the_rows(fresh_core, sent, erased):
    with fresh_core() as engine:
        for number, records in enumerate(sent):
            gateway = f"gate-{number % 2}"
            deliver(engine, batch_of(*map(observe, records), gateway=gateway))
        with writing(engine) as conn:
            for record in erased:
                erase_event(conn, event_id(record), at=NOW, reason="request 7")
        with engine.connect() as conn:
            there = raw_events.c
            counted = conn.execute(
                sa.select(there.kind, there.device, sa.func.count())
                .group_by(there.kind, there.device)
                .order_by(there.kind, there.device)
            ).all()
            assert count_events_per_device(conn) == counted
            assert sum(count_events(conn).values()) == sum(events for _, _, events in counted)
