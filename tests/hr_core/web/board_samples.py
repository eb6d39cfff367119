"""A line board as values: an early shift of a press shop with everything that can go on."""

from datetime import UTC, date, datetime, timedelta

from msgspec import structs

from hr_core.quality.intervals import wilson
from hr_core.quality.windows import WindowState
from hr_core.web.errors import NoPageError
from hr_core.web.line_board import (
    AlertRow,
    Cause,
    Chart,
    ChartLimits,
    ChartPoint,
    CorrectionLine,
    LineBoard,
    LineTile,
    PersonRow,
    ShiftHead,
    ShiftName,
    Source,
    Span,
    SwapRow,
    TileState,
    TrendPoint,
    Work,
    worst_first,
)

BEGAN = datetime(2026, 11, 19, 23, 0, tzinfo=UTC)  # 07:00 in the plant
SHIFT = Span(BEGAN, BEGAN + timedelta(hours=12))
NAMES = {"1001": "王芳", "1002": "李伟", "1003": "Alexandra Konstantinopoulou", "1004": "刘洋"}


def work(pieces, rejects):
    return Work(pieces=pieces, rejects=rejects, interval=wilson(pieces, rejects))


def trend(*rejects, pieces=100):
    return tuple(
        TrendPoint(None, None) if one is None else TrendPoint(pieces, one) for one in rejects
    )


def tile(line, name, name_zh, state, made, **changes):
    return LineTile(
        line=line, name=name, name_zh=name_zh, state=state, work=made,
        **{"last_count_at": BEGAN + timedelta(hours=7, minutes=30)} | changes,
    )  # fmt: skip


def tiles(now):
    return (
        tile("L1", "Stamping 1", "冲压线 1", TileState.OK, work(12480, 231),
             trend=trend(2, 1, 2, 1, 3, 2, 2, 1)),
        tile("L2", "Stamping 2", "冲压线 2", TileState.ALERT, work(9911, 525),
             trend=trend(2, 3, 4, 6, 7, 5, None, 8)),
        tile("L3", "Bending", "折弯线", TileState.INCOMPLETE, work(4210, 40),
             silent=(("line-3/3", now - timedelta(minutes=6)), ("line-3/4", None))),
        tile("L4", "Assembly", "装配线", TileState.WATCH, work(60, 4), trend=trend(5, 8, pieces=30)),
        tile("L5", "Packing", "包装线", TileState.IDLE, work(0, 0)),
        tile("L6", "Painting", "涂装线", TileState.INCOMPLETE, None, last_count_at=None,
             silent=(("paint-1/1", None),)),
    )  # fmt: skip


def alerts(now):
    hour = Span(now - timedelta(hours=1), now)
    return (
        AlertRow(identity="line/L2/2026-11-20 early/1", kind="line", subject="L2", name="Stamping 2", name_zh="冲压线 2",
                 line="L2", watch=False, work=work(9911, 525), limit_percent="5", span=hour,
                 since=now - timedelta(minutes=38), owner="老陈", escalated=1,
                 escalates_at=now + timedelta(minutes=4), hides=("李伟 1002",)),
        AlertRow(identity="person/1003/2026-11-20 early/2", kind="person", subject="1003", name=NAMES["1003"],
                 name_zh=NAMES["1003"], line="L4", watch=False, work=work(420, 31),
                 limit_percent="3", span=hour, since=now - timedelta(minutes=9), owner="老陈",
                 acknowledged_at=now - timedelta(minutes=5), acknowledged_by="老陈"),
        AlertRow(identity="person/1001/2026-11-20 early/0", kind="person", subject="1001", name="王芳", name_zh="王芳", line="L1",
                 watch=True, work=work(1204, 47), limit_percent="3", span=hour,
                 since=now - timedelta(minutes=20)),
    )  # fmt: skip


def chart(line, limits):
    wide = 1.0 if limits is ChartLimits.PLAIN else 1.6
    points = []
    for hour, (pieces, rejects) in enumerate(
        ((810, 39), (1240, 60), (1190, 71), (300, 12), (1404, 68), (1330, 71), (1290, 118))
    ):
        centre = 0.05
        half = wide * 3 * (centre * (1 - centre) / pieces) ** 0.5
        since = BEGAN + timedelta(hours=hour)
        upper = centre + half
        points.append(
            ChartPoint(
                span=Span(since, since + timedelta(hours=1)), pieces=pieces, rejects=rejects,
                lower=max(0.0, centre - half), upper=upper,
                out=("beyond_limit",) if rejects / pieces > upper else (),
            )
        )  # fmt: skip
    return Chart(line=line, limits=limits, centre=0.05, sigma_z=1.6, points=tuple(points))


def people():
    def person(number, made, grade, state, evidence, *, separable=True):
        return PersonRow(
            number=number, name=NAMES[number], work=made, grade=grade, separable=separable,
            state=state, evidence=evidence,
        )  # fmt: skip

    return tuple(
        worst_first(
            [
                person("1001", work(1204, 47), "C", TileState.WATCH,
                       (("badge", 1108), ("roster", 96)), separable=False),
                person("1002", work(2210, 20), "A", TileState.OK, (("piece", 2210),)),
                person("1003", work(420, 31), "D", TileState.ALERT, (("login", 420),)),
                person("1004", work(23, 1), None, TileState.OK, (("badge", 23),)),
            ]
        )
    )  # fmt: skip


def sample_board(conn, choice, now):
    """A `BoardSource` whose values do not come from a database."""
    line = choice.line or "L2"
    if line not in {"L1", "L2", "L3", "L4", "L5", "L6"}:
        raise NoPageError("no_line", line=line)
    return LineBoard(
        made_at=now,
        shift=ShiftHead(
            code="early", name="Early", name_zh="早班", day=date(2026, 11, 20), hours=SHIFT, span=SHIFT,
            status=WindowState.PROVISIONAL, month="2026-11", revision=41, delay_s=2,
        ),
        shifts=(ShiftName("early", "Early", "早班"), ShiftName("late", "Late", "晚班")),
        person_limit_percent="3",
        line_limit_percent="5",
        tiles=tiles(now),
        alerts=alerts(now),
        swaps=(
            SwapRow(
                source="line-2", tag="ST-07.good", line="L2",
                span=Span(now - timedelta(minutes=40), now - timedelta(minutes=31)),
                command="edge-agent line replace ST-07.good --source line-2 "
                '--at 2026-11-20T13:59:00+08:00 --reason "another box"',
            ),
        ),
        corrections=(
            CorrectionLine(
                number="1", subject="王芳", line="L2", concerns="2026-11", pieces=0, rejects=-3,
                reason="gauge was off",
            ),
        ),
        chart=chart(line, choice.limits),
        people=people(),
        unattributed=work(311, 6),
        causes=(Cause("material", "Material", "来料"), Cause("other", "Other", "其他")),
        sources=(
            Source(source="line-1", lines=("L1", "L2"), last_at=now - timedelta(seconds=2), gap_s=0),
            Source(source="line-3", lines=("L3",), last_at=now - timedelta(minutes=6), gap_s=372),
            Source(source="paint-1", lines=("L6",), last_at=None, gap_s=27_000),
        ),
    )  # fmt: skip


def between_shifts(conn, choice, now):
    return structs.replace(
        sample_board(conn, choice, now), shift=None, tiles=(), alerts=(), chart=None, people=(),
        unattributed=None, sources=(), next_shift_at=now + timedelta(hours=1),
    )  # fmt: skip
