"""docs/piece-pay.md: its table is read, and its worked example is computed again."""

import re
from datetime import date
from fractions import Fraction
from pathlib import Path

from hr_core.attendance.calendar import DayKind
from hr_core.law.national import national_law
from hr_core.law.rows import Item, LawRow, Status
from hr_core.pay.piece.group_lines import GroupMember, GroupMonth, group_lines
from hr_core.pay.piece.lines import PieceTerms, person_lines
from hr_core.pay.piece.made import Made, What, of_what
from hr_core.pay.piece.prices import Goods, PriceBook
from hr_core.pay.piece.scrap import ScrapTerms, scrap_line
from hr_core.pay.piece.table_file import parse_table, table_of
from hr_core.trace.calculation import DayInput, TallyInput, replay

PAGE = Path(__file__).parents[4] / "docs" / "piece-pay.md"
TEXT = PAGE.read_text(encoding="utf-8")
OCTOBER = date(2026, 10, 1)


def block(language):
    return re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[1]


def rows():
    heading, *lines = (line.split(",") for line in block("csv").strip().splitlines())
    return [dict(zip(heading, line, strict=True)) for line in lines]


def made_of(number, row):
    counts = {
        What.MADE: row["pieces"],
        What.REWORK: row["rework"],
        What.OWN_REWORK: row["own_rework"],
        What.SCRAP: row["scrap"],
    }
    for what, count in counts.items():
        if count:
            tally = TallyInput(
                number=number, file="tally.csv", row=number, day=row["day"], pieces=int(count),
                entered_by="li",
            )  # fmt: skip
            yield Made(
                day=date.fromisoformat(row["day"]),
                goods=Goods(row["product"], row["process"]),
                what=what,
                overtime=DayKind.WORKDAY if row["overtime"] else None,
                tallies=(tally,),
            )


def test_the_worked_example_is_what_the_engine_pays():
    table = table_of(parse_table(block("toml"), file="page"), version="piece-price/12", file="page")
    terms = PieceTerms(PriceBook([table]), national_law().overtime_on(OCTOBER))
    own, of_group = [], []
    for number, row in enumerate(rows(), 2):
        (of_group if row["group"] else own).extend(made_of(number, row))
    minutes = {"E1": 480, "E2": 480, "E3": 420}
    members = tuple(
        GroupMember(
            person=one.person,
            coefficient=Fraction(one.coefficient),
            regular=(DayInput("2026-10-13", minutes[one.person], ()),),
        )
        for one in table.groups[0].members
    )
    shares = group_lines(GroupMonth(code="G1", made=tuple(of_group), members=members), terms)
    earned = [*person_lines(own, terms), *shares["E1"]]
    minimum = LawRow(
        city="甲", item=Item.MINIMUM_WAGE, since=OCTOBER, status=Status.OFFICIAL, source="notice",
        amount=274_000,
    )  # fmt: skip
    law = national_law().wage_deduction_on(OCTOBER)
    scrapped = of_what(own, What.SCRAP)
    taken = scrap_line(scrapped, earned, ScrapTerms(book=terms.book, minimum=minimum, law=law))
    lines = [*earned, taken.line]
    for line in lines:
        assert replay(line.trace) == line.amount_fen
    told = re.findall(r"^\| `([^`]+)` \|.*\| (-?\d+) \|$", TEXT, re.MULTILINE)
    assert {line.code: str(line.amount_fen) for line in lines} == dict(told)
    others = [sum(one.amount_fen for one in shares[person]) for person in ("E2", "E3")]
    assert f"The other two get {others[0]} and {others[1]} fen" in TEXT
    assert f"{shares['E1'][0].amount_fen} + {others[0]} + {others[1]} = 83350" in TEXT
    wage = sum(line.amount_fen for line in earned)
    assert f"the wage of {wage // 100:,}.{wage % 100:02}" in TEXT
