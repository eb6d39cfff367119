"""The line board's values to what templates need, and to the fragments that a page replaces."""

from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from hr_core.quality.grades import percent_text
from hr_core.web.board_choice import BoardChoice, BoardLinks, element_id
from hr_core.web.board_picture import trend_path, wilson_picture
from hr_core.web.line_board import (
    Chart,
    ChartLimits,
    ChartPoint,
    LineBoard,
    PersonRow,
    Work,
    without_names,
)
from hr_core.web.rendering import Renderer
from hr_core.web.selection import Links
from hr_core.web.words import Words

BEAT_MS = 5000  # a page that misses three of these says that it is stale

# A chart of a shift has a point an hour; more than these are not drawn on a phone's 300 pixels.
MOST_POINTS_DRAWN = 2000


class Fragment(NamedTuple):
    """`element`: the id of what `html` replaces; `event` is the SSE event that brings it."""

    event: str
    element: str
    html: str


class WallClock(Struct, frozen=True):
    """The site's local times, as text."""

    zone: ZoneInfo
    now: datetime

    def minute(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.zone):%H:%M}"

    def second(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.zone):%H:%M:%S}"

    def day_minute(self, instant: datetime) -> str:
        """The date only when it is not today's."""
        there = instant.astimezone(self.zone)
        today = self.now.astimezone(self.zone).date()
        return f"{there:%H:%M}" if there.date() == today else f"{there:%m-%d %H:%M}"

    def stamp(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"


def board_context(
    board: LineBoard, choice: BoardChoice, words: Words, zone: ZoneInfo, token: str
) -> dict[str, object]:
    """`token` for the forms of what people can do about an alert."""
    if choice.wall:
        board = without_names(board)
    wall_clock = WallClock(zone, board.made_at)
    limits = (board.person_limit_percent, board.line_limit_percent)
    names = {one.line: words.label(one.name, one.name_zh) for one in board.tiles}
    to = BoardLinks(words.language)
    return {
        "t": words,
        "links": Links(words.language),
        "board": board,
        "choice": choice,
        "to": to,
        "token": token,
        "wall_clock": wall_clock,
        "beat_ms": BEAT_MS,
        "element_id": element_id,
        "limits_named": ChartLimits,
        "percent": _percent,
        "picture": lambda work: wilson_picture(work, limits),
        "trend": trend_path,
        "line_name": lambda code: names.get(code, code),
        "evidence": lambda row: _evidence(row, words),
        "unattributed_share": _unattributed_share(board),
        "live": False,  # the first page opens what only script would open
        "chart_data": lambda chart: _chart_data(chart, words, wall_clock, to),
    }


def fragments(renderer: Renderer, context: dict[str, Any]) -> list[Fragment]:
    """Every part of the page that moves, in the page's order."""
    parts = renderer.parts("board_parts.html", context)
    board: LineBoard = context["board"]
    tiles = [
        Fragment("tile", element_id("tile", tile.line), str(parts.tile(tile)).strip())
        for tile in board.tiles
    ]
    return [
        Fragment("part", "board-head", str(parts.head()).strip()),
        *tiles,
        Fragment("alert", "alerts", str(parts.alerts()).strip()),
        Fragment("part", "chart", str(parts.chart()).strip()),
        Fragment("part", "people", str(parts.people()).strip()),
        Fragment("part", "sources", str(parts.sources()).strip()),
    ]


def _percent(work: Work | ChartPoint) -> str:
    return percent_text(work.pieces, work.rejects)


def _evidence(row: PersonRow, words: Words) -> str:
    """As "badge 92 %, roster 8 %": whole percents, which need not add up to a hundred."""
    total = sum(pieces for _, pieces in row.evidence)
    if total == 0:
        return ""
    return ", ".join(
        f"{words.of('evidence', kind)} {(200 * pieces + total) // (2 * total)} %"
        for kind, pieces in row.evidence
    )


def _unattributed_share(board: LineBoard) -> str:
    if board.unattributed is None:
        return ""
    total = sum(row.work.pieces for row in board.people) + board.unattributed.pieces
    return percent_text(total, board.unattributed.pieces)


def _chart_data(chart: Chart, words: Words, wall_clock: WallClock, to: BoardLinks) -> str:
    """JSON for board.js: percents as numbers for ink, each point's address, words of the legend."""
    points = _thinned(chart.points)
    return msgspec.json.encode(
        {
            "at": [int(point.span.since.timestamp()) for point in points],
            "until": [int(point.span.until.timestamp()) for point in points],
            "clock": [wall_clock.minute(point.span.since) for point in points],
            "rate": [_rate(point) for point in points],
            "lower": [round(100 * point.lower, 4) for point in points],
            "upper": [round(100 * point.upper, 4) for point in points],
            "centre": None if chart.centre is None else round(100 * chart.centre, 4),
            "out": [bool(point.out) for point in points],
            "links": [to.work(point.span, line=chart.line) for point in points],
            "words": {
                "hour": words("hour"),
                "rate": words("rate"),
                "upper": words("series_upper"),
                "lower": words("series_lower"),
                "centre": words("series_centre"),
            },
        }
    ).decode()


def _rate(point: ChartPoint) -> float | None:
    return round(100 * point.rejects / point.pieces, 4) if point.pieces else None


def _thinned(points: tuple[ChartPoint, ...]) -> tuple[ChartPoint, ...]:
    """Every n-th point, but all that are out of control: a signal is never thinned away."""
    if len(points) <= MOST_POINTS_DRAWN:
        return points
    step = -(-len(points) // MOST_POINTS_DRAWN)
    return tuple(point for at, point in enumerate(points) if at % step == 0 or point.out)
