"""What the address of an attendance page asks for: everything in it comes from outside."""

from collections.abc import Mapping
from datetime import date

from msgspec import Struct, structs

from hr_core.clock import Month
from hr_core.web.selection import MAX_PAGE, read_day, read_month, read_number, read_value


class GridChoice(Struct, frozen=True, kw_only=True):
    """`everybody` False: only people with something open. `month` None: the current one."""

    month: Month | None = None
    team: str = ""
    everybody: bool = False
    page: int = 1

    def but(self, **changes: object) -> "GridChoice":
        return structs.replace(self, **changes)

    def pairs(self) -> list[tuple[str, str]]:
        """(name, value) of what was said, for an address."""
        said = {
            "month": str(self.month or ""),
            "team": self.team,
            "all": "1" if self.everybody else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        return [pair for pair in said.items() if pair[1]]


def read_grid_choice(query: Mapping[str, str]) -> GridChoice:
    """Raises BadQueryError."""
    return GridChoice(
        month=read_value(query, "month", read_month, "2026-11"),
        team=read_value(query, "team", str, "A") or "",
        everybody=query.get("all") == "1",
        page=read_value(query, "page", lambda text: read_number(text, MAX_PAGE), "2") or 1,
    )


def read_day_of_path(text: str) -> date | None:
    """None for what is no date."""
    try:
        return read_day(text)
    except ValueError:
        return None
