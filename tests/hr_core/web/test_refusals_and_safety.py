"""What comes from outside: names, parameters, paths, hosts. And the words themselves."""

import ast
import inspect
import itertools
import re
import string

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from hr_core.quality.counters import DeltaFlag
from hr_core.store.database import open_database
from hr_core.web import (
    account_words,
    approval_words,
    attendance_words,
    board_words,
    compare_words,
    pay_words,
    performance_words,
    piece_words,
    scoring_words,
    words,
)
from hr_core.web.selection import BadQueryError, Links, read_number, read_selection
from hr_core.web.words import CODES, PHRASES, Words, preferred_language
from protocols.records import Channel, Direction, Flag
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.plant import HOSTILE, running_plant

PAGES = ("/zh/", "/en/", "/zh/run/1/1001", "/zh/event/00", "/zh/?day=x", "/en/nowhere")


async def test_a_hostile_name_is_only_ever_text(browse, tmp_path):
    engine = running_plant(tmp_path, first_name=HOSTILE)
    try:
        async with browse(engine) as client:
            start = await client.get("/zh/?month=2026-10")
            slip = await client.get("/en/run/1/1001")
    finally:
        engine.dispose()
    for answer in (start, slip):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
        assert "<script" not in answer.text.lower()


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_forbids_scripts_frames_and_caches(plant, browse, path):
    async with browse(plant) as client:
        answer = await client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert " style=" not in answer.text
    assert not re.search(r"\son\w+=", answer.text)
    assert ("尚无登录账号" in answer.text) or ("No login yet: only on this machine" in answer.text)


@pytest.mark.parametrize(
    "query",
    [
        "day=yesterday",
        "day=2026-02-30",
        "day=2026-1-1",
        "day=9999-12-31x",
        "day=%D9%A2%D9%A0%D9%A2%D9%A6-01-01",
        "month=2026-13",
        "month=2026-11-20",
        "month=9999-01",
        "run=0",
        "run=-1",
        "run=1.5",
        "run=99999999999999999999",
        "run=" + "9" * 6000,
        "punch_page=10001",
        "slip_page=0",
        'day="><script>alert(1)</script>',
    ],
)
async def test_a_bad_parameter_is_refused_with_an_example(plant, browse, query):
    async with browse(plant) as client:
        chinese = await client.get(f"/zh/?{query}")
        english = await client.get(f"/en/?{query}")
    name = query.split("=")[0]
    assert chinese.status_code == english.status_code == 400
    assert f"请这样写:{name}=" in chinese.text
    assert f"Write it like this: {name}=" in english.text
    assert "<script" not in english.text
    assert len(english.text) < 9000


async def test_an_empty_or_unknown_parameter_is_not_said(plant, browse):
    async with browse(plant) as client:
        assert "2026-11-20" in (await read(client, "/zh/?day=&month=&run=&utm=1")).text


@pytest.mark.parametrize("day", ["1900-01-01", "2000-01-01", "2999-12-31"])
async def test_the_outermost_days_and_months_answer(plant, browse, day):
    async with browse(plant) as client:
        await read(client, f"/zh/?day={day}&month={day[:7]}")
        await read(client, "/zh/?month=9998-12")


@pytest.mark.parametrize(
    ("path", "chinese"),
    [
        ("/zh/nowhere", "没有这一页"),
        ("/zh/event/xyz", "没有编号为 xyz 的原始记录"),
        ("/zh/event/" + "0" * 32, "请核对 32 位编号"),
        ("/zh/run/2/1001", "没有编号为 2 的算薪"),
        ("/zh/run/1/none", "算薪 #1 里没有工号 none 的工资条"),
        ("/zh/run/1/..%2F1001", "没有工号 ../1001"),
        ("/zh/run/" + "9" * 5000 + "/1001", "没有编号为 9999"),
        ("/zh/run/1x/1001", "没有编号为 1x 的算薪"),
        ("/zh/?run=7", "没有编号为 7 的算薪"),
    ],
)
async def test_what_is_not_there_is_a_404_with_a_way_on(plant, browse, path, chinese):
    async with browse(plant) as client:
        page = await read(client, path, 404)
        english = await read(client, path.replace("/zh/", "/en/", 1), 404)
    assert chinese in page.text
    assert "/zh/" in page.links
    assert not re.search("[\u4e00-\u9fff]", english.text.replace("中文", ""))


async def test_a_dead_database_is_a_503_that_promises_only_what_holds(browse, tmp_path, caplog):
    engine = open_database(f"sqlite:///{tmp_path}/none/core.db")
    async with browse(engine) as client:
        page = await read(client, "/zh/", 503)
    engine.dispose()
    assert "网关会保留并重发" in page.text
    assert "the database cannot be read" in caplog.text


