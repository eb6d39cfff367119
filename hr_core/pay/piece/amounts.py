"""From pieces to exact money: which band pays how many of them, and the steps of one line."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from hr_core.attendance.calendar import DayKind
from hr_core.money import decimal_text
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.piece.made import Made, What
from hr_core.pay.piece.prices import Band, Goods, Per, PriceBook, PriceRow, split_by_band
from hr_core.trace.calculation import Calculation, TallyInput, WorkInput

# Regular hours first: whoever reaches a tier in overtime has it paid there.
_ORDER: tuple[DayKind | None, ...] = (
    None, DayKind.WORKDAY, DayKind.REST_DAY, DayKind.STATUTORY_HOLIDAY,
)  # fmt: skip


class Part(NamedTuple):
    """Pieces of one line: one price row, one kind of time."""

    row: PriceRow
    goods: Goods
    overtime: DayKind | None
    made: tuple[Made, ...]
    by_band: dict[Band, int]

    @property
    def pieces(self) -> int:
        return sum(one.pieces for one in self.made)

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(sorted({one.day for one in self.made}))


def priced(made: Iterable[Made], book: PriceBook) -> list[Part]:
    """Of one person or group in one month, in order of goods, row and time. Rows of rework and scrap are
    no pieces here.

    Raises NoPriceError, PayRefusedError (less than nothing was made).
    """
    by_row: defaultdict[tuple[Goods, date], list[Made]] = defaultdict(list)
    rows: dict[tuple[Goods, date], PriceRow] = {}
    for one in made:
        if one.what is What.MADE:
            row = book.row(one.goods, one.day)
            rows[one.goods, row.since] = row
            by_row[one.goods, row.since].append(one)
    found: list[Part] = []
    for key in sorted(rows):
        found += _parts(rows[key], key[0], by_row[key])
    return found


def _parts(row: PriceRow, goods: Goods, made: Sequence[Made]) -> list[Part]:
    by_time: defaultdict[DayKind | None, list[Made]] = defaultdict(list)
    bands: defaultdict[DayKind | None, defaultdict[Band, int]] = defaultdict(
        lambda: defaultdict(int)
    )
    periods: defaultdict[date | None, list[Made]] = defaultdict(list)
    for one in made:
        periods[one.day if row.per is Per.DAY else None].append(one)
        by_time[one.overtime].append(one)
    for of_period in periods.values():
        first, total = 0, sum(one.pieces for one in of_period)
        for overtime in _ORDER:
            pieces = sum(one.pieces for one in of_period if one.overtime is overtime)
            if pieces < 0:
                raise PayRefusedError(
                    f"{goods.text}: {pieces} pieces on {of_period[0].day}: more rejects than pieces",
                    remedy="HR checks the counter's rejects, or enters a tally row that corrects them",
                )
            for band, count in split_by_band(row, first, pieces, total).items():
                bands[overtime][band] += count
            first += pieces
    return [
        Part(
            row,
            goods,
            overtime,
            tuple(sorted(by_time[overtime], key=_by_day)),
            {band: bands[overtime][band] for band in row.bands if bands[overtime][band]},
        )
        for overtime in _ORDER
        if any(one.pieces for one in by_time[overtime])
    ]


def _by_day(made: Made) -> date:
    return made.day


def worth_steps(
    part: Part,
    factor: Fraction,
    inputs: tuple[tuple[WorkInput, ...], tuple[TallyInput, ...]],
    steps: Calculation,
) -> None:
    """The last step is the part's worth in fen, rounded once."""
    work, tallies = inputs
    terms = []
    if any(one.metric == "pieces" for one in work):
        terms.append(("counted", "pieces_of_work"))
    if tallies:
        terms.append(("tallied", "pieces_of_tallies"))
    for name, operation in terms:
        steps.step(name, operation)  # type: ignore[arg-type]
    steps.step("made", "sum", *(name for name, _ in terms))
    pieces = "made"
    if any(one.metric == "rejects" for one in work):
        steps.step("rejects", "rejects_of_work")
        steps.step("paid_pieces", "difference", "made", "rejects")
        pieces = "paid_pieces"
    unit = lcm(*(band.price.denominator for band in part.by_band), 1)
    others = [(band, count) for band, count in part.by_band.items()][1:]
    counts = {}
    for position, (band, count) in enumerate(others, 2):
        counts[band] = f"pieces_{position}"
        steps.step(counts[band], "constant", count)
    first = next(iter(part.by_band))
    counts = {first: pieces, **counts}
    if others:
        steps.step("pieces_1", "difference", pieces, *(counts[band] for band, _ in others))
        counts[first] = "pieces_1"
    names = []
    for position, (band, name) in enumerate(counts.items(), 1):
        names.append(f"worth_{position}")
        steps.step(names[-1], "product", name, int(band.price * unit))
    steps.step("worth", "sum", *names)
    steps.step("amount", "multiply_half_up", "worth", factor.numerator, factor.denominator * unit)


def price_facts(part: Part) -> dict[str, str]:
    """Rates, tiers and quota, so that a sentence can say them. Yuan."""
    facts = {
        "product": part.goods.product,
        "process": part.goods.process,
        "grade": part.goods.grade,
        "pieces": str(part.pieces),
        "price": yuan_text(part.row.bands[0].price),
        "paid": "; ".join(
            f"{count} x {yuan_text(band.price)}" for band, count in part.by_band.items()
        ),
        "days": ", ".join(str(day) for day in part.days),
        "price_from": str(part.row.since),
    }
    above = part.row.bands[1:]
    if part.row.quota:
        facts |= {"quota": str(above[0].over), "above_quota": yuan_text(above[0].price)}
    elif above:
        facts["tiers"] = "; ".join(f"over {one.over}: {yuan_text(one.price)}" for one in above)
        facts["tiers_pay"] = part.row.pays.value
    if above:
        facts["per"] = part.row.per.value
    return facts


def yuan_text(price: Fraction) -> str:
    return decimal_text(price / 100)
