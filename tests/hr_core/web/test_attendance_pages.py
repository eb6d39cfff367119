"""The attendance pages of the plant: what stands there is what was computed."""

import re
from datetime import date, timedelta

import pytest

from hr_core.store.attendance_days import days_of_person
from tests.hr_core.web.plant import HOSTILE, NAMES, NUMBERS, running_plant


async def page(browse, engine, place, status=200):
    async with browse(engine) as client:
        answer = await client.get(place)
    assert answer.status_code == status, answer.text
    return answer.text


async def test_the_grid_has_a_row_for_everybody_and_a_cell_for_every_day(browse, plant):
    html = await page(browse, plant, "/zh/month?month=2026-10&all=1")
    table = html[html.index("<tbody>") : html.index("</tbody>")]
    rows = table.split("<tr>")[1:]
    assert len(rows) == len(NAMES)
    for number, name, row in zip(NUMBERS, NAMES, rows, strict=True):
        assert name in row
        assert len(re.findall(r"<td class=\"(?!n\")", row)) == 31
        assert f"/zh/day/2026-10-15/{number}" in row


async def test_only_who_has_something_open_is_shown_unless_asked(browse, plant):
    html = await page(browse, plant, "/en/month?month=2026-10")
    assert "陈静" in html  # her leaving punch of the 21st is missing
    assert "王芳" not in html
    assert "马超" in html  # nothing of him on the 15th
    assert "18 of 20 people have nothing open" in html


async def test_a_month_of_nobody_says_what_to_do(browse, new_core):
    html = await page(browse, new_core, "/en/month?month=2026-10")
    assert "hr-core import" in html


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("/en/month?month=1999-10", "no working calendar of 1999"),
        ("/en/month/2026-10/9999", "Nobody has the number 9999"),
        ("/en/day/2026-10-15/9999", "Nobody has the number 9999"),
        ("/en/day/2026-02-30/1001", "/en/day/2026-02-30/1001"),
        ("/en/month/2026-13/1001", "/en/month/2026-13/1001"),
    ],
)
async def test_what_is_not_there_is_said(browse, plant, place, said):
    assert said in await page(browse, plant, place, status=404)


async def test_a_query_that_cannot_be_read_is_refused(browse, plant):
    html = await page(browse, plant, "/en/month?month=2026-1x", status=400)
    assert "2026-1x" in html


async def test_every_minute_of_a_day_adds_up(browse, plant):
    with plant.connect() as conn:
        stored = days_of_person(conn, "1007", date(2026, 10, 15), date(2026, 10, 16))
    (day,) = (one.result for one in stored.values())
    assert sum(one.minutes for one in day.intervals if one.counts == "regular") == 480
    html = await page(browse, plant, "/en/day/2026-10-15/1007")
    total = sum(one.minutes for one in day.intervals)
    assert f'<td class="n">{total // 60}:{total % 60:02d}</td>' in html
    for event_id in day.used:
        assert f"/en/event/{event_id}" in html


async def test_a_day_shows_the_way_of_each_punch_and_the_slips_that_used_it(browse, plant):
    html = await page(browse, plant, "/en/day/2026-10-15/1007")
    assert html.count("→ core") == 2
    assert "/en/run/1/1007" in html


async def test_a_day_with_incomplete_terminals_is_not_judged(browse, plant):
    html = await page(browse, plant, "/en/day/2026-10-21/1005")
    assert "Incomplete: absence is not judged yet" in html
    assert "Waiting for ZK-A4N0311" in html
    assert "Absent" not in html


async def test_a_day_that_nobody_computed_says_who_does(browse, plant):
    tomorrow = date(2026, 11, 20) + timedelta(days=5)
    html = await page(browse, plant, f"/en/day/{tomorrow}/1001")
    assert "hr-core attendance compute" in html


async def test_the_waiting_list_names_what_waits(browse, plant):
    html = await page(browse, plant, "/en/waiting")
    assert "3071" in html  # punched at noon, and no person claims it
    assert "/en/day/2026-10-21/1005" in html


async def test_names_are_escaped(browse, tmp_path):
    engine = running_plant(tmp_path, HOSTILE)
    try:
        for place in ("month?month=2026-10&all=1", "month/2026-10/1001", "day/2026-10-15/1001"):
            html = await page(browse, engine, f"/zh/{place}")
            assert HOSTILE not in html
            assert "&lt;script&gt;" in html
    finally:
        engine.dispose()
