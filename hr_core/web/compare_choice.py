"""What the address of a comparison asks for: everything in it comes from outside."""

from collections.abc import Mapping

from msgspec import Struct, structs

from hr_core.money import parse_yuan
from hr_core.pay.diff.model import Cause, LineDiff
from hr_core.web.selection import MAX_PAGE, MAX_RUN, read_number, read_value


class CompareChoice(Struct, frozen=True, kw_only=True):
    """`a` and `b` None: not said. `least`: yuan as it was typed; `across`: of different months too."""

    a: int | None = None
    b: int | None = None
    cause: Cause | None = None
    line: str = ""
    team: str = ""
    least: str = ""
    unexplained: bool = False
    across: bool = False
    page: int = 1

    def but(self, **changes: object) -> "CompareChoice":
        return structs.replace(self, **changes)

    @property
    def filtered(self) -> bool:
        return bool(self.cause or self.line or self.team or self.least or self.unexplained)

    def without_filter(self) -> "CompareChoice":
        return CompareChoice(a=self.a, b=self.b, across=self.across)

    def fits(self, line: LineDiff) -> bool:
        """But for the team, which is not told by the line."""
        causes = {part.cause for part in line.parts}
        return (
            (self.cause is None or self.cause in causes)
            and (not self.line or self.line == line.code)
            and (not self.least or abs(line.difference_fen) >= parse_yuan(self.least))
            and (not self.unexplained or line.unexplained)
        )

    def pairs(self) -> list[tuple[str, str]]:
        """(name, value) of what was said, for an address."""
        said = {
            "a": "" if self.a is None else str(self.a),
            "b": "" if self.b is None else str(self.b),
            "cause": "" if self.cause is None else self.cause.value,
            "line": self.line,
            "team": self.team,
            "least": self.least,
            "unexplained": "1" if self.unexplained else "",
            "across": "1" if self.across else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        return [pair for pair in said.items() if pair[1]]


def read_compare_choice(query: Mapping[str, str]) -> CompareChoice:
    """Raises BadQueryError."""

    def run(text: str) -> int:
        return read_number(text, MAX_RUN)

    return CompareChoice(
        a=read_value(query, "a", run, "3"),
        b=read_value(query, "b", run, "4"),
        cause=read_value(query, "cause", Cause, "input"),
        line=read_value(query, "line", str, "base") or "",
        team=read_value(query, "team", str, "A") or "",
        least=read_value(query, "least", _yuan, "100.00") or "",
        unexplained=query.get("unexplained") == "1",
        across=query.get("across") == "1",
        page=read_value(query, "page", lambda text: read_number(text, MAX_PAGE), "2") or 1,
    )


def _yuan(text: str) -> str:
    if parse_yuan(text) < 0:
        raise ValueError(f"{text!r} is below zero")
    return text
