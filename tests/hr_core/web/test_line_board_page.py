"""The line board as a page: what stands where, what is never shown, what leads to its reason."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec import structs

from hr_core.web.line_board import Work
from tests.hr_core.web.board_samples import BEGAN, between_shifts, sample_board
from tests.hr_core.web.page_reading import read

NAMES = ("王芳", "李伟", "刘洋", "Alexandra", "老陈")


@pytest.fixture
def board(new_core, browse):
    """The board's page from samples, without a database behind it."""
    return browse(new_core, board=sample_board)


async def test_each_line_tells_pieces_before_the_rate_and_its_interval(board):
    async with board as client:
        chinese = await read(client, "/zh/board")
        english = await read(client, "/en/board")
    for page, order in (
        (chinese, "冲压线 2 ■ 超限 件数 9,911 次品 525 5.30 % 4.87–5.76 %"),
        (english, "Stamping 2 ■ Over limit Pieces 9,911 Rejects 525 5.30 % 4.87–5.76 %"),
    ):
        assert order in page.text


async def test_what_is_not_known_is_never_a_zero(board):
    async with board as client:
        text = (await read(client, "/en/board")).text
    painting = text[text.index("Painting ◇ Incomplete") : text.index("Alerts (3 open)")]
    assert "not known" in painting
    assert "paint-1/1: never heard" in painting
    assert not re.search(r"\b0\b", painting)
    assert "line-3/3: silent since 06:24" in text
    assert "Pieces 4,210 Rejects 40 as of 06:30" in text  # old numbers have their age
    assert "paint-1 (L6): no reading in this shift" in text


async def test_people_stand_by_the_intervals_lower_end_and_unattributed_last(board):
    async with board as client:
        page = await read(client, "/zh/board")
    rows = [row for row in page.rows if re.search(r"\d %", row) and "–" in row]
    names = [next((name for name in NAMES if name in row), None) for row in rows]
    assert names == ["Alexandra", "王芳", "刘洋", "李伟"]  # 刘洋 has 4.35 %, but of 23 pieces
    assert "样本不足(n=23)" in page.row("刘洋")
    assert "C (暂)" in page.row("王芳")
    assert "工牌 92 %, 排班 8 %" in page.row("王芳")
    assert "未归属 311 6 1.93 % 占 7.46 %" in page.row("未归属")
    assert page.rows.index(page.row("未归属")) > page.rows.index(page.row("李伟"))


