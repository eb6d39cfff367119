"""The first page: punches of a day, defect rates of a month, a pay run, in both languages."""

import gzip
from datetime import timedelta

import pytest

from hr_core.clock import Month
from hr_core.imports import import_people
from hr_core.money import format_fen
from hr_core.quality.rates_view import rates_of_month
from hr_core.store.database import writing
from hr_core.views import list_runs, slips_of_run
from hr_core.web.rendering import STATIC
from hr_core.web.words import LANGUAGES
from protocols.records import Direction
from tests.hr_core.web.page_reading import Page, read
from tests.hr_core.web.plant import (
    NAMES,
    NOW,
    NUMBERS,
    TODAY,
    ingest,
    observe,
    people_file,
    punch,
)


async def test_todays_punches_stand_with_person_terminal_method_and_flags(plant, browse):
    async with browse(plant) as client:
        chinese, english = await read(client, "/zh/"), await read(client, "/en/")
    assert "2026-11-20 周五 打卡" in chinese.text
    assert "Punches of 2026-11-20 Fri" in english.text
    assert chinese.row("07:48:20") == "07:48:20 王芳 1001 进 ZK-A4N0311 刷卡"
    assert english.row("07:48:20") == "07:48:20 王芳 1001 In ZK-A4N0311 Card"
    assert "重复" in chinese.row("12:07:09")
    assert "网关钟可疑" in chinese.row("12:07:09")
    assert "Repeat" in english.row("12:07:09")


async def test_an_unmapped_user_is_shown_as_such_with_what_to_do(plant, browse):
    async with browse(plant) as client:
        chinese, english = await read(client, "/zh/"), await read(client, "/en/")
    assert "▲ 未对应到人 登记号码 3071" in chinese.row("12:04:09")
    assert "▲ Unmapped device user 3071" in english.row("12:04:09")
    assert "they are kept. Waiting list" in english.text


async def test_every_punch_links_to_its_event(plant, browse):
    async with browse(plant) as client:
        page = await read(client, "/zh/")
        events = [link for link in page.links if link.startswith("/zh/event/")]
        assert len(events) == 22
        event = await read(client, events[0])
    assert "原始字节" in event.text


async def test_a_day_without_punches_leads_to_the_latest_one(plant, browse):
    async with browse(plant) as client:
        page = await read(client, "/en/?day=2026-11-22&month=2026-10")
        assert "No punch is stored for 2026-11-22 Sun" in page.text
        (link,) = [one for one in page.links if "day=2026-11-20" in one]
        assert "month=2026-10" in link
        assert "07:48:20" in (await read(client, link)).text


async def test_a_clock_in_the_future_does_not_lead_the_latest_day(new_core, browse):
    for days in (-3, 4000):
        at = NOW.replace(tzinfo=None) + timedelta(days=days)
        ingest(new_core, [observe(punch("1001", at, Direction.IN))])
    async with browse(new_core) as client:
        page = await read(client, "/en/")
    assert any("day=2026-11-17" in link for link in page.links)


async def test_before_any_data_each_section_names_the_next_step(new_core, browse):
    async with browse(new_core) as client:
        chinese, english = await read(client, "/zh/"), await read(client, "/en/")
    for page, words in (
        (
            chinese,
            ("还没有任何打卡记录", "还没有人员", "还没有算薪", "hr-core pay run --month 2026-11"),
        ),
        (english, ("No punch has arrived yet", "no people yet", "No pay run yet")),
    ):
        assert all(word in page.text for word in words)
    assert "UTC" in english.text


async def test_rates_agree_with_the_engine_and_add_up(plant, browse):
    with plant.connect() as conn:
        rates = rates_of_month(conn, Month(2026, 11))
    async with browse(plant) as client:
        page = await read(client, "/en/?month=2026-11")
    for one in rates.people:
        row = page.row(f"{one.name} {one.subject} {one.pieces:,}")
        assert f"{one.pieces:,} {one.rejects} {one.percent} {one.grade}" in row
    lows = {one.subject: one.interval_95[0] for one in rates.people}
    order = [row.split()[1] for row in page.rows if row.endswith("limit 3 %")]
    assert order == sorted(lows, key=lows.__getitem__, reverse=True)
    assert rates.unattributed.pieces > 0
    assert f"{rates.unattributed.pieces:,} 0 0.00 %" in page.row("Unattributed")
    assert f"{rates.total.pieces:,} {rates.total.rejects} 2.54 %" in page.row("Total 12")
    assert "● People + unattributed = total = sum of the lines" in page.text
    assert "Stamping L1" in page.text


async def test_over_the_limit_is_a_sign_and_a_word(plant, browse):
    async with browse(plant) as client:
        chinese, english = await read(client, "/zh/"), await read(client, "/en/")
    assert "▲ 超限" in chinese.row("1006 1,444")
    assert "▲ Over limit" in english.row("1006 1,444")
    assert "● Within" in english.row("1001 1,290")
    assert "▲ People over limit 2" in english.text


