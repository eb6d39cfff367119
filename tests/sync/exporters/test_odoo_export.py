"""Attendances in a stand-in that keeps Odoo's own rules."""

import contextlib
from datetime import datetime, timedelta

import pytest

from protocols.records import Direction, Flag
from protocols.uplink import Verdict
from sync.exporters.contract import DEFAULT_SENSES, Sense
from sync.exporters.errors import ExportRefusedError, ExportUnreachableError
from sync.exporters.odoo import OdooExporter, OdooSettings
from sync.exporters.odoo_rpc import OdooLogin
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
from tests.sync.exporters.odoo_standin import DATABASE, KEY, USER, OdooStandIn
from tests.sync.uplink_doubles import InstantClock

TOGGLE = {**DEFAULT_SENSES, Direction.UNKNOWN: Sense.TOGGLE}
EIGHT = datetime(2026, 11, 21, 8)


@contextlib.asynccontextmanager
async def odoo(standin, clock=None, *, key=KEY, timeout_s=5.0, **settings):
    async with serving(standin.asgi) as url:
        login = OdooLogin(url=url, database=DATABASE, user=USER, key=key, timeout_s=timeout_s)
        exporter = OdooExporter(
            OdooSettings(login=login, **settings), clock=clock or InstantClock()
        )
        try:
            yield exporter
        finally:
            await exporter.aclose()


def at(hour, minute=0, day=21):
    return datetime(2026, 11, day, hour, minute)


def later():
    """A clock at which nothing waits any more."""
    clock = InstantClock()
    clock.slept.append(25 * 3600)
    return clock


async def test_a_check_in_opens_a_row_in_utc_and_a_check_out_closes_it():
    standin = OdooStandIn()
    async with odoo(standin) as exporter:
        assert await verdicts_of(exporter, came(at=at(8))) == [ACCEPTED]
        assert standin.rows() == [("2026-11-21 00:00:00", False)]
        assert await verdicts_of(exporter, left(at=at(17))) == [ACCEPTED]
    assert standin.rows() == [("2026-11-21 00:00:00", "2026-11-21 09:00:00")]


async def test_a_day_in_one_batch_in_any_order():
    standin = OdooStandIn()
    day = [left(at=at(17)), came(at=at(13)), left(at=at(12)), came(at=at(8))]
    async with odoo(standin) as exporter:
        assert await verdicts_of(exporter, *day) == [ACCEPTED] * 4
    assert standin.rows() == [
        ("2026-11-21 00:00:00", "2026-11-21 04:00:00"),
        ("2026-11-21 05:00:00", "2026-11-21 09:00:00"),
    ]


async def test_the_second_delivery_is_a_duplicate():
    standin = OdooStandIn()
    day = [came(at=at(8)), left(at=at(12)), came(at=at(13))]
    async with odoo(standin) as exporter:
        await verdicts_of(exporter, *day)
        rows = standin.rows()
        assert await verdicts_of(exporter, *day) == [DUPLICATE] * 3
    assert standin.rows() == rows


async def test_a_backlog_from_before_an_open_row_goes_in_as_whole_pairs():
    standin = OdooStandIn()
    async with odoo(standin) as exporter:
        await verdicts_of(exporter, came(at=at(8, day=21)))
        assert await verdicts_of(exporter, came(at=at(8, day=20)), left(at=at(17, day=20))) == [
            ACCEPTED,
            ACCEPTED,
        ]
        assert await verdicts_of(exporter, came(at=at(8, day=20)), left(at=at(17, day=20))) == [
            DUPLICATE,
            DUPLICATE,
        ]
    assert len(standin.rows()) == 2


async def test_a_forgotten_check_out_waits_and_then_needs_a_person():
    standin = OdooStandIn()
    async with odoo(standin) as exporter:
        await verdicts_of(exporter, came(at=at(8, day=20)))
        assert await verdicts_of(exporter, came(at=at(8))) == [(Verdict.KEEP, "still_open")]
        assert await verdicts_of(exporter, left(at=at(17))) == [(Verdict.KEEP, "no_check_in")]
    async with odoo(standin, later()) as exporter:
        assert await verdicts_of(exporter, came(at=at(8)), left(at=at(17))) == [
            (Verdict.REJECTED, "still_open"),
            (Verdict.REJECTED, "no_check_in"),
        ]
    assert standin.rows() == [("2026-11-20 00:00:00", False)]  # nothing was made up


async def test_a_punch_that_overtook_its_check_in_finds_it_later():
    standin = OdooStandIn()
    async with odoo(standin) as exporter:
        assert await verdicts_of(exporter, left(at=at(17))) == [(Verdict.KEEP, "no_check_in")]
        await verdicts_of(exporter, came(at=at(8)))
        assert await verdicts_of(exporter, left(at=at(17))) == [ACCEPTED]
    assert standin.rows() == [("2026-11-21 00:00:00", "2026-11-21 09:00:00")]


async def test_what_lies_inside_a_closed_row_is_a_dead_letter():
    standin = OdooStandIn()
    async with odoo(standin) as exporter:
        await verdicts_of(exporter, came(at=at(8)), left(at=at(17)))
        assert await verdicts_of(exporter, came(at=at(9)), left(at=at(12))) == [
            (Verdict.REJECTED, "overlap"),
            (Verdict.REJECTED, "overlap"),
        ]
    assert len(standin.rows()) == 1


