"""The board from what is stored: figures that add up, moving with what comes in, honest about gaps."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from hr_core.clock import Month
from hr_core.imports import import_people
from hr_core.people.model import Shift
from hr_core.quality.corrections import Correction
from hr_core.quality.live_counts import LiveCounts, Span
from hr_core.quality.live_line import SILENCE_S, LiveLine
from hr_core.quality.publishing import enter_correction, publish_month
from hr_core.quality.rates_view import rates_of_month
from hr_core.store.database import writing
from hr_core.store.results import pay_runs
from hr_core.web.board_choice import BoardChoice
from hr_core.web.board_shift import shown_shift
from hr_core.web.board_source import StoredBoard
from hr_core.web.errors import NoPageError
from hr_core.web.line_board import ChartLimits, TileState, without_names
from protocols.records import Count
from tests.hr_core.web.page_reading import read
from tests.hr_core.web.plant import NOW, ingest, observe, people_file

TODAY = date(2026, 11, 20)  # NOW is 14:30 of its day shift 08:00-17:00
BEGAN = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)


def reading(tag, value, minute, *, metric="pieces", badge="1001", source="line-1"):
    at = BEGAN + timedelta(minutes=minute)
    return Count(
        source=source, tag=f"{tag}.{'good' if metric == 'pieces' else 'bad'}", metric=metric,
        value=value, boot_id="b1", seq=minute + 1000, source_time=at, badge=badge,
        raw=value.to_bytes(4, "big"),
    )  # fmt: skip


def hours(tag, per_hour, *, source="line-1", badge="1001", until=7):
    """A reading at the end of each hour, from 07:59, and at 14:29."""
    found, pieces, rejects = [], 5000, 100
    for hour in range(until):
        for metric, value in (("pieces", pieces), ("rejects", rejects)):
            found.append(
                reading(tag, value, hour * 60 - 1, metric=metric, badge=badge, source=source)
            )
        made, bad = per_hour[hour % len(per_hour)]
        pieces, rejects = pieces + made, rejects + bad
    for metric, value in (("pieces", pieces), ("rejects", rejects)):
        found.append(reading(tag, value, 389, metric=metric, badge=badge, source=source))
    return found


def send(engine, counts):
    ingest(engine, [observe(one) for one in counts])


@pytest.fixture
def core(new_core, tmp_path):
    with writing(new_core) as conn:
        import_people(conn, people_file(tmp_path / "people.toml"))
    return new_core


def look(source, engine, now=NOW, **choice):
    with engine.connect() as conn:
        return source(conn, BoardChoice(**choice), now)


def tile(board, line):
    (found,) = [one for one in board.tiles if one.line == line]
    return found


def test_lines_hours_and_people_add_up(core):
    send(core, hours("1001", [(100, 1), (120, 2)]))
    send(core, hours("1002", [(90, 9)], badge="1002"))
    send(core, hours("1003", [(40, 0)], badge=None))
    board = look(StoredBoard(LiveLine()), core, line="L1")
    one = tile(board, "L1").work
    assert (one.pieces, one.rejects) == (7 * 100 + 3 * 20 + 7 * 90 + 7 * 40, 7 + 3 + 63)
    people = {row.number: (row.work.pieces, row.work.rejects) for row in board.people}
    assert people == {"1001": (760, 10), "1002": (630, 63)}
    assert (board.unattributed.pieces, board.unattributed.rejects) == (280, 0)
    assert sum(made for made, _ in people.values()) + 280 == one.pieces
    assert [row.number for row in board.people] == ["1002", "1001"]
    assert board.people[0].evidence == (("login", 630),)
    trend = tile(board, "L1").trend
    assert sum(point.pieces for point in trend if point.pieces) == one.pieces


def test_the_shift_counts_from_its_last_reading_before(core):
    send(
        core, [reading("1001", 4000, -600), reading("1001", 4990, -125), *hours("1001", [(10, 0)])]
    )
    assert (
        tile(look(StoredBoard(LiveLine()), core), "L1").work.pieces == 10 + 70
    )  # 4990 to 5000 is today's
    send(core, [reading("1001", 4995, -121)])
    assert tile(look(StoredBoard(LiveLine()), core), "L1").work.pieces == 5 + 70


def test_what_comes_in_is_in_the_next_look(core):
    source = StoredBoard(LiveLine())
    send(core, hours("1001", [(100, 1)]))
    assert tile(look(source, core), "L1").work.pieces == 700
    send(core, [reading("1001", 5703, 390)])
    assert tile(look(source, core, NOW + timedelta(seconds=1)), "L1").work.pieces == 703
    send(core, [reading("1001", 5640, 380)])  # late: it lies between two that are known
    board = look(source, core, NOW + timedelta(seconds=2))
    assert tile(board, "L1").work.pieces == 703
    fresh = look(StoredBoard(LiveLine()), core, NOW + timedelta(seconds=2))
    assert fresh == board, "a core that was started again draws the same"


def test_a_line_that_was_never_heard_is_not_known_and_one_that_stands_still_is_zero(core):
    send(core, [reading("1001", 7, 380), reading("1001", 7, 389)])
    board = look(StoredBoard(LiveLine()), core)
    still, unheard = tile(board, "L1"), tile(board, "L2")
    assert (still.state, still.work.pieces) == (TileState.IDLE, 0)
    assert (unheard.state, unheard.work) == (TileState.INCOMPLETE, None)
    assert unheard.silent == (("line-2", None),)
    assert not board.complete


def test_a_source_that_fell_silent_hatches_its_lines_and_keeps_its_numbers(core):
    send(core, hours("1001", [(100, 1)]))
    last = BEGAN + timedelta(minutes=389)
    source = StoredBoard(LiveLine())
    assert tile(look(source, core, last + timedelta(seconds=SILENCE_S)), "L1").state is TileState.OK
    board = look(source, core, last + timedelta(seconds=SILENCE_S + 2))
    silent = tile(board, "L1")
    assert silent.state is TileState.INCOMPLETE
    assert silent.work.pieces == 700
    assert silent.silent == (("line-1", last),)
    (one,) = [row for row in board.sources if row.source == "line-1"]
    assert one.gap_s > 7 * 3000  # hourly readings are gaps too
    assert board.shift.delay_s == SILENCE_S + 2


def test_a_rate_over_the_limit_is_watched_until_the_interval_is_over_it(core):
    send(core, hours("1001", [(10, 1)]))  # 10 %, but of 70 pieces
    board = look(StoredBoard(LiveLine()), core)
    assert tile(board, "L1").state is TileState.WATCH
    assert [(one.kind, one.subject, one.watch) for one in board.alerts] == [
        ("line", "L1", True),
        ("person", "1001", True),
    ]


def test_a_rate_that_is_surely_over_the_limit_is_an_alert(core):
    send(core, hours("1001", [(100, 10)]))
    board = look(StoredBoard(LiveLine()), core)
    assert tile(board, "L1").state is TileState.ALERT
    assert board.people[0].state is TileState.ALERT
    assert board.people[0].grade == "D"


def test_more_rejects_than_pieces_are_a_doubt_and_no_rate(core):
    send(core, hours("1001", [(5, 8)]))
    found = tile(look(StoredBoard(LiveLine()), core), "L1")
    assert found.state is TileState.INCOMPLETE
    assert found.doubts == ("rejects_exceed_pieces",)
    assert found.work.interval is None


def test_limits_follow_each_hours_pieces_and_laney_widens_them(core):
    send(core, hours("1001", [(900, 9), (300, 9), (900, 45)]))
    plain = look(StoredBoard(LiveLine()), core, line="L1").chart
    laney = look(StoredBoard(LiveLine()), core, line="L1", limits=ChartLimits.LANEY).chart
    widths = [point.upper - point.lower for point in plain.points]
    assert len(plain.points) == 7
    assert widths[1] > widths[0]
    assert any(point.out for point in plain.points)
    assert plain.sigma_z == laney.sigma_z > 1
    assert all(b.upper >= a.upper for a, b in zip(plain.points, laney.points, strict=True))
    assert plain.points[0].span == Span(BEGAN, BEGAN + timedelta(hours=1))


def test_a_line_without_two_hours_has_no_limits(core):
    send(core, [*hours("1001", [(100, 1)], until=0), reading("1001", 5010, 5)])
    assert look(StoredBoard(LiveLine()), core, line="L1").chart.points == ()


def test_the_days_of_a_month_add_up_to_the_months_rates(plant):
    source = StoredBoard(LiveLine())
    pieces = rejects = 0
    for number in range(1, 20):
        board = look(source, plant, day=date(2026, 11, number))
        for one in board.tiles:
            if one.work is not None:
                pieces, rejects = pieces + one.work.pieces, rejects + one.work.rejects
    with plant.connect() as conn:
        month = rates_of_month(conn, Month(2026, 11))
    assert (pieces, rejects) == (month.total.pieces, month.total.rejects)


def test_an_empty_core_says_so(new_core):
    board = look(StoredBoard(LiveLine()), new_core)
    assert (board.shift, board.tiles, board.alerts) == (None, (), ())


@pytest.mark.parametrize("choice", [{"line": "L9"}, {"shift": "moon"}])
def test_a_line_or_shift_that_is_not_there_is_told(core, choice):
    with pytest.raises(NoPageError):
        look(StoredBoard(LiveLine()), core, **choice)


NIGHT = Shift(
    code="night", name="Night", start_min=22 * 60, end_min=30 * 60, break_min=0,
    break_start_min=0, early_in_min=0, late_out_min=0,
)  # fmt: skip
DAY = structs.replace(NIGHT, code="day", start_min=8 * 60, end_min=17 * 60)


@pytest.mark.parametrize(
    ("hour", "shown", "day", "next_hour"),
    [
        (9, "day", 20, None),
        (17, "day", 20, 22),  # over: the last one stays, and the next is named
        (23, "night", 20, None),
        (5, "night", 19, None),
        (7, "night", 19, 8),
    ],
)
def test_the_shift_that_runs_else_the_last_one(hour, shown, day, next_hour):
    now = datetime(2026, 11, 20, hour, 30, tzinfo=UTC)
    found = shown_shift({"day": DAY, "night": NIGHT}, None, None, now, ZoneInfo("UTC"))
    assert (found.shown.shift.code, found.shown.day.day) == (shown, day)
    assert (found.next_at and found.next_at.hour) == next_hour


def test_a_reading_that_commits_late_is_found_by_a_later_look(core):
    counts = LiveCounts()
    span = Span(BEGAN, BEGAN + timedelta(hours=9))
    send(core, [reading("1001", 1, 1)])
    with core.connect() as conn:
        assert len(counts.of(conn, span, ["line-1"], NOW)) == 1
    send(core, [reading("1002", 1, 1)])  # ingested at NOW as well
    with core.connect() as conn:
        assert len(counts.of(conn, span, ["line-1"], NOW + timedelta(seconds=90))) == 2


async def test_a_number_leads_to_the_readings_and_to_the_bytes(core, browse):
    send(core, hours("1001", [(100, 1)]))
    async with browse(core) as client:
        board = await read(client, "/zh/board?line=L1")
        (work,) = {link for link in board.links if "person=1001" in link}
        page = await read(client, work)
        assert "王芳 工号 1001" in page.text
        assert "700 件,7 件次品" in page.text
        assert "line-1 / 1001.good 件数 · L1 1001 5,000 5,700 8 700" in page.row("1001.good")
        events = [link for link in page.links if "/event/" in link]
        event = await read(client, events[2])
    assert "00 00 13 88" in event.text  # 5000, as the box sent it


@pytest.mark.parametrize(
    "query", ["", "since=1795132800", "since=1795132800&until=1795132800", "since=1&until=2"]
)
async def test_a_stretch_that_is_none_is_refused(core, browse, query):
    async with browse(core) as client:
        answer = await client.get(f"/en/board/work?{query}")
    assert answer.status_code in {400, 404}


def test_a_bad_or_repeated_reading_counts_nothing(core):
    good = hours("1001", [(100, 1)])
    send(core, [*good, structs.replace(reading("1001", 9999, 385), quality="bad")])
    assert tile(look(StoredBoard(LiveLine()), core), "L1").work.pieces == 700


def test_the_foot_tells_the_months_revision_and_corrections(core):
    send(core, hours("1001", [(100, 1)]))
    before = look(StoredBoard(LiveLine()), core)
    assert (before.shift.month, before.shift.revision, before.corrections) == ("2026-11", None, ())
    assert before.shift.status == "provisional"
    correction = Correction(
        identity="", subject="1001", line="L1", concerns="2026-11", pieces=0, rejects=-3,
        author="ann", approver="bo", reason="gauge was off", recorded_at=0,
    )  # fmt: skip
    with writing(core) as conn:
        publish_month(conn, Month(2026, 11), NOW)
        enter_correction(conn, correction, NOW)
        publish_month(conn, Month(2026, 11), NOW)
    after = look(StoredBoard(LiveLine()), core)
    assert after.shift.revision == 2
    (line,) = after.corrections
    assert (line.subject, line.rejects, line.reason) == ("王芳", -3, "gauge was off")
    assert after.tiles == before.tiles  # a month's correction is in no shift's figures
    assert without_names(after).corrections == ()
    with writing(core) as conn:
        conn.execute(
            pay_runs.insert().values(
                number=1, month="2026-11", scheme="demo", scheme_version="1", created_at=NOW,
                total_fen=0, findings="{}",
            )
        )  # fmt: skip
    assert look(StoredBoard(LiveLine()), core).shift.status == "locked"
