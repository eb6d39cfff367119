"""From an amount on a payslip to the bytes of a device, by links alone."""

import re
from datetime import UTC, datetime

import msgspec
import pytest
import sqlalchemy as sa

from hr_core.money import format_fen
from hr_core.pay.line_words import words_of
from hr_core.store.database import writing
from hr_core.store.events import punches_between
from hr_core.store.results import pay_lines
from hr_core.trace.calculation import Trace
from hr_core.views import slip
from hr_core.web.event_page import offset_text, raw_bytes
from hr_core.web.fact_words import fact_text
from hr_core.web.words import Words
from protocols.identity import event_id
from protocols.records import Channel, DeviceEvent, Direction
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.plant import ingest, observe, punch, running_plant


async def test_every_line_stands_with_its_amount_and_its_sentence(plant, browse):
    with plant.connect() as conn:
        stored = slip(conn, 1, "1006")
    async with browse(plant) as client:
        chinese = await read(client, "/zh/run/1/1006")
        english = await read(client, "/en/run/1/1006")
    for line in stored.lines:
        amount = format_fen(line.amount_fen).replace("-", "−")
        for page, language in ((chinese, "zh"), (english, "en")):
            told = words_of(line, language)
            assert f"{told.name} {told.sentence} {amount}" in page.text
            for said in (told.calculation, told.rounding):
                assert " ".join(said.split()) in page.text
    assert format_fen(stored.total_fen) in english.text
    assert "1,855 件中次品 162 件,等级 D,基本工资的 −5% −¥247.50" in chinese.text
    assert "8:00 hours at 1.5 times 28.4482… an hour ¥341.38" in english.text
    assert "哪些天 15日 2:00 · 19日 2:00 · 23日 2:00 · 27日 2:00 (4 天)" in chinese.text
    assert "341.3793… rounded half up to the fen = 341.38" in english.text


async def test_lines_that_one_may_look_for_are_zero_with_their_reason(plant, browse):
    async with browse(plant) as client:
        chinese = await read(client, "/zh/run/1/1006")
        english = await read(client, "/en/run/1/1006")
    assert "休息日加班费 本月没有计付的休息日加班 ¥0.00" in chinese.text
    assert "Income tax This scheme computes no income tax ¥0.00" in english.text


async def test_a_trial_says_that_it_is_nobodys_payslip(plant, browse):
    async with browse(plant) as client:
        chinese = await read(client, "/zh/run/1/1006")
        english = await read(client, "/en/run/1/1006")
    assert "◇ 试算 还没有人批准:这不是任何人的工资条" in chinese.text
    assert "◇ Trial Nobody approved it" in english.text
    assert "● 每一行都已按其记录重新计算,结果一致" in chinese.text


async def test_each_line_opens_rule_version_inputs_and_steps(plant, browse):
    async with browse(plant) as client:
        page = await read(client, "/en/run/1/1006")
    assert [one["id"] for one in page.attributes("details") if "id" in one] == [
        "line-base",
        "line-overtime_workday",
        "line-grade",
    ]
    assert "overtime.workday · Version demo/2025-01" in page.text
    assert "Base pay ¥4,950.00 Factor 1.5 Paid days a month 21.75 Hours a day 8" in page.text
    assert "minutes = minutes of the days → 480" in page.text
    assert "C: 16,200 ≤ 9,275 · does not hold" in page.text


async def test_every_event_of_a_trace_is_linked_and_resolves(plant, browse):
    with plant.connect() as conn:
        expected = {event for line in slip(conn, 1, "1006").lines for event in line.trace.event_ids}
    async with browse(plant) as client:
        page = await read(client, "/zh/run/1/1006")
        linked = {link.removeprefix("/zh/event/") for link in page.links if "/event/" in link}
        assert linked == expected
        for event in sorted(linked)[::10]:
            assert event in (await read(client, f"/zh/event/{event}")).text


async def test_days_to_clarify_say_what_they_did_to_the_pay(plant, browse):
    async with browse(plant) as client:
        chinese = await read(client, "/zh/run/1/1013")
        english = await read(client, "/en/run/1/1005")
    assert "▲ 待澄清 2026-10-15 等待考勤机数据 · 设备数据到齐前不影响工资" in chinese.text
    assert (
        "2026-10-21 Waiting for a device · No effect on pay until the device is read"
        in english.text
    )


async def test_a_line_that_contradicts_its_trace_is_called_broken(browse, tmp_path):
    engine = running_plant(tmp_path)
    with writing(engine) as conn:
        base = pay_lines.c.code == "base", pay_lines.c.number == "1001"
        raised = sa.update(pay_lines).where(*base).values(amount_fen=999_999_00)
        conn.execute(raised)
    try:
        async with browse(engine) as client:
            page = await read(client, "/zh/run/1/1001")
            other = await read(client, "/zh/run/1/1002")
    finally:
        engine.dispose()
    assert "■ 有一行与其计算记录不一致" in page.text
    assert "≠ ¥999,999.00" in page.text
    assert "■" not in other.text