async def test_odoos_own_refusal_is_a_dead_letter_with_its_words():
    standin = OdooStandIn()
    async with odoo(standin) as exporter:
        await verdicts_of(exporter, came(at=at(10)))
        # 11:00 to 12:00 would lie behind the open row: Odoo itself judges what we let pass.
        standin.attendances[0]["check_in"] = "2026-11-21 03:30:00"
        standin.attendances[0]["check_out"] = "2026-11-21 03:45:00"
        standin.attendances.append(
            {"id": 9, "employee_id": 1, "check_in": "2026-11-22 00:00:00", "check_out": False}
        )
        judged = []
        await exporter.deliver(batch_of(came(at=at(11)), left(at=at(12))), judged.append)
    assert (judged[0].verdict, judged[0].code) == (Verdict.REJECTED, "odoo_refused")
    assert judged[0].detail == "the employee was already checked in on 2026-11-21 03:30:00"


async def test_no_direction_is_said_or_toggles():
    standin = OdooStandIn()
    punches = [came(at=at(hour), direction=Direction.UNKNOWN) for hour in (8, 12)]
    async with odoo(standin) as exporter:
        assert await verdicts_of(exporter, *punches) == [(Verdict.REJECTED, "no_direction")] * 2
    async with odoo(standin, senses=TOGGLE) as exporter:
        assert await verdicts_of(exporter, *punches) == [ACCEPTED] * 2
        assert await verdicts_of(exporter, *punches) == [DUPLICATE] * 2
    assert standin.rows() == [("2026-11-21 00:00:00", "2026-11-21 04:00:00")]


async def test_who_it_is():
    standin = OdooStandIn()
    async with odoo(standin) as exporter:
        assert await verdicts_of(exporter, came(user="4711")) == [
            (Verdict.KEEP, "unknown_employee")
        ]
        standin.employees.append({"id": 4, "barcode": "4711", "pin": "44"})
        assert await verdicts_of(exporter, came(user="4711")) == [ACCEPTED]
    async with odoo(standin, match="pin", unknown_employee="reject") as exporter:
        assert await verdicts_of(exporter, came(user="22"), came(user="99")) == [
            (Verdict.REJECTED, "ambiguous_employee"),
            (Verdict.REJECTED, "unknown_employee"),
        ]


async def test_employees_are_remembered_for_a_while():
    standin, clock = OdooStandIn(), InstantClock()
    async with odoo(standin, clock) as exporter:
        for hour in (8, 9):
            await verdicts_of(exporter, came(at=at(hour)))
        assert standin.calls.count(("hr.employee", "search_read")) == 1
        clock.slept.append(3601)
        await verdicts_of(exporter, came(at=at(10)))
        assert standin.calls.count(("hr.employee", "search_read")) == 2


async def test_a_wrong_time_waits_for_a_person():
    standin = OdooStandIn()
    wrong = came(at=datetime(2000, 1, 1, 8), flags=(Flag.CLOCK_SUSPECT,))
    async with odoo(standin) as exporter:
        assert await verdicts_of(exporter, wrong) == [(Verdict.REJECTED, "wrong_time")]
    assert standin.attendances == []


async def test_check_looks_at_login_and_rights_and_leaves_nothing():
    standin = OdooStandIn()
    async with odoo(standin) as exporter:
        assert "id 7" in await exporter.check()
    assert standin.attendances == []
    standin.rights = False
    async with odoo(standin) as exporter:
        with pytest.raises(ExportRefusedError, match="not allowed"):
            await exporter.check()
    async with odoo(standin, key="wrong") as exporter:
        with pytest.raises(ExportRefusedError, match="not known"):
            await exporter.check()


async def test_errors_inside_are_tried_again():
    standin = OdooStandIn()
    standin.broken = "psycopg2.errors.SerializationFailure"
    async with odoo(standin) as exporter:
        with pytest.raises(ExportUnreachableError, match="SerializationFailure"):
            await verdicts_of(exporter, came())
        standin.broken = None
        assert await verdicts_of(exporter, came()) == [ACCEPTED]
    standin.delay_s = 1.0
    async with odoo(standin, timeout_s=0.1) as exporter:
        with pytest.raises(ExportUnreachableError, match="no answer within"):
            await verdicts_of(exporter, came(1))


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_lost_answers_double_nothing(size):
    """Each write is done and its answer lost, once."""
    standin = OdooStandIn()
    punches = []
    for day in range(18, 22):
        punches += [came(at=at(8, day=day)), left(at=at(17, day=day))]
    outbox = ExportOutboxDouble(punches)
    async with odoo(standin) as exporter:
        loop = loop_over(outbox, exporter, batch_records=size)
        failures = 0
        while outbox.waiting or outbox.in_flight:
            standin.swallow = 1 if failures % 2 == 0 else 0
            try:
                await loop.drain_once()
            except ExportUnreachableError:
                failures += 1
                standin.swallow = 0
            failures += 1
    assert standin.rows() == [
        (f"2026-11-{day} 00:00:00", f"2026-11-{day} 09:00:00") for day in range(18, 22)
    ]
    assert loop.state.duplicate >= 1
    assert loop.state.accepted + loop.state.duplicate == 8


async def test_a_night_shift_pairs_over_midnight_and_a_day_later_does_not():
    standin = OdooStandIn()
    async with odoo(standin, longest=timedelta(hours=12)) as exporter:
        await verdicts_of(exporter, came(at=at(20)))
        assert await verdicts_of(exporter, left(at=at(9, day=22))) == [
            (Verdict.KEEP, "no_check_in")
        ]
        assert await verdicts_of(exporter, left(at=at(6, day=22))) == [ACCEPTED]
    assert standin.rows() == [("2026-11-21 12:00:00", "2026-11-21 22:00:00")]


def test_the_preview_says_employee_direction_and_utc():
    login = OdooLogin(url="https://odoo.example.com", database="d", user="u", key="geheim")
    exporter = OdooExporter(OdooSettings(login=login), clock=InstantClock())
    assert exporter.preview(batch_of(came(at=EIGHT))) == [
        "barcode 1007: in 2026-11-21 00:00:00 UTC"
    ]
