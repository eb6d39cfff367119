"""What the query of an address asks for, checked: everything in it comes from outside."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar
from urllib.parse import quote, urlencode

from msgspec import Struct, structs

from hr_core.clock import Month
from hr_core.web.words import Language

Value = TypeVar("Value")

# The widest integer column that holds a run's number.
MAX_RUN = 2**31 - 1
# At 200 rows a page this is every punch of two million people.
MAX_PAGE = 10_000
# Longer than codes of lines, shifts and people are; more is not even looked at.
_LONGEST_VALUE = 64

_PAGES = frozenset({"punch_page", "rate_page", "slip_page"})
_DAY = re.compile(r"(?:19|2\d)\d{2}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


class BadQueryError(Exception):
    """A parameter that cannot be read; `example` is one that can."""

    def __init__(self, name: str, value: str, example: str) -> None:
        super().__init__(f"{name}={value!r} is not like {example}")
        self.name = name
        self.value = value
        self.example = example


class Selection(Struct, frozen=True, kw_only=True):
    """What was asked for; None: not said. Pages count from 1."""

    day: date | None = None
    month: Month | None = None
    run: int | None = None
    punch_page: int = 1
    rate_page: int = 1
    slip_page: int = 1

    def but(self, **changes: object) -> "Selection":
        return structs.replace(self, **changes)

    def pairs(self) -> list[tuple[str, str]]:
        """(name, value) of what was said, for queries and forms."""
        given = structs.asdict(self).items()
        return [
            (name, str(value))
            for name, value in given
            if value is not None and not (name in _PAGES and value == 1)
        ]


def read_selection(query: Mapping[str, str]) -> Selection:
    """Raises BadQueryError. Unknown parameters are ignored, an empty one is not said."""
    return Selection(
        day=read_value(query, "day", read_day, "2026-11-21"),
        month=read_value(query, "month", read_month, "2026-11"),
        run=read_value(query, "run", lambda text: read_number(text, MAX_RUN), "3"),
        punch_page=read_value(query, "punch_page", _page, "2") or 1,
        rate_page=read_value(query, "rate_page", _page, "2") or 1,
        slip_page=read_value(query, "slip_page", _page, "2") or 1,
    )


def read_number(text: str, largest: int) -> int:
    """Raises ValueError for anything but 1 … `largest` in plain digits."""
    if _NUMBER.fullmatch(text) is None or int(text) > largest:
        raise ValueError(f"{text[:_LONGEST_VALUE]!r} is not a number from 1 to {largest}")
    return int(text)


class Links:
    """Addresses of pages in one language. Never holds a name, only numbers and ids."""

    def __init__(self, language: Language) -> None:
        self.start = f"/{language}/"

    def overview(self, selection: Selection, section: str = "") -> str:
        query = urlencode(selection.pairs())
        return self.start + (f"?{query}" if query else "") + (f"#{section}" if section else "")

    def slip(self, run: int, number: str, line: str = "") -> str:
        fragment = f"#{quote(line)}" if line else ""
        return f"{self.start}run/{run}/{quote(number, safe='')}{fragment}"

    def event(self, event_id: str, slip: tuple[int, str] | None = None) -> str:
        """`slip`: (run, employee number) of the payslip that rests on it, for who may see that alone."""
        query = "" if slip is None else "?" + urlencode({"run": slip[0], "person": slip[1]})
        return f"{self.start}event/{event_id}{query}"

    @property
    def compare(self) -> str:
        return f"{self.start}pay/compare"

    def comparison(self, pairs: list[tuple[str, str]]) -> str:
        return f"{self.compare}?{urlencode(pairs)}"

    def compared_line(self, runs: tuple[int, int], person: str, line: str) -> str:
        """The person stands last: a key may hold a slash."""
        place = f"{runs[0]}/{runs[1]}/{quote(line, safe='')}/{quote(person, safe='')}"
        return f"{self.compare}/{place}"

    @property
    def compare_note(self) -> str:
        return f"{self.compare}/note"

    @property
    def slip_answer(self) -> str:
        return f"{self.start}slip-answer"

    @property
    def objections(self) -> str:
        return f"{self.start}objections"

    @property
    def approvals(self) -> str:
        return f"{self.start}approvals"

    def approval(self, number: int) -> str:
        return f"{self.approvals}/{number}"

    @property
    def submit_run(self) -> str:
        return f"{self.start}submit-run"

    @property
    def ask_payment(self) -> str:
        return f"{self.start}ask-payment"

    @property
    def ask_reversal(self) -> str:
        return f"{self.start}ask-reversal"

    @property
    def goals(self) -> str:
        return f"{self.start}goals"

    def new_goals(self, person: str = "", period: str = "") -> str:
        """`person`: the key; a number may be another's tomorrow."""
        query = urlencode({"person": f"key:{person}", "period": period}) if person else ""
        return f"{self.goals}/new" + (f"?{query}" if query else "")

    def goals_change(self, number: int) -> str:
        return f"{self.goals}/{number}/change"

    def goals_split(self, number: int, goal: str) -> str:
        return f"{self.goals}/{number}/split?{urlencode({'goal': goal})}"

    @property
    def assessments(self) -> str:
        return f"{self.start}assessments"

    @property
    def team_scores(self) -> str:
        return f"{self.start}team-scores"

    def rate360(self, period: str = "") -> str:
        query = "?" + urlencode({"period": period}) if period else ""
        return f"{self.start}rate360{query}"

    def grades(self, period: str = "") -> str:
        query = "?" + urlencode({"period": period}) if period else ""
        return f"{self.start}grades{query}"

    @property
    def board(self) -> str:
        return f"{self.start}board"

    @property
    def month_grid(self) -> str:
        return f"{self.start}month"

    @property
    def waiting(self) -> str:
        return f"{self.start}waiting"

    def adopt(self, serial: str, user_id: str) -> str:
        return f"{self.waiting}/adopt?{urlencode({'device': serial, 'user': user_id})}"

    def month(self, pairs: list[tuple[str, str]]) -> str:
        return f"{self.month_grid}?{urlencode(pairs)}"

    def person_month(self, month: Month, number: str) -> str:
        """The number stands last: it may hold a slash."""
        return f"{self.start}month/{month}/{quote(number, safe='')}"

    def day(self, on: date, number: str) -> str:
        return f"{self.start}day/{on.isoformat()}/{quote(number, safe='')}"

    @property
    def login(self) -> str:
        return f"{self.start}login"

    @property
    def setup(self) -> str:
        return f"{self.start}setup"

    @property
    def logout(self) -> str:
        return f"{self.start}logout"

    @property
    def account(self) -> str:
        return f"{self.start}account"


def read_value(
    query: Mapping[str, str], name: str, parse: Callable[[str], Value], example: str
) -> Value | None:
    """None when it is not said. Raises BadQueryError for what `parse` does not take (ValueError)."""
    text = query.get(name, "")
    if not text:
        return None
    if len(text) > _LONGEST_VALUE:
        raise BadQueryError(name, text[:_LONGEST_VALUE], example)
    try:
        return parse(text)
    except ValueError as exc:
        raise BadQueryError(name, text, example) from exc


def read_day(text: str) -> date:
    if _DAY.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a date")
    return date.fromisoformat(text)


def read_month(text: str) -> Month:
    if not text.isascii():  # other scripts' digits would be echoed into links
        raise ValueError(f"{text!r} is not a month")
    return Month.parse(text)


def _page(text: str) -> int:
    return read_number(text, MAX_PAGE)