async def test_a_tampered_trace_is_shown_whole_and_called_broken(browse, tmp_path):
    engine = running_plant(tmp_path)
    with writing(engine) as conn:
        wanted = (pay_lines.c.code == "overtime_workday") & (pay_lines.c.number == "1006")
        stored = conn.execute(sa.select(pay_lines.c.trace).where(wanted)).scalar_one()
        trace = msgspec.json.decode(stored, type=Trace)
        longer = msgspec.structs.replace(trace.days[0], minutes=600)
        forged = msgspec.structs.replace(trace, days=(longer, *trace.days[1:]))
        conn.execute(sa.update(pay_lines).where(wanted).values(trace=msgspec.json.encode(forged)))
    try:
        async with browse(engine) as client:
            page = await read(client, "/en/run/1/1006")
    finally:
        engine.dispose()
    assert "step minutes gives 960, stored 480" in page.text
    assert "10:00" in page.row("2026-10-15")


async def test_a_punch_is_proven_by_bytes_gateway_batch_and_clock(plant, browse):
    record = punch("1001", datetime(2026, 11, 20, 7, 48, 20), Direction.IN)
    async with browse(plant) as client:
        page = await read(client, f"/en/event/{event_id(record).hex()}")
        upper = await read(client, f"/en/event/{event_id(record).hex().upper()}")
    assert "Person (number) 王芳 1001" in page.text
    assert "Device clock 2026-11-20 07:48:20" in page.text
    assert "Instant (UTC) 2026-11-19 23:48:20" in page.text
    assert "Device clock offset 3.500 s behind" in page.text
    assert "Gateway gate-1" in page.text
    assert re.search(r"Batch #\d+ Stored by the core 2026-11-20 14:30:00", page.text)
    assert record.raw.hex() in page.text
    assert "31 30 30 31 00 00 00 00 1001····" in page.text
    assert upper.text == page.text


async def test_an_unmapped_punch_says_nobody_and_shows_every_flag(plant, browse):
    async with browse(plant) as client:
        start = await read(client, "/zh/")
        (unmapped,) = [
            one["href"] for one in start.attributes("a") if "12:04:09" in one.get("aria-label", "")
        ]
        (flagged,) = [
            one["href"] for one in start.attributes("a") if "12:07:09" in one.get("aria-label", "")
        ]
        nobody = await read(client, unmapped)
        repeat = await read(client, flagged)
    assert "▲ 没有对应的人" in nobody.text
    assert "设备推送" in nobody.text
    assert "重复 网关钟可疑" in repeat.text
    assert "设备钟差 未测量" in repeat.text


async def test_a_counter_reading_and_a_device_event_have_pages(plant, browse, new_core):
    power_on = DeviceEvent(
        serial="ZK-A4N0207",
        code="power_on",
        device_time=datetime(2026, 11, 20, 7, 0),
        detail={"cause": "mains <b>"},
    )
    ingest(new_core, [observe(power_on)])
    async with browse(plant) as client:
        slip_page = await read(client, "/en/run/1/1006")
        reading = next(link for link in reversed(slip_page.links) if "/event/" in link)
        count = await read(client, reading)
    async with browse(new_core) as client:
        event = await read(client, f"/en/event/{event_id(power_on).hex()}")
    assert "Counter reading" in count.text
    assert "Badge 1006" in count.text
    assert "Site time 2026-10-30 17:05:00" in count.text
    assert "Event power_on cause mains <b>" in event.text
    assert "No bytes came with this record" in event.text


async def test_a_long_text_record_is_laid_out_cut_and_kept_whole(new_core, browse):
    body = b'{"employeeNoString": "1001", "note": "' + b"x" * 3000 + b'<script>"}'
    record = punch("1001", datetime(2026, 11, 20, 8), Direction.IN, raw=body, channel=Channel.PUSH)
    ingest(new_core, [observe(record)])
    async with browse(new_core) as client:
        response = await client.get(f"/en/event/{event_id(record).hex()}")
    assert body.hex() in response.text
    assert "Only the first 1024 bytes" in response.text
    assert "&lt;script&gt;&#34;}" in response.text
    assert "<script" not in response.text


def test_bytes_are_text_only_when_all_of_them_are():
    assert raw_bytes(b"PIN=1\tOK\r\n").text == "PIN=1\tOK\r\n"
    assert raw_bytes("王芳".encode()).text == "王芳"
    for raw in (b"", b"1001\0\0", b"\xff\xfe", b"\x1b[31m"):
        assert raw_bytes(raw).text is None
    assert raw_bytes(bytes(9)).rows[1].offset == "0008"


@pytest.mark.parametrize(
    ("offset_ms", "text"),
    [
        (None, "not measured"),
        (0, "0 s"),
        (372_000, "372.000 s ahead"),
        (-1, "0.001 s behind"),
        (-3_600_500, "3,600.500 s behind"),
    ],
)
def test_clock_offset_in_words(offset_ms, text):
    assert offset_text(offset_ms, Words("en")) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("base_fen", "495000", "¥4,950.00"),
        ("month_days", "87/4", "21.75"),
        ("factor", "3/2", "1.5"),
        ("factor", "1/3", "1/3"),
        ("percent_of_base", "-5", "−5"),
        ("grade", "n/a", "n/a"),
    ],
)
def test_facts_for_people(name, value, text):
    assert fact_text(name, value) == text


def test_the_plant_pays_from_real_punches(plant):
    day = datetime(2026, 10, 15, tzinfo=UTC)
    with plant.connect() as conn:
        assert len(list(punches_between(conn, day, day.replace(day=16)))) > 20
