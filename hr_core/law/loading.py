"""The city law that ships with the core."""

from functools import cache
from importlib.resources import files

from hr_core.law.book import LawBook
from hr_core.law.reading import parse_law
from hr_core.law.rows import LawRow

_NATIONAL = "cn_national.toml"


@cache
def built_in_rows() -> tuple[LawRow, ...]:
    folder = files("hr_core") / "data/law"
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".toml"))
    return tuple(
        row
        for name in names
        if name != _NATIONAL
        for row in parse_law((folder / name).read_text(encoding="utf-8"), file=f"data/law/{name}")
    )


@cache
def built_in_law() -> LawBook:
    return LawBook(built_in_rows())