async def test_a_watch_calls_nobody_and_an_alert_can_be_acted_on(new_core, browse):
    async with browse(new_core, board=sample_board, alerts=object()) as client:
        page = await read(client, "/zh/board")
    assert "▲ 关注 王芳 1001 3.90 % > 3 % 47/1,204" in page.text
    assert "■ 超限 冲压线 2 L2 5.30 % > 5 %" in page.text
    assert "未确认 · 06:34 升级" in page.text
    assert "06:25 由 老陈 确认" in page.text
    actions = [form.get("action", "") for form in page.attributes("form")]
    assert [one.split("/")[-1] for one in actions if "alert" in one] == [
        "acknowledge",
        "close",
        "hand-over",
        "close",
        "hand-over",
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_wall_shows_no_name_and_no_number_of_a_person(new_core, browse, language):
    async with browse(new_core, board=sample_board, alerts=object()) as client:
        answer = await client.get(f"/{language}/board?wall=1")
    assert answer.status_code == 200
    for secret in (*NAMES, "1001", "1002", "1003", "1004"):
        assert secret not in answer.text, secret
    assert 'method="post"' not in answer.text
    assert {"zh": "一名人员", "en": "One person"}[language] in answer.text


async def test_every_number_leads_to_its_readings(board):
    async with board as client:
        page = await read(client, "/zh/board?line=L1")
    works = [urlsplit(link) for link in page.links if "/board/work?" in link]
    asked = [parse_qs(link.query) for link in works]
    assert {query["line"][0] for query in asked if "line" in query} >= {
        "L1",
        "L2",
        "L3",
        "L4",
        "L5",
    }
    assert {query["person"][0] for query in asked if "person" in query} == {
        "1001",
        "1002",
        "1003",
        "1004",
    }
    assert any("nobody" in query for query in asked)
    assert any(query.get("source") == ["line-3"] for query in asked)
    began = int(BEGAN.timestamp())
    hours = [q for q in asked if int(q["until"][0]) - int(q["since"][0]) == 3600 and "line" in q]
    assert began + 6 * 3600 in {int(query["since"][0]) for query in hours}


async def test_the_chart_has_its_numbers_beside_it(board):
    async with board as client:
        plain = await read(client, "/zh/board?line=L2")
        laney = await read(client, "/zh/board?line=L2&limits=laney")
    assert "05:00 1,290 118 9.15 % 3.18 % 6.82 % ■ 失控" in plain.row("9.15 %")
    assert "2.09 % 7.91 % ■ 失控" in laney.row("9.15 %")
    assert len(plain.attributes("div")) > 0
    (picture,) = [one for one in plain.attributes("div") if "data-chart" in one]
    assert '"out":[false,false,false,false,false,false,true]' in picture["data-chart"]


async def test_between_shifts_the_page_says_when_the_next_begins(new_core, browse):
    async with browse(new_core, board=between_shifts) as client:
        page = await read(client, "/zh/board")
    assert "现在没有班次。 下一班次 07:30 开始。" in page.text
    assert "还没有产线" in page.text


async def test_script_comes_from_our_own_files_only(board):
    async with board as client:
        answer = await client.get("/zh/board")
        policy = answer.headers["Content-Security-Policy"]
        scripts = re.findall(r"<script[^>]*>(.*?)</script>", answer.text, re.DOTALL)
        addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text)
        sizes = [len((await client.get(address)).content) for address in addresses]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert "script-src 'none'" not in policy
    assert scripts == ["", ""]
    assert " style=" not in answer.text
    assert not re.search(r"\son\w+=", answer.text)
    assert "http-equiv" in answer.text  # read without script: the page loads itself again
    assert all(sizes)


async def test_the_page_keeps_within_its_budget(board):
    import gzip

    async with board as client:
        answer = await client.get("/zh/board")
        addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text)
        bodies = [answer.content] + [(await client.get(one)).content for one in addresses]
    assert sum(len(gzip.compress(body)) for body in bodies) <= 70 * 1024


@pytest.mark.parametrize("query", ["limits=wide", "wall=2", "day=today", "line=" + "x" * 65])
async def test_a_bad_choice_is_refused_with_an_example(board, query):
    async with board as client:
        page = await read(client, f"/en/board?{query}", 400)
    assert f"Write it like this: {query.split('=')[0]}=" in page.text


async def test_a_line_that_is_not_there_is_a_404(board):
    async with board as client:
        page = await read(client, "/en/board?line=L99", 404)
    assert "There is no line L99." in page.text


async def test_another_machine_sees_neither_page_nor_stream(new_core, browse):
    async with browse(new_core, board=sample_board, from_host="192.168.1.20") as client:
        for path in ("/zh/board", "/zh/board/stream"):
            await read(client, path, 403)
        answer = await client.post("/zh/board/alert/close")
    assert answer.status_code == 403


async def test_a_hostile_name_is_only_ever_text(new_core, browse):
    hostile = '"><script>alert(1)</script>'

    def source(conn, choice, now):
        board = sample_board(conn, choice, now)
        tile = structs.replace(board.tiles[1], name=hostile, name_zh=hostile)
        person = structs.replace(board.people[0], name=hostile)
        return structs.replace(board, tiles=(tile,), people=(person,))

    async with browse(new_core, board=source) as client:
        text = (await client.get("/zh/board")).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


async def test_a_tile_without_pieces_has_no_rate_and_no_bar(new_core, browse):
    def source(conn, choice, now):
        board = sample_board(conn, choice, now)
        tile = structs.replace(board.tiles[4], work=Work(pieces=0, rejects=0))
        return structs.replace(board, tiles=(tile,))

    async with browse(new_core, board=source) as client:
        page = await read(client, "/en/board?wall=1")
    assert "Packing ◐ Nothing yet Pieces 0 Rejects 0 -" in page.text
