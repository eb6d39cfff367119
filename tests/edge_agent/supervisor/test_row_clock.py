"""Deliveries are cut at a clock step, and nowhere else; whatever is cut adds up again."""

from datetime import UTC, datetime, timedelta

from drivers.contract import Delivery
from edge_agent.spool.store import PastReading
from edge_agent.supervisor.row_clock import RowClock
from protocols.records import ClockReading, Count, DeviceEvent, Punch, Quarantined

NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)
SITE_NOW = datetime(2026, 11, 22, 9)  # in Shanghai
PAST = PastReading(read_from=NOW - timedelta(minutes=1), offset_ms=-86_400_000)
READING = ClockReading(serial="SN1", device_time=SITE_NOW, gateway_time=NOW, round_trip_s=0.01)


def punch(number, time):
    return Punch(serial="SN1", user_id=str(number), device_time=time, state=0, verify=1)


OLD_ROWS = [punch(n, SITE_NOW - timedelta(days=1, seconds=n)) for n in range(3)]
NEW_ROWS = [punch(n, SITE_NOW - timedelta(seconds=n)) for n in range(3, 5)]


def page(records, **more):
    facts = {"cursor": b"c", "on_device": 9, "log_rows": 9, "clock": READING} | more
    return Delivery(serial="SN1", records=records, **facts)


def clock(past=PAST, *, steady=True):
    return RowClock("Asia/Shanghai", past, NOW, steady=steady)


def test_a_page_of_one_clock_stays_whole():
    for rows, offset_ms in ((OLD_ROWS, -86_400_000), (NEW_ROWS, 0)):
        delivery = page(rows)
        ((part, offset),) = clock().parts(delivery)
        assert part is delivery
        assert offset.offset_ms == offset_ms


def test_a_page_across_the_step_is_cut_and_only_the_last_part_moves_the_cursor():
    bad = Quarantined(source="SN1", offset=0, reason="no date", raw=b"\0")
    stray = punch(9, SITE_NOW - timedelta(hours=5))
    rows = [OLD_ROWS[0], NEW_ROWS[0], stray, OLD_ROWS[1], NEW_ROWS[1]]
    parts = list(clock().parts(page(rows, quarantined=(bad,))))
    assert {(o.offset_ms, o.suspect): list(part.records) for part, o in parts} == {
        (-86_400_000, False): [OLD_ROWS[0], OLD_ROWS[1]],
        (0, False): NEW_ROWS,
        (None, True): [stray],
    }
    *others, (last, _) = parts
    for part, _ in others:
        assert (part.cursor, part.on_device, part.quarantined, part.last) == (None, None, (), False)
    assert (last.cursor, last.on_device, last.quarantined, last.last) == (b"c", 9, (bad,), True)


def test_a_gateway_whose_own_clock_was_set_blames_no_row():
    for judge in (
        clock(steady=False),
        clock(PastReading(read_from=NOW + timedelta(days=1), offset_ms=0)),
    ):
        ((part, offset),) = judge.parts(page([*OLD_ROWS, *NEW_ROWS]))
        assert part.cursor == b"c"
        assert offset == (None, False)


def test_the_operation_log_of_the_same_fetch_is_heard():
    judge = clock(None)
    event = DeviceEvent(serial="SN1", code="clock_set", device_time=SITE_NOW - timedelta(minutes=5))
    list(judge.parts(Delivery(serial="SN1/operations", records=(event,), clock=READING)))
    ((_, before),) = judge.parts(page([punch(1, SITE_NOW - timedelta(minutes=9))]))
    ((_, after),) = judge.parts(page([punch(1, SITE_NOW - timedelta(minutes=1))]))
    assert (before.offset_ms, after.offset_ms) == (None, 0)


def test_counts_have_times_of_their_own():
    count = Count(
        source="SN1", tag="good", metric="pieces", value=1, boot_id="b", seq=1, source_time=NOW
    )
    ((_, offset),) = clock().parts(page([count]))
    assert offset == (None, False)


def test_only_a_whole_read_is_a_reading_for_the_next():
    whole = page(NEW_ROWS)
    assert clock().reading(whole) == PastReading(read_from=NOW, offset_ms=0)
    for partial in (page([], clock=None), page([], on_device=None), page([], last=False)):
        assert clock().reading(partial) is None