@pytest.mark.parametrize(
    ("from_host", "base_url"),
    [
        ("192.168.1.20", "http://localhost"),
        ("127.0.0.1", "http://attacker.example"),
        ("127.0.0.1", "http://127.0.0.1.nip.io"),
        ("::2", "http://[::1]"),
    ],
)
async def test_another_machine_and_a_rebound_name_are_refused(plant, browse, from_host, base_url):
    async with browse(plant, from_host=from_host, base_url=base_url) as client:
        for path in ("/zh/", "/en/run/1/1001", "/zh/event/00"):
            page = await read(client, path, 403)
            assert "1001" not in page.text.replace(path, "")
        chinese = await read(client, "/zh/", 403)
    assert "本页只能在这台机器上看" in chinese.text


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8460", "http://[::1]:8460"])
async def test_loopback_by_address_is_this_machine(plant, browse, base_url):
    async with browse(plant, from_host="::1", base_url=base_url) as client:
        await read(client, "/zh/")


async def test_the_pages_read_and_never_write(plant, browse):
    def written(conn, cursor, statement, *rest):
        assert statement.lstrip().upper().startswith(("SELECT", "BEGIN")), statement

    sa.event.listen(plant, "before_cursor_execute", written)
    try:
        async with browse(plant) as client:
            for path in ("/zh/?month=2026-10", "/zh/run/1/1006"):
                await read(client, path)
            assert (await client.post("/zh/")).status_code == 405
    finally:
        sa.event.remove(plant, "before_cursor_execute", written)


def test_both_languages_say_every_phrase_with_the_same_facts():
    for phrase, (chinese, english) in PHRASES.items():
        assert chinese
        assert english
        fields = [
            sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)
            for text in (chinese, english)
        ]
        assert fields[0] == fields[1], phrase


def test_no_part_of_the_catalogue_hides_another():
    parts = (
        account_words.PHRASES,
        approval_words.PHRASES,
        attendance_words.PHRASES,
        board_words.PHRASES,
        compare_words.PHRASES,
        pay_words.PHRASES,
        performance_words.PHRASES,
        piece_words.PHRASES,
        scoring_words.PHRASES,
    )
    for one, other in itertools.combinations(parts, 2):
        assert not one.keys() & other.keys()
    assert all(words.PHRASES[name] is both for part in parts for name, both in part.items())
    tree = ast.parse(inspect.getsource(words))
    (table,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "PHRASES"
    )
    own = {key.value for key in table.keys if key is not None}
    assert not any(own & part.keys() for part in parts)


def test_every_word_of_a_page_is_in_the_catalogue_and_none_is_idle(repository):
    folder = repository / "hr_core/web"
    sources = [*folder.glob("templates/*.html"), *folder.glob("*.py")]
    catalogue = {
        "words.py",
        "board_words.py",
        "account_words.py",
        "approval_words.py",
        "compare_words.py",
        "piece_words.py",
        "pay_words.py",
        "performance_words.py",
        "scoring_words.py",
    }
    text = "\n".join(one.read_text() for one in sources if one.name not in catalogue)
    said = set(re.findall(r"\b(?:t|words)\(\s*['\"](\w+)['\"]", text))
    assert len(said) > 100
    assert said <= set(PHRASES)
    quoted = set(re.findall(r"['\"](\w+)['\"]", text))
    built = {f"{one}{end}" for one in quoted for end in ("_what", "_do")}
    assert set(PHRASES) <= quoted | built


def test_every_code_of_the_records_has_words():
    for group, codes in (
        ("direction", Direction),
        ("channel", Channel),
        ("flag", Flag),
        ("flag", DeltaFlag),
    ):
        assert set(codes) <= set(CODES[group])
    assert Words("zh").of("flag", "brand_new_flag") == "brand_new_flag"


def test_a_number_with_a_slash_stays_one_path_segment():
    assert Links("zh").slip(3, "A/1?x#y") == "/zh/run/3/A%2F1%3Fx%23y"


@given(st.text(max_size=40), st.sampled_from(["day", "month", "run", "punch_page"]))
def test_whatever_is_accepted_comes_back_the_same(value, name):
    try:
        selection = read_selection({name: value})
    except BadQueryError:
        return
    pairs = dict(selection.pairs())
    assert read_selection(pairs) == selection
    assert pairs.get(name, value) in {value, ""} or value in {"", "1"}


@given(st.text(max_size=30))
def test_only_plain_positive_numbers_are_numbers(text):
    try:
        number = read_number(text, 1000)
    except ValueError:
        return
    assert text == str(number)
    assert 1 <= number <= 1000


@given(st.text(max_size=400))
def test_any_accept_language_gives_a_language(header):
    assert preferred_language(header) in {"zh", "en"}
