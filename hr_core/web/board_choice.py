"""What an address of the line board asks for, and how such addresses are written."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from urllib.parse import quote, urlencode

from msgspec import Struct, structs

from hr_core.quality.live_counts import Span
from hr_core.web.line_board import ChartLimits
from hr_core.web.selection import read_day, read_value


class BoardChoice(Struct, frozen=True, kw_only=True):
    """None: not said. `line`: whose chart and people are shown; `wall`: no names, large type."""

    shift: str | None = None
    day: date | None = None
    line: str | None = None
    limits: ChartLimits = ChartLimits.PLAIN
    wall: bool = False

    def but(self, **changes: object) -> "BoardChoice":
        return structs.replace(self, **changes)

    def query(self) -> str:
        pairs = {
            "shift": self.shift,
            "day": self.day and self.day.isoformat(),
            "line": self.line,
            "limits": self.limits.value if self.limits is not ChartLimits.PLAIN else None,
            "wall": "1" if self.wall else None,
        }
        said = urlencode({name: value for name, value in pairs.items() if value})
        return f"?{said}" if said else ""


class WorkChoice(Struct, frozen=True, kw_only=True):
    """Whose readings, and when. `nobody`: what belongs to no person."""

    span: Span
    line: str | None = None
    person: str | None = None
    source: str | None = None
    nobody: bool = False

    @property
    def hours(self) -> float:
        return (self.span.until - self.span.since).total_seconds() / 3600


class BoardLinks:
    """Addresses of the board in one language."""

    def __init__(self, language: str) -> None:
        self.root = f"/{language}/board"

    def board(self, choice: BoardChoice, section: str = "") -> str:
        return self.root + choice.query() + (f"#{section}" if section else "")

    def stream(self, choice: BoardChoice) -> str:
        return f"{self.root}/stream{choice.query()}"

    def action(self, verb: str, choice: BoardChoice) -> str:
        return f"{self.root}/alert/{verb}{choice.query()}"

    def work(self, span: Span, **of: str) -> str:
        since, until = (int(one.timestamp()) for one in span)
        return f"{self.root}/work?{urlencode({'since': since, 'until': until} | of)}"


def element_id(kind: str, code: str) -> str:
    """Of a page's element; a code may hold anything, an id no blank."""
    return f"{kind}-{quote(code, safe='')}"


def read_board_choice(query: Mapping[str, str]) -> BoardChoice:
    """Raises BadQueryError. Unknown parameters are ignored."""
    return BoardChoice(
        shift=read_value(query, "shift", str, "day"),
        day=read_value(query, "day", read_day, "2026-11-21"),
        line=read_value(query, "line", str, "L1"),
        limits=read_value(query, "limits", ChartLimits, "laney") or ChartLimits.PLAIN,
        wall=read_value(query, "wall", _one, "1") or False,
    )


def read_work_choice(query: Mapping[str, str]) -> WorkChoice:
    """Raises BadQueryError."""
    since = read_value(query, "since", _instant, "1795219200")
    until = read_value(query, "until", _instant, "1795222800")
    start = datetime.fromtimestamp(0, UTC)
    return WorkChoice(
        span=Span(since or start, until or start),
        line=read_value(query, "line", str, "L1"),
        person=read_value(query, "person", str, "1001"),
        source=read_value(query, "source", str, "line-1"),
        nobody=read_value(query, "nobody", _one, "1") or False,
    )


def _one(text: str) -> bool:
    if text != "1":
        raise ValueError(f"{text!r} is not 1")
    return True


def _instant(text: str) -> datetime:
    """Unix seconds of this century and the next."""
    if not (text.isascii() and text.isdigit() and len(text) == 10):
        raise ValueError(f"{text!r} are not Unix seconds")
    return datetime.fromtimestamp(int(text), UTC)