async def test_the_interval_picture_has_its_numbers_as_text(plant, browse):
    async with browse(plant) as client:
        page = await read(client, "/en/")
    assert "8.73 %, 95 % interval 7.38–10.29 %, limit 3 %" in page.row("1006 1,444")
    assert len([one for one in page.attributes("svg") if one["class"] == "rate"]) == 8 + 2 + 2


async def test_the_persons_name_leads_to_the_grade_line_of_the_same_months_run(plant, browse):
    async with browse(plant) as client:
        october = await read(client, "/zh/?month=2026-10")
        november = await read(client, "/zh/?month=2026-11&run=1")
    assert "/zh/run/1/1006#line-grade" in october.links
    assert not any("line-grade" in link for link in november.links)


async def test_a_month_before_the_grade_table_says_so(plant, browse):
    async with browse(plant) as client:
        page = await read(client, "/zh/?month=1950-05")
    assert "1950-05-01 没有适用的规则(grade table)" in page.text


async def test_the_run_lists_every_slip_with_its_total(plant, browse):
    with plant.connect() as conn:
        (run,), slips = list_runs(conn), slips_of_run(conn, 1)
    async with browse(plant) as client:
        page = await read(client, "/zh/?run=1")
    assert "2026-10 算薪 #1" in page.text
    assert len(slips) == 20
    for slip in slips:
        open_days = f"▲ {len(slip.to_clarify)}" if slip.to_clarify else "无"
        assert f"{slip.name} {slip.number} {open_days} {format_fen(slip.total_fen)}" in page.rows
        assert f"/zh/run/1/{slip.number}" in page.links
    assert page.rows[-1] == f"合计 {format_fen(run.total_fen)}"
    assert [slip.number for slip in slips if slip.to_clarify] == ["1005", "1013"]


async def test_a_month_without_a_run_offers_the_latest(plant, browse):
    async with browse(plant) as client:
        page = await read(client, "/en/?month=2026-11")
    assert "No pay run of 2026-11 yet: hr-core pay run --month 2026-11" in page.text
    assert "/en/?run=1#run" in page.links


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_is_light(plant, browse, language):
    async with browse(plant) as client:
        response = await client.get(f"/{language}/?day=2026-11-19&month=2026-10")
        icon = (STATIC / "clockline.svg").read_bytes()
        style = (STATIC / "clockline.css").read_bytes()
    assert len(style) <= 8 * 1024
    assert sum(len(gzip.compress(part)) for part in (response.content, style, icon)) < 45_000


async def test_a_long_day_comes_in_pages_and_nothing_is_left_out(new_core, browse, tmp_path):
    start = NOW.replace(hour=0, minute=0, tzinfo=None)
    punches = [
        punch(NUMBERS[n % 20], start + timedelta(seconds=150 * n), Direction.IN) for n in range(450)
    ]
    ingest(new_core, [observe(one) for one in punches])
    with writing(new_core) as conn:
        import_people(conn, people_file(tmp_path / "people.toml"))
    seen = []
    async with browse(new_core) as client:
        for number in (1, 2, 3, 99):
            page = await read(client, f"/en/?day={TODAY}&punch_page={number}")
            assert f"Page {min(number, 3)} of 3 (450 rows)" in page.text
            if number < 4:
                seen += [link for link in page.links if "/event/" in link]
    assert len(seen) == len(set(seen)) == 450


async def test_language_follows_the_browser_and_keeps_the_query(plant, browse):
    async with browse(plant) as client:
        for accepted, language in (
            ("", "zh"),
            ("en-GB,en;q=0.9", "en"),
            ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
            ("en;q=0.3,zh;q=0.7", "zh"),
            ("de,en;q=0.1", "en"),
            ("fr;q=x, en;q=9;q=", "zh"),
        ):
            answer = await client.get("/?run=1", headers={"Accept-Language": accepted})
            assert answer.status_code == 302
            assert answer.headers["Location"] == f"/{language}/?run=1"
            assert answer.headers["Vary"] == "Accept-Language"


async def test_the_switch_keeps_the_place(plant, browse):
    async with browse(plant) as client:
        for path in ("/zh/?day=2026-11-19&run=1", "/zh/run/1/1003", "/zh/no/such?x=%22%3E"):
            page = Page(await client.get(path))
            assert path.replace("/zh/", "/en/", 1) in page.links
        page = await read(client, "/en/run/1/1003")
    assert "/zh/run/1/1003" in page.links


async def test_names_are_text_in_both_languages(plant, browse):
    async with browse(plant) as client:
        english = await read(client, "/en/")
    assert all(name in english.text for name in NAMES)
