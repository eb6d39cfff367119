"""Employee Checkins in a stand-in that answers as Frappe HR does."""

import contextlib
from datetime import datetime, timedelta

import pytest

from protocols.records import Direction, Flag
from protocols.uplink import Verdict
from sync.exporters.contract import DEFAULT_SENSES, Sense
from sync.exporters.errors import (
    ExportBusyError,
    ExportRefusedError,
    ExportUnreachableError,
)
from sync.exporters.frappe import FrappeExporter, FrappeSettings
from tests.hr_core.api.running_core import serving
from tests.sync.exporters.export_doubles import (
    ACCEPTED,
    DUPLICATE,
    ExportOutboxDouble,
    batch_of,
    came,
    left,
    loop_over,
    verdicts_of,
)
from tests.sync.exporters.frappe_standin import GERMAN, KEY, FrappeStandIn


@contextlib.asynccontextmanager
async def frappe(standin, **settings):
    async with serving(standin.asgi) as url:
        exporter = FrappeExporter(FrappeSettings(**{"url": url, "key": KEY} | settings))
        try:
            yield exporter
        finally:
            await exporter.aclose()


async def test_a_punch_becomes_a_check_in_on_the_sites_wall_clock():
    standin = FrappeStandIn()
    async with frappe(standin) as exporter:
        assert await verdicts_of(exporter, came(0), left(5)) == [ACCEPTED, ACCEPTED]
    assert [(row["time"], row["log_type"], row["device_id"]) for row in standin.checkins] == [
        ("2026-11-21 08:00:00", "IN", "gate"),
        ("2026-11-21 08:05:00", "OUT", "gate"),
    ]


async def test_a_frappe_site_in_another_zone_gets_its_own_wall_clock():
    standin = FrappeStandIn()
    async with frappe(standin, zone="UTC", device_id="serial") as exporter:
        await verdicts_of(exporter, came(0))
    assert [(row["time"], row["device_id"]) for row in standin.checkins] == [
        ("2026-11-21 00:00:00", "ZK0001")
    ]


async def test_no_direction_leaves_the_log_type_out_or_is_what_the_site_file_says():
    standin = FrappeStandIn()
    unknown = came(0, direction=Direction.UNKNOWN)
    async with frappe(standin) as exporter:
        await verdicts_of(exporter, unknown)
    senses = {**DEFAULT_SENSES, Direction.UNKNOWN: Sense.OUT}
    async with frappe(standin, senses=senses) as exporter:
        await verdicts_of(exporter, came(1, direction=Direction.UNKNOWN))
    assert [row["log_type"] for row in standin.checkins] == [None, "OUT"]


@pytest.mark.parametrize("words", [None, GERMAN], ids=["English", "German"])
async def test_a_refusal_is_asked_about_and_never_read(words):
    standin = FrappeStandIn(**({"words": words} if words else {}))
    async with frappe(standin) as exporter:
        await verdicts_of(exporter, came(0))
        standin.inactive.add("HR-EMP-00009")
        assert await verdicts_of(
            exporter, came(0), left(0), came(0, user="4711"), came(0, user="1009")
        ) == [
            DUPLICATE,
            ACCEPTED,
            (Verdict.KEEP, "unknown_employee"),
            (Verdict.REJECTED, "frappe_refused"),
        ]
    assert len(standin.checkins) == 2


async def test_an_unknown_employee_may_go_to_the_dead_letters():
    async with frappe(FrappeStandIn(), unknown_employee="reject") as exporter:
        judged = []
        await exporter.deliver(batch_of(came(0, user="4711")), judged.append)
    assert (judged[0].verdict, judged[0].code) == (Verdict.REJECTED, "unknown_employee")
    assert "attendance_device_id 4711" in judged[0].detail


async def test_dead_letters_carry_frappes_words_without_its_markup():
    standin = FrappeStandIn(one_log_a_second=True)
    async with frappe(standin) as exporter:
        await verdicts_of(exporter, came(0))
        judged = []
        await exporter.deliver(batch_of(left(0)), judged.append)
    # An old version holds one log a second: the OUT is not there, so it is no duplicate.
    assert (judged[0].verdict, judged[0].code) == (Verdict.REJECTED, "frappe_refused")
    assert judged[0].detail == "This employee already has a log with the same timestamp. X"


async def test_a_time_that_is_certainly_wrong_waits_for_a_person():
    standin = FrappeStandIn()
    wrong = came(0, at=datetime(2000, 1, 1, 8), flags=(Flag.CLOCK_SUSPECT,))
    async with frappe(standin) as exporter:
        assert await verdicts_of(exporter, wrong) == [(Verdict.REJECTED, "wrong_time")]
    assert standin.checkins == []
    async with frappe(standin, send_wrong_times=True) as exporter:
        assert await verdicts_of(exporter, wrong) == [ACCEPTED]


async def test_calls_run_side_by_side_and_in_order_for_each_employee():
    standin = FrappeStandIn()
    standin.delay_s = 0.02
    punches = [came(minute, user=user) for minute in (3, 1, 2) for user in ("1007", "1008", "1009")]
    async with frappe(standin, concurrency=2) as exporter:
        await verdicts_of(exporter, *punches)
    assert standin.most_running == 2
    for user in ("1007", "1008", "1009"):
        times = [time for value, time in standin.calls if value == user]
        assert times == sorted(times)
        assert len(times) == 3


async def test_the_wrong_app_is_refused_before_any_punch_is():
    async with frappe(FrappeStandIn(app="erpnext")) as exporter:
        with pytest.raises(ExportRefusedError) as caught:
            await verdicts_of(exporter, came(0))
    assert caught.value.code == "wrong_app"
    async with frappe(FrappeStandIn(app="erpnext"), app="erpnext") as exporter:
        assert await verdicts_of(exporter, came(0)) == [ACCEPTED]


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (500, ExportUnreachableError, "http_500"),
        (429, ExportBusyError, "export_busy"),
        (503, ExportBusyError, "export_busy"),
        (404, ExportRefusedError, "wrong_address"),
        (301, ExportRefusedError, "wrong_address"),
    ],
)
async def test_failures_of_the_whole(status, error, code):
    standin = FrappeStandIn()
    standin.fail = status
    async with frappe(standin) as exporter:
        with pytest.raises(error) as caught:
            await verdicts_of(exporter, came(0))
    assert caught.value.code == code
    if error is ExportBusyError:
        assert caught.value.retry_after_s == 17


async def test_check_looks_at_key_method_and_rights_and_leaves_nothing():
    standin = FrappeStandIn()
    async with frappe(standin) as exporter:
        assert "may read" in await exporter.check()
    assert (standin.checkins, standin.calls) == ([], [])
    standin.may_read = False
    async with frappe(standin) as exporter:
        with pytest.raises(ExportRefusedError) as caught:
            await exporter.check()
    assert caught.value.code == "rights_missing"
    async with frappe(standin, key="wrong:key") as exporter:
        with pytest.raises(ExportRefusedError) as caught:
            await exporter.check()
    assert caught.value.code == "credentials_refused"


async def test_a_slow_frappe_times_out_and_what_it_took_is_not_sent_twice():
    standin = FrappeStandIn()
    async with frappe(standin, timeout_s=0.3) as exporter:
        assert await verdicts_of(exporter, came(0)) == [ACCEPTED]
        standin.delay_s = 1.0
        judged = []
        with pytest.raises(ExportUnreachableError) as caught:
            await exporter.deliver(batch_of(came(1)), judged.append)
        assert (caught.value.code, judged) == ("export_timeout", [])


async def test_a_lost_answer_costs_a_question_and_no_second_check_in():
    standin = FrappeStandIn()
    outbox = ExportOutboxDouble(came(minute) for minute in range(10))
    async with frappe(standin, concurrency=1) as exporter:
        loop = loop_over(outbox, exporter)
        standin.swallow = 1
        with pytest.raises(ExportUnreachableError):
            await loop.drain_once()
        assert loop.state.last_error.code == "http_502"
        assert await loop.drain_once() == 10
    assert len(standin.checkins) == 10
    assert (loop.state.accepted, loop.state.duplicate) == (9, 1)


async def test_after_a_failure_only_what_was_not_judged_is_called_again():
    standin = FrappeStandIn()
    outbox = ExportOutboxDouble(came(minute) for minute in range(10))
    async with frappe(standin, concurrency=1) as exporter:
        loop = loop_over(outbox, exporter)
        standin.swallow = 0
        plain_add, calls = standin._add_log, []

        def fails_at_sixth(form):
            calls.append(form)
            if len(calls) == 7:  # the first asks for the method
                standin.swallow = 1
            return plain_add(form)

        standin._add_log = fails_at_sixth
        with pytest.raises(ExportUnreachableError):
            await loop.drain_once()
        assert await loop.drain_once() == 10
    assert len(standin.checkins) == 10
    assert len(calls) == 1 + 6 + 5


async def test_killed_between_delivery_and_settling_each_punch_is_there_once():
    standin = FrappeStandIn()
    outbox = ExportOutboxDouble(came(minute) for minute in range(5))

    class Killed(BaseException):
        pass

    async def settle(sink, answer):
        raise Killed

    async with frappe(standin) as exporter:
        whole, outbox.settle = outbox.settle, settle
        with pytest.raises(Killed):
            await loop_over(outbox, exporter).drain_once()
        assert len(standin.checkins) == 5
        outbox.settle = whole
        restarted = loop_over(outbox, exporter)
        assert await restarted.drain_once() == 5
    assert len(standin.checkins) == 5
    assert restarted.state.duplicate == 5


def test_the_preview_shows_the_form():
    exporter = FrappeExporter(FrappeSettings(url="https://hr.example.com", key=KEY))
    [line] = exporter.preview(batch_of(came(0, at=datetime(2026, 11, 21, 8) + timedelta(hours=1))))
    assert "employee_field_value=1007" in line
    assert "2026-11-21+09%3A00%3A00" in line
    assert KEY not in line
